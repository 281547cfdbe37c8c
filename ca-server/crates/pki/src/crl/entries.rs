//! Entries in DER, in pieces that one list shares with the next.
//!
//! A list of a million entries is 40 MB. The next list is the same and one entry more, so it
//! takes the pieces as they are and puts a small one behind them.

use std::sync::Arc;

use super::{RevocationReason, RevokedCertificate, encode};
use crate::Timestamp;
use crate::tlv::{MAX_TIME_BYTES, push_time};

/// The entries of a CRL (RFC 5280 §5.1.2.6), already encoded. A clone shares what is there.
#[derive(Clone, Debug, Default)]
pub struct CrlEntries {
    /// Whole entries, never changed again; each at least twice as long as the next.
    pieces: Vec<Arc<Vec<u8>>>,
    /// What was added since.
    open: Vec<u8>,
    bytes: usize,
    count: usize,
    /// The last date written: revocations come in bursts.
    date: Option<(Timestamp, Vec<u8>)>,
}

impl CrlEntries {
    /// Adds an entry; `serial` is big-endian and has no leading zeros.
    pub fn push(&mut self, serial: &[u8], revoked_at: Timestamp, reason: RevocationReason) {
        let before = self.open.len();
        let date = match self.date.take() {
            Some((moment, date)) if moment == revoked_at => date,
            Some(_) | None => encoded_date(revoked_at),
        };
        encode::push_entry(&mut self.open, serial, &date, reason);
        self.date = Some((revoked_at, date));
        self.bytes += self.open.len() - before;
        self.count += 1;
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns how many octets they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Closes the open end and returns every piece.
    ///
    /// Short pieces are joined, so that there are never more than the binary digits of the
    /// list's length, and an entry is copied as often at most.
    pub(super) fn closed(&mut self) -> &[Arc<Vec<u8>>] {
        let mut last = std::mem::take(&mut self.open);
        if last.is_empty() {
            return &self.pieces;
        }
        while let Some(piece) = self.pieces.pop_if(|piece| piece.len() < 2 * last.len()) {
            last = [piece.as_slice(), &last].concat();
        }
        last.shrink_to_fit();
        self.pieces.push(Arc::new(last));
        &self.pieces
    }
}

impl<'a> Extend<&'a RevokedCertificate> for CrlEntries {
    fn extend<I: IntoIterator<Item = &'a RevokedCertificate>>(&mut self, revoked: I) {
        for entry in revoked {
            self.push(entry.serial.as_be_bytes(), entry.revoked_at, entry.reason);
        }
    }
}

fn encoded_date(moment: Timestamp) -> Vec<u8> {
    let mut date = Vec::with_capacity(MAX_TIME_BYTES);
    push_time(&mut date, moment);
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(entries: &mut CrlEntries, number: u32) {
        let at = Timestamp::from_unix_secs(1_795_305_120);
        entries.push(&number.to_be_bytes(), at, RevocationReason::Superseded);
    }

    fn octets(entries: &mut CrlEntries) -> Vec<u8> {
        entries
            .closed()
            .iter()
            .flat_map(|piece| piece.to_vec())
            .collect()
    }

    #[test]
    fn says_the_same_in_however_many_pieces() {
        let (mut piecemeal, mut at_once) = (CrlEntries::default(), CrlEntries::default());
        for number in 0x0100_0000..0x0100_1000 {
            add(&mut at_once, number);
            add(&mut piecemeal, number);
            piecemeal.closed();
        }

        assert!(piecemeal.pieces.len() <= 13, "{}", piecemeal.pieces.len());
        assert_eq!(octets(&mut piecemeal), octets(&mut at_once));
        assert_eq!(
            (piecemeal.len(), piecemeal.bytes()),
            (at_once.len(), at_once.bytes())
        );
    }

    #[test]
    fn shares_the_long_piece_with_the_next_list() {
        let mut before = CrlEntries::default();
        (0x0100_0000..0x0100_1000).for_each(|number| add(&mut before, number));
        before.closed();

        let mut after = before.clone();
        add(&mut after, 0x0200_0000);

        let shared = after.closed().first().map(Arc::as_ptr);
        assert_eq!(shared, before.pieces.first().map(Arc::as_ptr));
        assert_eq!((before.len(), after.len()), (0x1000, 0x1001));
    }
}
