//! Tokens that lose sessions, logins or keys under a running signer.

use std::fs;
use std::time::{Duration, Instant};

use ca_keys::{BreakerPolicy, KeyError, KeyUri, Opener, SignerOptions, SigningKey, TokenKey};
use ca_pki::KeyAlgorithm;
use cryptoki::context::{CInitializeArgs, CInitializeFlags};
use cryptoki::object::Attribute;

use crate::softhsm::{private_keys, with_token};

fn sign(key: &TokenKey) -> Result<(), KeyError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let signature = key.sign_blocking(b"message", deadline)?;
    let public = key.public_key();
    public
        .verify(key.algorithm(), b"message", &signature)
        .expect("the signature should verify");
    Ok(())
}

/// Signs so often that every thread has had its turn.
fn sign_often(key: &TokenKey) {
    for _ in 0..8 {
        sign(key).unwrap();
    }
}

fn opening_after(failures: u32) -> SignerOptions {
    SignerOptions {
        breaker: BreakerPolicy {
            failures,
            first_pause: Duration::from_secs(3600),
            longest_pause: Duration::from_secs(3600),
        },
        ..SignerOptions::default()
    }
}

#[test]
fn signs_again_after_all_sessions_were_closed() {
    let name = "token_faults::signs_again_after_all_sessions_were_closed";
    with_token(name, |token| {
        let key = token.key(&SignerOptions::default());
        sign_often(&key);

        token.module().finalize().unwrap();
        token
            .module()
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
            .unwrap();

        sign_often(&key);
    });
}

#[test]
fn signs_again_after_the_module_was_finalized() {
    let name = "token_faults::signs_again_after_the_module_was_finalized";
    with_token(name, |token| {
        let key = token.key(&SignerOptions::default());
        sign_often(&key);

        token.module().finalize().unwrap();

        sign_often(&key);
    });
}

#[test]
fn signs_again_after_its_token_was_away() {
    let name = "token_faults::signs_again_after_its_token_was_away";
    with_token(name, |token| {
        let key = token.key(&opening_after(u32::MAX));
        sign_often(&key);
        let (here, away) = (token.folder().join("tokens"), token.folder().join("away"));

        fs::rename(&here, &away).unwrap();
        let refused = sign(&key);
        fs::rename(&away, &here).unwrap();

        assert!(refused.is_err(), "there is no token to sign with");
        sign_often(&key);
    });
}

#[test]
fn opens_a_key_whose_token_was_away_when_its_module_looked_for_it() {
    let name = "token_faults::opens_a_key_whose_token_was_away_when_its_module_looked_for_it";
    with_token(name, |token| {
        drop(token.key(&SignerOptions::default()));
        let (here, away) = (token.folder().join("tokens"), token.folder().join("away"));
        let uri = KeyUri::Token(token.uri("ca"));
        let opener = Opener::new(uri, SignerOptions::default());

        token.module().finalize().unwrap();
        fs::rename(&here, &away).unwrap();
        fs::create_dir(&here).unwrap();
        let refused = opener.open().err().map(|error| error.to_string());
        fs::rename(&away, &here).unwrap();
        let opened = opener.open();

        let refused = refused.unwrap_or_default();
        assert!(refused.contains("no such token"), "{refused}");
        assert!(opened.is_ok(), "{:?}", opened.err());
    });
}

#[test]
fn keys_of_one_module_get_over_the_absence_of_their_token_together() {
    let name = "token_faults::keys_of_one_module_get_over_the_absence_of_their_token_together";
    with_token(name, |token| {
        let generate = |object| {
            let options = opening_after(u32::MAX);
            TokenKey::generate(&token.uri(object), KeyAlgorithm::EcP256, &options).unwrap()
        };
        let keys = [generate("one"), generate("two")];
        let (here, away) = (token.folder().join("tokens"), token.folder().join("away"));

        std::thread::scope(|scope| {
            for key in &keys {
                scope.spawn(|| (0..200).for_each(|_| drop(sign(key))));
            }
            for _ in 0..5 {
                fs::rename(&here, &away).unwrap();
                drop(sign(&keys[0]));
                fs::rename(&away, &here).unwrap();
                drop(sign(&keys[1]));
            }
        });

        keys.iter().for_each(sign_often);
    });
}

#[test]
fn signs_again_after_a_logout() {
    with_token("token_faults::signs_again_after_a_logout", |token| {
        let key = token.key(&SignerOptions::default());
        sign_often(&key);

        token.session().logout().unwrap();

        sign_often(&key);
    });
}

#[test]
fn recovers_by_itself_from_logouts_while_many_callers_sign() {
    let name = "token_faults::recovers_by_itself_from_logouts_while_many_callers_sign";
    with_token(name, |token| {
        let key = token.key(&opening_after(u32::MAX));

        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| drop(sign(&key))));
            }
            for _ in 0..5 {
                drop(token.session().logout());
            }
        });

        sign_often(&key);
    });
}

#[test]
fn stops_asking_when_the_key_is_deleted_and_says_so() {
    let name = "token_faults::stops_asking_when_the_key_is_deleted_and_says_so";
    with_token(name, |token| {
        let key = token.key(&opening_after(3));
        let session = token.session();
        for object in private_keys(&session) {
            session.destroy_object(object).unwrap();
        }

        for _ in 0..3 {
            let error = sign(&key).unwrap_err();
            assert!(error.to_string().contains("no private key"), "{error}");
        }
        let error = sign(&key).unwrap_err();

        assert!(
            matches!(error, KeyError::Unavailable { retry_after } if retry_after.as_secs() > 3000)
        );
    });
}

#[test]
fn does_not_sign_with_another_key_that_took_the_place() {
    let name = "token_faults::does_not_sign_with_another_key_that_took_the_place";
    with_token(name, |token| {
        let uri = token.uri_at("token=test-ca;object=ca;id=%01");
        let make = || TokenKey::generate(&uri, KeyAlgorithm::EcP256, &SignerOptions::default());
        let key = make().unwrap();
        let session = token.session();
        for object in session.find_objects(&[Attribute::Id(vec![1])]).unwrap() {
            session.destroy_object(object).unwrap();
        }
        let _other = make().unwrap();

        let error = sign(&key).unwrap_err();

        assert!(error.to_string().contains("another key"), "{error}");
    });
}

#[test]
fn offers_a_refused_pin_once_and_takes_the_right_one_without_a_restart() {
    let name = "token_faults::offers_a_refused_pin_once_and_takes_the_right_one_without_a_restart";
    with_token(name, |token| {
        let pin = token.folder().join("pin");
        let right = fs::read(&pin).unwrap();
        let key = token.key(&opening_after(u32::MAX));
        fs::write(&pin, "0000").unwrap();
        token.module().finalize().unwrap();

        let first = sign(&key).unwrap_err().to_string();
        let second = sign(&key).unwrap_err().to_string();
        fs::write(&pin, right).unwrap();
        sign(&key).unwrap();

        assert!(first.contains("refused the PIN"), "{first}");
        assert!(second.contains("not offered again"), "{second}");
    });
}
