//! Two servers that share PostgreSQL and nothing else: any request may land on either.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ca_tests::acme::{AccountKey, Issued, KeyKind, Order, base64url, identifiers, send_together};
use ca_tests::csr::Request;
use ca_tests::relying_party::{crl_text, fetch, ocsp};
use ca_tests::{RawAcme, TestCa, openssl};
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use serde_json::json;

static ONE: LazyLock<TestCa> = LazyLock::new(|| TestCa::builder().on_postgres().start());
static TWO: LazyLock<TestCa> = LazyLock::new(|| ONE.twin());

#[tokio::test]
async fn every_step_of_an_order_may_land_on_the_other_server() {
    let one = RawAcme::registered(&ONE).await;
    let two = one.through(&TWO);
    let names = ["steps.example.internal"];

    let order = two.order(&names).await;
    one.prove(&order).await;
    let order = two.refresh(&order).await;
    let answer = one.finalize(&order, &Request::for_names(&names).der).await;
    let pem = two.download(&Order::of(&answer.expect_status(200))).await;

    openssl::verify_chain(&ONE.root_file(), &pem);
}

#[tokio::test]
async fn a_nonce_is_good_on_either_server_and_once_in_both() {
    let one = RawAcme::registered(&ONE).await;
    let two = one.through(&TWO);
    let url = one.kid.clone().unwrap();
    let nonce = one.fresh_nonce().await;
    let mut posts = Vec::new();
    for n in 0..20 {
        let client = if n % 2 == 0 { &one } else { &two };
        let post = client.read(&url).protected("nonce", nonce.clone());
        posts.push(post.prepare().await);
    }

    let answers = send_together(posts).await;

    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 400).count();
    assert_eq!((taken, refused), (1, 19));
}

#[tokio::test]
async fn a_key_has_one_account_in_both() {
    let one = RawAcme::new(&ONE).await;
    let two = one.through(&TWO);
    let mut posts = Vec::new();
    for n in 0..10 {
        let client = if n % 2 == 0 { &one } else { &two };
        let post = client.post(&client.url("newAccount"), &json!({}));
        posts.push(post.with_jwk().prepare().await);
    }

    let answers = send_together(posts).await;

    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let urls: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer.header("location"))
        .collect();
    assert_eq!((created, urls.len()), (1, 1));
}

#[tokio::test]
async fn an_order_has_one_certificate_from_both() {
    let one = RawAcme::registered(&ONE).await;
    let two = one.through(&TWO);
    let names = ["both.example.internal"];
    let order = one.order(&names).await;
    let order = one.prove(&order).await;
    let mut posts = Vec::new();
    for n in 0..10 {
        let client = if n % 2 == 0 { &one } else { &two };
        let csr = base64url(&Request::for_names(&names).der);
        let post = client.post(order.finalize(), &json!({ "csr": csr }));
        posts.push(post.prepare().await);
    }

    let answers = send_together(posts).await;

    assert!(answers.iter().any(|answer| answer.status == 200));
    assert!(
        answers
            .iter()
            .all(|answer| [200, 403].contains(&answer.status))
    );
    one.wait_while(&order.url, "processing").await;
    let valid = one.refresh(&order).await;
    assert_eq!(valid.status(), "valid");
    assert_eq!(one.download(&valid).await, two.download(&valid).await);
}

#[tokio::test]
async fn a_certificate_is_replaced_once_in_both() {
    let one = RawAcme::registered(&ONE).await;
    let two = one.through(&TWO);
    let names = ["replace.example.internal"];
    let issued = one.obtain(&names).await;
    let certificate = ca_pki::Certificate::parse(&issued.leaf_der()).unwrap();
    let replaces = certificate.renewal_id().unwrap();
    let payload = json!({ "identifiers": identifiers(&names), "replaces": replaces });
    let mut posts = Vec::new();
    for client in [&one, &two, &one, &two] {
        let post = client.post(&client.url("newOrder"), &payload);
        posts.push(post.prepare().await);
    }

    let answers = send_together(posts).await;

    let placed = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((placed, refused), (1, 3));
}

