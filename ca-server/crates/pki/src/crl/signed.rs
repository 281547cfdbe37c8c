//! A list before and after its signature, in pieces that are never copied together.

use std::sync::Arc;

use super::{CrlEntries, CrlTemplate, encode};
use crate::SignatureAlgorithm;
use crate::key::LongMessage;

/// A TBSCertList: what is signed.
#[derive(Clone, Debug)]
pub struct UnsignedCrl {
    algorithm: SignatureAlgorithm,
    head: Vec<u8>,
    entries: CrlEntries,
    extensions: Vec<u8>,
}

/// A CRL in DER, in pieces of which most belong to the list before it as well.
#[derive(Clone, Debug)]
pub struct SignedCrl {
    pieces: Vec<Arc<Vec<u8>>>,
    entries: CrlEntries,
}

impl UnsignedCrl {
    pub(super) fn new(template: &CrlTemplate, mut entries: CrlEntries) -> Self {
        entries.closed();
        let (head, extensions) = encode::around(template, entries.bytes());
        Self {
            algorithm: template.signature_algorithm,
            head,
            entries,
            extensions,
        }
    }

    /// Hashes the list for its signature. Takes a while with a million entries.
    pub fn hash(&mut self) -> LongMessage {
        let mut pieces = vec![Arc::new(self.head.clone())];
        pieces.extend_from_slice(self.entries.closed());
        pieces.push(Arc::new(self.extensions.clone()));
        LongMessage::new(self.algorithm, pieces)
    }

    /// Returns the TBSCertList in one piece.
    pub fn to_der(&mut self) -> Vec<u8> {
        let bytes = self.bytes();
        let entries = self.entries.closed();
        let pieces = entries.iter().map(|piece| piece.as_slice());
        let pieces = std::iter::once(self.head.as_slice()).chain(pieces);
        let mut der = Vec::with_capacity(bytes);
        pieces
            .chain(std::iter::once(self.extensions.as_slice()))
            .for_each(|piece| der.extend_from_slice(piece));
        der
    }

    /// Puts the signature behind it.
    pub fn signed(mut self, signature: &[u8]) -> SignedCrl {
        let (mut head, tail) = encode::around_signed(self.bytes(), self.algorithm, signature);
        head.append(&mut self.head);
        self.extensions.extend_from_slice(&tail);
        let mut pieces = vec![Arc::new(head)];
        pieces.extend_from_slice(self.entries.closed());
        pieces.push(Arc::new(self.extensions));
        SignedCrl {
            pieces,
            entries: self.entries,
        }
    }

    fn bytes(&self) -> usize {
        self.head.len() + self.entries.bytes() + self.extensions.len()
    }
}

impl SignedCrl {
    /// Returns the CRL's octets in order.
    pub fn pieces(&self) -> &[Arc<Vec<u8>>] {
        &self.pieces
    }

    /// Returns the CRL in one piece.
    pub fn to_der(&self) -> Vec<u8> {
        let pieces: Vec<&[u8]> = self.pieces.iter().map(|piece| piece.as_slice()).collect();
        pieces.concat()
    }

    /// Returns its entries, for the list after it.
    pub fn entries(&self) -> &CrlEntries {
        &self.entries
    }
}
