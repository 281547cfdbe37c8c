//! One order, from newOrder to the certificate.

use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::account::Account;
use crate::connection::Answer;
use crate::error::Error;
use crate::jws;
use crate::responder::Answers;

/// What is ordered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// The name.
    pub(crate) name: &'a str,
    /// Under which profile.
    pub(crate) profile: Option<&'a str>,
    /// What it takes the place of (RFC 9773 §5).
    pub(crate) replaces: Option<&'a str>,
}

/// An order as the server last showed it.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Its URL.
    pub(crate) url: String,
    object: Value,
}

/// Places an order.
pub(crate) async fn place(account: &mut Account, wanted: Wanted<'_>) -> Result<Placed, Error> {
    let mut payload = json!({"identifiers": [{"type": "dns", "value": wanted.name}]});
    let more = [("profile", wanted.profile), ("replaces", wanted.replaces)];
    for (member, text) in more {
        if let (Some(text), Some(members)) = (text, payload.as_object_mut()) {
            members.insert(member.to_owned(), json!(text));
        }
    }
    let url = account.new_order();
    let answer = account.post("newOrder", &url, &payload.to_string()).await?;
    answer.expect("newOrder", &[201])?;
    let location = answer.header("location").map(str::to_owned);
    let url = location.ok_or(Error::Lacking {
        step: "newOrder",
        what: "Location",
    })?;
    let object = body(&answer)?;
    Ok(Placed { url, object })
}

/// Reads an order again: its state says what to do next.
pub(crate) async fn reread(account: &mut Account, url: &str) -> Result<Placed, Error> {
    let answer = account.post("order", url, "").await?;
    answer.expect("order", &[200])?;
    let object = body(&answer)?;
    Ok(Placed {
        url: url.to_owned(),
        object,
    })
}

/// Proves control where asked, finalizes and fetches the chain, from wherever the order stands.
pub(crate) async fn complete(
    account: &mut Account,
    answers: &Answers,
    placed: Placed,
    request: &[u8],
) -> Result<Bytes, Error> {
    let Placed { url, mut object } = placed;
    let mut status = text(&object, "order", "status")?;
    if status == "pending" {
        for authorization in list(&object, "authorizations") {
            prove(account, &authorization, answers).await?;
        }
        status = "ready".to_owned();
    }
    if status == "ready" {
        let finalized = finalize(account, &object, request).await?;
        object = body(&finalized)?;
    }
    let order = until(account, object, &url, "finalize", "valid").await?;
    let certificate = text(&order, "finalize", "certificate")?;
    let answer = account.post("certificate", &certificate, "").await?;
    answer.expect("certificate", &[200])?;
    Ok(answer.body)
}

async fn prove(account: &mut Account, url: &str, answers: &Answers) -> Result<(), Error> {
    let answer = account.post("authorization", url, "").await?;
    answer.expect("authorization", &[200])?;
    let authorization = body(&answer)?;
    if text(&authorization, "authorization", "status")? == "valid" {
        return Ok(());
    }
    let challenges = authorization.get("challenges").and_then(Value::as_array);
    let challenge = challenges
        .into_iter()
        .flatten()
        .find(|one| one.get("type").and_then(Value::as_str) == Some("http-01"))
        .ok_or(Error::Lacking {
            step: "authorization",
            what: "http-01",
        })?;
    let token = text(challenge, "authorization", "token")?;
    let key_authorization = account.key().key_authorization(&token);
    answers
        .borrow_mut()
        .insert(token.clone(), key_authorization);
    let challenge_url = text(challenge, "authorization", "url")?;
    let proven = answer_challenge(account, &challenge_url).await;
    answers.borrow_mut().remove(&token);
    proven
}

async fn answer_challenge(account: &mut Account, url: &str) -> Result<(), Error> {
    let answered = account.post("challenge", url, "{}").await?;
    answered.expect("challenge", &[200])?;
    let object = body(&answered)?;
    until(account, object, url, "challenge", "valid")
        .await
        .map(|_| ())
}

async fn finalize(account: &mut Account, order: &Value, request: &[u8]) -> Result<Answer, Error> {
    let url = text(order, "newOrder", "finalize")?;
    let payload = json!({"csr": jws::encode(request)}).to_string();
    let answer = account.post("finalize", &url, &payload).await?;
    answer.expect("finalize", &[200])?;
    Ok(answer)
}

/// Polls until an object has the wanted status.
async fn until(
    account: &mut Account,
    mut object: Value,
    url: &str,
    step: &'static str,
    wanted: &str,
) -> Result<Value, Error> {
    for _poll in 0..MOST_POLLS {
        let status = text(&object, step, "status")?;
        if status == wanted {
            return Ok(object);
        }
        if status == "invalid" {
            return Err(Error::Refused {
                step,
                status: 200,
                problem: "invalid".to_owned(),
                retry_after: None,
            });
        }
        tokio::time::sleep(POLL).await;
        let answer = account.post("poll", url, "").await?;
        answer.expect("poll", &[200])?;
        object = body(&answer)?;
    }
    let state = text(&object, step, "status")?;
    Err(Error::Undecided { step, state })
}

fn body(answer: &Answer) -> Result<Value, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| Error::Body(error.to_string()))
}

fn text(object: &Value, step: &'static str, what: &'static str) -> Result<String, Error> {
    let found = object.get(what).and_then(Value::as_str).map(str::to_owned);
    found.ok_or(Error::Lacking { step, what })
}

fn list(object: &Value, what: &str) -> Vec<String> {
    let found = object.get(what).and_then(Value::as_array);
    let texts = found.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

const POLL: Duration = Duration::from_millis(100);
const MOST_POLLS: u32 = 100;
