//! One order, from newOrder to the certificate.

use std::time::Duration;

use serde_json::{Value, json};

use super::account::Account;
use crate::connection::Answer;
use crate::error::Error;
use crate::jws;
use crate::responder::Answers;

/// What is ordered.
pub(super) struct Plan {
    /// One name for each order.
    pub(super) names: Vec<String>,
    /// Its CSR.
    pub(super) requests: Vec<Vec<u8>>,
    /// Under which profile.
    pub(super) profile: Option<String>,
    /// What the responder answers.
    pub(super) answers: Answers,
}

/// Orders, proves control where asked, finalizes and fetches the certificate.
pub(super) async fn place_and_fetch(
    account: &mut Account,
    plan: &Plan,
    number: u64,
) -> Result<(), Error> {
    let index = usize::try_from(number).unwrap_or_default();
    let (Some(name), Some(request)) = (plan.names.get(index), plan.requests.get(index)) else {
        return Err(Error::Usage("more orders than names".to_owned()));
    };
    let (order_url, order) = place(account, name, plan.profile.as_deref()).await?;
    if text(&order, "newOrder", "status")? == "pending" {
        for authorization in list(&order, "authorizations") {
            prove(account, &authorization, plan).await?;
        }
    }
    let finalized = finalize(account, &order, request).await?;
    let order = until(account, finalized, &order_url, "finalize", "valid").await?;
    let certificate = text(&order, "finalize", "certificate")?;
    let answer = account.post("certificate", &certificate, "").await?;
    answer.expect("certificate", &[200])
}

async fn place(
    account: &mut Account,
    name: &str,
    profile: Option<&str>,
) -> Result<(String, Value), Error> {
    let mut payload = json!({"identifiers": [{"type": "dns", "value": name}]});
    if let (Some(profile), Some(members)) = (profile, payload.as_object_mut()) {
        members.insert("profile".to_owned(), json!(profile));
    }
    let url = account.new_order();
    let answer = account.post("newOrder", &url, &payload.to_string()).await?;
    answer.expect("newOrder", &[201])?;
    let location = answer.header("location").map(str::to_owned);
    let location = location.ok_or(Error::Lacking {
        step: "newOrder",
        what: "Location",
    })?;
    Ok((location, body(&answer)?))
}

async fn prove(account: &mut Account, url: &str, plan: &Plan) -> Result<(), Error> {
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
    plan.answers
        .borrow_mut()
        .insert(token.clone(), key_authorization);
    let challenge_url = text(challenge, "authorization", "url")?;
    let answered = account.post("challenge", &challenge_url, "{}").await?;
    answered.expect("challenge", &[200])?;
    let proven = until(account, answered, &challenge_url, "challenge", "valid").await;
    plan.answers.borrow_mut().remove(&token);
    proven.map(|_| ())
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
    first: Answer,
    url: &str,
    step: &'static str,
    wanted: &str,
) -> Result<Value, Error> {
    let mut object = body(&first)?;
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
            });
        }
        tokio::time::sleep(POLL).await;
        let answer = account.post("poll", url, "").await?;
        answer.expect("poll", &[200])?;
        object = body(&answer)?;
    }
    Err(Error::Refused {
        step,
        status: 200,
        problem: "still not there after the last poll".to_owned(),
    })
}

fn body(answer: &Answer) -> Result<Value, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| Error::Http(error.to_string()))
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
