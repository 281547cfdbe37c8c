//! AlgorithmIdentifiers of signatures, whole (RFC 5758 §3.2, RFC 8410 §3, RFC 4055 §5).

use super::{SEQUENCE, element};
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

/// Returns the algorithm whose AlgorithmIdentifier is `der`, if it is one that is known here. RSA's
/// NULL parameters may be absent (RFC 4055 §5).
pub(crate) fn from_identifier(der: &[u8]) -> Option<SignatureAlgorithm> {
    SignatureAlgorithm::ALL.into_iter().find(|algorithm| {
        let written = algorithm_identifier(*algorithm);
        written == der || without_null(written).is_some_and(|short| short == der)
    })
}

/// Returns the identifier without its NULL parameters; `None` if it has none.
fn without_null(identifier: &[u8]) -> Option<Vec<u8>> {
    let inside = identifier.get(2..)?.strip_suffix(&[0x05, 0x00])?;
    Some(element(SEQUENCE, &[inside]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_it_writes() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(
                from_identifier(algorithm_identifier(algorithm)),
                Some(algorithm)
            );
        }
    }

    #[test]
    fn takes_rsa_without_null_and_nothing_else_with_it() {
        let short = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
        let long = b"\x30\x07\x06\x03\x2b\x65\x70\x05\x00";

        assert_eq!(from_identifier(short), Some(SignatureAlgorithm::RsaSha256));
        assert_eq!(from_identifier(long), None);
    }
}
