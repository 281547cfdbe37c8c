//! What a CI system says of a job, as certificate extensions.
//!
//! The object identifiers are those of Sigstore's Fulcio (1.3.6.1.4.1.57264.1.8 to .24), so that
//! tools that read its certificates read these. Each value is a UTF8String; the older identifiers
//! 1 to 6 hold bare text and are never written.

use const_oid::ObjectIdentifier;

use crate::asn1;
use crate::asn1::Criticality::NonCritical;

/// One statement about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiClaim {
    /// What it is about.
    pub kind: CiClaimKind,
    /// What is said.
    pub value: String,
}

/// What a statement about a job is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CiClaimKind {
    /// .8: the token's issuer, a URL.
    Issuer,
    /// .9: the build instructions that may sign, with their version: a reusable workflow.
    BuildSignerUri,
    /// .10: the digest of those instructions.
    BuildSignerDigest,
    /// .11: whether the runner is hosted by the platform or by its user.
    RunnerEnvironment,
    /// .12: the repository that is built, a URL.
    SourceRepositoryUri,
    /// .13: the commit that is built.
    SourceRepositoryDigest,
    /// .14: the branch or tag that is built.
    SourceRepositoryRef,
    /// .15: the repository's id, which no renaming changes.
    SourceRepositoryIdentifier,
    /// .16: the repository's owner, a URL.
    SourceRepositoryOwnerUri,
    /// .17: the owner's id, which no renaming changes.
    SourceRepositoryOwnerIdentifier,
    /// .18: the build instructions that were started.
    BuildConfigUri,
    /// .19: the digest of those instructions.
    BuildConfigDigest,
    /// .20: the event that started the build.
    BuildTrigger,
    /// .21: this very run, a URL.
    RunInvocationUri,
    /// .22: whether the repository was public when the certificate was issued.
    SourceRepositoryVisibility,
    /// .23: the environment that the job deploys to.
    DeploymentEnvironment,
    /// .24: the token's subject.
    TokenSubject,
}

impl CiClaimKind {
    /// Every kind, in order of the object identifiers.
    pub const ALL: [Self; 17] = [
        Self::Issuer,
        Self::BuildSignerUri,
        Self::BuildSignerDigest,
        Self::RunnerEnvironment,
        Self::SourceRepositoryUri,
        Self::SourceRepositoryDigest,
        Self::SourceRepositoryRef,
        Self::SourceRepositoryIdentifier,
        Self::SourceRepositoryOwnerUri,
        Self::SourceRepositoryOwnerIdentifier,
        Self::BuildConfigUri,
        Self::BuildConfigDigest,
        Self::BuildTrigger,
        Self::RunInvocationUri,
        Self::SourceRepositoryVisibility,
        Self::DeploymentEnvironment,
        Self::TokenSubject,
    ];

    /// Returns the object identifier in dotted form.
    pub fn dotted(self) -> String {
        self.oid().to_string()
    }

    /// Finds the kind of a dotted object identifier.
    pub fn from_dotted(text: &str) -> Option<Self> {
        Self::from_oid(ObjectIdentifier::new(text).ok()?)
    }

    /// Finds the kind of an object identifier.
    pub(crate) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.oid() == oid)
    }

    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Issuer => const { fulcio("1.3.6.1.4.1.57264.1.8") },
            Self::BuildSignerUri => const { fulcio("1.3.6.1.4.1.57264.1.9") },
            Self::BuildSignerDigest => const { fulcio("1.3.6.1.4.1.57264.1.10") },
            Self::RunnerEnvironment => const { fulcio("1.3.6.1.4.1.57264.1.11") },
            Self::SourceRepositoryUri => const { fulcio("1.3.6.1.4.1.57264.1.12") },
            Self::SourceRepositoryDigest => const { fulcio("1.3.6.1.4.1.57264.1.13") },
            Self::SourceRepositoryRef => const { fulcio("1.3.6.1.4.1.57264.1.14") },
            Self::SourceRepositoryIdentifier => const { fulcio("1.3.6.1.4.1.57264.1.15") },
            Self::SourceRepositoryOwnerUri => const { fulcio("1.3.6.1.4.1.57264.1.16") },
            Self::SourceRepositoryOwnerIdentifier => const { fulcio("1.3.6.1.4.1.57264.1.17") },
            Self::BuildConfigUri => const { fulcio("1.3.6.1.4.1.57264.1.18") },
            Self::BuildConfigDigest => const { fulcio("1.3.6.1.4.1.57264.1.19") },
            Self::BuildTrigger => const { fulcio("1.3.6.1.4.1.57264.1.20") },
            Self::RunInvocationUri => const { fulcio("1.3.6.1.4.1.57264.1.21") },
            Self::SourceRepositoryVisibility => const { fulcio("1.3.6.1.4.1.57264.1.22") },
            Self::DeploymentEnvironment => const { fulcio("1.3.6.1.4.1.57264.1.23") },
            Self::TokenSubject => const { fulcio("1.3.6.1.4.1.57264.1.24") },
        }
    }
}

impl CiClaim {
    /// Writes the extension. Not critical: who does not know it may go on (RFC 5280 §4.2).
    pub(super) fn write(&self) -> Vec<u8> {
        let value = asn1::string(asn1::UTF8_STRING, &self.value);
        asn1::extension(&self.kind.oid(), NonCritical, &value)
    }
}

const fn fulcio(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_identifiers_8_to_24_in_order() {
        let dotted: Vec<String> = CiClaimKind::ALL.map(CiClaimKind::dotted).to_vec();

        let expected: Vec<String> = (8..=24)
            .map(|arc| format!("1.3.6.1.4.1.57264.1.{arc}"))
            .collect();
        assert_eq!(dotted, expected);
        for kind in CiClaimKind::ALL {
            assert_eq!(CiClaimKind::from_dotted(&kind.dotted()), Some(kind));
        }
        for other in [
            "",
            "1.3.6.1.4.1.57264.1.7",
            "1.3.6.1.4.1.57264.1.25",
            "2.5.29.17",
        ] {
            assert_eq!(CiClaimKind::from_dotted(other), None, "{other}");
        }
    }
}
