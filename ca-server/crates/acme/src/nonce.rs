//! Nonces that no server has to remember until they come back (RFC 8555 §6.5).
//!
//! A nonce carries its own end and a MAC under a key that all servers share, so that any of them,
//! restarted or not, knows it as good. Only redeemed ones are remembered, until they end.
//!
//! Layout: version (1 octet), end in Unix seconds (4), random (16), truncated HMAC-SHA256 (16).

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::Entropy;
use ca_issuance::world::NoEntropy;
use ca_pki::Timestamp;
use subtle::ConstantTimeEq;

use crate::acme::Acme;
use crate::{Error, Problem, ProblemKind};

/// Makes and recognises nonces.
pub(crate) struct Nonces {
    key: hmac::Key,
}

/// A nonce that is ours and has not ended; whether it was redeemed only the store knows.
pub(crate) struct GoodNonce {
    text: String,
    expires_at: Timestamp,
}

impl Nonces {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    pub(crate) fn issue(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<String, NoEntropy> {
        let mut random = [0; RANDOM_BYTES];
        entropy.fill(&mut random)?;
        let end = u32::try_from(now.plus(LIFETIME).unix_secs()).unwrap_or(u32::MAX);
        let mut octets = Vec::with_capacity(BODY_BYTES + MAC_BYTES);
        octets.push(VERSION);
        octets.extend_from_slice(&end.to_be_bytes());
        octets.extend_from_slice(&random);
        let mac = self.mac(&octets);
        octets.extend_from_slice(&mac);
        Ok(URL_SAFE_NO_PAD.encode(octets))
    }

    /// Recognises a nonce. Text that is not base64url is malformed (RFC 8555 §6.5.2).
    pub(crate) fn recognise(
        &self,
        unverified: Option<&str>,
        now: Timestamp,
    ) -> Result<GoodNonce, Error> {
        let Some(text) = unverified else {
            return Err(refused("the protected header has no nonce"));
        };
        let Ok(octets) = URL_SAFE_NO_PAD.decode(text) else {
            return Err(Error::malformed("the nonce is not base64url"));
        };
        let expires_at = self
            .open(&octets)
            .ok_or_else(|| refused("the nonce is not one of this server"))?;
        if expires_at < now {
            return Err(refused("the nonce is too old"));
        }
        // Else one that was made while a clock was years ahead would be good for years.
        if expires_at > now.plus(LIFETIME).plus(NONCE_OUTLASTS) {
            return Err(refused("the nonce is of another time"));
        }
        Ok(GoodNonce {
            text: text.to_owned(),
            expires_at,
        })
    }

    /// Returns the end of a nonce whose MAC is right.
    fn open(&self, octets: &[u8]) -> Option<Timestamp> {
        let (body, mac) = octets.split_at_checked(BODY_BYTES)?;
        if !bool::from(self.mac(body).as_slice().ct_eq(mac)) {
            return None;
        }
        let (version, rest) = body.split_first()?;
        let (end, _random) = rest.split_first_chunk::<4>()?;
        (*version == VERSION)
            .then(|| Timestamp::from_unix_secs(i64::from(u32::from_be_bytes(*end))))
    }

    fn mac(&self, body: &[u8]) -> Vec<u8> {
        let mut mac = hmac::sign(&self.key, body).as_ref().to_vec();
        mac.truncate(MAC_BYTES);
        mac
    }
}

impl Acme {
    /// Spends the nonce: fails for all but the first of whoever presents it.
    pub(crate) async fn redeem(&self, nonce: GoodNonce) -> Result<(), Error> {
        if self
            .store
            .redeem_nonce(&nonce.text, nonce.expires_at)
            .await?
        {
            return Ok(());
        }
        Err(refused("the nonce was used before"))
    }
}

fn refused(detail: &str) -> Error {
    Problem::new(ProblemKind::BadNonce, detail).into()
}

const VERSION: u8 = 1;
const RANDOM_BYTES: usize = 16;
const BODY_BYTES: usize = 1 + 4 + RANDOM_BYTES;
const MAC_BYTES: usize = 16;

/// Long enough for a client that holds one while its operator sets up a DNS record; short enough
/// that the redeemed ones, which are kept until they end, stay few.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// For how long after its end a nonce may come to count as good again: a clock may be set back by
/// so much, or be behind another server's, or both together.
///
/// Nonces of before survive that, so that clients notice nothing, and a store remembers redeemed
/// ones for so much longer: 75 minutes at most, which bounds that memory by the rate of requests.
/// A clock that is set back by more makes the newest nonces those of another time.
pub const NONCE_OUTLASTS: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use ca_issuance::world::SystemEntropy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_800_000_000);

    fn kind_of(result: Result<GoodNonce, Error>) -> Option<ProblemKind> {
        match result {
            Err(Error::Refused(problem)) => Some(problem.kind),
            Ok(_) => None,
            Err(other) => panic!("not a refusal: {other}"),
        }
    }

    #[test]
    fn recognises_its_own_nonce_on_any_server_with_the_key() {
        let nonce = Nonces::new(&[7; 32])
            .issue(NOW, &SystemEntropy::default())
            .unwrap();

        let recognised = Nonces::new(&[7; 32]).recognise(Some(&nonce), NOW.plus(LIFETIME));

        assert_eq!(kind_of(recognised), None);
    }

    #[test]
    fn refuses_a_nonce_past_its_end() {
        let nonces = Nonces::new(&[7; 32]);
        let nonce = nonces.issue(NOW, &SystemEntropy::default()).unwrap();
        let late = NOW.plus(LIFETIME).plus(Duration::from_secs(1));

        assert_eq!(
            kind_of(nonces.recognise(Some(&nonce), late)),
            Some(ProblemKind::BadNonce)
        );
    }

    #[test]
    fn refuses_a_nonce_that_was_made_while_the_clock_was_ahead() {
        let nonces = Nonces::new(&[7; 32]);
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        let ahead = nonces
            .issue(NOW.plus(year), &SystemEntropy::default())
            .unwrap();

        assert_eq!(
            kind_of(nonces.recognise(Some(&ahead), NOW)),
            Some(ProblemKind::BadNonce)
        );
    }

    #[test]
    fn recognises_a_nonce_after_its_clock_was_set_back_by_minutes() {
        let nonces = Nonces::new(&[7; 32]);
        let minute = Duration::from_secs(60);
        let nonce = nonces.issue(NOW, &SystemEntropy::default()).unwrap();

        for (set_back, expected) in [(15, None), (16, Some(ProblemKind::BadNonce))] {
            let recognised = nonces.recognise(Some(&nonce), NOW.minus(minute * set_back));

            assert_eq!(kind_of(recognised), expected, "{set_back} minutes");
        }
    }

    #[test]
    fn refuses_a_nonce_with_any_octet_changed() {
        let nonces = Nonces::new(&[7; 32]);
        let nonce = nonces.issue(NOW, &SystemEntropy::default()).unwrap();
        let octets = URL_SAFE_NO_PAD.decode(nonce).unwrap();

        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            let text = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(
                kind_of(nonces.recognise(Some(&text), NOW)),
                Some(ProblemKind::BadNonce),
                "octet {at}"
            );
        }
    }

    #[test]
    fn a_nonce_has_one_spelling() {
        let nonces = Nonces::new(&[7; 32]);
        let nonce = nonces.issue(NOW, &SystemEntropy::default()).unwrap();
        let (most, last) = nonce.split_at(nonce.len() - 1);

        for other in ('A'..='Z').chain('a'..='z').chain('0'..='9') {
            if last != other.to_string() {
                let text = format!("{most}{other}");
                assert!(nonces.recognise(Some(&text), NOW).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn tells_what_is_no_nonce_from_what_is_not_base64url() {
        let nonces = Nonces::new(&[7; 32]);
        let cases = [
            (None, ProblemKind::BadNonce),
            (Some(""), ProblemKind::BadNonce),
            (Some("AAAA"), ProblemKind::BadNonce),
            (Some("AAAA="), ProblemKind::Malformed),
            (Some("a+b/"), ProblemKind::Malformed),
            (Some("white space"), ProblemKind::Malformed),
            (Some("ümlaut"), ProblemKind::Malformed),
        ];

        for (text, expected) in cases {
            assert_eq!(
                kind_of(nonces.recognise(text, NOW)),
                Some(expected),
                "{text:?}"
            );
        }
    }
}
