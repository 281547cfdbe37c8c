//! Another intermediate for a quickstart CA, certified by its root.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::authority::{RootRequest, SubordinateRequest, root, subordinate};
use ca_pki::certificate::{ExtendedKeyUsage, PathLength, Template, name_from_text};
use ca_pki::{Certificate, Csr, KeyAlgorithm, PublicKey, Serial, Timestamp, Validity};
use toml::Value;

use super::builder::set;
use super::{TestCa, ca_server, run};
use crate::token::Module;

/// Replaces the intermediate by one whose key is born in a token, as the operator guide says.
pub(super) fn move_key_into_token(mut ca: TestCa, module: Module) -> TestCa {
    let uri = ca.token(module).uri("tls");
    let (request, certificate) = (ca.folder.join("tls.csr"), ca.folder.join("token-tls.pem"));
    run(ca_server()
        .args(["issuer", "request", "--name", "tls", "--key", &uri])
        .args(["--subject", "CN=Token Issuing CA,O=ca-server tests"])
        .args(["--algorithm", "ec-p256", "--out"])
        .arg(&request)
        .arg("--config")
        .arg(ca.config_file())
        .envs(ca.environment.clone()));
    ca.edit(|config| set(config, "issuer.0.key", Value::from(uri)));
    fs::write(&certificate, certify_request(&ca.folder, &request)).expect("the folder is writable");
    let (certificate, root) = (certificate.display().to_string(), ca.root_file());
    let installed = ca.command(&[
        "issuer",
        "install",
        "--name=tls",
        &format!("--certificate={certificate}"),
        &format!("--root={}", root.display()),
    ]);
    assert!(installed.status.success(), "{installed:?}");
    ca
}

/// Lets a second root certify the intermediate's key too, and offers that chain as alternate.
pub(super) fn add_alternate_chain(ca: &TestCa) {
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).expect("a key");
    let now = now();
    let root = sign(
        &key,
        &root(RootRequest {
            subject_der: name_from_text("CN=Other Root CA,O=ca-server tests").expect("a name"),
            public_key: key.public_key().clone(),
            serial: serial(now),
            validity: Validity {
                not_before: now.minus(HOUR),
                not_after: now.plus(HOUR * 24 * 365),
            },
        }),
    );
    let issuer = first_certificate(&ca.issuer_file());
    let other = certify(
        &key,
        &root,
        issuer.subject_der().to_vec(),
        issuer.public_key().clone(),
    );
    fs::write(ca.folder.join("other-root.pem"), root.pem()).expect("the folder is writable");
    let chain = [other.pem(), root.pem()].concat();
    fs::write(ca.folder.join("tls-by-other.pem"), chain).expect("the folder is writable");
    let files = Value::Array(vec![Value::from("tls-by-other.pem")]);
    ca.edit(|config| set(config, "issuer.0.alternate_certificates", files));
}

/// Signs a request with quickstart's root key and returns the certificate in PEM.
fn certify_request(folder: &Path, request: &Path) -> String {
    let csr = fs::read_to_string(request).expect("a request");
    let csr = Csr::parse_pem(&csr).expect("a request");
    let root = first_certificate(&folder.join("root.pem"));
    let key = SoftwareKey::read(&folder.join("root.key"), None).expect("the root's key");
    let subject = csr.subject_der().to_vec();
    certify(&key, &root, subject, csr.public_key().clone()).pem()
}

/// Issues an intermediate for a day less than a year.
fn certify(
    key: &SoftwareKey,
    root: &Certificate,
    subject_der: Vec<u8>,
    public_key: PublicKey,
) -> Certificate {
    let now = now();
    let request = SubordinateRequest {
        subject_der,
        public_key,
        serial: serial(now),
        validity: Validity {
            not_before: now.minus(HOUR),
            not_after: now.plus(HOUR * 24 * 364),
        },
        path_length: PathLength::AtMost(0),
        extended_key_usage: vec![
            ExtendedKeyUsage::ServerAuth,
            ExtendedKeyUsage::ClientAuth,
            ExtendedKeyUsage::OcspSigning,
        ],
        name_constraints: None,
        crl_urls: vec!["http://localhost/crl/root.crl".to_owned()],
        issuer_urls: vec!["http://localhost/issuers/root.cer".to_owned()],
    };
    sign(key, &subordinate(root, request))
}

fn sign(key: &SoftwareKey, template: &Template) -> Certificate {
    let to_be_signed = template.to_be_signed().expect("a certificate");
    let deadline = Instant::now() + Duration::from_secs(10);
    let signature = key.sign_blocking(&to_be_signed, deadline).expect("signed");
    Certificate::assemble(&to_be_signed, key.algorithm(), &signature).expect("a certificate")
}

fn first_certificate(file: &Path) -> Certificate {
    let pem = fs::read_to_string(file).expect("a certificate");
    let mut chain = Certificate::parse_pem_chain(&pem).expect("a certificate");
    chain.remove(0)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
    Timestamp::from_unix_secs(since.as_secs() as i64)
}

fn serial(now: Timestamp) -> Serial {
    let mut random = [0; Serial::RANDOM_BYTES];
    aws_lc_rs::rand::fill(&mut random).expect("chance");
    Serial::new(now, random)
}

const HOUR: Duration = Duration::from_secs(60 * 60);
