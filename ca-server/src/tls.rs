//! The server's own TLS certificate: issued by its own corridor, renewed in place.

pub(crate) mod client;
mod kept;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use ca_issuance::{Actor, Corridor, Entitlement, EntitlementClaim, IssuanceError};
use ca_keys::{KeyError, SoftwareKey};
use ca_pki::csr::{CsrError, CsrTemplate};
use ca_pki::{Csr, Identifier, KeyAlgorithm, Timestamp, Validity};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use self::client::{AnyClient, subjects_of};
pub(crate) use self::kept::Kept;

/// The internal profile of the server's own certificate.
pub(crate) const PROFILE: &str = "server-tls";

/// Why the server has no certificate for itself.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The key could not be made.
    #[error("cannot make the server's own key")]
    Key(#[from] KeyError),
    /// The request for it is wrong: a bug.
    #[error("the server's own CSR does not hold")]
    Csr(#[from] CsrError),
    /// The corridor said no: names outside of the issuer's constraints, or no signer.
    #[error("the issuer does not sign the server's own certificate: {0}")]
    Issuance(String),
    /// rustls does not take key or certificate: a bug.
    #[error("the TLS library refuses the server's own certificate")]
    Rustls(#[from] rustls::Error),
}

/// The server's own certificate, replaced while connections go on.
#[derive(Debug)]
pub(crate) struct ServerCertificate {
    names: BTreeSet<Identifier>,
    /// Where it is kept for the next start, if anywhere.
    file: Option<PathBuf>,
    current: ArcSwapOption<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    validity: Validity,
}

impl ServerCertificate {
    /// Prepares for these names; nothing is issued yet.
    pub(crate) fn new(names: BTreeSet<Identifier>, file: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            names,
            file,
            current: ArcSwapOption::empty(),
        })
    }

    /// Makes a fresh key, has it certified and serves with it from the next handshake on.
    pub(crate) async fn renew(&self, corridor: &Arc<Corridor>) -> Result<Validity, TlsError> {
        let key = SoftwareKey::generate(KeyAlgorithm::EcP256)?;
        let csr = own_csr(&key, self.names.iter().cloned().collect()).await?;
        let entitlement = Entitlement::attest(EntitlementClaim::new(
            Actor::System,
            self.names.clone(),
            PROFILE,
        ));
        let issued = corridor
            .issue(csr, entitlement)
            .await
            .map_err(|error| in_words(&error))?;

        let chain = corridor
            .issuer(issued.issuer())
            .map(|issuer| issuer.chain());
        let kept = Kept {
            key,
            certificate: issued.certificate().clone(),
            above: chain.unwrap_or_default().to_vec(),
        };
        self.serve_with(&kept)?;
        if let Some(file) = &self.file
            && let Err(error) = kept.write(file)
        {
            let error = error.in_full();
            tracing::warn!(
                error,
                "a restart without the signer would find no certificate"
            );
        }
        Ok(issued.validity())
    }

    /// Serves with what an earlier run kept, if the issuer of now stands behind it.
    pub(crate) fn restore(&self, kept: &Kept, corridor: &Corridor) -> Result<(), TlsError> {
        let issuer = corridor
            .profile(PROFILE)
            .and_then(|profile| corridor.issuer(&profile.issuer));
        let issued = issuer.is_some_and(|issuer| {
            let certificate = issuer.certificate();
            kept.certificate.verify_issued_by(certificate).is_ok()
        });
        match issued {
            true => self.serve_with(kept),
            false => Ok(()),
        }
    }

    fn serve_with(&self, kept: &Kept) -> Result<(), TlsError> {
        let certificates = std::iter::once(&kept.certificate)
            .chain(&kept.above)
            .map(|certificate| CertificateDer::from(certificate.der().to_vec()))
            .collect();
        let pkcs8 = PrivatePkcs8KeyDer::from(kept.key.to_pkcs8_der()?.to_vec());
        let signer = any_supported_type(&PrivateKeyDer::Pkcs8(pkcs8))?;
        let validity = kept.certificate.validity();
        let key = Arc::new(CertifiedKey::new(certificates, signer));
        self.current
            .store(Some(Arc::new(Current { key, validity })));
        Ok(())
    }

    /// Returns whether half of the certificate's life is over, or there is none. One that is not
    /// valid yet was issued while the clock was ahead.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.current
            .load()
            .as_ref()
            .is_none_or(|current| now >= current.half_over() || now < current.validity.not_before)
    }

    /// Returns since when another one is wanted, if that is long enough ago to look into.
    pub(crate) fn overdue_since(&self, now: Timestamp) -> Option<Timestamp> {
        let half_over = self.current.load().as_ref()?.half_over();
        (now >= half_over.plus(RENEWAL_PATIENCE)).then_some(half_over)
    }

    /// Returns until when the current certificate holds.
    pub(crate) fn not_after(&self) -> Option<Timestamp> {
        self.current
            .load()
            .as_ref()
            .map(|current| current.validity.not_after)
    }
}

impl Current {
    fn half_over(&self) -> Timestamp {
        self.validity.not_before.plus(self.validity.lifetime() / 2)
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current
            .load()
            .as_ref()
            .map(|current| Arc::clone(&current.key))
    }
}

/// Returns the TLS configuration of the public listener: TLS 1.2 and 1.3, HTTP/2 and 1.1, and a
/// client's certificate where it has one.
pub(crate) fn server_config(
    certificate: Arc<ServerCertificate>,
    corridor: &Corridor,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = AnyClient::new(subjects_of(corridor.issuers()), &provider);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    resume_by_tickets(&mut config)?;
    Ok(Arc::new(config))
}

/// Lets whoever comes back take a session up again, for half of a handshake's cost.
///
/// The client keeps the session, sealed with a key of this process that is replaced every six
/// hours; its certificate is in it, and is looked up in the store for each request like any. One
/// ticket is enough: taking up a session gives the next.
pub(crate) fn resume_by_tickets(config: &mut ServerConfig) -> Result<(), rustls::Error> {
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(())
}

/// Makes the CSR with which the server asks itself: it walks the corridor like everyone's.
async fn own_csr(key: &SoftwareKey, sans: Vec<Identifier>) -> Result<Csr, TlsError> {
    use ca_keys::SigningKey;

    let template = CsrTemplate {
        subject_der: vec![0x30, 0x00],
        public_key: key.public_key().clone(),
        sans,
    };
    let to_be_signed = template.to_be_signed();
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    let signature = key.sign(&to_be_signed, deadline).await?;
    Ok(Csr::parse(&template.assemble(&to_be_signed, &signature))?)
}

/// Counts an attempt to renew.
pub(crate) fn count_renewal(result: &'static str) {
    metrics::counter!("ca_server_certificate_renewals_total", "result" => result).increment(1);
}

fn in_words(error: &IssuanceError) -> TlsError {
    match error {
        IssuanceError::Refused(violations) => {
            let rules: Vec<&str> = violations
                .iter()
                .map(|broken| broken.detail.as_str())
                .collect();
            TlsError::Issuance(rules.join("; "))
        }
        IssuanceError::Busy { .. }
        | IssuanceError::Conflict
        | IssuanceError::Duplicate
        | IssuanceError::Failed(_) => {
            let cause = std::error::Error::source(error);
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            TlsError::Issuance(format!("{error}{cause}"))
        }
    }
}

/// Longer than a renewal takes whose signer works.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(120);
