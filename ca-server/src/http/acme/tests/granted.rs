mod loss;

use std::time::Duration;

use ca_identity::IdentityStore;
use ca_issuance::Ledger;
use ca_issuance::audit::EventKind;
use ca_issuance::ledger::CertificateRecord;
use ca_pki::Certificate;
use serde_json::{Value, json};

use super::client::{Client, encode, url};
use super::order::csr;
use super::runner::{account_by_grant, configure};
use super::world::{Answer, World};

async fn place(client: &Client<'_>, directory: &str, wanted: &[&str]) -> Answer {
    place_with(client, directory, wanted, &json!({})).await
}

async fn place_with(
    client: &Client<'_>,
    directory: &str,
    wanted: &[&str],
    members: &Value,
) -> Answer {
    let identifiers: Vec<Value> = wanted
        .iter()
        .map(|name| json!({"type": "dns", "value": name}))
        .collect();
    let mut order = json!({"identifiers": identifiers});
    let object = order.as_object_mut().unwrap();
    object.extend(members.as_object().unwrap().clone());
    client.post(&url(directory, "new-order"), &order).await
}

async fn finalize(client: &Client<'_>, order: &Answer, names: &[&str]) -> Answer {
    let finalize = order.json()["finalize"].as_str().unwrap().to_owned();
    client.post(&finalize, &csr(names)).await
}

async fn status_of(client: &Client<'_>, order: &Answer) -> Value {
    client.get(order.header("location")).await.json()["status"].clone()
}

async fn certificate(client: &Client<'_>, finalized: &Answer) -> Certificate {
    assert_eq!(finalized.json()["status"], "valid", "{}", finalized.json());
    let url = finalized.json()["certificate"].as_str().unwrap().to_owned();
    let pem = String::from_utf8(client.get(&url).await.body).unwrap();
    let mut chain = Certificate::parse_pem_chain(&pem).unwrap();
    chain.remove(0)
}

