//! Requests as openssl writes them, responses as openssl reads them.

mod request;

use std::path::Path;
use std::process::Command;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use super::*;

/// Runs openssl in `folder`; returns whether it succeeded and what it wrote to both streams.
fn openssl(folder: &Path, arguments: &str) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// A CA and a delegated responder in a folder of their own, where openssl finds `ca.pem`.
struct Scene {
    folder: tempfile::TempDir,
    ca: Certificate,
    responder: Certificate,
    key: EcdsaKeyPair,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca_key = rcgen::KeyPair::generate().expect("a key is made");
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Example Issuing CA");
        let ca = params.self_signed(&ca_key).expect("rcgen signs");
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).expect("the file is written");

        let key = rcgen::KeyPair::generate().expect("a key is made");
        let mut leaf = rcgen::CertificateParams::default();
        leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::OcspSigning];
        leaf.distinguished_name
            .push(rcgen::DnType::CommonName, "Example OCSP");
        let issuer = rcgen::Issuer::from_params(&params, &ca_key);
        let responder = leaf.signed_by(&key, &issuer).expect("rcgen signs");
        Self {
            ca: Certificate::parse(ca.der()).expect("rcgen's CA is read"),
            responder: Certificate::parse(responder.der()).expect("rcgen's responder is read"),
            key: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der())
                .expect("rcgen's key is PKCS#8"),
            folder,
        }
    }

    /// The request that `openssl ocsp` makes with these arguments.
    fn request(&self, arguments: &str) -> Vec<u8> {
        let command = format!("ocsp -issuer ca.pem {arguments} -reqout request.der");
        let (made, said) = openssl(self.folder.path(), &command);
        assert!(made, "{said}");
        std::fs::read(self.folder.path().join("request.der")).expect("openssl wrote the request")
    }

    /// Answers every CertID of `request` with the status of the same place.
    fn answer(&self, request: &OcspRequest, statuses: &[CertStatus]) -> Vec<u8> {
        let now = Timestamp::from_unix_secs(1_795_305_120);
        let single = |(cert_id, status): (&CertId, &CertStatus)| SingleResponse {
            cert_id: cert_id.clone(),
            status: *status,
            this_update: now,
            next_update: now.plus(std::time::Duration::from_secs(3_600)),
        };
        let template = ResponseTemplate {
            responder_key_hash: responder_key_hash(&self.responder),
            produced_at: now,
            responses: request.cert_ids.iter().zip(statuses).map(single).collect(),
            nonce: request.nonce.clone(),
        };
        let tbs = template.to_be_signed();
        let signature = self
            .key
            .sign(&SystemRandom::new(), &tbs)
            .expect("aws-lc signs");
        assemble(
            &tbs,
            SignatureAlgorithm::EcdsaSha256,
            signature.as_ref(),
            &self.responder,
        )
    }

    /// What openssl says when it holds `response` against the last request.
    fn judged_by_openssl(&self, response: &[u8], arguments: &str) -> (bool, String) {
        std::fs::write(self.folder.path().join("response.der"), response).expect("it is written");
        // The responses are of a fixed time: their age is not what is judged here.
        let common = "-issuer ca.pem -CAfile ca.pem -respin response.der -resp_text";
        let command = format!("ocsp {common} -validity_period 999999999 {arguments}");
        openssl(self.folder.path(), &command)
    }
}

fn serial(request: &OcspRequest, at: usize) -> String {
    request.cert_ids[at]
        .serial
        .as_ref()
        .expect("it is a serial")
        .to_string()
}

