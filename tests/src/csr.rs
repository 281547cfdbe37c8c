//! Certificate signing requests, right and wrong.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256,
    SanType, SignatureAlgorithm,
};

/// A request and the key that it is for.
#[derive(Debug)]
pub struct Request {
    /// The requested key.
    pub key: KeyPair,
    /// The CSR.
    pub der: Vec<u8>,
}

/// A request not signed yet.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Subject alternative names.
    pub names: Vec<SanType>,
    /// The subject, attribute by attribute.
    pub subject: Vec<(DnType, String)>,
    /// Extensions beside the names.
    pub extensions: Vec<CustomExtension>,
}

impl Request {
    /// Asks for these names and addresses with a fresh P-256 key.
    pub fn for_names(names: &[&str]) -> Self {
        Draft::for_names(names).sign(&PKCS_ECDSA_P256_SHA256)
    }

    /// Returns the CSR in PEM.
    pub fn pem(&self) -> String {
        let base64 = STANDARD.encode(&self.der);
        let lines: Vec<&str> = base64
            .as_bytes()
            .chunks(64)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        let body = lines.join("\n");
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n")
    }
}

impl Draft {
    /// Asks for these names and addresses, with an empty subject.
    pub fn for_names(names: &[&str]) -> Self {
        let names = names.iter().map(|name| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().expect("a name")),
        });
        Self {
            names: names.collect(),
            ..Self::default()
        }
    }

    /// Adds a common name.
    #[must_use]
    pub fn common_name(mut self, name: &str) -> Self {
        self.subject.push((DnType::CommonName, name.to_owned()));
        self
    }

    /// Signs with a fresh key.
    pub fn sign(&self, algorithm: &'static SignatureAlgorithm) -> Request {
        self.sign_with(KeyPair::generate_for(algorithm).expect("a key"))
    }

    /// Signs with this key.
    pub fn sign_with(&self, key: KeyPair) -> Request {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in &self.subject {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        params.subject_alt_names.clone_from(&self.names);
        params.custom_extensions.clone_from(&self.extensions);
        let request = params.serialize_request(&key).expect("a request");
        Request {
            der: request.der().to_vec(),
            key,
        }
    }
}

/// Makes a request with openssl, for what rcgen does not do; returns its DER.
pub fn by_openssl(names: &str, key_options: &[&str]) -> Vec<u8> {
    let names = format!("subjectAltName={names}");
    let arguments = [
        &["req", "-new", "-nodes", "-keyout", "/dev/null"],
        key_options,
        &["-subj", "/", "-addext", &names, "-outform", "DER"],
    ];
    let output = crate::openssl::run_with(&arguments.concat(), b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output.stdout
}
