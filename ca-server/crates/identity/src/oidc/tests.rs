mod attacks;
mod key_sets;
mod known_answers;
mod mangled;
mod shapes;
mod single_use;

use std::sync::{Arc, LazyLock};

use ca_pki::Timestamp;
use serde_json::{Map, Value};

use super::{Provider, VerifiedToken};
use crate::testing::{TestIssuer, TestKey};
use crate::{Error, LoginFailure};

/// 2026-11-21T12:00:00Z.
const NOW: Timestamp = Timestamp::from_unix_secs(1_795_262_400);
const AUDIENCE: &str = "https://ca.example.internal:8443";
const ISSUER: &str = "https://gitlab.example.internal";

/// Making one takes long.
static RSA: LazyLock<TestKey> = LazyLock::new(|| TestKey::rsa("rsa"));

fn issuer() -> Arc<TestIssuer> {
    Arc::new(TestIssuer::new(ISSUER))
}

fn provider(issuer: &Arc<TestIssuer>) -> Arc<Provider> {
    issuer.provider("gitlab", AUDIENCE)
}

fn claims(issuer: &TestIssuer) -> Map<String, Value> {
    issuer.claims(
        "project_path:team/app:ref_type:branch:ref:main",
        AUDIENCE,
        NOW,
    )
}

fn with(mut claims: Map<String, Value>, name: &str, value: Value) -> Map<String, Value> {
    claims.insert(name.to_owned(), value);
    claims
}

fn without(mut claims: Map<String, Value>, name: &str) -> Map<String, Value> {
    claims.remove(name);
    claims
}

/// Returns why a token is no credential.
fn failure(outcome: Result<VerifiedToken, Error>) -> LoginFailure {
    match outcome {
        Err(Error::Unauthenticated(failure)) => failure,
        other => panic!("not refused as a credential: {other:?}"),
    }
}
