//! AlgorithmIdentifiers of signatures, whole (RFC 5758 §3.2, RFC 8410 §3, RFC 4055 §5).

use crate::SignatureAlgorithm;

/// Returns the AlgorithmIdentifier in DER.
pub(crate) fn algorithm_identifier(algorithm: SignatureAlgorithm) -> &'static [u8] {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
        SignatureAlgorithm::EcdsaSha384 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
        SignatureAlgorithm::EcdsaSha512 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04",
        SignatureAlgorithm::Ed25519 => b"\x30\x05\x06\x03\x2b\x65\x70",
        SignatureAlgorithm::RsaSha256 => {
            b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"
        }
        SignatureAlgorithm::RsaSha384 => {
            b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00"
        }
        SignatureAlgorithm::RsaSha512 => {
            b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00"
        }
    }
}

/// Returns the algorithm whose AlgorithmIdentifier is `der`, if it is one that is known here.
pub(crate) fn from_identifier(der: &[u8]) -> Option<SignatureAlgorithm> {
    ALL.into_iter()
        .find(|algorithm| algorithm_identifier(*algorithm) == der)
}

const ALL: [SignatureAlgorithm; 7] = [
    SignatureAlgorithm::EcdsaSha256,
    SignatureAlgorithm::EcdsaSha384,
    SignatureAlgorithm::EcdsaSha512,
    SignatureAlgorithm::Ed25519,
    SignatureAlgorithm::RsaSha256,
    SignatureAlgorithm::RsaSha384,
    SignatureAlgorithm::RsaSha512,
];