#[tokio::test]
async fn what_an_account_changes_on_one_server_holds_on_the_other() {
    let one = RawAcme::registered(&ONE).await;
    let two = one.through(&TWO);
    let url = one.kid.clone().unwrap();
    two.read(&url).send().await.expect_status(200);
    let new_key = AccountKey::generate(KeyKind::Es256);
    let key_change = one.url("keyChange");
    let header = json!({ "alg": "ES256", "jwk": new_key.jwk(), "url": key_change });
    let payload = json!({ "account": url, "oldKey": one.key.jwk() });
    let inner = new_key.jws(&header, payload.to_string().as_bytes());

    one.post(&key_change, &inner)
        .send()
        .await
        .expect_status(200);
    let by_old_key = two.read(&url).send().await;
    let mut renewed = two.with_key(new_key);
    renewed.kid = Some(url.clone());
    let by_new_key = renewed.read(&url).send().await;
    let closing = json!({ "status": "deactivated" });
    renewed.post(&url, &closing).send().await.expect_status(200);
    let mut on_one = one.clone();
    on_one.key = renewed.key.clone();
    let closed = on_one.read(&url).send().await;

    assert!(
        [400, 401].contains(&by_old_key.status),
        "{}",
        by_old_key.text()
    );
    by_new_key.expect_status(200);
    closed.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_revocation_on_one_server_shows_on_the_other() {
    let one = RawAcme::registered(&ONE).await;
    let issued = one.obtain(&["revoked.example.internal"]).await;
    // The other server has an answer in its cache.
    let before = ocsp(&TWO, &issued.chain_pem, &["-no_nonce"]);

    one.revoke(&issued.leaf_der(), Some(1))
        .await
        .expect_status(200);

    let after = ocsp(&TWO, &issued.chain_pem, &["-no_nonce"]);
    assert!(before.contains(": good"), "{before}");
    assert!(after.contains(": revoked"), "{after}");
    within(PUBLISHED, "CRL", || is_listed(&TWO, &issued)).await;
    within(PUBLISHED, "CRL", || is_listed(&ONE, &issued)).await;
}

#[tokio::test]
async fn a_server_that_dies_takes_nothing_with_it() {
    let ca = TestCa::builder().on_postgres().start();
    let twin = ca.twin();
    let client = RawAcme::registered(&ca).await;
    let names = ["dies.example.internal"];
    let order = client.order(&names).await;
    let nonce = client.fresh_nonce().await;
    let other = client.through(&twin);

    ca.kill();

    let read = other.read(&order.url).protected("nonce", nonce);
    read.send().await.expect_status(200);
    let issued = other.complete(&order, &names).await;
    other
        .revoke(&issued.leaf_der(), None)
        .await
        .expect_status(200);
    within(TAKEN_OVER, "CRL", || is_listed(&twin, &issued)).await;
}

#[tokio::test]
async fn a_cut_off_holder_is_followed_within_ten_seconds_and_never_publishes_again() {
    let ca = TestCa::builder().on_postgres().start();
    let twin = ca.twin();
    let client = RawAcme::registered(&ca).await;
    let issued = client.obtain(&["frozen.example.internal"]).await;
    let through_twin = client.through(&twin);
    // The first to start holds the work.
    assert_eq!(
        (holds_crl(&ca).await, holds_crl(&twin).await),
        (true, false)
    );

    ca.signal("STOP");
    through_twin
        .revoke(&issued.leaf_der(), None)
        .await
        .expect_status(200);
    within(Duration::from_secs(10), "takeover", || holds_crl(&twin)).await;
    within(PUBLISHED, "CRL", || is_listed(&twin, &issued)).await;
    let published = published_by(&ca);
    ca.signal("CONT");
    // It wakes, asks for the epoch and finds a list that lacks it nothing.
    within(PUBLISHED, "CRL", || is_listed(&ca, &issued)).await;

    assert_eq!(published_by(&ca), published, "{}", ca.log());
    assert_eq!(
        (holds_crl(&ca).await, holds_crl(&twin).await),
        (false, true)
    );
}

#[tokio::test]
async fn a_holder_that_cannot_sign_leaves_the_list_to_one_that_can() {
    let ca = TestCa::builder().on_postgres().with_faulty_token().start();
    let twin = ca.twin();
    let client = RawAcme::registered(&ca).await;
    let issued = client.obtain(&["cannot-sign.example.internal"]).await;
    // The first to start holds the work.
    assert_eq!(
        (holds_crl(&ca).await, holds_crl(&twin).await),
        (true, false)
    );
    let published = published_by(&ca);

    ca.token_control().set(&["token gone"]);
    client
        .revoke(&issued.leaf_der(), Some(1))
        .await
        .expect_status(200);
    within(PUBLISHED, "CRL", || is_listed(&twin, &issued)).await;
    within(PUBLISHED, "CRL", || is_listed(&ca, &issued)).await;

    assert_eq!(published_by(&ca), published, "{}", ca.log());
    assert_eq!(
        (holds_crl(&ca).await, holds_crl(&twin).await),
        (false, true)
    );
    assert_eq!(
        ca.log().matches("work is let go").count(),
        1,
        "{}",
        ca.log()
    );
}

#[tokio::test]
async fn a_server_that_stops_in_order_leaves_its_work_at_once() {
    let ca = TestCa::builder().on_postgres().start();
    let twin = ca.twin();
    let aside = Database::connect(ca.database_url()).await.unwrap();
    let held = async || {
        let query = Statement::from_string(DbBackend::Postgres, HELD);
        let row = aside.query_one_raw(query).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    };
    let before = held().await;

    // Nobody takes over what is left meanwhile.
    twin.signal("STOP");
    ca.stop();
    let after = held().await;
    twin.signal("CONT");

    assert!(before > 0, "nobody has any work");
    assert_eq!(after, 0);
    within(TAKEN_OVER, "takeover", || holds_crl(&twin)).await;
}

fn published_by(server: &TestCa) -> usize {
    server.log().matches("CRL published").count()
}

async fn holds_crl(server: &TestCa) -> bool {
    let metrics = fetch(&server.plain_url("ops", "/metrics")).await;
    String::from_utf8_lossy(&metrics).contains("ca_lease_held{work=\"crl.tls\"} 1")
}

async fn is_listed(server: &TestCa, issued: &Issued) -> bool {
    crl_text(server, "tls").await.contains(&issued.serial())
}

async fn within(span: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + span;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what} does not show it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Within ten seconds its work is another server's; five more until that publishes.
const TAKEN_OVER: Duration = Duration::from_secs(15);

/// A CRL follows a revocation within seconds; a busy machine takes longer.
const PUBLISHED: Duration = Duration::from_secs(30);

const HELD: &str =
    "SELECT count(*) FROM lease WHERE expires_at > extract(epoch FROM clock_timestamp())";
