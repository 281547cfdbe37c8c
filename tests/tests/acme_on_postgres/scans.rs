//! Nothing that is asked often reads a table from end to end, however long tables get.
//!
//! PostgreSQL counts for each table how it was read. It is told to avoid reading from end to end,
//! which it then does only where no index leads to what a statement wants.

use std::time::Duration;

use ca_tests::api::Holder;
use ca_tests::csr::Request;
use ca_tests::{ApiClient, RawAcme, TestCa, relying_party};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_reads_a_table_from_end_to_end() {
    let ca = TestCa::builder().on_postgres().prepare();
    let aside = aside(&ca).await;
    aside
        .execute_unprepared(
            "DO $$ BEGIN \
             EXECUTE format('ALTER DATABASE %I SET enable_seqscan = off', current_database()); \
             END $$",
        )
        .await
        .unwrap();
    let token = ca.operator_token("admin").text;
    let secret = ca.add_client("scanner");

    let before = reads(&aside).await;
    ca.start();
    order_renew_and_revoke(&ca).await;
    issue_log_in_and_revoke(&ca, &token, &secret).await;
    ca.stop();
    until_alone(&aside).await;
    let after = reads(&aside).await;

    for (table, before, after) in GROWING
        .iter()
        .map(|table| (table, of(&before, table), of(&after, table)))
    {
        assert_eq!(after.from_end_to_end, before.from_end_to_end, "{table}");
        assert!(
            after.by_an_index > before.by_an_index,
            "nothing read {table}"
        );
    }
}

/// Each way through ACME that a client's machine goes again and again.
async fn order_renew_and_revoke(ca: &TestCa) {
    let names = ["scans.example.internal"];
    let client = RawAcme::registered(ca).await;
    let issued = client.obtain(&names).await;
    client.obtain(&names).await;
    ask_ocsp(ca, &issued.chain_pem);
    let revoked = client.revoke(&issued.leaf_der(), None).await;
    revoked.expect_status(200);
    relying_party::crl_text(ca, "tls").await;
    ask_ocsp(ca, &issued.chain_pem);
}

/// Each way through the API.
async fn issue_log_in_and_revoke(ca: &TestCa, token: &str, secret: &str) {
    let admin = ApiClient::new(ca).bearer(token);
    let request = Request::for_names(&["scans.example.internal"]);
    let asked = || admin.issue(&request, "tls-server").idempotency_key("once");
    let issued = asked().send().await.expect_status(201);
    asked().send().await.expect_status(200);
    let serial = Holder::of(&issued, &request).serial();
    let revocation = format!("/api/v1/certificates/{serial}/revoke");
    let revoked = admin.post(&revocation, &json!({})).send().await;
    revoked.expect_status(200);

    let client = ApiClient::new(ca);
    let session = client.log_in("scanner", secret).await.expect_status(200);
    let client = client.bearer(&session.member("access_token"));
    client.get("/api/v1/whoami").await.expect_status(200);
}

fn ask_ocsp(ca: &TestCa, chain_pem: &str) {
    let said = relying_party::ocsp(ca, chain_pem, &[]);
    assert!(said.contains("Response verify OK"), "{said}");
}

async fn aside(ca: &TestCa) -> DatabaseConnection {
    let url = ca.config()["database"]["url"].clone();
    Database::connect(url.as_str().unwrap()).await.unwrap()
}

/// Waits for the end of the server's connections: each tells what it read before it is gone.
async fn until_alone(aside: &DatabaseConnection) {
    let connections = Statement::from_string(
        aside.get_database_backend(),
        "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'ca-server'",
    );
    let mut left = i64::MAX;
    for _ in 0..200 {
        let row = aside.query_one_raw(connections.clone()).await.unwrap();
        left = row.unwrap().try_get_by_index(0).unwrap();
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(left, 0, "the server's connections stay");
}

/// How often a table was read, and how.
struct Reads {
    table: String,
    from_end_to_end: i64,
    by_an_index: i64,
}

async fn reads(aside: &DatabaseConnection) -> Vec<Reads> {
    let query = Statement::from_string(
        aside.get_database_backend(),
        "SELECT relname::text, seq_scan, idx_scan FROM pg_stat_user_tables \
         WHERE idx_scan IS NOT NULL",
    );
    let rows = aside.query_all_raw(query).await.unwrap();
    rows.iter()
        .map(|row| Reads {
            table: row.try_get_by_index(0).unwrap(),
            from_end_to_end: row.try_get_by_index(1).unwrap(),
            by_an_index: row.try_get_by_index(2).unwrap(),
        })
        .collect()
}

fn of<'a>(reads: &'a [Reads], table: &str) -> &'a Reads {
    reads.iter().find(|one| one.table == table).unwrap()
}

/// Those with a row for each request, order, certificate, login or event.
const GROWING: [&str; 9] = [
    "account",
    "acme_order",
    "audit_event",
    "authorization",
    "certificate",
    "idempotency_key",
    "order_authorization",
    "redeemed_nonce",
    "session",
];
