//! A certification request in plain text.

use std::io::{self, Write};

use ca_pki::Csr;
use ca_pki::certificate::name_to_text;

use super::facts;
use crate::fingerprint::grouped;

/// Writes what a request asks for; its signature was verified when it was parsed.
pub(super) fn explain(request: &Csr, report: &mut dyn Write) -> io::Result<()> {
    writeln!(report, "certificate request; its signature holds")?;
    let names: Vec<String> = request.sans().iter().map(ToString::to_string).collect();
    facts(
        report,
        &[
            ("subject", name_to_text(request.subject_der())),
            ("key", request.public_key().algorithm().to_string()),
            (
                "names",
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                },
            ),
            ("SHA-256", grouped(&request.fingerprint_sha256())),
            (
                "SHA-256 of key",
                grouped(&request.public_key().fingerprint_sha256()),
            ),
        ],
    )
}
