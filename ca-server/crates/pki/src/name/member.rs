//! Names of clients: who they are and which groups they are in.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519;

use super::relative_name;
use crate::asn1;

/// Encodes a Name of organizations, then a common name: who a client is and which groups it is in.
///
/// In that order and as UTF8String, so that the name reads from the general to the special. Each
/// fault is returned, not the first.
pub fn member_name(
    common_name: Option<&str>,
    organizations: &[String],
) -> Result<Vec<u8>, Vec<NameFault>> {
    let organizations = organizations.iter().map(|value| (O, value.as_str()));
    let all: Vec<(Member, &str)> = organizations
        .chain(common_name.map(|value| (CN, value)))
        .collect();
    let mut faults: Vec<NameFault> = all.iter().filter_map(|it| fault(it.0, it.1)).collect();
    if all.len() > MOST_ATTRIBUTES {
        faults.push(NameFault {
            attribute: O.name,
            value: format!("and {} more", all.len() - 1),
            reason: "would make more than 50 attributes",
        });
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let attributes: Vec<Vec<u8>> = all
        .into_iter()
        .map(|(member, value)| relative_name(&member.oid, &asn1::string(asn1::UTF8_STRING, value)))
        .collect();
    Ok(asn1::sequence(&[&attributes.concat()]))
}

/// An attribute that a Name cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{attribute} {value:?} {reason}")]
pub struct NameFault {
    /// `CN` or `O`.
    pub attribute: &'static str,
    /// Its value, cut to 255 characters.
    pub value: String,
    /// What is wrong, for the requester.
    pub reason: &'static str,
}

/// An attribute of [`member_name`].
#[derive(Clone, Copy)]
struct Member {
    name: &'static str,
    oid: ObjectIdentifier,
}

fn fault(member: Member, value: &str) -> Option<NameFault> {
    let reason = if value.is_empty() {
        "is empty"
    } else if value.trim() != value {
        "begins or ends with a space"
    } else if value.chars().count() > LONGEST_MEMBER_ATTRIBUTE {
        "is longer than 64 characters"
    } else if value.chars().any(char::is_control) {
        "has control characters"
    } else {
        return None;
    };
    Some(NameFault {
        attribute: member.name,
        value: value.chars().take(255).collect(),
        reason,
    })
}

const CN: Member = Member {
    name: "CN",
    oid: rfc4519::COMMON_NAME,
};
const O: Member = Member {
    name: "O",
    oid: rfc4519::ORGANIZATION_NAME,
};
/// ub-common-name and ub-organization-name (RFC 5280 §A.1).
const LONGEST_MEMBER_ATTRIBUTE: usize = 64;
/// More groups than anybody is in; what relying parties parse is bounded.
const MOST_ATTRIBUTES: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{name_from_text, to_text};

    #[test]
    fn names_a_member_by_groups_then_name() {
        let groups = ["system:masters".to_owned(), "dev ops".to_owned()];

        let name = member_name(Some("anna"), &groups).expect("it is sound");

        assert_eq!(to_text(&name), "O=system:masters,O=dev ops,CN=anna");
        let written = name_from_text("O=system:masters,O=dev ops,CN=anna");
        assert_eq!(written, Ok(name));
        assert_eq!(member_name(None, &[]), Ok(vec![0x30, 0x00]));
    }

    #[test]
    fn lists_every_attribute_that_a_name_cannot_hold() {
        let longest = "\u{fc}".repeat(64);
        let bad = ["", " a", "a ", "a\nb", &format!("{longest}a")].map(str::to_owned);

        let faults = member_name(Some("a\0"), &bad).expect_err("each is bad");
        let fits = member_name(Some(&longest), &[]);
        let crowd = member_name(None, &vec!["a".to_owned(); 51]).expect_err("it is too many");

        assert_eq!(faults.len(), 6);
        assert!(fits.is_ok());
        assert_eq!(crowd.len(), 1);
    }
}
