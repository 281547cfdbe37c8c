//! A CRL in plain text.

use std::io::{self, Write};

use ca_pki::certificate::name_to_text;
use ca_pki::crl::Crl;

use super::facts;
use crate::fingerprint::sha256_hex;

/// Writes what a CRL says; whether its issuer signed it cannot be told from it alone.
pub(super) fn explain(crl: &Crl, report: &mut dyn Write) -> io::Result<()> {
    writeln!(report, "certificate revocation list")?;
    let optional = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    facts(
        report,
        &[
            ("issuer", name_to_text(crl.issuer_der())),
            (
                "number",
                optional(crl.number().map(|number| number.to_string())),
            ),
            ("this update", crl.this_update().to_string()),
            (
                "next update",
                optional(crl.next_update().map(|at| at.to_string())),
            ),
            ("SHA-256", sha256_hex(crl.der())),
            ("revoked", crl.revoked().len().to_string()),
        ],
    )?;
    for entry in crl.revoked() {
        writeln!(
            report,
            "    {} at {} ({})",
            entry.serial, entry.revoked_at, entry.reason
        )?;
    }
    Ok(())
}
