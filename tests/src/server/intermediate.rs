//! Another intermediate for a quickstart CA, certified by its root.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::authority::{SubordinateRequest, subordinate};
use ca_pki::certificate::{ExtendedKeyUsage, PathLength};
use ca_pki::{Certificate, Csr, Serial, Timestamp, Validity};
use toml::Value;

use super::builder::set;
use super::{TestCa, ca_server, run};
use crate::token::Token;

/// Replaces the intermediate by one whose key is born in a token, as the operator guide says.
pub(super) fn move_key_into_token(mut ca: TestCa) -> TestCa {
    let token = Token::create(&ca.folder.join("token"));
    ca.environment.push(token.environment());
    let uri = token.uri("tls");
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
    fs::write(&certificate, certify(&ca.folder, &request)).expect("the folder is writable");
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

/// Signs a request with quickstart's root key and returns the certificate in PEM.
fn certify(folder: &Path, request: &Path) -> String {
    let csr = fs::read_to_string(request).expect("a request");
    let csr = Csr::parse_pem(&csr).expect("a request");
    let root = fs::read_to_string(folder.join("root.pem")).expect("a root");
    let root = &Certificate::parse_pem_chain(&root).expect("a root")[0];
    let key = SoftwareKey::read(&folder.join("root.key"), None).expect("the root's key");

    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
    let now = Timestamp::from_unix_secs(since.as_secs() as i64);
    let mut random = [0; Serial::RANDOM_BYTES];
    aws_lc_rs::rand::fill(&mut random).expect("chance");
    let template = subordinate(
        root,
        SubordinateRequest {
            subject_der: csr.subject_der().to_vec(),
            public_key: csr.public_key().clone(),
            serial: Serial::new(now, random),
            validity: Validity {
                not_before: now.minus(HOUR),
                not_after: now.plus(HOUR * 24 * 365),
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
        },
    );
    let to_be_signed = template.to_be_signed().expect("a certificate");
    let deadline = Instant::now() + Duration::from_secs(10);
    let signature = key.sign_blocking(&to_be_signed, deadline).expect("signed");
    Certificate::assemble(&to_be_signed, key.algorithm(), &signature)
        .expect("a certificate")
        .pem()
}

const HOUR: Duration = Duration::from_secs(60 * 60);
