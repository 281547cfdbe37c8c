use serde_json::{Value, json};

use super::client::{Client, Key, encode, post_with_key, url};
use super::world::{Answer, World};

fn revocation(certificate: &[u8]) -> Value {
    json!({"certificate": encode(certificate)})
}

async fn revoke(client: &Client<'_>, wanted: &Value) -> Answer {
    client
        .post(&url("default", "revoke-certificate"), wanted)
        .await
}

#[tokio::test]
async fn the_account_that_got_a_certificate_revokes_it_once() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let (certificate, _) = client.issue("a.example").await;

    let first = revoke(&client, &revocation(&certificate)).await;
    let second = revoke(&client, &revocation(&certificate)).await;

    assert_eq!(first.status, 200);
    assert!(first.body.is_empty());
    assert_eq!(second.refusal(), "400 alreadyRevoked");
}

#[tokio::test]
async fn an_account_in_control_of_all_names_revokes() {
    let world = World::new().await;
    let anna = Client::register(&world, "default").await;
    let (certificate, _) = anna.issue("a.example").await;
    let successor = Client::register(&world, "default").await;

    let before = revoke(&successor, &revocation(&certificate)).await;
    successor.issue("a.example").await;
    let after = revoke(&successor, &revocation(&certificate)).await;

    assert_eq!(before.refusal(), "403 unauthorized");
    assert_eq!(after.status, 200);
}

#[tokio::test]
async fn the_holder_of_the_certificates_key_revokes() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let (certificate, key) = client.issue("a.example").await;
    let resource = url("default", "revoke-certificate");
    let wanted = json!({"certificate": encode(&certificate), "reason": 1});

    let stranger = post_with_key(&world, &resource, &Key::new(), &wanted).await;
    let account = post_with_key(&world, &resource, &client.key, &wanted).await;
    let holder = post_with_key(&world, &resource, &Key::from_pkcs8(&key), &wanted).await;

    assert_eq!(stranger.refusal(), "403 unauthorized");
    assert_eq!(account.refusal(), "403 unauthorized");
    assert_eq!(holder.status, 200);
}

#[tokio::test]
async fn refuses_reasons_that_are_not_about_leaves() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let (certificate, _) = client.issue("a.example").await;
    let cases = [
        (json!(2), "400 badRevocationReason"),
        (json!(6), "400 badRevocationReason"),
        (json!(7), "400 badRevocationReason"),
        (json!(8), "400 badRevocationReason"),
        (json!(10), "400 badRevocationReason"),
        (json!(-1), "400 badRevocationReason"),
        (json!(99), "400 badRevocationReason"),
        (json!("1"), "400 malformed"),
        (json!(1.5), "400 badRevocationReason"),
        (json!([1]), "400 malformed"),
    ];

    for (reason, expected) in cases {
        let mut wanted = revocation(&certificate);
        wanted["reason"] = reason.clone();
        assert_eq!(
            revoke(&client, &wanted).await.refusal(),
            expected,
            "{reason}"
        );
    }
    let mut wanted = revocation(&certificate);
    wanted["reason"] = Value::Null;
    assert_eq!(revoke(&client, &wanted).await.status, 200);
}

#[tokio::test]
async fn refuses_what_is_not_one_of_its_certificates() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let (certificate, _) = client.issue("a.example").await;
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
    let own = own.self_signed(&key).unwrap();
    let mut forged = certificate.clone();
    *forged.last_mut().unwrap() ^= 1;
    let longer = [certificate.as_slice(), b"\0"].concat();
    let cases = [
        (json!({}), "400 malformed"),
        (json!({"certificate": null}), "400 malformed"),
        (json!({"certificate": "!"}), "400 malformed"),
        (revocation(b""), "400 malformed"),
        (revocation(b"\x30\x03\x02\x01\x01"), "400 malformed"),
        (revocation(&longer), "400 malformed"),
        (revocation(own.der()), "404 malformed"),
        (revocation(&forged), "404 malformed"),
    ];

    for (wanted, expected) in cases {
        assert_eq!(
            revoke(&client, &wanted).await.refusal(),
            expected,
            "{wanted}"
        );
    }
}
