//! What every `SigningKey` promises.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use ca_keys::{KeyError, KeyUri, SignerOptions, SigningKey, SoftwareKey, TokenKey};
use ca_pki::KeyAlgorithm;
use tokio::runtime::{Builder, Runtime};

use crate::softhsm::{PIN_VARIABLE, with_token};

/// Holds a key to the contract.
fn holds_the_contract(key: &Arc<dyn SigningKey>) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    signs_what_its_public_key_verifies(key, &runtime);
    signs_for_many_callers_at_once(key, &runtime);
    refuses_a_deadline_that_has_passed(key, &runtime);
    takes_no_harm_from_a_caller_who_leaves(key, &runtime);
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn signs_what_its_public_key_verifies(key: &Arc<dyn SigningKey>, runtime: &Runtime) {
    for message in [&b""[..], b"to be signed", &[0x5a; 100_000]] {
        let awaited = runtime.block_on(key.sign(message, later())).unwrap();
        let blocking = key.sign_blocking(message, later()).unwrap();

        for signature in [awaited, blocking] {
            let verify = |message| {
                key.public_key()
                    .verify(key.algorithm(), message, &signature)
            };
            verify(message).unwrap();
            verify(b"another message").unwrap_err();
        }
    }
}

fn signs_for_many_callers_at_once(key: &Arc<dyn SigningKey>, runtime: &Runtime) {
    let call = |number: u32| {
        let key = Arc::clone(key);
        runtime.spawn(async move {
            let message = number.to_be_bytes();
            let signature = key.sign(&message, later()).await.unwrap();
            let public = key.public_key();
            public
                .verify(key.algorithm(), &message, &signature)
                .unwrap();
        })
    };

    let callers: Vec<_> = (0..100).map(call).collect();

    for caller in callers {
        runtime.block_on(caller).unwrap();
    }
}

fn refuses_a_deadline_that_has_passed(key: &Arc<dyn SigningKey>, runtime: &Runtime) {
    let past = Instant::now();

    let awaited = runtime.block_on(key.sign(b"late", past));
    let blocking = key.sign_blocking(b"late", past);

    assert!(matches!(awaited, Err(KeyError::DeadlineExceeded)));
    assert!(matches!(blocking, Err(KeyError::DeadlineExceeded)));
}

fn takes_no_harm_from_a_caller_who_leaves(key: &Arc<dyn SigningKey>, runtime: &Runtime) {
    runtime.block_on(async {
        for _ in 0..20 {
            let mut signing = key.sign(b"never mind", later());
            poll_fn(|context| Poll::Ready(signing.as_mut().poll(context).is_ready())).await;
        }

        key.sign(b"still here", later()).await.unwrap();
    });
}

#[test]
fn software_keys_hold_the_contract() {
    for algorithm in [
        KeyAlgorithm::EcP256,
        KeyAlgorithm::EcP384,
        KeyAlgorithm::EcP521,
        KeyAlgorithm::Ed25519,
        KeyAlgorithm::Rsa { bits: 2048 },
    ] {
        let key: Arc<dyn SigningKey> = Arc::new(SoftwareKey::generate(algorithm).unwrap());

        assert_eq!(key.public_key().algorithm(), algorithm);
        holds_the_contract(&key);
    }
}

#[test]
fn file_keys_hold_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let uri = KeyUri::parse("file:ca.key", folder.path()).unwrap();

    let made = ca_keys::generate(&uri, KeyAlgorithm::EcP384, &SignerOptions::default()).unwrap();
    let opened = ca_keys::open(&uri, &SignerOptions::default()).unwrap();

    assert_eq!(made.public_key(), opened.public_key());
    holds_the_contract(&opened);
}

#[test]
fn token_keys_hold_the_contract() {
    with_token("contract::token_keys_hold_the_contract", |token| {
        for algorithm in [
            KeyAlgorithm::EcP256,
            KeyAlgorithm::EcP384,
            KeyAlgorithm::EcP521,
            KeyAlgorithm::Rsa { bits: 2048 },
        ] {
            let uri = KeyUri::Token(token.uri(&algorithm.to_string()));
            let options = SignerOptions::default();

            let made = ca_keys::generate(&uri, algorithm, &options).unwrap();
            let opened = ca_keys::open(&uri, &options).unwrap();

            assert_eq!(opened.public_key().algorithm(), algorithm);
            assert_eq!(made.public_key(), opened.public_key());
            holds_the_contract(&opened);
        }
    });
}

#[test]
fn token_keys_of_one_token_are_open_side_by_side() {
    with_token(
        "contract::token_keys_of_one_token_are_open_side_by_side",
        |token| {
            let open = |object| {
                let made = TokenKey::generate(
                    &token.uri(object),
                    KeyAlgorithm::EcP256,
                    &SignerOptions::default(),
                );
                let key: Arc<dyn SigningKey> = Arc::new(made.unwrap());
                key
            };
            let (first, second) = (open("first"), open("second"));

            holds_the_contract(&first);
            drop(first);

            holds_the_contract(&second);
        },
    );
}

#[test]
fn token_keys_take_their_pin_from_the_environment() {
    let name = "contract::token_keys_take_their_pin_from_the_environment";
    with_token(name, |token| {
        let text = format!(
            "pkcs11:token=test-ca;object=ca?module-path=/usr/lib/softhsm/libsofthsm2.so\
             &pin-source=env:{PIN_VARIABLE}"
        );
        let uri = KeyUri::parse(&text, token.folder()).unwrap();

        let made = ca_keys::generate(&uri, KeyAlgorithm::EcP256, &SignerOptions::default());

        made.unwrap();
    });
}
