//! Tokens damaged at random: none is taken, none is answered with a panic.

use std::sync::LazyLock;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::testing::signing_input;

struct Place {
    runtime: Runtime,
    provider: Arc<Provider>,
    token: String,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let issuer = issuer();
    Place {
        runtime: tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime"),
        provider: provider(&issuer),
        token: issuer.token(&claims(&issuer)),
    }
});

fn is_taken(token: &str) -> bool {
    let verified = PLACE.provider.verify(token, NOW);
    PLACE.runtime.block_on(verified).is_ok()
}

proptest! {
    #[test]
    fn takes_no_token_of_which_a_character_was_changed(
        at in any::<prop::sample::Index>(),
        other in "[A-Za-z0-9_.=+/ -]",
    ) {
        let mut token = PLACE.token.clone();
        let at = at.index(token.len());
        prop_assume!(token.get(at..=at) != Some(other.as_str()));
        token.replace_range(at..=at, &other);

        prop_assert!(is_taken(&PLACE.token));
        prop_assert!(!is_taken(&token), "{}", token);
    }

    #[test]
    fn takes_no_token_that_was_cut_or_grew(
        at in any::<prop::sample::Index>(),
        more in "[A-Za-z0-9_.-]{1,8}",
    ) {
        let token = &PLACE.token;
        let (start, end) = token.split_at(at.index(token.len()));
        let grown = format!("{start}{more}{end}");

        prop_assert!(!is_taken(start));
        prop_assert!(!is_taken(&grown), "{}", grown);
    }

    #[test]
    fn takes_no_text(text in "\\PC{0,200}") {
        prop_assert!(!is_taken(&text));
    }

    #[test]
    fn takes_no_parts_of_any_json(header in "[\\[{\"a-z:,}\\]0-9]{0,40}", payload in "[\\[{\"a-z:,}\\]0-9]{0,40}") {
        let token = format!("{}.AAAA", signing_input(&header, &payload));

        prop_assert!(!is_taken(&token), "{}", token);
    }
}
