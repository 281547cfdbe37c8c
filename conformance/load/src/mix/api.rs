//! Issuance, renewal and revocation by patient clients of the JSON API.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};

use super::hand::Held;
use super::world::World;
use crate::connection::{Answer, Connection, Sent};
use crate::csr;
use crate::error::Error;
use crate::jws::KeyKind;

/// Asks for a certificate, under one key however often.
pub(super) async fn issue(world: &World, number: u64) -> Result<(), Error> {
    let name = world.name("j", number);
    let key = csr::key(KeyKind::P256)?;
    let csr = STANDARD.encode(csr::request(&key, &name)?);
    let body = json!({"csr": csr, "profile": world.profile}).to_string();
    let headers = [
        ("authorization", world.authorization.clone()),
        ("idempotency-key", name.clone()),
    ];
    let mut connection = world.connection(number).await;
    let answer = world.insist(async || {
        let answer = post(&mut connection, "/api/v1/certificates", &headers, &body).await?;
        answer.expect("json", &[200, 201])?;
        Ok(answer)
    });
    let held = held(&answer.await?, &name)?;
    drop(connection);
    world.journal.holds("json", &held);
    world.learn_issuer(&held)?;
    world.hand.borrow_mut().asked.put(held, key);
    Ok(())
}

/// Asks for a successor, with the certificate on the connection.
pub(super) async fn renew(world: &World, number: u64) -> Result<(), Error> {
    let taken = world.hand.borrow_mut().asked.take();
    let Some((former, former_key)) = taken else {
        return issue(world, u64::MAX - number).await;
    };
    let private = PrivatePkcs8KeyDer::from(former_key.serialize_der());
    let identity = (former.chain, PrivateKeyDer::Pkcs8(private));
    let mut connection = world.api.showing(Some(&world.root), identity)?.connection();
    let key = csr::key(KeyKind::P256)?;
    let csr = STANDARD.encode(csr::request(&key, &former.name)?);
    let body = json!({"csr": csr}).to_string();
    let headers = [("idempotency-key", world.name("r", number))];
    let answer = world.insist(async || {
        let path = "/api/v1/certificates/renew";
        let answer = post(&mut connection, path, &headers, &body).await?;
        answer.expect("json renewal", &[200, 201])?;
        Ok(answer)
    });
    let held = held(&answer.await?, &former.name)?;
    world.journal.holds("json renewal", &held);
    world.hand.borrow_mut().asked.put(held, key);
    Ok(())
}

/// Revokes a certificate as whoever asked for it.
pub(super) async fn revoke(world: &World, number: u64) -> Result<(), Error> {
    let taken = world.hand.borrow_mut().asked.take();
    let Some((held, _key)) = taken else {
        return Ok(());
    };
    let path = format!("/api/v1/certificates/{}/revoke", held.leaf.serial_hex());
    let body = json!({"reason": "superseded"}).to_string();
    let headers = [("authorization", world.authorization.clone())];
    let mut connection = world.connection(number).await;
    let revoked = world.insist(async || {
        let answer = post(&mut connection, &path, &headers, &body).await?;
        answer.expect("json revocation", &[200])
    });
    revoked.await?;
    drop(connection);
    world.journal.revoked("json", &held.leaf.serial);
    world.hand.borrow_mut().revoked.push(held.leaf.serial);
    Ok(())
}

async fn post(
    connection: &mut Connection,
    path: &str,
    headers: &[(&'static str, String)],
    body: &str,
) -> Result<Answer, Error> {
    let sent = Sent {
        headers,
        ..Sent::post(path, "application/json", Bytes::from(body.to_owned()))
    };
    connection.send(sent).await
}

fn held(answer: &Answer, name: &str) -> Result<Held, Error> {
    let body: Value =
        serde_json::from_slice(&answer.body).map_err(|error| Error::Body(error.to_string()))?;
    let member = |what: &'static str| {
        let found = body.get(what).and_then(Value::as_str);
        found.ok_or(Error::Lacking { step: "json", what })
    };
    let pem = [member("certificate")?, member("chain")?].concat();
    Held::read(pem.as_bytes(), name)
}
