//! Token keys that must not be opened or made, and what a made one is like.

use std::fs;

use ca_keys::{KeyError, KeyUri, SignerOptions, TokenKey, TokenUri};
use ca_pki::KeyAlgorithm;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::Session;

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

/// Makes a P-256 pair that is fit for a CA but for one attribute.
fn make_pair(token: &Token, object: &str, special: Attribute) {
    let name = [
        Attribute::Token(true),
        Attribute::Label(object.into()),
        Attribute::Id(object.into()),
    ];
    let p256 = Attribute::EcParams(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07".to_vec());
    let public = [&name[..], &[p256, Attribute::Verify(true)]].concat();
    let fit = [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    let mut private = [&name[..], &fit].concat();
    private.retain(|attribute| attribute.attribute_type() != special.attribute_type());
    private.push(special);
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
            make_pair(token, word, flaw);

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
        make_pair(token, "twin", Attribute::Extractable(false));
        make_pair(token, "twin", Attribute::Extractable(false));

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

/// Gives the public key of `two` the CKA_ID of `one`.
fn misplace_public_key(session: &Session) {
    for (id, new_id) in [("one", "neither"), ("two", "one")] {
        let public = [
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::Id(id.into()),
        ];
        for object in session.find_objects(&public).unwrap() {
            session
                .update_attributes(object, &[Attribute::Id(new_id.into())])
                .unwrap();
        }
    }
}

#[test]
fn refuses_a_private_key_beside_the_wrong_public_key() {
    let name = "token_refusals::refuses_a_private_key_beside_the_wrong_public_key";
    with_token(name, |token| {
        make_pair(token, "one", Attribute::Sign(true));
        make_pair(token, "two", Attribute::Sign(true));
        misplace_public_key(&token.session());

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
