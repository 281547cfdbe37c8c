//! What the tests of this room share: keys that sign, a small PKI, and openssl as the judge.

use std::path::Path;
use std::process::Command;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self as lc, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use crate::authority::{self, RootRequest, SubordinateRequest};
use crate::certificate::{ExtendedKeyUsage, PathLength, Role, Template, name_from_text};
use crate::{
    Certificate, Identifier, KeyAlgorithm, PublicKey, Serial, SignatureAlgorithm, Timestamp,
    Validity,
};

/// A private key in memory.
pub(crate) enum Signer {
    Ec(EcdsaKeyPair, KeyAlgorithm),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Signer {
    pub(crate) fn ec(curve: KeyAlgorithm) -> Self {
        let algorithm = match curve {
            KeyAlgorithm::EcP256 => &lc::ECDSA_P256_SHA256_ASN1_SIGNING,
            KeyAlgorithm::EcP384 => &lc::ECDSA_P384_SHA384_ASN1_SIGNING,
            KeyAlgorithm::EcP521 => &lc::ECDSA_P521_SHA512_ASN1_SIGNING,
            KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa { .. } => panic!("{curve} is not a curve"),
        };
        Self::Ec(
            EcdsaKeyPair::generate(algorithm).expect("aws-lc makes a key"),
            curve,
        )
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("aws-lc makes a key"))
    }

    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("aws-lc makes a key"))
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        match self {
            Self::Ec(key, curve) => PublicKey::from_ec_point(*curve, key.public_key().as_ref()),
            Self::Ed25519(key) => PublicKey::from_ed25519_bytes(key.public_key().as_ref()),
            Self::Rsa(key) => {
                let public = key.public_key();
                PublicKey::from_rsa_components(
                    public.modulus().big_endian_without_leading_zero(),
                    public.exponent().big_endian_without_leading_zero(),
                )
            }
        }
        .expect("aws-lc's key is good")
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(key, _) => key
                .sign(&random, message)
                .expect("aws-lc signs")
                .as_ref()
                .to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&lc::RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("aws-lc signs");
                signature
            }
        }
    }

    /// Builds, signs and reads back.
    pub(crate) fn issue(&self, template: &Template) -> Certificate {
        let tbs = template.to_be_signed().expect("the template holds");
        let algorithm = template.signature_algorithm;
        Certificate::assemble(&tbs, algorithm, &self.sign(&tbs)).expect("it reads back")
    }
}

/// A root and an issuing CA below it.
pub(crate) struct Pki {
    pub(crate) root: Certificate,
    pub(crate) root_key: Signer,
    pub(crate) issuer: Certificate,
    pub(crate) issuer_key: Signer,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let root_key = Signer::ec(KeyAlgorithm::EcP384);
        let root = root_key.issue(&authority::root(root_request(&root_key)));
        let issuer_key = Signer::ec(KeyAlgorithm::EcP256);
        let request = subordinate_request(&issuer_key);
        let issuer = root_key.issue(&authority::subordinate(&root, request));
        Self {
            root,
            root_key,
            issuer,
            issuer_key,
        }
    }

    /// A server's certificate, before it is signed.
    pub(crate) fn leaf(&self, key: &PublicKey) -> Template {
        Template {
            serial: serial(3),
            signature_algorithm: SignatureAlgorithm::EcdsaSha256,
            issuer_der: self.issuer.subject_der().to_vec(),
            subject_der: vec![0x30, 0x00],
            validity: validity("2026-11-21T23:59:00Z", "2026-11-22T23:59:00Z"),
            public_key: key.clone(),
            kept_key_identifier: None,
            authority_key_identifier: Some(self.issuer.key_identifier()),
            role: Role::EndEntity,
            extended_key_usage: vec![ExtendedKeyUsage::ServerAuth],
            sans: vec![
                identifier("dns:a.example.internal"),
                identifier("ip:10.0.0.1"),
            ],
            crl_urls: vec!["http://ca.example.internal/crl/tls.crl".to_owned()],
            ocsp_urls: vec!["http://ca.example.internal/ocsp/tls".to_owned()],
            issuer_urls: vec!["http://ca.example.internal/issuers/tls.cer".to_owned()],
            no_revocation_available: false,
            must_staple: false,
            ci_claims: Vec::new(),
        }
    }

    /// What `openssl verify -x509_strict` says of `leaf` in the middle of its life.
    pub(crate) fn verified_by_openssl(&self, leaf: &Certificate, purpose: &str) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str, certificate: &Certificate| {
            std::fs::write(folder.path().join(name), certificate.pem()).expect("it is written");
        };
        file("root.pem", &self.root);
        file("issuer.pem", &self.issuer);
        file("leaf.pem", leaf);
        let arguments = format!(
            "verify -x509_strict -check_ss_sig -attime {} -purpose {purpose} \
             -CAfile root.pem -untrusted issuer.pem leaf.pem",
            at("2026-11-22T12:00:00Z").unix_secs()
        );
        openssl(folder.path(), &arguments)
    }
}

/// What a root is asked to hold.
pub(crate) fn root_request(key: &Signer) -> RootRequest {
    RootRequest {
        subject_der: name("CN=Example Root CA,O=Example"),
        public_key: key.public_key(),
        serial: serial(1),
        validity: validity("2026-01-01T00:00:00Z", "2056-01-01T00:00:00Z"),
    }
}

/// What an issuing CA is asked to hold.
pub(crate) fn subordinate_request(key: &Signer) -> SubordinateRequest {
    SubordinateRequest {
        subject_der: name("CN=Example Issuing CA,OU=First,OU=Second,O=Example,C=DE"),
        public_key: key.public_key(),
        serial: serial(2),
        validity: validity("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
        path_length: PathLength::AtMost(0),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        name_constraints: None,
        crl_urls: vec!["http://ca.example.internal/crl/root.crl".to_owned()],
        issuer_urls: vec!["http://ca.example.internal/issuers/root.cer".to_owned()],
    }
}

/// Runs openssl in `folder` and returns everything it wrote; words are split at spaces.
pub(crate) fn openssl(folder: &Path, arguments: &str) -> String {
    openssl_with(folder, &arguments.split_whitespace().collect::<Vec<_>>())
}

/// Runs openssl with the arguments as they are.
pub(crate) fn openssl_with(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    let both = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Returns what `openssl x509 -text` shows.
pub(crate) fn shown_by_openssl(certificate: &Certificate) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("it.pem"), certificate.pem()).expect("it is written");
    openssl(
        folder.path(),
        "x509 -in it.pem -noout -text -nameopt RFC2253,sname",
    )
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("the test's time is valid")
}

pub(crate) fn validity(not_before: &str, not_after: &str) -> Validity {
    Validity {
        not_before: at(not_before),
        not_after: at(not_after),
    }
}

pub(crate) fn serial(last_octet: u8) -> Serial {
    Serial::new(
        at("2026-11-21T23:52:00Z"),
        [last_octet; Serial::RANDOM_BYTES],
    )
}

pub(crate) fn name(text: &str) -> Vec<u8> {
    name_from_text(text).expect("the test's subject is valid")
}

/// Parses `type:value`.
pub(crate) fn identifier(text: &str) -> Identifier {
    let (kind, value) = text.split_once(':').expect("the test writes type:value");
    Identifier::parse(kind, value).expect("the test's identifier is valid")
}
