//! A passphrase split among custodians: any `threshold` of them open the key, fewer learn nothing.
//!
//! Shamir's scheme over GF(2^8) by the `blahaj` crate. A share is typed by humans, so its text is
//! Crockford's base32 in groups of four, and carries the set it belongs to and a checksum.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use blahaj::Sharks;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::Mode;

mod base32;
mod gathering;

pub(crate) use gathering::Gathering;

/// The length of the secret that is split: 256 bits.
pub(crate) const SECRET_BYTES: usize = 32;

/// The random name of the shares that belong together.
pub(crate) type SetId = [u8; 4];

/// One custodian's part of a passphrase.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Share {
    #[zeroize(skip)]
    mode: Mode,
    set: SetId,
    threshold: u8,
    total: u8,
    index: u8,
    value: [u8; SECRET_BYTES],
}

/// Why a share, or what was typed as one, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Letters that are in no share, or too few or too many of them.
    #[error("this is not a share: a share has {SHARE_CHARACTERS} letters and digits, this has {0}")]
    NotAShare(usize),
    /// A character that Crockford's base32 does not have.
    #[error("this is not a share: {0:?} is in no share")]
    Character(char),
    /// The checksum does not fit.
    #[error("the share is mistyped: its checksum does not fit")]
    Mistyped,
    /// A share of another passphrase.
    #[error("the share belongs to set {found}, the first one was of set {expected}")]
    Foreign {
        /// The set of the share.
        found: String,
        /// The set of the shares before.
        expected: String,
    },
    /// The same share again.
    #[error("share {0} was given before")]
    Repeated(u8),
    /// A share that opens a throw-away key only.
    #[error("the share was made in a rehearsal")]
    FromRehearsal,
    /// Too many wrong attempts.
    #[error("too many attempts")]
    TooManyAttempts,
    /// A number of shares or a threshold that cannot be.
    #[error(
        "a passphrase is split into 2 to 16 shares, of which 2 or more, but not more than \
             there are, open it"
    )]
    Numbers,
}

/// Splits `secret`; the shares come in the order of their numbers.
///
/// The coefficients come from `blahaj`'s own generator, which the operating system seeds.
pub(crate) fn split(
    secret: &[u8; SECRET_BYTES],
    set: SetId,
    numbers: Numbers,
    mode: Mode,
) -> Vec<Share> {
    let dealer = Sharks(numbers.threshold);
    let mut shares = Vec::with_capacity(usize::from(numbers.total));
    for dealt in dealer.dealer(secret).take(usize::from(numbers.total)) {
        let bytes = Zeroizing::new(Vec::from(&dealt));
        let Some((index, value)) = bytes.split_first() else {
            continue;
        };
        let mut share = Share {
            mode,
            set,
            threshold: numbers.threshold,
            total: numbers.total,
            index: *index,
            value: [0; SECRET_BYTES],
        };
        share.value.copy_from_slice(value);
        shares.push(share);
    }
    shares
}

/// How many shares there are and how many are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// How many open the key.
    pub(crate) threshold: u8,
    /// How many there are.
    pub(crate) total: u8,
}

impl Numbers {
    /// Checks that the numbers make sense for people.
    pub(crate) fn new(threshold: u8, total: u8) -> Result<Self, ShareError> {
        if !(2..=MAX_SHARES).contains(&total) || !(2..=total).contains(&threshold) {
            return Err(ShareError::Numbers);
        }
        Ok(Self { threshold, total })
    }
}

impl Share {
    /// Reads a share from a file's text or from what a custodian typed.
    ///
    /// Lines of a share file that are for people end in front of the line `share:`.
    pub(crate) fn parse(unverified_text: &str) -> Result<Self, ShareError> {
        let typed = unverified_text
            .rsplit_once(SHARE_LABEL)
            .map_or(unverified_text, |(_, after)| after);
        let octets = Zeroizing::new(base32::decode(typed)?);
        let Ok(octets) = <&[u8; ENCODED_BYTES]>::try_from(octets.as_slice()) else {
            return Err(ShareError::NotAShare(base32::count(typed)));
        };
        Self::from_octets(octets)
    }

