use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Somebody who signs requests.
enum Signer {
    Ec(&'static str, EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Signer {
    fn ec(curve: &'static str) -> Self {
        let scheme = match curve {
            "P-256" => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            "P-384" => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            _ => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        };
        Self::Ec(curve, EcdsaKeyPair::generate(scheme).unwrap())
    }

    fn jwk(&self) -> Value {
        match self {
            Self::Ec(curve, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
            Self::Rsa(pair) => {
                let key = pair.public_key();
                let n = encode(key.modulus().big_endian_without_leading_zero());
                let e = encode(key.exponent().big_endian_without_leading_zero());
                json!({"kty": "RSA", "n": n, "e": e})
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &signature::RSA_PKCS1_SHA256,
                    &random,
                    message,
                    &mut signature,
                )
                .unwrap();
                signature
            }
        }
    }

    /// Signs a header, its `jwk` added, and a payload.
    fn jws(&self, mut header: Value, payload: &[u8]) -> Value {
        header["jwk"] = self.jwk();
        let protected = encode(header.to_string().as_bytes());
        let payload = encode(payload);
        let signature = self.sign(format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": encode(&signature)})
    }
}

fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

fn header(alg: &str) -> Value {
    json!({"alg": alg, "nonce": "AAAA", "url": "https://ca.example/acme/default/new-account"})
}

/// Parses and verifies with the key inside.
fn accept(jws: &Value) -> Result<UnverifiedJws, Error> {
    let jws = UnverifiedJws::parse(jws.to_string().as_bytes())?;
    let KeyReference::Jwk(members) = &jws.header.key else {
        return Err(Error::malformed("no jwk"));
    };
    jws.verify(&Jwk::from_members(members)?)?;
    Ok(jws)
}

fn kind<T>(result: Result<T, Error>) -> Option<ProblemKind> {
    match result {
        Err(Error::Refused(problem)) => Some(problem.kind),
        _ => None,
    }
}

#[test]
fn accepts_every_algorithm_with_its_own_kind_of_key() {
    let cases = [
        ("ES256", Signer::ec("P-256")),
        ("ES384", Signer::ec("P-384")),
        ("ES512", Signer::ec("P-521")),
        ("EdDSA", Signer::Ed(Ed25519KeyPair::generate().unwrap())),
        (
            "RS256",
            Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        ),
    ];

    for (alg, signer) in cases {
        let jws = accept(&signer.jws(header(alg), b"{}")).unwrap();

        assert_eq!(jws.payload, b"{}", "{alg}");
        assert_eq!(jws.header.nonce.as_deref(), Some("AAAA"), "{alg}");
    }
}

#[test]
fn refuses_an_algorithm_that_does_not_fit_the_key() {
    for (alg, curve) in [
        ("ES384", "P-256"),
        ("ES256", "P-384"),
        ("EdDSA", "P-256"),
        ("RS256", "P-256"),
    ] {
        let jws = Signer::ec(curve).jws(header(alg), b"{}");

        assert_eq!(
            kind(accept(&jws)),
            Some(ProblemKind::BadSignatureAlgorithm),
            "{alg} {curve}"
        );
    }
}

#[test]
fn names_the_accepted_algorithms_when_it_refuses_one() {
    let signer = Signer::ec("P-256");
    for alg in [
        "none", "None", "HS256", "HS512", "RS384", "PS256", "ES256K", "es256", "",
    ] {
        let jws = signer.jws(header(alg), b"{}");

        let Err(Error::Refused(problem)) = accept(&jws) else {
            panic!("{alg} was accepted");
        };
        assert_eq!(problem.kind, ProblemKind::BadSignatureAlgorithm, "{alg}");
        assert_eq!(problem.algorithms, ALGORITHMS, "{alg}");
    }
}

#[test]
fn refuses_a_jws_in_which_anything_signed_was_changed() {
    let signer = Signer::ec("P-256");
    let jws = signer.jws(header("ES256"), br#"{"contact":[]}"#);
    let other = signer.jws(header("ES256"), br#"{"contact":null}"#);
    let stranger = Signer::ec("P-256").jws(header("ES256"), br#"{"contact":[]}"#);

    for (member, source) in [
        ("payload", &other),
        ("signature", &other),
        ("protected", &stranger),
    ] {
        let mut changed = jws.clone();
        changed[member] = source[member].clone();
        assert_eq!(
            kind(accept(&changed)),
            Some(ProblemKind::Malformed),
            "{member}"
        );
    }
}

#[test]
fn refuses_signatures_of_any_other_form() {
    let signer = Signer::ec("P-256");
    let jws = signer.jws(header("ES256"), b"{}");
    let good = URL_SAFE_NO_PAD
        .decode(jws["signature"].as_str().unwrap())
        .unwrap();
    let der_like = [b"\x30\x44\x02\x20", &good[..32], b"\x02\x20", &good[32..]].concat();
    let longer = [good.as_slice(), b"\0"].concat();

    for signature in [&[][..], &good[..63], &longer, &der_like, &[0; 64]] {
        let mut changed = jws.clone();
        changed["signature"] = json!(encode(signature));
        assert_eq!(kind(accept(&changed)), Some(ProblemKind::Malformed));
    }
}

#[test]
fn takes_the_flattened_form_only() {
    let jws = Signer::ec("P-256").jws(header("ES256"), b"{}");
    let part = |name: &str| jws[name].as_str().unwrap().to_owned();
    let (protected, payload, signature) = (part("protected"), part("payload"), part("signature"));
    let with = |name: &str, value: Value| {
        let mut changed = jws.clone();
        changed[name] = value;
        changed.to_string()
    };
    let cases = [
        String::new(),
        "null".to_owned(),
        json!([jws]).to_string(),
        format!("{protected}.{payload}.{signature}"),
        json!({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]})
            .to_string(),
        with("header", json!({})),
        with("signatures", json!([])),
        with("extra", json!(1)),
        with("payload", json!(null)),
        with("payload", json!({})),
        with("signature", json!(7)),
        with("payload", json!(format!("{payload}="))),
        with("signature", json!(format!("{signature}=="))),
        with("signature", json!(format!("{signature}\n"))),
        with("signature", json!("a+b/")),
        with("protected", json!(encode(b"[]"))),
        with("protected", json!(encode(b"\xff"))),
        with("protected", json!("")),
        json!({"protected": protected, "payload": payload}).to_string(),
        format!(r#"{{"protected":"{protected}","payload":"","payload":"{payload}","signature":"{signature}"}}"#),
        format!("{jws}{jws}"),
    ];

    for text in cases {
        let refusal = kind(UnverifiedJws::parse(text.as_bytes()));
        assert_eq!(refusal, Some(ProblemKind::Malformed), "{text}");
    }
}

#[test]
fn takes_a_protected_header_with_exactly_what_rfc_8555_asks_for() {
    let cases = [
        (r#"{"alg":"ES256","url":"u","jwk":{}}"#, true),
        (r#"{"alg":"ES256","url":"u","kid":"k","nonce":"n"}"#, true),
        (r#"{"alg":"ES256","url":"u","kid":"k","typ":"x"}"#, true),
        (r#"{"url":"u","kid":"k"}"#, false),
        (r#"{"alg":"ES256","kid":"k"}"#, false),
        (r#"{"alg":"ES256","url":"u"}"#, false),
        (r#"{"alg":"ES256","url":"u","kid":"k","jwk":{}}"#, false),
        (r#"{"alg":"ES256","url":"u","kid":7}"#, false),
        (r#"{"alg":"ES256","url":"u","jwk":"k"}"#, false),
        (r#"{"alg":1,"url":"u","kid":"k"}"#, false),
        (r#"{"alg":"ES256","url":["u"],"kid":"k"}"#, false),
        (r#"{"alg":"ES256","url":"u","kid":"k","nonce":1}"#, false),
        (r#"{"alg":"ES256","url":"u","kid":"k","crit":[]}"#, false),
        (
            r#"{"alg":"ES256","alg":"ES256","url":"u","kid":"k"}"#,
            false,
        ),
        (r#"{"alg":"ES256","url":"u","kid":"k","x":1,"x":1}"#, false),
        (r#"{"alg":"ES256","url":"u","jwk":{"x":1,"x":2}}"#, false),
    ];

    for (text, accepted) in cases {
        let header = ProtectedHeader::parse(text.as_bytes());
        assert_eq!(header.is_ok(), accepted, "{text}");
    }
}

proptest! {
    #[test]
    fn never_panics_on_any_body(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = UnverifiedJws::parse(&body);
    }

    #[test]
    fn never_panics_on_any_header_or_key(header in "\\PC*", alg in "\\PC{0,8}", x in "[A-Za-z0-9_=-]{0,100}") {
        let own = json!({"alg": alg, "url": x, "nonce": x, "jwk": {
            "kty": "EC", "crv": "P-256", "x": x, "y": x, "n": x, "e": x,
        }});
        for protected in [header, own.to_string()] {
            let jws = json!({
                "protected": encode(protected.as_bytes()), "payload": "", "signature": x,
            });
            let _ = accept(&jws);
        }
    }

    #[test]
    fn never_panics_on_any_jwk(kty in "EC|RSA|OKP", crv in "P-256|P-521|Ed25519", a in "[A-Za-z0-9_-]{0,90}", b in "[A-Za-z0-9_-]{0,90}") {
        let jwk = json!({"kty": kty, "crv": crv, "x": a, "y": b, "n": a, "e": b});
        let _ = Jwk::parse(&jwk.to_string());
    }
}
