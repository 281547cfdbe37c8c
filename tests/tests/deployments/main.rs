//! The same walk on each database and with each kind of key, and what `deploy/` brings along.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod crl_refresh;

use std::fs;
use std::path::Path;

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

/// The kubelet would open the server's kept key to the group, and then it is not used.
#[test]
fn no_pod_opens_its_files_to_a_group_at_each_mount() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kubernetes");
    let manifests = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let count = |text: &str, key: &str| text.lines().filter(|line| line.trim() == key).count();

    let mut groups = 0;
    for file in manifests.filter(|file| file.extension().is_some_and(|end| end == "yaml")) {
        let text = fs::read_to_string(&file).unwrap();
        let here = text.matches("fsGroup:").count();

        let careful = count(&text, "fsGroupChangePolicy: OnRootMismatch");

        assert_eq!(here, careful, "{}", file.display());
        groups += here;
    }
    assert_eq!(groups, 2);
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
