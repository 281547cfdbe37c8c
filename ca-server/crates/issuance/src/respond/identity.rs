//! The delegated responder: a key that lives in this process and a certificate of a day.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::certificate::{CertificateError, ExtendedKeyUsage, name_from_text};
use ca_pki::csr::CsrTemplate;
use ca_pki::{Certificate, Csr, KeyAlgorithm, Timestamp, Validity, ocsp};

use super::IdentityError;
use crate::Actor;
use crate::corridor::Corridor;
use crate::entitlement::{Entitlement, EntitlementClaim};
use crate::issuer::Issuer;
use crate::profile::{CiClaims, Holder, Profile, RevocationRule, SubjectRule};

/// A responder's key and certificate. The key was never anywhere else.
#[derive(Debug)]
pub struct ResponderIdentity {
    key: SoftwareKey,
    certificate: Certificate,
    key_hash: [u8; 20],
}

/// Returns the internal profile under which `issuer`'s responder gets its certificate; the policy
/// must hold one for each issuer.
pub fn responder_profile(issuer: &str) -> Result<Profile, CertificateError> {
    Ok(Profile {
        name: profile_name(issuer),
        description: format!("the OCSP responder of issuer {issuer}"),
        issuer: issuer.to_owned(),
        lifetime: LIFETIME,
        max_lifetime: LIFETIME,
        backdate: BACKDATE,
        keys: BTreeSet::from([KeyAlgorithm::EcP256]),
        extended_key_usage: vec![ExtendedKeyUsage::OcspSigning],
        identifiers: BTreeSet::new(),
        subject: SubjectRule::Fixed(name_from_text(&format!("CN=OCSP responder {issuer}"))?),
        revocation: RevocationRule::NoneNeeded,
        ci_claims: CiClaims::LeftOut,
        holder: Holder::OcspResponder,
    })
}

impl ResponderIdentity {
    /// Makes a key and has it certified.
    pub(super) async fn issue(
        corridor: &Arc<Corridor>,
        issuer: &Issuer,
    ) -> Result<Self, IdentityError> {
        let key = SoftwareKey::generate(KeyAlgorithm::EcP256)?;
        let csr = request(&key).await?;
        let entitlement = Entitlement::attest(EntitlementClaim::new(
            Actor::System,
            BTreeSet::new(),
            profile_name(issuer.name()),
        ));
        let issued = corridor.issue(csr, entitlement).await?;
        let certificate = issued.certificate().clone();
        let key_hash = ocsp::responder_key_hash(&certificate);
        Ok(Self {
            key,
            certificate,
            key_hash,
        })
    }

    /// Returns the certificate that goes into each response.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns from when to when it may answer.
    pub fn validity(&self) -> Validity {
        self.certificate.validity()
    }

    pub(super) fn key(&self) -> &SoftwareKey {
        &self.key
    }

    pub(super) fn key_hash(&self) -> [u8; 20] {
        self.key_hash
    }

    /// Returns whether half of its life is over.
    pub(super) fn half_over(&self, now: Timestamp) -> bool {
        let validity = self.validity();
        now >= validity.not_before.plus(validity.lifetime() / 2)
    }
}

async fn request(key: &SoftwareKey) -> Result<Csr, IdentityError> {
    let template = CsrTemplate {
        subject_der: EMPTY_NAME.to_vec(), // the profile fixes the subject
        public_key: key.public_key().clone(),
        sans: Vec::new(),
    };
    let tbs = template.to_be_signed();
    let signature = key.sign(&tbs, Instant::now() + SIGNING_DEADLINE).await?;
    Ok(Csr::parse(&template.assemble(&tbs, &signature))?)
}

/// A slash cannot be in a configured name, so no order can ask for this profile.
fn profile_name(issuer: &str) -> String {
    format!("ocsp-responder/{issuer}")
}

const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
const BACKDATE: Duration = Duration::from_secs(300);
const SIGNING_DEADLINE: Duration = Duration::from_secs(5);

/// A SEQUENCE with nothing in it.
const EMPTY_NAME: &[u8] = &[0x30, 0x00];
