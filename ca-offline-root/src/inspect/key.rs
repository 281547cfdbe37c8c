//! A private key's file in plain text: how it is locked, never what is inside.

use std::fmt;

use ca_pki::pem::decode_all;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Decode;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;

/// How a key file is locked.
pub(super) struct Description(String);

/// Finds private keys in PEM text.
pub(super) fn recognize(text: &str) -> Vec<Description> {
    let encrypted = decode_all("ENCRYPTED PRIVATE KEY", text).unwrap_or_default();
    let mut found: Vec<Description> = encrypted.iter().map(|der| describe(der)).collect();
    let open = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"];
    if open
        .iter()
        .any(|label| text.contains(&format!("-----BEGIN {label}-----")))
    {
        found.push(Description(
            "private key, NOT ENCRYPTED: whoever has this file has the key".to_owned(),
        ));
    }
    found
}

fn describe(der: &[u8]) -> Description {
    let Ok(info) = EncryptedPrivateKeyInfoRef::from_der(der) else {
        return Description("encrypted private key, damaged or of an unknown kind".to_owned());
    };
    Description(format!(
        "encrypted private key (PKCS#8)\n  passphrase through {}\n  it was not opened: which key \
         it is can only be told with the passphrase",
        derivation(&info.encryption_algorithm)
    ))
}

fn derivation(scheme: &EncryptionScheme) -> String {
    match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Scrypt(scrypt)) => format!(
            "scrypt, N={} r={} p={}",
            scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization
        ),
        Some(Kdf::Pbkdf2(pbkdf2)) => format!("PBKDF2, {} rounds", pbkdf2.iteration_count),
        Some(_) | None => "an old or unknown derivation".to_owned(),
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
