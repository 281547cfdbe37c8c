//! What tests of the doors stand on: a clock that is set by hand and an issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use ca_issuance::{Clock, Issuer, IssuerParts};
use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::authority::{RootRequest, SubordinateRequest, root, subordinate};
use ca_pki::certificate::{ExtendedKeyUsage, PathLength, Template, name_from_text};
use ca_pki::{Certificate, KeyAlgorithm, Serial, Timestamp, Validity};

/// A clock that a test moves.
pub(crate) struct HandClock(AtomicI64);

impl Default for HandClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_800_000_000))
    }
}

impl HandClock {
    /// Moves on.
    pub(crate) fn advance(&self, span: Duration) {
        let secs = i64::try_from(span.as_secs()).unwrap();
        self.0.fetch_add(secs, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_secs(self.0.load(Ordering::SeqCst))
    }
}

/// Makes an issuer called `tls`.
pub(crate) fn issuer(now: Timestamp) -> Issuer {
    let validity = Validity {
        not_before: now.minus(DAY),
        not_after: now.plus(DAY * 365),
    };
    let root_key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    let root = sign(
        &root_key,
        &root(RootRequest {
            subject_der: name_from_text("CN=Root").unwrap(),
            public_key: root_key.public_key().clone(),
            serial: Serial::new(now, [1; 12]),
            validity,
        }),
    );
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    let request = SubordinateRequest {
        subject_der: name_from_text("CN=Issuing").unwrap(),
        public_key: key.public_key().clone(),
        serial: Serial::new(now, [2; 12]),
        validity,
        path_length: PathLength::AtMost(0),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        name_constraints: None,
        crl_urls: Vec::new(),
        issuer_urls: Vec::new(),
    };
    let certificate = sign(&root_key, &subordinate(&root, request));
    let parts = IssuerParts {
        name: "tls".to_owned(),
        chain: vec![certificate],
        root,
        alternate_chains: Vec::new(),
        key: Arc::new(key),
        crl_url: "http://ca.example/crl/tls.crl".to_owned(),
        ocsp_url: "http://ca.example/ocsp/tls".to_owned(),
        certificate_url: "http://ca.example/issuers/tls.cer".to_owned(),
        signing_deadline: Duration::from_secs(5),
    };
    Issuer::new(parts, now).unwrap()
}

fn sign(key: &SoftwareKey, template: &Template) -> Certificate {
    let tbs_der = template.to_be_signed().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let signature = key.sign_blocking(&tbs_der, deadline).unwrap();
    Certificate::assemble(&tbs_der, key.algorithm(), &signature).unwrap()
}

/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
