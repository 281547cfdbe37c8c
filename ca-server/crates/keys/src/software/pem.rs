//! PKCS#8 PEM, plain or encrypted by PBES2 (RFC 5958, RFC 8018, RFC 7914).

use der::asn1::OctetStringRef;
use der::pem::{LineEnding, PemLabel};
use der::{Decode, Document, Encode, SecretDocument};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{self, Kdf, ScryptParams};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::KeyError;

/// Returns the `PrivateKeyInfo` in a PEM text.
pub(super) fn decode(
    pem: &str,
    passphrase: Option<&SecretString>,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (label, document) = SecretDocument::from_pem(pem)
        .map_err(|error| KeyError::Key(format!("it is not PEM: {error}")))?;
    match (label, passphrase) {
        (PLAIN, None) => Ok(document.to_bytes()),
        (ENCRYPTED, Some(passphrase)) => decrypt(document.as_bytes(), passphrase),
        (ENCRYPTED, None) => Err(KeyError::Secret(
            "the key is encrypted and no passphrase is named: add ?passphrase-source=file:PATH \
             or ?passphrase-source=env:NAME"
                .into(),
        )),
        // Otherwise someone who can write the file could take the encryption away unseen.
        (PLAIN, Some(_)) => Err(KeyError::Secret(
            "a passphrase is named but the key is not encrypted".into(),
        )),
        (other, _) => Err(KeyError::Key(format!(
            "it holds {other:?}, not a PKCS#8 key: convert it with `openssl pkcs8 -topk8`"
        ))),
    }
}

/// Writes a `PrivateKeyInfo` as PEM.
pub(super) fn encode(
    der: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<Zeroizing<String>, KeyError> {
    let failed = |_| KeyError::Device("the key could not be encoded".into());
    let Some(passphrase) = passphrase else {
        let document = SecretDocument::try_from(der).map_err(failed)?;
        return document.to_pem(PLAIN, LineEnding::LF).map_err(failed);
    };
    Document::try_from(encrypt(der, passphrase)?)
        .and_then(|document| document.to_pem(ENCRYPTED, LineEnding::LF))
        .map(Zeroizing::new)
        .map_err(failed)
}

fn encrypt(der: &[u8], passphrase: &SecretString) -> Result<Vec<u8>, KeyError> {
    let failed = || KeyError::Device("the key could not be encrypted".into());
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    getrandom::fill(&mut salt).map_err(|_| failed())?;
    getrandom::fill(&mut iv).map_err(|_| failed())?;
    let parameters = pbes2::Parameters {
        kdf: Kdf::Scrypt(ScryptParams {
            salt: salt.as_slice().try_into().map_err(|_| failed())?,
            cost_parameter: SCRYPT_COST,
            block_size: SCRYPT_BLOCK_SIZE,
            parallelization: SCRYPT_PARALLELIZATION,
            key_length: None,
        }),
        encryption: pbes2::EncryptionScheme::Aes256Cbc { iv },
    };
    let ciphertext = parameters
        .encrypt(passphrase.expose_secret(), der)
        .map_err(|_| failed())?;
    EncryptedPrivateKeyInfoRef {
        encryption_algorithm: EncryptionScheme::Pbes2(parameters),
        encrypted_data: OctetStringRef::new(&ciphertext).map_err(|_| failed())?,
    }
    .to_der()
    .map_err(|_| failed())
}

fn decrypt(der: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(der)
        .map_err(|error| KeyError::Key(format!("its encryption is not known: {error}")))?;
    require_strength(&encrypted.encryption_algorithm)?;
    // A wrong passphrase shows as bad padding or, one time in 256, as bytes that are no key.
    encrypted
        .decrypt(passphrase.expose_secret())
        .ok()
        .filter(|document| PrivateKeyInfoRef::from_der(document.as_bytes()).is_ok())
        .map(|document| document.to_bytes())
        .ok_or_else(|| KeyError::Secret("the passphrase does not open the key file".into()))
}

/// Refuses a derivation that is quick to guess, or so slow that it looks like a hang.
fn require_strength(scheme: &EncryptionScheme) -> Result<(), KeyError> {
    let strong = match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Scrypt(scrypt)) => {
            let (n, r) = (scrypt.cost_parameter, u64::from(scrypt.block_size));
            let memory_bytes = n.saturating_mul(r).saturating_mul(128);
            (SCRYPT_MEMORY_BYTES_MIN..=SCRYPT_MEMORY_BYTES_MAX).contains(&memory_bytes)
                && n.is_power_of_two()
                && (1..=16).contains(&scrypt.parallelization)
        }
        Some(Kdf::Pbkdf2(pbkdf2)) => {
            (PBKDF2_ITERATIONS_MIN..=PBKDF2_ITERATIONS_MAX).contains(&pbkdf2.iteration_count)
        }
        Some(_) | None => false,
    };
    if strong {
        return Ok(());
    }
    Err(KeyError::Key(
        "its encryption is too weak or too costly: encrypt it again with \
         `openssl pkcs8 -topk8 -scrypt` or `-v2 aes256 -v2prf hmacWithSHA256 -iter 600000`"
            .into(),
    ))
}

const PLAIN: &str = PrivateKeyInfoRef::PEM_LABEL;
const ENCRYPTED: &str = EncryptedPrivateKeyInfoRef::PEM_LABEL;

// 16 MiB, five times over: as hard as N=2^17 with p=1, and inside the 32 MiB that OpenSSL allows.
const SCRYPT_COST: u64 = 1 << 14;
const SCRYPT_BLOCK_SIZE: u16 = 8;
const SCRYPT_PARALLELIZATION: u16 = 5;
// What `openssl pkcs8 -scrypt` writes is the least that is accepted.
const SCRYPT_MEMORY_BYTES_MIN: u64 = 16 << 20;
const SCRYPT_MEMORY_BYTES_MAX: u64 = 1 << 30;
const PBKDF2_ITERATIONS_MIN: u32 = 600_000;
const PBKDF2_ITERATIONS_MAX: u32 = 10_000_000;
