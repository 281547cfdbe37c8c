//! Key files: what is accepted, what is refused, what other programs make of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ca_keys::{KeyError, KeyUri, SignerOptions, SigningKey, SoftwareKey};
use ca_pki::KeyAlgorithm;
use secrecy::SecretString;
use tempfile::TempDir;

/// A folder that holds a passphrase in the file `pass`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pass"), "correct horse\n").unwrap();
    folder
}

fn passphrase() -> SecretString {
    "correct horse".into()
}

fn refusal(result: Result<SoftwareKey, KeyError>) -> KeyError {
    match result {
        Ok(key) => panic!("{key:?} should be refused"),
        Err(error) => error,
    }
}

/// Runs openssl in `folder` and returns what it prints.
fn openssl(folder: &TempDir, arguments: &str) -> String {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("openssl should be installed");
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

const ALL: [KeyAlgorithm; 5] = [
    KeyAlgorithm::EcP256,
    KeyAlgorithm::EcP384,
    KeyAlgorithm::EcP521,
    KeyAlgorithm::Ed25519,
    KeyAlgorithm::Rsa { bits: 2048 },
];

#[test]
fn reads_back_what_it_writes() {
    let folder = folder();
    for algorithm in ALL {
        for (name, secret) in [("plain", None), ("encrypted", Some(passphrase()))] {
            let path = folder.path().join(format!("{algorithm}-{name}"));
            let key = SoftwareKey::generate(algorithm).unwrap();

            key.write_new(&path, secret.as_ref()).unwrap();
            let read = SoftwareKey::read(&path, secret.as_ref()).unwrap();

            assert_eq!(read.public_key(), key.public_key());
        }
    }
}

#[test]
fn writes_what_openssl_reads() {
    let folder = folder();
    for algorithm in ALL {
        let path = folder.path().join(algorithm.to_string());
        let key = SoftwareKey::generate(algorithm).unwrap();
        key.write_new(&path, Some(&passphrase())).unwrap();

        openssl(
            &folder,
            &format!("pkey -in {algorithm} -passin file:pass -pubout -outform DER -out spki"),
        );

        let spki = fs::read(folder.path().join("spki")).unwrap();
        assert_eq!(spki, key.public_key().spki_der());
    }
}

#[test]
fn reads_what_openssl_writes() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    for (algorithm, kind) in [
        (KeyAlgorithm::EcP256, "EC -pkeyopt ec_paramgen_curve:P-256"),
        (KeyAlgorithm::EcP384, "EC -pkeyopt ec_paramgen_curve:P-384"),
        (KeyAlgorithm::EcP521, "EC -pkeyopt ec_paramgen_curve:P-521"),
        (KeyAlgorithm::Ed25519, "ED25519"),
        (
            KeyAlgorithm::Rsa { bits: 3072 },
            "RSA -pkeyopt rsa_keygen_bits:3072",
        ),
    ] {
        openssl(&folder, &format!("genpkey -out key -algorithm {kind}"));
        let plain = SoftwareKey::read(&path("key"), None).unwrap();
        assert_eq!(plain.public_key().algorithm(), algorithm);

        for encryption in ["-scrypt", "-v2 aes256 -v2prf hmacWithSHA256 -iter 600000"] {
            openssl(
                &folder,
                &format!("pkcs8 -topk8 -in key -out encrypted -passout file:pass {encryption}"),
            );

            let decrypted = SoftwareKey::read(&path("encrypted"), Some(&passphrase())).unwrap();

            assert_eq!(plain.public_key(), decrypted.public_key());
        }
    }
}

#[test]
fn signs_what_openssl_verifies() {
    let folder = folder();
    let key = SoftwareKey::generate(KeyAlgorithm::EcP384).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let signature = key.sign_blocking(b"message", deadline).unwrap();
    fs::write(folder.path().join("spki"), key.public_key().spki_der()).unwrap();
    fs::write(folder.path().join("message"), b"message").unwrap();
    fs::write(folder.path().join("signature"), signature).unwrap();
    openssl(&folder, "pkey -pubin -inform DER -in spki -out public");

    let verdict = openssl(
        &folder,
        "dgst -sha384 -verify public -signature signature message",
    );

    assert_eq!(verdict.trim(), "Verified OK");
}

