//! The names that a CSR asks for.

use std::collections::BTreeSet;

use ca_issuance::profile::{Profile, SubjectRule};
use ca_pki::{Csr, DnsName, Identifier};

/// Collects what a CSR asks to be certified: its names, and common names that are such.
///
/// Policy compares the two again: what is left out here is refused there.
pub fn names_of(csr: &Csr, profile: Option<&Profile>) -> BTreeSet<Identifier> {
    let mut names = csr.sans().clone();
    let by_grant = profile.is_some_and(|profile| profile.subject == SubjectRule::Grant);
    if !by_grant {
        let names_in_subject = csr.common_names().iter();
        names.extend(
            names_in_subject
                .filter_map(|name| name.parse::<DnsName>().ok())
                .map(Identifier::Dns),
        );
    }
    names
}