async fn record(world: &World, certificate: &Certificate) -> CertificateRecord {
    let found = world.store.certificate("tls", certificate.serial()).await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn granted_names_are_issued_with_no_challenge_and_no_caa() {
    let world = World::new().await;
    let client = account_by_grant(&world, "granted", &json!({})).await;
    let names = ["forbidden.ci.example", "web.ci.example"];

    let order = place(&client, "granted", &names).await;
    let first = order.json()["authorizations"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let authorization = client.get(&first).await.json();
    let done = finalize(&client, &order, &names).await;

    assert_eq!(order.json()["status"], "ready");
    assert_eq!(authorization["status"], "valid");
    assert_eq!(authorization["challenges"], json!([]));
    certificate(&client, &done).await;
}

#[tokio::test]
async fn the_identity_is_in_the_certificates_row_and_in_the_events() {
    let world = World::new().await;
    let client = account_by_grant(&world, "granted", &json!({})).await;

    let order = place(&client, "granted", &["web.ci.example"]).await;
    let done = finalize(&client, &order, &["web.ci.example"]).await;
    let record = record(&world, &certificate(&client, &done).await).await;

    let id = client.url.rsplit('/').next().unwrap();
    let actor = format!("client:runner via acme:granted:{id}");
    assert_eq!(record.requested_by, actor);
    assert_eq!(record.requester, "client:runner");
    assert_eq!(record.grant.as_deref(), Some("runners"));
    let expected = json!({
        "door": "acme",
        "directory": "granted",
        "account": id,
        "address": "192.0.2.1",
        "principal": {"kind": "client", "id": "runner", "role": null},
        "grant": "runners",
        "granted": ["dns:web.ci.example"],
    });
    assert_eq!(record.provenance, Some(expected));
    for kind in [
        EventKind::AccountCreated,
        EventKind::OrderCreated,
        EventKind::CertificateIssued,
    ] {
        let (who, _) = world.last_event(kind).await.unwrap();
        assert_eq!(who, actor, "{kind:?}");
    }
}

#[tokio::test]
async fn names_outside_the_grant_need_a_challenge() {
    let world = World::new().await;
    let client = account_by_grant(&world, "default", &json!({})).await;
    let names = ["web.ci.example", "web.elsewhere.example"];

    let order = place(&client, "default", &names).await;
    let mut statuses = Vec::new();
    for authorization in order.json()["authorizations"].as_array().unwrap() {
        let object = client.get(authorization.as_str().unwrap()).await.json();
        if let Some(challenge) = object["challenges"][0]["url"].as_str() {
            client.post(challenge, &json!({})).await;
        }
        statuses.push(object["status"].as_str().unwrap().to_owned());
    }
    let done = finalize(&client, &order, &names).await;

    assert_eq!(order.json()["status"], "pending");
    assert_eq!(statuses, ["valid", "pending"]);
    let record = record(&world, &certificate(&client, &done).await).await;
    let provenance = record.provenance.unwrap();
    assert_eq!(provenance["granted"], json!(["dns:web.ci.example"]));
}

#[tokio::test]
async fn a_directory_without_challenges_gives_what_grants_give_and_no_more() {
    let world = World::new().await;
    let client = account_by_grant(&world, "granted", &json!({})).await;
    let stranger = Client::register(&world, "granted").await;

    let outside = place(&client, "granted", &["web.elsewhere.example"]).await;
    let (who, details) = world.last_event(EventKind::OrderRefused).await.unwrap();
    let denied = place(&client, "granted", &["vault.ci.example"]).await;
    let wildcard = place(&client, "granted", &["*.ci.example"]).await;
    let unbound = place(&stranger, "granted", &["web.ci.example"]).await;
    let ahead = json!({"identifier": {"type": "dns", "value": "web.ci.example"}});
    let ahead = client
        .post(&url("granted", "new-authorization"), &ahead)
        .await;

    for answer in [&outside, &denied, &wildcard, &unbound, &ahead] {
        assert_eq!(answer.refusal(), "400 rejectedIdentifier");
    }
    assert!(outside.json()["detail"].as_str().unwrap().contains("grant"));
    assert!(who.starts_with("client:runner via acme:granted:"), "{who}");
    assert_eq!(details["identifiers"], json!(["dns:web.elsewhere.example"]));
    assert_eq!(details["grants"]["nearest_grant"], "runners");
}

#[tokio::test]
async fn the_grant_cuts_the_lifetime() {
    let world = World::new().await;
    let client = account_by_grant(&world, "granted", &json!({"max_lifetime": "1h"})).await;
    let window = json!({"notAfter": world.now().plus(Duration::from_secs(7_200)).to_string()});

    let plain = place(&client, "granted", &["web.ci.example"]).await;
    let asked = place_with(&client, "granted", &["web.ci.example"], &window).await;
    let mut lifetimes = Vec::new();
    for order in [&plain, &asked] {
        let done = finalize(&client, order, &["web.ci.example"]).await;
        lifetimes.push(certificate(&client, &done).await.validity().lifetime());
    }

    assert_eq!(lifetimes, [Duration::from_secs(3_600); 2]);
    assert_eq!(plain.json().get("warning"), None);
    assert!(asked.json()["warning"].as_str().unwrap().contains("grant"));
}

#[tokio::test]
async fn a_grant_that_is_used_up_gives_no_more() {
    let world = World::new().await;
    let client = account_by_grant(&world, "granted", &json!({"uses": 1})).await;
    let first = place(&client, "granted", &["web.ci.example"]).await;
    let second = place(&client, "granted", &["web.ci.example"]).await;

    let done = finalize(&client, &first, &["web.ci.example"]).await;
    let refused = finalize(&client, &second, &["web.ci.example"]).await;
    let third = place(&client, "granted", &["web.ci.example"]).await;

    certificate(&client, &done).await;
    assert_eq!(refused.refusal(), "403 unauthorized");
    assert_eq!(third.refusal(), "400 rejectedIdentifier");
}

#[tokio::test]
async fn what_one_order_was_granted_serves_no_other() {
    let world = World::new().await;
    let client = account_by_grant(&world, "default", &json!({})).await;
    let granted = place(&client, "default", &["web.ci.example"]).await;

    configure(&world, &[]);
    let later = place(&client, "default", &["web.ci.example"]).await;

    assert_eq!(granted.json()["status"], "ready");
    assert_eq!(later.json()["status"], "pending");
}

#[tokio::test]
async fn granted_names_give_no_right_over_what_others_got() {
    let world = World::new().await;
    let holder = Client::register(&world, "default").await;
    let (others, _) = holder.issue("web.ci.example").await;
    let client = account_by_grant(&world, "default", &json!({})).await;
    let order = place(&client, "default", &["web.ci.example"]).await;
    let done = finalize(&client, &order, &["web.ci.example"]).await;
    let own = certificate(&client, &done).await;
    let revoke = url("default", "revoke-certificate");

    let refused = json!({"certificate": encode(&others)});
    let refused = client.post(&revoke, &refused).await;
    let (who, _) = world
        .last_event(EventKind::CertificateRevocationRefused)
        .await
        .unwrap();
    let revoked = json!({"certificate": encode(own.der())});
    let revoked = client.post(&revoke, &revoked).await;

    assert_eq!(refused.refusal(), "403 unauthorized");
    assert!(who.starts_with("client:runner via acme:"), "{who}");
    assert_eq!(revoked.status, 200);
}

#[tokio::test]
async fn a_bound_account_replaces_its_own_certificate() {
    let world = World::new().await;
    let client = account_by_grant(&world, "granted", &json!({})).await;
    let order = place(&client, "granted", &["web.ci.example"]).await;
    let done = finalize(&client, &order, &["web.ci.example"]).await;
    let own = certificate(&client, &done).await;
    let key_identifier = own.extensions().authority_key_identifier.clone().unwrap();
    let serial = own.serial().as_be_bytes();
    let replaces = format!("{}.{}", encode(&key_identifier), encode(serial));

    let order = place_with(
        &client,
        "granted",
        &["web.ci.example"],
        &json!({"replaces": replaces}),
    )
    .await;

    assert_eq!(order.status, 201, "{}", order.json());
}