#[test]
fn reads_requests_of_openssl_with_each_hash_and_several_certificates() {
    let scene = Scene::new();
    for (argument, hash) in [
        ("-sha1", CertIdHash::Sha1),
        ("-sha256", CertIdHash::Sha256),
        ("-sha384", CertIdHash::Sha384),
        ("-sha512", CertIdHash::Sha512),
        ("-sha3-256", CertIdHash::Other),
    ] {
        let der = scene.request(&format!(
            "{argument} -serial 0xf7 {argument} -serial 0x0102"
        ));

        let request = OcspRequest::parse(&der).expect("openssl's request is read");

        assert_eq!(request.cert_ids.len(), 2, "{argument}");
        assert_eq!(
            (serial(&request, 0), serial(&request, 1)),
            ("f7".into(), "0102".into())
        );
        assert!(request.nonce.is_some());
        for cert_id in &request.cert_ids {
            assert_eq!(cert_id.hash, hash);
            let [ca, other] = [&scene.ca, &scene.responder].map(IssuerHashes::of);
            assert_eq!(ca.named_by(cert_id), hash != CertIdHash::Other);
            assert!(!other.named_by(cert_id));
        }
    }
}

#[test]
fn openssl_verifies_good_revoked_and_unknown_and_the_nonce() {
    let scene = Scene::new();
    let der = scene.request("-serial 1 -serial 2 -serial 3 -sha256 -serial 4");
    let request = OcspRequest::parse(&der).expect("openssl's request is read");
    let at = Timestamp::parse_rfc3339("2026-11-21T12:00:00Z").expect("it is a time");

    let response = scene.answer(
        &request,
        &[
            CertStatus::Good,
            CertStatus::Revoked {
                at,
                reason: RevocationReason::KeyCompromise,
            },
            CertStatus::Unknown,
            CertStatus::Revoked {
                at,
                reason: RevocationReason::Unspecified,
            },
        ],
    );

    let (_, said) = scene.judged_by_openssl(&response, "-reqin request.der");
    assert!(said.contains("Response verify OK"), "{said}");
    assert!(
        !said.contains("WARNING: no nonce") && !said.contains("Nonce Verify error"),
        "{said}"
    );
    for expected in [
        "OCSP Response Status: successful (0x0)",
        "Responder Id: ",
        "Cert Status: good",
        "Cert Status: revoked\n    Revocation Time: Nov 21 12:00:00 2026 GMT\n    Revocation Reason: keyCompromise (0x1)",
        "Cert Status: unknown",
        "Cert Status: revoked\n    Revocation Time: Nov 21 12:00:00 2026 GMT\n    This Update",
        "Hash Algorithm: sha256",
        "Next Update: ",
        "OCSP Nonce:",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in {said}");
    }
}

#[test]
fn openssl_reads_every_failure() {
    let scene = Scene::new();
    for (failure, expected) in [
        (OcspFailure::MalformedRequest, "malformedrequest (1)"),
        (OcspFailure::InternalError, "internalerror (2)"),
        (OcspFailure::TryLater, "trylater (3)"),
        (OcspFailure::Unauthorized, "unauthorized (6)"),
    ] {
        let (_, said) = scene.judged_by_openssl(&failure.to_der(), "");

        assert!(said.contains(expected), "{expected:?} is not in {said}");
    }
}

#[test]
fn echoes_the_cert_id_as_it_came() {
    let without_parameters = REQUEST_WITHOUT_PARAMETERS;
    let request = OcspRequest::parse(without_parameters).expect("absent parameters are read");
    let template = ResponseTemplate {
        responder_key_hash: [9; 20],
        produced_at: Timestamp::from_unix_secs(0),
        responses: vec![SingleResponse {
            cert_id: request.cert_ids[0].clone(),
            status: CertStatus::Good,
            this_update: Timestamp::from_unix_secs(0),
            next_update: Timestamp::from_unix_secs(1),
        }],
        nonce: None,
    };

    let tbs = template.to_be_signed();

    let cert_id = &without_parameters[8..];
    assert!(tbs.windows(cert_id.len()).any(|window| window == cert_id));
    assert_eq!(tbs, template.to_be_signed());
}

/// A SHA-1 CertID whose AlgorithmIdentifier has no NULL.
const REQUEST_WITHOUT_PARAMETERS: &[u8] = b"\x30\x40\x30\x3e\x30\x3c\x30\x3a\
    \x30\x38\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a\
    \x04\x14aaaaaaaaaaaaaaaaaaaa\x04\x14bbbbbbbbbbbbbbbbbbbb\x02\x01\x01";