    /// Returns the text that a custodian keeps and types: groups of four.
    pub(crate) fn typed_form(&self) -> Zeroizing<String> {
        base32::encode(self.octets().as_slice())
    }

    /// Returns the file that a custodian keeps.
    pub(crate) fn file_text(&self, purpose: &str) -> Zeroizing<String> {
        let typed = self.typed_form();
        Zeroizing::new(format!("{self}\n{purpose}\n\n{SHARE_LABEL}\n{}\n", *typed))
    }

    /// Returns the number of the share, from 1.
    pub(crate) fn index(&self) -> u8 {
        self.index
    }

    /// Returns how many shares are needed and how many there are.
    pub(crate) fn numbers(&self) -> Numbers {
        Numbers {
            threshold: self.threshold,
            total: self.total,
        }
    }

    /// Returns the name of the set.
    pub(crate) fn set_name(&self) -> String {
        set_name(self.set)
    }

    /// Returns whether it comes from a rehearsal.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    fn octets(&self) -> Zeroizing<Vec<u8>> {
        let mut octets = Zeroizing::new(Vec::with_capacity(ENCODED_BYTES));
        octets.push(VERSION);
        octets.push(match self.mode {
            Mode::Real => 0,
            Mode::Rehearsal => 1,
        });
        octets.extend_from_slice(&self.set);
        octets.extend_from_slice(&[self.threshold, self.total, self.index]);
        octets.extend_from_slice(&self.value);
        let sum = checksum(&octets);
        octets.extend_from_slice(&sum);
        octets
    }

    fn from_octets(octets: &[u8; ENCODED_BYTES]) -> Result<Self, ShareError> {
        let (content, sum) = octets.split_at(ENCODED_BYTES - CHECKSUM_BYTES);
        if checksum(content) != sum {
            return Err(ShareError::Mistyped);
        }
        // The checksum covers everything, so what follows only fails for a share that was made up.
        let [
            VERSION,
            mode,
            s0,
            s1,
            s2,
            s3,
            threshold,
            total,
            index,
            value @ ..,
        ] = content
        else {
            return Err(ShareError::Mistyped);
        };
        let mode = match mode {
            0 => Mode::Real,
            1 => Mode::Rehearsal,
            _ => return Err(ShareError::Mistyped),
        };
        let numbers = Numbers::new(*threshold, *total)?;
        if *index == 0 || *index > numbers.total {
            return Err(ShareError::Mistyped);
        }
        Ok(Self {
            mode,
            set: [*s0, *s1, *s2, *s3],
            threshold: numbers.threshold,
            total: numbers.total,
            index: *index,
            value: value.try_into().map_err(|_| ShareError::Mistyped)?,
        })
    }
}

impl fmt::Display for Share {
    /// Writes which share it is, never its value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.mode {
            Mode::Real => "",
            Mode::Rehearsal => "REHEARSAL ",
        };
        write!(
            f,
            "{prefix}share {} of {} of set {}; any {} of them open the key",
            self.index,
            self.total,
            self.set_name(),
            self.threshold
        )
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({self})")
    }
}

/// Returns the name of a set as people compare it.
pub(crate) fn set_name(set: SetId) -> String {
    let [a, b, c, d] = set;
    format!("{a:02X}{b:02X}-{c:02X}{d:02X}")
}

/// Returns the passphrase that the secret stands for: lower-case hex, so that other programs can
/// be given it in an emergency (`openssl pkcs8 -passin stdin`).
pub(crate) fn passphrase(secret: &[u8; SECRET_BYTES]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(SECRET_BYTES * 2));
    for octet in secret {
        for nibble in [octet >> 4, octet & 0xf] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
    for (to, from) in sum.iter_mut().zip(digest(&SHA256, content).as_ref()) {
        *to = *from;
    }
    sum
}

