//! An issuer: an intermediate's certificate, its chain and its key, checked before first use.

use std::sync::Arc;
use std::time::Duration;

use ca_keys::SigningKey;
use ca_pki::certificate::{KeyUsage, verify_authority_chain};
use ca_pki::{Certificate, Timestamp};

/// What makes an issuer.
#[derive(Clone, Debug)]
pub struct IssuerParts {
    /// The configured name, a path segment in URLs.
    pub name: String,
    /// The intermediate first, then anything between it and the root.
    pub chain: Vec<Certificate>,
    /// The root.
    pub root: Certificate,
    /// Other ways from the same key to another root (cross-certificates), each with the
    /// intermediate first.
    pub alternate_chains: Vec<Vec<Certificate>>,
    /// The intermediate's key.
    pub key: Arc<dyn SigningKey>,
    /// Where this issuer's CRL is.
    pub crl_url: String,
    /// Where its OCSP answers.
    pub ocsp_url: String,
    /// Where its certificate is.
    pub certificate_url: String,
    /// How long a signature may take.
    pub signing_deadline: Duration,
}

/// An issuer whose key, certificate and chain belong together.
#[derive(Clone, Debug)]
pub struct Issuer {
    parts: IssuerParts,
    certificate: Certificate,
}

/// Why an issuer cannot be used: the operator corrects files or configuration.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The certificate file is empty.
    #[error("issuer {0:?} has no certificate")]
    NoCertificate(String),
    /// Key and certificate are of two pairs.
    #[error("the key of issuer {0:?} does not belong to its certificate")]
    KeyMismatch(String),
    /// Not a CA certificate that may sign certificates and CRLs.
    #[error("the certificate of issuer {0:?} is not that of a CA that signs certificates and CRLs")]
    NotAnAuthority(String),
    /// The chain does not hold now.
    #[error("the chain of issuer {name:?} does not hold")]
    Chain {
        /// The issuer's name.
        name: String,
        /// Why.
        #[source]
        source: ca_pki::certificate::CertificateError,
    },
    /// An alternate chain is not another way from the same CA.
    #[error(
        "an alternate chain of issuer {0:?} does not begin with another certificate of the same CA"
    )]
    AlternateOfAnother(String),
}

impl Issuer {
    /// Checks that key, certificate, chain and root belong together and hold at `now`.
    pub fn new(parts: IssuerParts, now: Timestamp) -> Result<Self, IssuerError> {
        let name = || parts.name.clone();
        let certificate = parts
            .chain
            .first()
            .cloned()
            .ok_or_else(|| IssuerError::NoCertificate(name()))?;
        if certificate.public_key() != parts.key.public_key() {
            return Err(IssuerError::KeyMismatch(name()));
        }
        let extensions = certificate.extensions();
        let may_sign = extensions.key_usage.as_ref().is_some_and(|usage| {
            usage.contains(&KeyUsage::KeyCertSign) && usage.contains(&KeyUsage::CrlSign)
        });
        if extensions.authority.is_none()
            || !may_sign
            || extensions.subject_key_identifier.is_none()
        {
            return Err(IssuerError::NotAnAuthority(name()));
        }
        verify_authority_chain(&parts.chain, &parts.root, now).map_err(|source| {
            IssuerError::Chain {
                name: name(),
                source,
            }
        })?;
        for chain in &parts.alternate_chains {
            check_alternate(&parts.name, chain, &certificate, now)?;
        }
        Ok(Self { parts, certificate })
    }

    /// Returns the configured name.
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// Returns the intermediate's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the intermediate and what stands between it and the root.
    pub fn chain(&self) -> &[Certificate] {
        &self.parts.chain
    }

    /// Returns other chains from the same key, for `rel="alternate"`.
    pub fn alternate_chains(&self) -> &[Vec<Certificate>] {
        &self.parts.alternate_chains
    }

    /// Returns the root.
    pub fn root(&self) -> &Certificate {
        &self.parts.root
    }

    /// Returns the key.
    pub fn key(&self) -> &Arc<dyn SigningKey> {
        &self.parts.key
    }

    /// Returns the subjectKeyIdentifier: the AKI of everything that it signs.
    pub fn key_identifier(&self) -> &[u8] {
        self.certificate
            .extensions()
            .subject_key_identifier
            .as_deref()
            .unwrap_or_default()
    }

    /// Returns where the CRL is.
    pub fn crl_url(&self) -> &str {
        &self.parts.crl_url
    }

    /// Returns where OCSP answers.
    pub fn ocsp_url(&self) -> &str {
        &self.parts.ocsp_url
    }

    /// Returns where the intermediate's certificate is.
    pub fn certificate_url(&self) -> &str {
        &self.parts.certificate_url
    }

    /// Returns how long a signature may take.
    pub fn signing_deadline(&self) -> Duration {
        self.parts.signing_deadline
    }
}

/// Checks that a chain leads from the same CA (name, key, key identifier) to its own end and holds
/// at `now`: a client that picks it would otherwise serve what nobody accepts.
fn check_alternate(
    name: &str,
    chain: &[Certificate],
    certificate: &Certificate,
    now: Timestamp,
) -> Result<(), IssuerError> {
    let same_authority = chain.first().is_some_and(|first| {
        first.subject_der() == certificate.subject_der()
            && first.public_key() == certificate.public_key()
            && first.key_identifier() == certificate.key_identifier()
    });
    if !same_authority {
        return Err(IssuerError::AlternateOfAnother(name.to_owned()));
    }
    let broken = |source| IssuerError::Chain {
        name: name.to_owned(),
        source,
    };
    for pair in chain.windows(2) {
        if let [below, above] = pair {
            below.verify_issued_by(above).map_err(broken)?;
        }
    }
    match chain.iter().all(|one| one.validity().contains(now)) {
        true => Ok(()),
        false => Err(broken(ca_pki::certificate::CertificateError::Chain(
            "an alternate chain has a certificate that is not valid now".to_owned(),
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use crate::world::Clock;

    fn with_alternate(world: &World, alternate: Vec<Certificate>) -> Result<Issuer, IssuerError> {
        let parts = IssuerParts {
            alternate_chains: vec![alternate],
            ..world.issuer().parts.clone()
        };
        Issuer::new(parts, world.clock.now())
    }

    #[test]
    fn takes_another_way_from_the_same_authority() {
        let world = World::at_noon();
        let (chain, root) = (world.issuer().chain(), world.issuer().root());

        let issuer = with_alternate(&world, [chain, std::slice::from_ref(root)].concat());

        assert!(issuer.is_ok());
    }

    #[test]
    fn refuses_an_alternate_chain_of_another_authority() {
        let (world, other) = (World::at_noon(), World::at_noon());
        let own = world.issuer().certificate().clone();

        let other_first = with_alternate(&world, other.issuer().chain().to_vec());
        let other_above = with_alternate(&world, vec![own, other.issuer().root().clone()]);
        let empty = with_alternate(&world, Vec::new());

        assert!(matches!(
            other_first,
            Err(IssuerError::AlternateOfAnother(_))
        ));
        assert!(matches!(other_above, Err(IssuerError::Chain { .. })));
        assert!(matches!(empty, Err(IssuerError::AlternateOfAnother(_))));
    }
}
