//! Shares come back one after the other, until they are enough.

use blahaj::Sharks;
use zeroize::Zeroizing;

use super::{SECRET_BYTES, Share, ShareError};

/// Shares that fit together, gathered one after the other.
#[derive(Default)]
pub(crate) struct Gathering {
    shares: Vec<Share>,
}

impl Gathering {
    /// Takes one more share; it must fit those before.
    pub(crate) fn add(&mut self, share: Share) -> Result<(), ShareError> {
        let stranger =
            |first: &&Share| (share.set, share.numbers()) != (first.set, first.numbers());
        if let Some(first) = self.shares.first().filter(stranger) {
            return Err(ShareError::Foreign {
                found: share.set_name(),
                expected: first.set_name(),
            });
        }
        if self.shares.iter().any(|other| other.index == share.index) {
            return Err(ShareError::Repeated(share.index));
        }
        self.shares.push(share);
        Ok(())
    }

    /// Returns how many more are needed; `None` before the first.
    pub(crate) fn missing(&self) -> Option<usize> {
        let first = self.shares.first()?;
        Some(usize::from(first.threshold).saturating_sub(self.shares.len()))
    }

    /// Returns the secret, once enough shares are there.
    pub(crate) fn recover(&self) -> Option<Zeroizing<[u8; SECRET_BYTES]>> {
        let threshold = self.shares.first()?.threshold;
        let dealt: Vec<blahaj::Share> = self
            .shares
            .iter()
            .filter_map(|share| {
                let mut bytes = Zeroizing::new(Vec::with_capacity(1 + SECRET_BYTES));
                bytes.push(share.index);
                bytes.extend_from_slice(&share.value);
                blahaj::Share::try_from(bytes.as_slice()).ok()
            })
            .collect();
        let secret = Zeroizing::new(Sharks(threshold).recover(&dealt).ok()?);
        let mut fixed = Zeroizing::new([0; SECRET_BYTES]);
        if secret.len() != SECRET_BYTES {
            return None;
        }
        fixed.copy_from_slice(&secret);
        Some(fixed)
    }
}