const VERSION: u8 = 1;
const MAX_SHARES: u8 = 16;
const CHECKSUM_BYTES: usize = 4;
/// Version, mode, set, threshold, total, index, value, checksum: 45 octets are 72 characters.
const ENCODED_BYTES: usize = 1 + 1 + 4 + 3 + SECRET_BYTES + CHECKSUM_BYTES;
const SHARE_CHARACTERS: usize = ENCODED_BYTES * 8 / 5;
const SHARE_LABEL: &str = "share:";

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; SECRET_BYTES] = [0xa5; SECRET_BYTES];

    fn dealt(set: SetId) -> Vec<Share> {
        split(&SECRET, set, Numbers::new(3, 5).unwrap(), Mode::Real)
    }

    #[test]
    fn any_three_of_five_recover_the_secret() {
        let shares = dealt([1, 2, 3, 4]);
        for chosen in [[0, 1, 2], [4, 2, 0], [1, 3, 4]] {
            let mut gathering = Gathering::default();
            for place in chosen {
                let typed = shares[place].typed_form();
                gathering.add(Share::parse(&typed).unwrap()).unwrap();
            }

            assert_eq!(gathering.missing(), Some(0));
            assert_eq!(*gathering.recover().unwrap(), SECRET);
        }
    }

    #[test]
    fn two_of_three_needed_recover_nothing() {
        let shares = dealt([1, 2, 3, 4]);
        let mut gathering = Gathering::default();
        gathering.add(shares[0].clone()).unwrap();
        gathering.add(shares[1].clone()).unwrap();

        assert_eq!(gathering.missing(), Some(1));
        assert!(gathering.recover().is_none());
    }

    #[test]
    fn reads_what_people_type() {
        let share = dealt([1, 2, 3, 4]).remove(0);
        let typed = share.typed_form();

        let sloppy = typed
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");

        assert_eq!(typed.len(), 18 * 5 - 1);
        assert_eq!(Share::parse(&sloppy), Ok(share.clone()));
        assert_eq!(
            Share::parse(&share.file_text("Root key: of 2026")),
            Ok(share)
        );
    }

    #[test]
    fn names_a_mistyped_share_at_once() {
        let share = dealt([1, 2, 3, 4]).remove(0);
        let typed = share.typed_form();
        for place in 0..typed.len() {
            let mut wrong: Vec<char> = typed.chars().collect();
            if wrong[place] == '-' {
                continue;
            }
            wrong[place] = if wrong[place] == 'Z' { 'Y' } else { 'Z' };
            let wrong: String = wrong.into_iter().collect();

            assert_eq!(
                Share::parse(&wrong),
                Err(ShareError::Mistyped),
                "at {place}"
            );
        }
        assert_eq!(Share::parse(&typed[..40]), Err(ShareError::NotAShare(32)));
        assert_eq!(Share::parse("U"), Err(ShareError::Character('U')));
    }

    #[test]
    fn refuses_foreign_and_repeated_shares() {
        let mut gathering = Gathering::default();
        gathering.add(dealt([1, 2, 3, 4]).remove(0)).unwrap();

        let foreign = gathering.add(dealt([9, 9, 9, 9]).remove(1));
        let repeated = gathering.add(dealt([1, 2, 3, 4]).remove(0));

        assert!(matches!(foreign, Err(ShareError::Foreign { found, .. }) if found == "0909-0909"));
        assert_eq!(repeated, Err(ShareError::Repeated(1)));
    }

    #[test]
    fn refuses_numbers_that_protect_nothing() {
        for (threshold, total) in [(1, 5), (6, 5), (0, 0), (2, 17)] {
            assert_eq!(Numbers::new(threshold, total), Err(ShareError::Numbers));
        }
    }

    #[test]
    fn shows_no_value_when_printed() {
        let share = dealt([1, 2, 3, 4]).remove(0);

        let shown = format!("{share:?}");

        assert_eq!(
            shown,
            "Share(share 1 of 5 of set 0102-0304; any 3 of them open the key)"
        );
    }
}
