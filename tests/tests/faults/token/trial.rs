//! A server whose token does as it is told, and what it is asked meanwhile.

use std::fs;
use std::time::{Duration, Instant};

use ca_tests::acme::{Answer, Issued};
use ca_tests::csr::Request;
use ca_tests::token::Control;
use ca_tests::{ApiClient, RawAcme, TestCa, relying_party};
use futures_util::future::join_all;
use serde_json::Value;

use crate::eventually;

/// A server on a faulty token.
pub(crate) struct Trial {
    pub(crate) ca: TestCa,
    pub(crate) token: Control,
    pub(crate) api: ApiClient,
    process: u32,
}

impl Trial {
    /// Starts one that waits a second for a signature, and uses so many sessions.
    pub(crate) fn with_sessions(sessions: i64) -> Self {
        Self::waiting("1s", sessions)
    }

    /// Starts one that waits so long for a signature, and uses so many sessions.
    pub(crate) fn waiting(deadline: &str, sessions: i64) -> Self {
        let ca = TestCa::builder()
            .with_faulty_token()
            .set("api.requests_per_minute", 1_000_000)
            .set("api.burst", 1_000_000)
            .set("issuer.0.signing_deadline", deadline)
            .set("issuer.0.sessions", sessions);
        Self::of(ca.start())
    }

    pub(crate) fn of(ca: TestCa) -> Self {
        let bearer = fs::read_to_string(ca.folder().join("admin-token")).unwrap();
        Self {
            token: ca.token_control(),
            api: ApiClient::new(&ca).bearer(bearer.trim()),
            process: ca.process_id(),
            ca,
        }
    }

    /// Asks for a certificate.
    pub(crate) async fn ask(&self) -> Answer {
        let request = Request::for_names(&["token.example.internal"]);
        self.api.issue(&request, "tls-server").send().await
    }

    /// Asks for many at once.
    pub(crate) async fn ask_together(&self, count: usize) -> Vec<Answer> {
        let requests: Vec<Request> = (0..count)
            .map(|_| Request::for_names(&["token.example.internal"]))
            .collect();
        let asked = requests.iter();
        join_all(asked.map(|one| self.api.issue(one, "tls-server").send())).await
    }

    /// Asks until one is issued, by the same process.
    pub(crate) async fn recovers(&self) {
        eventually(async || self.ask().await.status == 201).await;
        assert_eq!(self.ca.process_id(), self.process, "nothing restarts");
        let health = reqwest::get(self.ca.plain_url("ops", "/healthz")).await;
        assert_eq!(health.unwrap().status(), 200);
    }

    /// Everything that needs no signature of the token.
    pub(crate) async fn goes_on(&self, client: &RawAcme<'_>, first: &Issued) {
        let mut nonces = Vec::new();
        for _ in 0..5 {
            let begun = Instant::now();
            client.fresh_nonce().await;
            nonces.push(begun.elapsed());
        }
        let order = client.order(&["meanwhile.example.internal"]).await;
        let order = client.prove(&order).await;
        let good = relying_party::ocsp(&self.ca, &first.chain_pem, &[]);
        let revoked = client.revoke(&first.leaf_der(), Some(4)).await;
        let bad = relying_party::ocsp(&self.ca, &first.chain_pem, &[]);
        relying_party::crl_text(&self.ca, "tls").await;

        assert_eq!(order.status(), "ready", "validation goes on");
        assert!(good.contains(": good"), "{good}");
        revoked.expect_status(200);
        assert!(bad.contains(": revoked"), "{bad}");
        // Far below the second that a signature is waited for, far above what a machine does, and
        // one of them no busy machine holds up.
        let quickest = nonces.iter().min().unwrap();
        assert!(*quickest < Duration::from_millis(900), "{nonces:?}");
    }

    /// Asks what the server says of itself.
    pub(crate) async fn readiness(&self) -> Value {
        let url = self.ca.plain_url("ops", "/readyz");
        let answer = reqwest::get(url).await.unwrap();
        assert_eq!(answer.status(), 200, "it is of use without its token");
        answer.json().await.unwrap()
    }

    /// Reads a metric of the token's key.
    pub(crate) async fn breaker_is_open(&self) -> bool {
        let metrics = relying_party::fetch(&self.ca.plain_url("ops", "/metrics")).await;
        let text = String::from_utf8(metrics).unwrap();
        let mut lines = text.lines();
        lines.any(|line| line.starts_with("ca_signer_breaker_open{") && line.ends_with(" 1"))
    }

    /// Counts the process's threads that may be in the module.
    pub(crate) fn threads_for_tokens(&self) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.ca.process_id())).unwrap();
        let names =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names
            .filter(|name| name.starts_with("signer-") || name.starts_with("token-opener"))
            .count()
    }

    /// Returns the serials that were spent for nothing.
    pub(crate) async fn burned(&self) -> Vec<String> {
        super::burned(&self.ca).await
    }
}

/// Refused for now, and told when to come back.
pub(crate) fn expect_later(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let retry_after = answer.header("retry-after").unwrap_or_default();
    let secs: u64 = retry_after.parse().unwrap();
    assert!((1..=60).contains(&secs), "{secs}");
}
