//! What surrounds a request: JWS, media type, size (RFC 8555 §6.1 to §6.4).

use ca_tests::acme::{AccountKey, KeyKind, Post, base64url};
use ca_tests::{RawAcme, TestCa};
use serde_json::{Value, json};

use crate::CA;

/// One way to get a request wrong, and what it must be answered with.
struct Clause {
    says: &'static str,
    spoil: for<'a> fn(Post<'a>) -> Post<'a>,
    status: u16,
    problem: &'static str,
}

#[tokio::test]
async fn refuses_each_way_to_get_a_request_wrong() {
    let client = RawAcme::registered(&CA).await;
    let mut wrong = Vec::new();

    for clause in CLAUSES {
        let answer = (clause.spoil)(order(&client)).send().await;
        let got = (answer.status, answer.problem());
        if got != (clause.status, clause.problem.to_owned()) {
            wrong.push(format!("{}: {got:?} {}", clause.says, answer.text()));
        }
        if answer.header("replay-nonce").is_none() {
            wrong.push(format!("{}: no nonce", clause.says));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn accepts_every_kind_of_account_key() {
    for kind in [
        KeyKind::Es256,
        KeyKind::Es384,
        KeyKind::Es512,
        KeyKind::Rs256,
        KeyKind::EdDsa,
    ] {
        let mut client = RawAcme::at(&CA, "default", AccountKey::generate(kind)).await;

        client.register(json!({})).await.expect_status(201);

        let answer = client.new_order(&["key.example.internal"]).await;
        assert_eq!(answer.status, 201, "{kind:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn lists_its_algorithms_where_one_is_refused() {
    let client = RawAcme::registered(&CA).await;

    let answer = order(&client).protected("alg", "ES256K").send().await;

    let answer = answer.expect_problem(400, "badSignatureAlgorithm");
    let algorithms = answer.json()["algorithms"].clone();
    assert_eq!(
        algorithms,
        json!(["ES256", "ES384", "ES512", "RS256", "EdDSA"])
    );
}

#[tokio::test]
async fn refuses_weak_and_foreign_account_keys() {
    let client = RawAcme::new(&CA).await;
    let small_rsa = json!({ "kty": "RSA", "e": "AQAB", "n": base64url(&[0xc1; 128]) });
    let off_the_curve = json!({
        "kty": "EC", "crv": "P-256", "x": base64url(&[1; 32]), "y": base64url(&[1; 32]),
    });
    let unknown_curve = json!({
        "kty": "EC", "crv": "secp256k1", "x": base64url(&[1; 32]), "y": base64url(&[1; 32]),
    });
    let symmetric = json!({ "kty": "oct", "k": base64url(&[1; 32]) });

    for (jwk, algorithm) in [
        (small_rsa, "RS256"),
        (off_the_curve, "ES256"),
        (unknown_curve, "ES256"),
        (symmetric, "ES256"),
    ] {
        let answer = client
            .post(&client.url("newAccount"), &json!({}))
            .protected("jwk", jwk.clone())
            .protected("alg", algorithm)
            .send()
            .await;

        assert_eq!(answer.status, 400, "{jwk}: {}", answer.text());
        let kind = answer.problem();
        assert!(
            ["badPublicKey", "malformed", "badSignatureAlgorithm"].contains(&kind.as_str()),
            "{jwk}: {kind}"
        );
    }
}

#[tokio::test]
async fn refuses_a_signature_by_another_key() {
    let client = RawAcme::registered(&CA).await;
    let stranger = AccountKey::generate(KeyKind::Es256);

    let answer = order(&client).signed_by(&stranger).send().await;

    assert!(
        [400, 401, 403].contains(&answer.status),
        "{}",
        answer.text()
    );
    assert!(["malformed", "unauthorized"].contains(&answer.problem().as_str()));
}

#[tokio::test]
async fn takes_the_signed_url_with_its_query() {
    let client = RawAcme::registered(&CA).await;
    let url = client.url("newOrder");

    let signed_without = order(&client).to(&format!("{url}?x=1")).send().await;

    signed_without.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn ignores_the_host_header() {
    let client = RawAcme::registered(&CA).await;

    let answer = order(&client).header("host", "evil.example").send().await;

    let answer = answer.expect_status(201);
    let location = answer.header("location").unwrap();
    assert!(location.starts_with(&CA.external_url()), "{location}");
}

#[tokio::test]
async fn takes_media_types_with_parameters_and_in_any_case() {
    let client = RawAcme::registered(&CA).await;

    for media_type in [
        "application/jose+json",
        "application/jose+json; charset=utf-8",
        "Application/JOSE+JSON",
    ] {
        let answer = order(&client).content_type(Some(media_type)).send().await;

        assert_eq!(answer.status, 201, "{media_type}: {}", answer.text());
    }
}

#[tokio::test]
async fn ignores_what_the_client_would_accept() {
    let client = RawAcme::registered(&CA).await;

    let answer = order(&client).header("accept", "image/png").send().await;

    answer.expect_status(201);
}

fn order<'a>(client: &'a RawAcme<'a>) -> Post<'a> {
    let payload = json!({ "identifiers": [{ "type": "dns", "value": "a.example.internal" }] });
    client.post(&client.url("newOrder"), &payload)
}

fn account_url(ca: &TestCa, directory: &str) -> String {
    format!("{}/acme/{directory}/account/nobody", ca.external_url())
}

const CLAUSES: &[Clause] = &[
    Clause {
        says: "§6.2: alg is there",
        spoil: |post| post.protected("alg", Value::Null),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: alg is not none",
        spoil: |post| {
            post.protected("alg", "none")
                .alter(|jws| jws["signature"] = json!(""))
        },
        status: 400,
        problem: "badSignatureAlgorithm",
    },
    Clause {
        says: "§6.2: alg is no MAC",
        spoil: |post| post.protected("alg", "HS256"),
        status: 400,
        problem: "badSignatureAlgorithm",
    },
    Clause {
        says: "§6.2: alg fits the key",
        spoil: |post| post.protected("alg", "RS256"),
        status: 400,
        problem: "badSignatureAlgorithm",
    },
    Clause {
        says: "§6.2: alg fits the curve",
        spoil: |post| post.protected("alg", "ES384"),
        status: 400,
        problem: "badSignatureAlgorithm",
    },
    Clause {
        says: "§6.2: jwk and kid exclude each other",
        spoil: |post| {
            let jwk = AccountKey::generate(KeyKind::Es256).jwk();
            post.protected("jwk", jwk)
        },
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: one of jwk and kid is there",
        spoil: |post| post.protected("kid", Value::Null),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: an account's requests have a kid",
        spoil: |post| post.with_jwk(),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: kid is a string",
        spoil: |post| post.protected("kid", json!(["a"])),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: kid is an account",
        spoil: |post| post.protected("kid", account_url(&CA, "default")),
        status: 400,
        problem: "accountDoesNotExist",
    },
    Clause {
        says: "§6.2: kid is an account of this directory",
        spoil: |post| post.protected("kid", account_url(&CA, "narrow")),
        status: 400,
        problem: "accountDoesNotExist",
    },
    Clause {
        says: "§6.2: kid is one of our URLs",
        spoil: |post| post.protected("kid", "https://elsewhere.example/acme/default/account/1"),
        status: 400,
        problem: "accountDoesNotExist",
    },
    Clause {
        says: "§6.4: url is there",
        spoil: |post| post.protected("url", Value::Null),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.4: url is the request's",
        spoil: |post| post.protected("url", "https://elsewhere.example/acme/default/new-order"),
        status: 401,
        problem: "unauthorized",
    },
    Clause {
        says: "§6.4: url is the request's, its end too",
        spoil: |post| {
            let url = format!("{}/acme/default/new-order/", CA.external_url());
            post.protected("url", url)
        },
        status: 401,
        problem: "unauthorized",
    },
    Clause {
        says: "§6.5: a nonce is there",
        spoil: |post| post.protected("nonce", Value::Null),
        status: 400,
        problem: "badNonce",
    },
    Clause {
        says: "§6.5: the nonce is ours",
        spoil: |post| post.protected("nonce", base64url(&[7; 32])),
        status: 400,
        problem: "badNonce",
    },
    Clause {
        says: "§6.5: the nonce is a string",
        spoil: |post| post.protected("nonce", 7),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "RFC 7515 §4.1.11: no extension is critical",
        spoil: |post| {
            post.protected("crit", json!(["b64"]))
                .protected("b64", false)
        },
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: no unprotected header",
        spoil: |post| post.alter(|jws| jws["header"] = json!({ "kid": "a" })),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: flattened, not general",
        spoil: |post| {
            post.alter(|jws| {
                *jws = json!({
                    "payload": jws["payload"],
                    "signatures": [{ "protected": jws["protected"], "signature": jws["signature"] }],
                });
            })
        },
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: no compact form",
        spoil: |post| post.body("e30.e30.AAAA"),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "§6.1: base64url without padding",
        spoil: |post| {
            post.alter(|jws| {
                let padded = format!("{}==", jws["signature"].as_str().unwrap());
                jws["signature"] = json!(padded);
            })
        },
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "RFC 7515 §5.2: the protected header is base64url",
        spoil: |post| post.alter(|jws| jws["protected"] = json!("{}")),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "RFC 7515 §5.2: the protected header is JSON",
        spoil: |post| post.alter(|jws| jws["protected"] = json!(base64url(b"not json"))),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "RFC 7515 §4: header names are unique",
        spoil: |post| {
            post.alter(|jws| {
                jws["protected"] = json!(base64url(br#"{"alg":"ES256","alg":"none"}"#));
            })
        },
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the payload is there",
        spoil: |post| {
            post.alter(|jws| {
                jws.as_object_mut().unwrap().remove("payload");
            })
        },
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the signature is there",
        spoil: |post| {
            post.alter(|jws| {
                jws.as_object_mut().unwrap().remove("signature");
            })
        },
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the payload is JSON",
        spoil: |post| post.payload("identifiers=a"),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the payload is an object",
        spoil: |post| post.payload("[]"),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the payload is UTF-8",
        spoil: |post| post.payload([b'{', 0xff, b'}']),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "newOrder has a payload",
        spoil: |post| post.payload(""),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the body is a JWS",
        spoil: |post| post.body(""),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the body is one JSON object",
        spoil: |post| post.body("{}{}"),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the body is not nested without end",
        spoil: |post| post.body("[".repeat(60_000)),
        status: 400,
        problem: "malformed",
    },
    Clause {
        says: "the body has an end",
        spoil: |post| post.body(vec![b'{'; 1 << 20]),
        status: 413,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: the media type is application/jose+json",
        spoil: |post| post.content_type(Some("application/json")),
        status: 415,
        problem: "malformed",
    },
    Clause {
        says: "§6.2: there is a media type",
        spoil: |post| post.content_type(None),
        status: 415,
        problem: "malformed",
    },
];
