//! The same walk on each database and with each kind of key.

use ca_tests::{RawAcme, TestCa, openssl, relying_party};

#[tokio::test]
async fn issues_and_revokes_with_a_key_in_a_token_and_postgres() {
    let ca = TestCa::builder().with_token().on_postgres().start();

    walk(&ca).await;
}

#[tokio::test]
async fn issues_and_revokes_with_a_key_in_a_token_and_sqlite() {
    let ca = TestCa::builder().with_token().start();

    walk(&ca).await;
}

#[tokio::test]
async fn issues_and_revokes_with_a_key_in_a_file_and_postgres() {
    let ca = TestCa::builder().on_postgres().start();

    walk(&ca).await;
}

/// Obtains a certificate, has it judged good, revokes it, has it judged revoked.
async fn walk(ca: &TestCa) {
    let client = RawAcme::registered(ca).await;

    let issued = client.obtain(&["walk.example.internal"]).await;
    openssl::verify_chain(&ca.root_file(), &issued.chain_pem);
    let before = relying_party::ocsp(ca, &issued.chain_pem, &[]);
    let revoked = client.revoke(&issued.leaf_der(), Some(1)).await;
    let after = relying_party::ocsp(ca, &issued.chain_pem, &[]);

    assert!(before.contains(": good"), "{before}");
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert!(after.contains(": revoked"), "{after}");
    assert!(after.contains("Reason: keyCompromise"), "{after}");
}

#[test]
fn commands_and_servers_with_a_token_end_in_order() {
    let ca = TestCa::builder().with_token().start();

    for _ in 0..5 {
        ca.restart();
        let settled = ca.command(&["settle"]);
        // A second server: what has opened the token already must end as well.
        let served = ca.command(&["serve"]);

        assert!(settled.status.code().is_some(), "{settled:?}");
        assert!(served.status.code().is_some(), "{served:?}");
    }
}
