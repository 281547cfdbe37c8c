//! What clients know, a JSON object a line, written before they go on.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::hand::Held;
use crate::der::hex;
use crate::error::Error;
use crate::ocsp::Said;

/// An open journal.
pub(super) struct Journal(RefCell<File>);

impl Journal {
    /// Begins a journal.
    pub(super) fn begin(path: &Path) -> Result<Self, Error> {
        Ok(Self(RefCell::new(File::create(path)?)))
    }

    /// A certificate is in a client's hands.
    pub(super) fn holds(&self, way: &str, held: &Held) {
        let serial = held.leaf.serial_hex();
        let fingerprint = held.fingerprint();
        self.write(json!({"what": "certificate", "way": way, "serial": serial,
                          "fingerprint": fingerprint, "name": held.name}));
    }

    /// A revocation was acknowledged.
    pub(super) fn revoked(&self, way: &str, serial: &[u8]) {
        self.write(json!({"what": "revoked", "way": way, "serial": hex(serial)}));
    }

    /// An order was acknowledged.
    pub(super) fn ordered(&self, url: &str) {
        self.write(json!({"what": "ordered", "url": url}));
    }

    /// An order has come to its end.
    pub(super) fn completed(&self, url: &str) {
        self.write(json!({"what": "completed", "url": url}));
    }

    /// A CRL with this number was served.
    pub(super) fn crl(&self, number: &[u8], octets: usize) {
        self.write(json!({"what": "crl", "number": hex(number), "octets": octets}));
    }

    /// OCSP contradicts what was acknowledged before it was asked.
    pub(super) fn contradicted(&self, serial: &[u8], said: Said) {
        self.write(json!({"what": "contradicted", "serial": hex(serial),
                          "said": format!("{said:?}")}));
    }

    /// Something did not succeed; it may be tried again.
    pub(super) fn error(&self, error: &Error) {
        self.write(error_line("error", error));
    }

    /// An operation was given up.
    pub(super) fn gave_up(&self, operation: &str, error: &Error) {
        let mut line = error_line("gave up", error);
        if let Some(members) = line.as_object_mut() {
            members.insert("operation".to_owned(), json!(operation));
        }
        self.write(line);
    }

    fn write(&self, mut line: Value) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let at = since.map_or(0.0, |span| span.as_secs_f64());
        if let Some(members) = line.as_object_mut() {
            members.insert("at".to_owned(), json!(at));
        }
        // A line that is lost makes the journal say less than is true, and the judge finds the
        // certificate in the store without a holder: never a wrong verdict of success.
        if let Err(error) = writeln!(self.0.borrow_mut(), "{line}") {
            eprintln!("ca-load: the journal cannot be written: {error}");
        }
    }
}

fn error_line(what: &str, error: &Error) -> Value {
    let (status, retry_after) = match error {
        Error::Refused {
            status,
            retry_after,
            ..
        } => (Some(*status), retry_after.map(|span| span.as_secs())),
        Error::Io(_)
        | Error::Http(_)
        | Error::Body(_)
        | Error::Tls(_)
        | Error::Key(_)
        | Error::Undecided { .. }
        | Error::Lacking { .. }
        | Error::Usage(_) => (None, None),
    };
    json!({"what": what, "kind": error.kind(), "transport": error.is_transport(),
           "status": status, "retry_after": retry_after})
}
