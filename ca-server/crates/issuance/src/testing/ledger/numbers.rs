//! Revocations in their order.

use std::ops::Bound;

use ca_pki::crl::{CrlEntries, RevocationReason};
use ca_pki::{Serial, Timestamp};

use super::State;
use crate::ledger::{CertificateState, RevocationSpan, Revocations};

impl State {
    /// Gives a revocation the next number.
    pub(super) fn number(&mut self, serial: &Serial) {
        self.epoch += 1;
        self.numbers.insert(self.epoch, serial.clone());
    }

    /// Gives a number to what a test put in as revoked.
    pub(super) fn number_all(&mut self) {
        let revoked = self.certificates.values();
        let revoked = revoked.filter(|record| revocation(record.state).is_some());
        let serials: Vec<Serial> = revoked.map(|record| record.serial.clone()).collect();
        for serial in serials {
            if !self.numbers.values().any(|numbered| *numbered == serial) {
                self.number(&serial);
            }
        }
    }

    pub(super) fn collect(&self, span: RevocationSpan, entries: CrlEntries) -> Revocations {
        let mut found = Revocations {
            entries,
            numbered: 0,
            first: None,
        };
        let numbers = (Bound::Excluded(span.after), Bound::Included(span.through));
        for (number, serial) in self.numbers.range(numbers) {
            found.numbered += 1;
            let Some(record) = self.certificates.get(serial) else {
                continue;
            };
            let Some((at, reason)) = revocation(record.state) else {
                continue;
            };
            if record.validity.not_after >= span.ended_before {
                found.first = found.first.or(Some(*number));
                found.entries.push(serial.as_be_bytes(), at, reason);
            }
        }
        found
    }

    /// Tells whether a certificate of this key was revoked because of it.
    pub(super) fn is_compromised(&self, key_fingerprint: &[u8; 32]) -> bool {
        self.certificates.values().any(|record| {
            let reason = revocation(record.state).map(|(_, reason)| reason);
            record.key_fingerprint == *key_fingerprint
                && reason == Some(RevocationReason::KeyCompromise)
        })
    }
}

fn revocation(state: CertificateState) -> Option<(Timestamp, RevocationReason)> {
    match state {
        CertificateState::Revoked { at, reason } => Some((at, reason)),
        CertificateState::Burned { at } => Some((at, RevocationReason::Unspecified)),
        CertificateState::Intended | CertificateState::Valid => None,
    }
}
