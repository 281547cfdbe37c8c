//! Tokens for single use.

use std::sync::Arc;

use super::{Remembering, on_every_store};
use crate::bench::{HOUR, START, fifty};

on_every_store!(
    a_token_is_used_once_however_many_bring_it,
    tells_tokens_and_providers_apart,
);

async fn a_token_is_used_once_however_many_bring_it(bench: Remembering) {
    let first = fifty(|_| {
        let store = Arc::clone(&bench.store);
        async move {
            let using = store.use_token("gitlab", "jti", START.plus(HOUR));
            using.await.unwrap()
        }
    })
    .await;

    assert_eq!(first.iter().filter(|one| **one).count(), 1);
    let later = bench.store.use_token("gitlab", "jti", START.plus(HOUR * 9));
    assert!(!later.await.unwrap());
}

async fn tells_tokens_and_providers_apart(bench: Remembering) {
    let long = "x".repeat(100_000);
    let longer = format!("{long}y");
    let tokens = [
        ("gitlab", "jti"),
        ("github", "jti"),
        ("gitlab", "JTI"),
        ("gitlab", ""),
        ("gitlab", "jti\0"),
        ("gitlab", &long),
        ("gitlab", &longer),
    ];

    for (provider, id) in tokens {
        let first = bench.store.use_token(provider, id, START).await.unwrap();
        let again = bench.store.use_token(provider, id, START).await.unwrap();
        assert!(first, "{provider} {id:.9}");
        assert!(!again, "{provider} {id:.9}");
    }
}
