//! Orders (RFC 8555 §7.1.3, §7.1.6, §7.4).

use std::collections::BTreeSet;

use ca_tests::RawAcme;
use ca_tests::acme::{Order, identifiers};
use ca_tests::csr::Request;
use ca_tests::openssl;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::CA;

#[tokio::test]
async fn moves_from_pending_through_ready_to_valid() {
    let client = RawAcme::registered(&CA).await;
    let names = ["states.example.internal"];

    let pending = client.order(&names).await;
    let ready = client.prove(&pending).await;
    let request = Request::for_names(&names);
    let valid = Order::of(
        &client
            .finalize(&ready, &request.der)
            .await
            .expect_status(200),
    );

    assert_eq!(
        [pending.status(), ready.status(), valid.status()],
        ["pending", "ready", "valid"]
    );
    assert_eq!(pending.object["certificate"], Value::Null);
    assert_eq!(ready.object["certificate"], Value::Null);
    assert!(valid.object["certificate"].is_string());
    assert_eq!(pending.url, valid.url);
    assert_eq!(client.refresh(&valid).await.object, valid.object);
}

#[tokio::test]
async fn refuses_orders_that_do_not_read() {
    let client = RawAcme::registered(&CA).await;
    let good = json!([{ "type": "dns", "value": "a.example.internal" }]);

    for payload in [
        json!({}),
        json!({ "identifiers": [] }),
        json!({ "identifiers": "a.example.internal" }),
        json!({ "identifiers": ["a.example.internal"] }),
        json!({ "identifiers": [{ "type": "dns" }] }),
        json!({ "identifiers": [{ "value": "a.example.internal" }] }),
        json!({ "identifiers": [{ "type": "dns", "value": 7 }] }),
        json!({ "identifiers": good, "notAfter": "tomorrow" }),
        json!({ "identifiers": good, "notAfter": "2020-01-01T00:00:00Z" }),
        json!({ "identifiers": good, "notBefore": "2099-01-01T00:00:00Z" }),
        json!({ "identifiers": good, "notBefore": 7 }),
        json!({ "identifiers": good, "replaces": "nonsense" }),
    ] {
        let url = client.url("newOrder");
        let answer = client.post(&url, &payload).send().await;

        assert_eq!(answer.status, 400, "{payload}: {}", answer.text());
        assert_eq!(answer.problem(), "malformed", "{payload}");
    }
}

#[tokio::test]
async fn is_born_ready_where_every_name_was_proven_before() {
    let client = RawAcme::registered(&CA).await;
    let names = ["reuse.example.internal"];
    let first = client.obtain(&names).await;

    let second = client.order(&names).await;

    assert_eq!(second.status(), "ready");
    assert_eq!(second.authorizations(), first.order.authorizations());
    client.complete(&second, &names).await;
}

#[tokio::test]
async fn honours_a_shorter_life() {
    let client = RawAcme::registered(&CA).await;
    let wanted = later(Duration::hours(3));

    let order = order_until(&client, "shorter.example.internal", &wanted).await;
    let issued = client.complete(&order, &["shorter.example.internal"]).await;

    assert_eq!(order.object["notAfter"], wanted);
    assert_eq!(order.object["warning"], Value::Null);
    let end = openssl::certificate_field(&issued.chain_pem, "enddate");
    assert_eq!(end, in_openssls_words(&wanted));
}

#[tokio::test]
async fn cuts_a_longer_life_and_says_so() {
    let client = RawAcme::registered(&CA).await;
    let wanted = later(Duration::days(90));

    let order = order_until(&client, "longer.example.internal", &wanted).await;
    let issued = client.complete(&order, &["longer.example.internal"]).await;

    let granted = order.object["notAfter"].as_str().unwrap().to_owned();
    assert!(granted < wanted, "{granted} {wanted}");
    assert!(order.object["warning"].is_string(), "{}", order.object);
    let end = openssl::certificate_field(&issued.chain_pem, "enddate");
    assert_eq!(end, in_openssls_words(&granted));
}

#[tokio::test]
async fn lists_every_order_of_an_account_once_page_by_page() {
    let client = RawAcme::registered(&CA).await;
    let mut placed = BTreeSet::new();
    for n in 0..120 {
        let name = format!("page{}.example.internal", n % 3);
        placed.insert(client.order(&[&name]).await.url);
    }
    let account = client.read(client.kid.as_deref().unwrap()).send().await;

    let mut next = Some(account.member("orders"));
    let mut listed = Vec::new();
    let mut pages = 0;
    while let Some(url) = next {
        let page = client.read(&url).send().await.expect_status(200);
        let orders = page.json()["orders"].as_array().unwrap().clone();
        listed.extend(
            orders
                .into_iter()
                .map(|url| url.as_str().unwrap().to_owned()),
        );
        next = page.links("next").pop();
        pages += 1;
    }

    assert_eq!(listed.len(), placed.len());
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), placed);
    assert!(pages > 1, "{pages} page");
}

#[tokio::test]
async fn leaves_finished_and_failed_orders_readable() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["readable.example.internal"]).await;

    for _ in 0..2 {
        let order = client.refresh(&issued.order).await;

        assert_eq!(order.status(), "valid");
        assert_eq!(client.download(&order).await, issued.chain_pem);
    }
}

async fn order_until(client: &RawAcme<'_>, name: &str, not_after: &str) -> Order {
    let payload = json!({ "identifiers": identifiers(&[name]), "notAfter": not_after });
    let answer = client.post(&client.url("newOrder"), &payload).send().await;
    Order::of(&answer.expect_status(201))
}

fn later(span: Duration) -> String {
    let moment = OffsetDateTime::now_utc() + span;
    moment
        .replace_nanosecond(0)
        .unwrap()
        .format(&Rfc3339)
        .unwrap()
}

fn in_openssls_words(rfc3339: &str) -> String {
    let moment = OffsetDateTime::parse(rfc3339, &Rfc3339).unwrap();
    let month = &moment.month().to_string()[..3];
    let (hour, minute, second) = moment.time().as_hms();
    let (day, year) = (moment.day(), moment.year());
    format!("{month} {day:2} {hour:02}:{minute:02}:{second:02} {year} GMT")
}