#[test]
fn refuses_a_wrong_passphrase_in_clear_words() {
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    let pem = key.to_pkcs8_pem(Some(&passphrase())).unwrap();

    for (secret, word) in [
        (Some("battery staple".into()), "does not open"),
        (None, "passphrase-source"),
    ] {
        let error = refusal(SoftwareKey::from_pkcs8_pem(&pem, secret.as_ref()));

        assert!(matches!(error, KeyError::Secret(_)), "{error}");
        assert!(error.to_string().contains(word), "{error}");
        assert!(!error.to_string().contains("battery"), "{error}");
    }
}

#[test]
fn refuses_a_key_in_clear_where_a_passphrase_is_named() {
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    let pem = key.to_pkcs8_pem(None).unwrap();

    let error = refusal(SoftwareKey::from_pkcs8_pem(&pem, Some(&passphrase())));

    assert!(error.to_string().contains("not encrypted"), "{error}");
}

#[test]
fn refuses_weak_encryption() {
    let folder = folder();
    openssl(&folder, "genpkey -out key -algorithm ED25519");
    for encryption in [
        "-v2 aes256 -iter 2048",
        "-scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 1",
        "-v1 PBE-SHA1-3DES",
    ] {
        openssl(
            &folder,
            &format!("pkcs8 -topk8 -in key -out weak -passout file:pass {encryption}"),
        );

        let path = folder.path().join("weak");
        let error = refusal(SoftwareKey::read(&path, Some(&passphrase())));

        let text = error.to_string();
        assert!(matches!(error, KeyError::Key(_)), "{encryption}: {text}");
        assert!(text.contains("encryption"), "{encryption}: {text}");
    }
}

#[test]
fn refuses_a_file_in_clear_that_others_can_open() {
    let folder = folder();
    let path = folder.path().join("key");
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    key.write_new(&path, None).unwrap();

    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();

        let error = refusal(SoftwareKey::read(&path, None));

        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn writes_for_its_owner_only_and_never_over_another_file() {
    let folder = folder();
    let path = folder.path().join("key");
    let first = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    let second = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();

    first.write_new(&path, None).unwrap();
    let error = second.write_new(&path, None).unwrap_err();

    assert!(error.to_string().contains("never overwritten"), "{error}");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = SoftwareKey::read(&path, None).unwrap();
    assert_eq!(read.public_key(), first.public_key());
    let names = fs::read_dir(folder.path()).unwrap();
    assert_eq!(names.count(), 2, "only the passphrase and the key");
}

#[test]
fn refuses_what_is_no_private_key_without_repeating_it() {
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    let pem = key.to_pkcs8_pem(None).unwrap();
    let cut: String = pem.lines().take(2).collect();
    for text in [
        "",
        "hunter2",
        &cut,
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
    ] {
        let error = refusal(SoftwareKey::from_pkcs8_pem(text, None));

        assert!(matches!(error, KeyError::Key(_)), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn names_the_file_that_is_missing() {
    let folder = folder();
    let uri = KeyUri::parse("file:missing.key", folder.path()).unwrap();

    let error = ca_keys::open(&uri, &SignerOptions::default()).unwrap_err();

    assert!(error.to_string().contains("missing.key"), "{error}");
}

#[test]
fn makes_an_encrypted_file_that_opens_with_the_same_uri() {
    let folder = folder();
    let text = "file:ca.key?passphrase-source=file:pass";
    let uri = KeyUri::parse(text, folder.path()).unwrap();
    let options = SignerOptions::default();

    let made = ca_keys::generate(&uri, KeyAlgorithm::EcP384, &options).unwrap();
    let opened = ca_keys::open(&uri, &options).unwrap();

    assert_eq!(made.public_key(), opened.public_key());
    let pem = fs::read_to_string(folder.path().join("ca.key")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
}
