//! The port's implementation over the network.

use std::time::Duration;

use async_trait::async_trait;
use ca_acme::authorization::ChallengeKind;
use ca_acme::validator::Attempt;
use ca_acme::{Problem, Validator};
use ca_pki::Identifier;
use tokio::time::{Instant, sleep, timeout};

use crate::Settings;
use crate::caa::{self, Issuance};
use crate::dial::{Dialler, Host};
use crate::dns;
use crate::error::Error;
use crate::http::Http01;
use crate::tls_alpn::TlsAlpn01;
use crate::turnstile::Turnstile;

/// Proves control with real connections and real DNS queries.
pub struct NetworkValidator {
    dialler: Dialler,
    http: Http01,
    tls_alpn: TlsAlpn01,
    turnstile: Turnstile,
    caa_identities: Vec<String>,
    deadline: Duration,
    patience: Duration,
    retry_pauses: Vec<Duration>,
}

impl NetworkValidator {
    /// Makes a validator; it reads `/etc/resolv.conf` if the settings name no resolver.
    pub fn new(settings: Settings) -> Self {
        let redirect_ports = vec![
            settings.http_port,
            settings.https_port,
            settings.tls_alpn_port,
        ];
        Self {
            dialler: Dialler::new(&settings),
            http: Http01::new(settings.http_port, redirect_ports),
            tls_alpn: TlsAlpn01::new(settings.tls_alpn_port),
            turnstile: Turnstile::new(settings.concurrency, settings.concurrency_per_account),
            caa_identities: settings.caa_identities,
            deadline: settings.deadline,
            patience: settings.patience,
            retry_pauses: settings.retry_pauses,
        }
    }

    /// Runs `check` in its turn and in time, and counts it.
    ///
    /// The deadline begins with the turn: who stands behind others must not fail for them.
    async fn bounded(
        &self,
        asked: Asked<'_>,
        check: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Problem> {
        let Asked {
            label,
            account_url,
            patience,
        } = asked;
        let started = Instant::now();
        let outcome = match timeout(patience, self.turnstile.enter(account_url)).await {
            Ok(_pass) => timeout(self.deadline, check)
                .await
                .unwrap_or(Err(Error::Deadline(self.deadline))),
            Err(_elapsed) => Err(Error::Crowded),
        };
        let result = match &outcome {
            Ok(()) => "valid",
            Err(error) => error.kind().name(),
        };
        metrics::counter!("ca_validation_total", "challenge" => label, "result" => result)
            .increment(1);
        metrics::histogram!("ca_validation_seconds", "challenge" => label)
            .record(started.elapsed().as_secs_f64());
        outcome.map_err(Problem::from)
    }

    /// Tries again where nothing answered: a client may have opened its port a moment too late.
    async fn prove(&self, attempt: &Attempt) -> Result<(), Error> {
        let until = Instant::now() + RETRY_WINDOW;
        let mut pauses = self.retry_pauses.iter();
        loop {
            let error = match self.prove_once(attempt).await {
                Err(error) if error.is_transient() && Instant::now() < until => error,
                outcome => return outcome,
            };
            let Some(pause) = pauses.next() else {
                return Err(error);
            };
            sleep(*pause).await;
        }
    }

    async fn prove_once(&self, attempt: &Attempt) -> Result<(), Error> {
        let key_authorization = &attempt.key_authorization;
        let host = provable(attempt)?;
        match (attempt.challenge, &host) {
            (ChallengeKind::Http01, host) => {
                let token = &attempt.token;
                self.http
                    .prove(&self.dialler, host, token, key_authorization)
                    .await
            }
            (ChallengeKind::TlsAlpn01, host) => {
                let identifier = &attempt.identifier;
                self.tls_alpn
                    .prove(&self.dialler, host, identifier, key_authorization)
                    .await
            }
            (ChallengeKind::Dns01, Host::Name(domain)) => {
                dns::prove(&self.dialler.resolver, domain, key_authorization).await
            }
            (ChallengeKind::Dns01, Host::Address(_)) => Err(Error::Unprovable {
                challenge: attempt.challenge.name(),
                what: "an address",
            }),
        }
    }

    async fn caa(&self, identifier: &Identifier, issuance: &Issuance<'_>) -> Result<(), Error> {
        match identifier {
            Identifier::Dns(name) => {
                caa::check(&self.dialler.resolver, name.base(), issuance).await
            }
            // RFC 8659 speaks of domain names only.
            Identifier::Ip(_) | Identifier::Uri(_) | Identifier::Email(_) => Ok(()),
        }
    }
}

#[async_trait]
impl Validator for NetworkValidator {
    async fn validate(&self, attempt: &Attempt) -> Result<(), Problem> {
        let issuance = Issuance {
            wildcard: attempt.wildcard,
            identities: &self.caa_identities,
            account_url: &attempt.account_url,
            challenge: Some(attempt.challenge),
        };
        let check = async {
            self.prove(attempt).await?;
            self.caa(&attempt.identifier, &issuance).await
        };
        let asked = Asked {
            label: attempt.challenge.name(),
            account_url: &attempt.account_url,
            patience: self.patience,
        };
        self.bounded(asked, check).await
    }

    async fn check_caa(
        &self,
        identifier: &Identifier,
        wildcard: bool,
        challenge: Option<ChallengeKind>,
        account_url: &str,
    ) -> Result<(), Problem> {
        let issuance = Issuance {
            wildcard,
            identities: &self.caa_identities,
            account_url,
            challenge,
        };
        let check = self.caa(identifier, &issuance);
        // A client waits for this one: it is told to come back rather than kept.
        let asked = Asked {
            label: "caa",
            account_url,
            patience: self.deadline,
        };
        self.bounded(asked, check).await
    }
}

/// Who asks for a check, and how long it may wait for its turn.
struct Asked<'a> {
    label: &'static str,
    account_url: &'a str,
    patience: Duration,
}

/// Returns whom the challenge is about, if it can prove anything about it (RFC 8555 §7.1.3: of a
/// wildcard only dns-01 can).
fn provable(attempt: &Attempt) -> Result<Host, Error> {
    let challenge = attempt.challenge.name();
    let fail = |what| Err(Error::Unprovable { challenge, what });
    if attempt.wildcard && attempt.challenge != ChallengeKind::Dns01 {
        return fail("a wildcard name");
    }
    match &attempt.identifier {
        Identifier::Dns(name) => Ok(Host::Name(name.base().to_owned())),
        Identifier::Ip(address) => Ok(Host::Address(*address)),
        Identifier::Uri(_) | Identifier::Email(_) => fail("an identifier of this type"),
    }
}

const RETRY_WINDOW: Duration = Duration::from_secs(3);
