//! A server's memory, clock, issuer and provider, for this room's tests.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::ledger::{Intent, Ledger};
use ca_issuance::testing::World;
use ca_issuance::{Actor, Clock};
use ca_pki::certificate::{ExtendedKeyUsage, Role as Holder, Template};
use ca_pki::{Certificate, Identifier, Serial, SignatureAlgorithm, Validity};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::client::{ClientCredentials, NewClient};
use crate::session::{Peer, Tokens};
use crate::testing::{MemoryIdentityStore, TestIssuer};
use crate::{Access, AccessParts, Error, Identity, LoginFailure, Presented, Role, Rules};

pub(crate) struct Bench {
    pub(crate) access: Arc<Access>,
    pub(crate) store: Arc<MemoryIdentityStore>,
    pub(crate) world: World,
    pub(crate) issuer: Arc<TestIssuer>,
    serials: AtomicU8,
}

/// A request's credentials, all of them optional.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shown<'a> {
    pub(crate) bearer: Option<&'a str>,
    pub(crate) certificate: Option<&'a Certificate>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let world = World::at_noon();
        let store = Arc::new(MemoryIdentityStore::default());
        let issuer = Arc::new(TestIssuer::new("https://ci.example.internal"));
        let access = another_server(&world, &store).await;
        access.replace_rules(Rules {
            providers: vec![issuer.provider("ci", AUDIENCE)],
            ..Rules::default()
        });
        Self {
            access,
            store,
            world,
            issuer,
            serials: AtomicU8::new(1),
        }
    }

    /// A second server that shares the store.
    pub(crate) async fn another_server(&self) -> Arc<Access> {
        another_server(&self.world, &self.store).await
    }

    pub(crate) fn advance(&self, span: Duration) {
        self.world.clock.advance(span);
    }

    pub(crate) async fn authenticate(&self, shown: Shown<'_>) -> Result<Identity, LoginFailure> {
        let presented = Presented {
            unverified_bearer: shown.bearer,
            unverified_certificate: shown.certificate.map(Certificate::der),
            address: HOME,
        };
        self.access
            .authenticate(presented)
            .await
            .map_err(login_failure)
    }

    pub(crate) async fn bearer(&self, token: &str) -> Result<Identity, LoginFailure> {
        let shown = Shown {
            bearer: Some(token),
            certificate: None,
        };
        self.authenticate(shown).await
    }

    /// Adds a client called `deployer`.
    pub(crate) async fn add_client(&self, role: Option<Role>) -> ClientCredentials {
        let new = NewClient {
            id: "deployer".into(),
            role,
            comment: "deploys".into(),
        };
        let (client, secret) = self.access.add_client(new, Actor::System).await.unwrap();
        ClientCredentials {
            unverified_id: client.id,
            unverified_secret: secret,
        }
    }

    pub(crate) async fn log_in(
        &self,
        credentials: &ClientCredentials,
        certificate: Option<&Certificate>,
    ) -> Tokens {
        let client = self.prove(credentials).await;
        self.access
            .token_by_client_credentials(client, peer(certificate))
            .await
            .unwrap()
    }

    pub(crate) async fn prove(
        &self,
        credentials: &ClientCredentials,
    ) -> crate::client::AuthenticatedClient {
        let credentials = credentials.clone();
        let proven = self.access.authenticate_client(credentials, HOME);
        proven.await.unwrap()
    }

    /// Issues a certificate without walking the corridor.
    pub(crate) async fn certificate(&self, purpose: ExtendedKeyUsage) -> Certificate {
        let serial = [1, self.serials.fetch_add(1, Ordering::SeqCst)];
        let serial = Serial::from_be_bytes(&serial).unwrap();
        let certificate = self.forge(&serial, purpose);
        let ledger = &self.world.ledger;
        let intent = self.intent(&certificate);
        ledger.record_intent(&intent, event()).await.unwrap();
        let der = certificate.der();
        let recorded = ledger.record_result("tls", &serial, der, event());
        recorded.await.unwrap();
        certificate
    }

    /// Makes a certificate that names our issuer but that our store does not hold.
    pub(crate) fn forge(&self, serial: &Serial, purpose: ExtendedKeyUsage) -> Certificate {
        let issuer = self.world.issuer().certificate();
        let now = self.world.clock.now();
        let template = Template {
            serial: serial.clone(),
            signature_algorithm: SignatureAlgorithm::EcdsaSha256,
            issuer_der: issuer.subject_der().to_vec(),
            subject_der: vec![0x30, 0x00],
            validity: Validity {
                not_before: now,
                not_after: now.plus(Duration::from_secs(3_600)),
            },
            public_key: issuer.public_key().clone(),
            kept_key_identifier: None,
            authority_key_identifier: Some(issuer.key_identifier()),
            role: Holder::EndEntity,
            extended_key_usage: vec![purpose],
            sans: vec![Identifier::parse("dns", "job.ci.example.internal").unwrap()],
            crl_urls: Vec::new(),
            ocsp_urls: Vec::new(),
            issuer_urls: Vec::new(),
            no_revocation_available: false,
            must_staple: false,
            ci_claims: Vec::new(),
        };
        let tbs = template.to_be_signed().unwrap();
        // Nobody looks at the signature: what is in the store was signed.
        Certificate::assemble(&tbs, SignatureAlgorithm::EcdsaSha256, &[0; 64]).unwrap()
    }

    /// A token of the provider `ci` that lives for so long.
    pub(crate) fn ci_token(&self, subject: &str, lifetime: Duration) -> String {
        let now = self.world.clock.now();
        let mut claims = self.issuer.claims(subject, AUDIENCE, now);
        claims.insert("exp".into(), json!(now.plus(lifetime).unix_secs()));
        claims.insert("ref_protected".into(), json!("true"));
        self.issuer.token(&claims)
    }

    /// The names of every event so far, without those of preparation.
    pub(crate) fn events(&self) -> Vec<&'static str> {
        let events = self.store.events();
        let of_clients = EventKind::ClientCreated;
        let kinds = events.iter().map(|event| event.kind);
        kinds
            .filter(|kind| *kind != of_clients)
            .map(EventKind::name)
            .collect()
    }

    fn intent(&self, certificate: &Certificate) -> Intent {
        let now = self.world.clock.now();
        Intent {
            serial: certificate.serial().clone(),
            issuer: "tls".into(),
            profile: "client".into(),
            identifiers: certificate.extensions().sans.iter().cloned().collect(),
            validity: certificate.validity(),
            key_fingerprint: [0; 32],
            tbs_der: certificate.tbs_der().to_vec(),
            requested_by: Actor::System,
            order: None,
            grant: None,
            idempotency: None,
            provenance: None,
            recorded_at: now,
            settle_after: now,
        }
    }
}

pub(crate) fn peer(certificate: Option<&Certificate>) -> Peer<'_> {
    Peer {
        unverified_certificate: certificate.map(Certificate::der),
        address: HOME,
    }
}

pub(crate) fn login_failure(error: Error) -> LoginFailure {
    let Error::Unauthenticated(failure) = error else {
        panic!("not about a credential: {error:?}")
    };
    failure
}

/// Writes a JWS in its compact form.
pub(crate) fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

pub(crate) fn text(secret: &SecretString) -> &str {
    secret.expose_secret()
}

async fn another_server(world: &World, store: &Arc<MemoryIdentityStore>) -> Arc<Access> {
    let parts = AccessParts {
        store: store.clone(),
        corridor: world.corridor.clone(),
        external_url: AUDIENCE.parse().unwrap(),
        rules: Rules::default(),
    };
    Arc::new(Access::new(parts).await.unwrap())
}

fn event() -> Event {
    Event {
        at: ca_pki::Timestamp::from_unix_secs(0),
        kind: EventKind::CertificateIssued,
        actor: Actor::System,
        subject: String::new(),
        details: json!({}),
    }
}

pub(crate) const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
pub(crate) const AUDIENCE: &str = "https://ca.example.internal";
