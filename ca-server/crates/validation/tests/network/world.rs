//! What the tests share: attempts, settings, and a validator with its DNS server.

use std::net::SocketAddr;
use std::time::Duration;

use ca_acme::authorization::ChallengeKind;
use ca_acme::validator::Attempt;
use ca_acme::{Problem, ProblemKind};
use ca_pki::Identifier;
use ca_validation::{NetworkValidator, Settings};

use crate::dns_server::{DnsServer, Zone};

pub(crate) const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
pub(crate) const KEY_AUTHORIZATION: &str =
    "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
/// `printf %s KEY_AUTHORIZATION | openssl dgst -sha256 -binary | basenc --base64url | tr -d =`
pub(crate) const DIGEST: &str = "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8";
pub(crate) const ACCOUNT: &str = "https://ca.example/acme/default/account/1";

/// A validator and the DNS server that it asks.
pub(crate) struct World {
    pub(crate) dns: DnsServer,
    pub(crate) validator: NetworkValidator,
}

impl World {
    /// Starts a DNS server and makes a validator that may dial loopback.
    pub(crate) async fn new(zone: Zone, adjust: impl FnOnce(&mut Settings)) -> Self {
        let dns = DnsServer::start(zone).await;
        let mut settings = settings();
        settings.resolvers = vec![dns.address];
        adjust(&mut settings);
        let validator = NetworkValidator::new(settings);
        Self { dns, validator }
    }
}

/// Settings that let validation dial loopback, without pauses and with short waits.
pub(crate) fn settings() -> Settings {
    Settings {
        allow_networks: vec!["127.0.0.0/8".parse().expect("a network")],
        caa_identities: vec!["ca.example".to_owned()],
        dns_timeout: Duration::from_millis(300),
        retry_pauses: Vec::new(),
        ..Settings::default()
    }
}

/// Settings whose http-01 port, and only redirect port, is the server's.
pub(crate) fn at_http(server: SocketAddr) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.http_port = server.port();
        settings.https_port = server.port();
        settings.tls_alpn_port = server.port();
    }
}

pub(crate) fn attempt(challenge: ChallengeKind, kind: &str, value: &str) -> Attempt {
    Attempt {
        identifier: Identifier::parse(kind, value).expect("an identifier"),
        wildcard: false,
        challenge,
        token: TOKEN.to_owned(),
        key_authorization: KEY_AUTHORIZATION.to_owned(),
        account_url: ACCOUNT.to_owned(),
    }
}

/// Returns the kind of a refusal.
pub(crate) fn kind(outcome: &Result<(), Problem>) -> Option<ProblemKind> {
    outcome.as_ref().err().map(|problem| problem.kind)
}

/// Returns the text of a refusal.
pub(crate) fn detail(outcome: Result<(), Problem>) -> String {
    outcome.expect_err("a refusal").detail
}
