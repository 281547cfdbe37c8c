//! Which certificate an order replaces (RFC 9773 §5).

use ca_pki::Identifier;

use crate::account::Account;
use crate::acme::Acme;
use crate::renewal_info::RenewalId;
use crate::{Error, Problem, ProblemKind};

impl Acme {
    /// Checks that the certificate to be replaced is the account's own and that the order goes on
    /// with at least one of its names (RFC 9773 §5).
    pub(super) async fn check_replaced(
        &self,
        account: &Account,
        replaced: &RenewalId,
        identifiers: &[Identifier],
    ) -> Result<(), Error> {
        let record = self.certificate_named(replaced).await?.ok_or_else(|| {
            Problem::malformed("replaces names a certificate that was not issued here")
        })?;
        if record.requested_by != account.actor().to_string() {
            let detail = "replaces names a certificate of another account";
            return Err(Problem::new(ProblemKind::Unauthorized, detail).into());
        }
        if !record
            .identifiers
            .iter()
            .any(|one| identifiers.contains(one))
        {
            let detail = "the order shares no identifier with the certificate that it replaces";
            return Err(Error::malformed(detail));
        }
        Ok(())
    }
}
