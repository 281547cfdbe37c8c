//! Token keys that must not be opened or made, and what a made one is like.

use std::fs;

use ca_keys::{KeyError, KeyUri, SignerOptions, TokenKey, TokenUri};
use ca_pki::KeyAlgorithm;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType};

use crate::softhsm::{Token, private_keys, with_token};

fn refusal(result: Result<TokenKey, KeyError>) -> KeyError {
    match result {
        Ok(key) => panic!("{key:?} should be refused"),
        Err(error) => error,
    }
}

fn refused_to_open(uri: &TokenUri) -> KeyError {
    refusal(TokenKey::open(uri, &SignerOptions::default()))
}

/// Makes a P-256 pair in which one attribute is not as it should be.
fn make_flawed(token: &Token, object: &str, flaw: Attribute) {
    let name = [
        Attribute::Token(true),
        Attribute::Label(object.into()),
        Attribute::Id(object.into()),
    ];
    let p256 = Attribute::EcParams(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07".to_vec());
    let public = [&name[..], &[p256, Attribute::Verify(true)]].concat();
    let mut private = [
        &name[..],
        &[Attribute::Private(true), Attribute::Sign(true)],
    ]
    .concat();
    private.retain(|attribute| attribute.attribute_type() != flaw.attribute_type());
    private.push(flaw);
    token
        .session()
        .generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)
        .unwrap();
}

#[test]
fn refuses_a_key_that_could_leave_the_token_or_may_not_sign() {
    let name = "token_refusals::refuses_a_key_that_could_leave_the_token_or_may_not_sign";
    with_token(name, |token| {
        for (flaw, word) in [
            (Attribute::Extractable(true), "CKA_EXTRACTABLE"),
            (Attribute::Sensitive(false), "CKA_SENSITIVE"),
            (Attribute::Sign(false), "CKA_SIGN"),
        ] {
            make_flawed(token, word, flaw);

            let error = refused_to_open(&token.uri(word));

            assert!(matches!(error, KeyError::Key(_)));
            assert!(error.to_string().contains(word), "{error}");
        }
    });
}

#[test]
fn refuses_names_that_fit_no_key_no_token_or_two_keys() {
    let name = "token_refusals::refuses_names_that_fit_no_key_no_token_or_two_keys";
    with_token(name, |token| {
        make_flawed(token, "twin", Attribute::Extractable(false));
        make_flawed(token, "twin", Attribute::Extractable(false));

        for (path, word) in [
            ("token=test-ca;object=nobody", "no private key"),
            ("token=elsewhere;object=twin", "no such token"),
            ("token=test-ca;serial=0;object=twin", "no such token"),
            ("token=test-ca;object=twin", "several"),
        ] {
            let error = refused_to_open(&token.uri_at(path));

            assert!(error.to_string().contains(word), "{path}: {error}");
        }
    });
}

#[test]
fn refuses_a_private_key_beside_the_wrong_public_key() {
    let name = "token_refusals::refuses_a_private_key_beside_the_wrong_public_key";
    with_token(name, |token| {
        let id = |id: &str| [Attribute::Id(id.into())];
        make_flawed(token, "one", Attribute::Extractable(false));
        make_flawed(token, "two", Attribute::Extractable(false));
        let session = token.session();
        for (old, new) in [("one", "old"), ("two", "one")] {
            for object in session.find_objects(&id(old)).unwrap() {
                let is_private = private_keys(&session).contains(&object);
                if old == "one" && is_private {
                    continue;
                }
                session.update_attributes(object, &id(new)).unwrap();
            }
        }

        let error = refused_to_open(&token.uri_at("token=test-ca;object=one"));

        assert!(error.to_string().contains("another key's"), "{error}");
    });
}

#[test]
fn refuses_a_wrong_pin_in_clear_words() {
    with_token(
        "token_refusals::refuses_a_wrong_pin_in_clear_words",
        |token| {
            drop(token.key(&SignerOptions::default()));
            token.module().finalize().unwrap();
            fs::write(token.folder().join("pin"), "0000\n").unwrap();

            let error = refused_to_open(&token.uri("ca"));

            assert!(matches!(error, KeyError::Secret(_)), "{error}");
            assert!(error.to_string().contains("refused the PIN"), "{error}");
            assert!(!error.to_string().contains("0000"), "{error}");
        },
    );
}

#[test]
fn refuses_a_uri_without_a_pin_and_one_without_a_module() {
    let name = "token_refusals::refuses_a_uri_without_a_pin_and_one_without_a_module";
    with_token(name, |token| {
        for (query, word) in [
            ("module-path=/usr/lib/softhsm/libsofthsm2.so", "pin-source"),
            ("module-path=nowhere.so", "nowhere.so"),
            ("module-path=pin", "pin"),
        ] {
            let text = format!("pkcs11:token=test-ca;object=ca?{query}");
            let uri = KeyUri::parse(&text, token.folder()).unwrap();

            let error = ca_keys::open(&uri, &SignerOptions::default()).unwrap_err();

            assert!(error.to_string().contains(word), "{query}: {error}");
        }
    });
}

#[test]
fn never_makes_a_key_where_there_is_one() {
    with_token(
        "token_refusals::never_makes_a_key_where_there_is_one",
        |token| {
            let _first = token.key(&SignerOptions::default());

            let error = refusal(TokenKey::generate(
                &token.uri("ca"),
                KeyAlgorithm::EcP384,
                &SignerOptions::default(),
            ));

            assert!(error.to_string().contains("already"), "{error}");
            assert_eq!(private_keys(&token.session()).len(), 1);
        },
    );
}

#[test]
fn makes_keys_that_stay_in_the_token() {
    with_token(
        "token_refusals::makes_keys_that_stay_in_the_token",
        |token| {
            let _key = token.key(&SignerOptions::default());
            let session = token.session();
            let handle = *private_keys(&session).first().unwrap();

            let attributes = session
                .get_attributes(
                    handle,
                    &[
                        AttributeType::AlwaysSensitive,
                        AttributeType::NeverExtractable,
                        AttributeType::Derive,
                        AttributeType::Value,
                    ],
                )
                .unwrap();

            assert_eq!(
                attributes,
                [
                    Attribute::AlwaysSensitive(true),
                    Attribute::NeverExtractable(true),
                    Attribute::Derive(false),
                ]
            );
        },
    );
}
