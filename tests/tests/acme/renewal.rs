//! Renewal information and replacement (RFC 9773).

use ca_tests::acme::{Answer, Order, base64url, identifiers};
use ca_tests::{RawAcme, openssl};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::CA;

#[tokio::test]
async fn suggests_a_window_in_the_first_half_to_anybody() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["ari.example.internal"]).await;

    let answer = renewal_info(&client, &certificate_id(&issued.chain_pem)).await;

    let answer = answer.expect_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let retry: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&retry), "{retry}");
    let (start, end) = window(&answer);
    let now = OffsetDateTime::now_utc();
    assert!(now < start && start < end, "{start} {end}");
    assert!(end < now + time::Duration::hours(12), "{end}");
}

#[tokio::test]
async fn suggests_to_replace_a_revoked_certificate_now() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["ari-revoked.example.internal"]).await;
    client
        .revoke(&issued.leaf_der(), Some(4))
        .await
        .expect_status(200);

    let answer = renewal_info(&client, &certificate_id(&issued.chain_pem)).await;

    let (start, end) = window(&answer.expect_status(200));
    let begun = openssl::certificate_field(&issued.chain_pem, "startdate");
    assert!(start < end && end <= OffsetDateTime::now_utc() + time::Duration::seconds(1));
    // The window must begin after notBefore, a minute before the issuance.
    assert!(
        start > OffsetDateTime::now_utc() - time::Duration::minutes(5),
        "{start} {begun}"
    );
}

#[tokio::test]
async fn knows_only_certificates_that_it_issued() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["ari-unknown.example.internal"]).await;
    let known = certificate_id(&issued.chain_pem);
    let (authority, serial) = known.split_once('.').unwrap();

    for (id, status) in [
        (format!("{authority}.AQIDBAUGBwg"), 404),
        (format!("{}.{serial}", base64url(&[1; 20])), 404),
        (format!("{authority}.{serial}="), 400),
        (format!("{authority}{serial}"), 400),
        (format!("{authority}.{serial}.{serial}"), 400),
        (format!("{authority}."), 400),
        (format!(".{serial}"), 400),
        ("A".repeat(4000), 400),
    ] {
        let answer = renewal_info(&client, &id).await;

        assert_eq!(
            (answer.status, answer.problem()),
            (status, "malformed".into()),
            "{id}"
        );
    }
}

#[tokio::test]
async fn lets_an_order_replace_a_certificate_once() {
    let client = RawAcme::registered(&CA).await;
    let names = ["replaced.example.internal"];
    let issued = client.obtain(&names).await;
    let id = certificate_id(&issued.chain_pem);

    let first = replace(&client, &names, &id).await.expect_status(201);
    let second = replace(&client, &names, &id).await;

    assert_eq!(first.json()["replaces"], id);
    second.expect_problem(409, "alreadyReplaced");
    let order = Order::of(&first);
    assert_eq!(client.refresh(&order).await.object["replaces"], id);
    client.complete(&order, &names).await;
}

#[tokio::test]
async fn refuses_to_replace_what_is_not_the_accounts_or_has_no_name_in_common() {
    let client = RawAcme::registered(&CA).await;
    let stranger = RawAcme::registered(&CA).await;
    let names = ["replace-mine.example.internal"];
    let issued = client.obtain(&names).await;
    let id = certificate_id(&issued.chain_pem);

    let foreign = replace(&stranger, &names, &id).await;
    let unrelated = replace(&client, &["other.example.internal"], &id).await;
    let unknown = replace(&client, &names, "AAAA.AQID").await;

    for answer in [foreign, unrelated, unknown] {
        assert!(
            [400, 403, 404].contains(&answer.status),
            "{}",
            answer.text()
        );
        answer.problem();
    }
    replace(&client, &names, &id).await.expect_status(201);
}

/// Returns a certificate's name in ARI, taken from openssl's view of it.
pub(crate) fn certificate_id(chain_pem: &str) -> String {
    let text = openssl::certificate_text(chain_pem);
    let mut lines = text.lines();
    lines.find(|line| line.contains("X509v3 Authority Key Identifier"));
    let authority = lines.next().unwrap().trim().trim_start_matches("keyid:");
    let mut serial = octets(&openssl::certificate_field(chain_pem, "serial"));
    if serial[0] & 0x80 != 0 {
        serial.insert(0, 0);
    }
    let authority = octets(&authority.replace(':', ""));
    format!("{}.{}", base64url(&authority), base64url(&serial))
}

fn octets(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.bytes().collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn window(answer: &Answer) -> (OffsetDateTime, OffsetDateTime) {
    let object = answer.json();
    let moment = |name: &str| {
        let text = object["suggestedWindow"][name].as_str().unwrap();
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    };
    (moment("start"), moment("end"))
}

async fn renewal_info(client: &RawAcme<'_>, id: &str) -> Answer {
    client
        .get(&format!("{}/{id}", client.url("renewalInfo")))
        .await
}

async fn replace(client: &RawAcme<'_>, names: &[&str], id: &str) -> Answer {
    let payload = json!({ "identifiers": identifiers(names), "replaces": id });
    client.post(&client.url("newOrder"), &payload).send().await
}
