//! Tables of what constraints let through.

use super::*;
use crate::fixture::identifier;

fn permitted(trees: Subtrees) -> NameConstraints {
    NameConstraints {
        permitted: trees,
        excluded: Subtrees::default(),
    }
}

fn excluded(trees: Subtrees) -> NameConstraints {
    NameConstraints {
        permitted: Subtrees::default(),
        excluded: trees,
    }
}

fn dns(tree: &str) -> Subtrees {
    Subtrees {
        dns: vec![tree.to_owned()],
        ..Subtrees::default()
    }
}

fn ip(address: &str, length: u8) -> Subtrees {
    let address = address.parse().expect("the test's address is valid");
    Subtrees {
        ip: vec![(address, length)],
        ..Subtrees::default()
    }
}

fn email(tree: &str) -> Subtrees {
    Subtrees {
        email: vec![tree.to_owned()],
        ..Subtrees::default()
    }
}

fn uri(tree: &str) -> Subtrees {
    Subtrees {
        uri: vec![tree.to_owned()],
        ..Subtrees::default()
    }
}

#[test]
fn permits_names_within_a_subtree_of_their_type() {
    for (trees, name, is_allowed) in [
        (dns("example"), "dns:example", true),
        (dns("Example"), "dns:a.b.example", true),
        (dns("example"), "dns:*.example", true),
        (dns("example"), "dns:badexample", false),
        (dns("a.example"), "dns:*.example", false),
        (dns(".example"), "dns:example", false),
        (dns(".example"), "dns:a.example", true),
        (dns(".example"), "dns:*.example", true),
        (dns("a.example"), "dns:example", false),
        (dns("example"), "ip:10.0.0.1", true),
        (ip("10.0.0.0", 8), "ip:10.255.0.1", true),
        (ip("10.0.0.0", 8), "ip:11.0.0.1", false),
        (ip("10.0.0.0", 8), "ip:2001:db8::1", false),
        (ip("0.0.0.0", 0), "ip:192.0.2.1", true),
        (ip("192.0.2.1", 32), "ip:192.0.2.2", false),
        (ip("2001:db8::", 32), "ip:2001:db8:1::1", true),
        (ip("2001:db8::", 32), "ip:2001:db9::1", false),
        (ip("::", 0), "ip:::1", true),
        (ip("10.0.0.0", 8), "dns:a.example", true),
        (email("example"), "email:a@example", true),
        (email("example"), "email:a@b.example", false),
        (email(".example"), "email:a@b.example", true),
        (email(".example"), "email:a@example", false),
        (email("a@example"), "email:a@example", true),
        (email("a@example"), "email:b@example", false),
        (uri("example"), "uri:https://example/a", true),
        (uri("example"), "uri:https://u@example:443/a", true),
        (uri("example"), "uri:https://a.example/a", false),
        (uri(".example"), "uri:spiffe://a.example/b", true),
        (uri("example"), "uri:urn:a:b", false),
        (uri("example"), "uri:https://10.0.0.1/", false),
        (uri("example"), "uri:https://[::1]/", false),
    ] {
        let constraints = permitted(trees);
        assert_eq!(
            constraints.allow(&identifier(name)),
            is_allowed,
            "{name} in {constraints:?}"
        );
    }
}

#[test]
fn excludes_names_that_touch_a_subtree() {
    for (trees, name, is_allowed) in [
        (dns("secret.example"), "dns:secret.example", false),
        (dns("secret.example"), "dns:a.secret.example", false),
        (dns("secret.example"), "dns:example", true),
        (dns("secret.example"), "dns:*.example", false),
        (dns("Secret.Example"), "dns:*.example", false),
        (dns("a.secret.example"), "dns:*.example", true),
        (dns(".secret.example"), "dns:*.example", true),
        (dns(".secret.example"), "dns:*.secret.example", false),
        (ip("10.0.0.0", 8), "ip:10.0.0.1", false),
        (ip("10.0.0.0", 8), "ip:11.0.0.1", true),
        (ip("0.0.0.0", 0), "ip:::1", true),
        (email("example"), "email:a@example", false),
        (email("example"), "email:a@b.example", true),
        (uri("example"), "uri:https://example/a", false),
        (uri("example"), "uri:https://other/a", true),
        (uri("example"), "uri:urn:a:b", false),
    ] {
        let constraints = excluded(trees);
        assert_eq!(
            constraints.allow(&identifier(name)),
            is_allowed,
            "{name} in {constraints:?}"
        );
    }
}

#[test]
fn an_address_does_not_escape_exclusion_in_its_mapped_form() {
    let mapped = Identifier::Ip("::ffff:10.0.0.1".parse().expect("it is an address"));

    assert!(!excluded(ip("10.0.0.0", 8)).allow(&mapped));
}

#[test]
fn exclusion_wins_over_permission() {
    let constraints = NameConstraints {
        permitted: dns("example"),
        excluded: dns("secret.example"),
    };

    assert!(constraints.allow(&identifier("dns:a.example")));
    assert!(!constraints.allow(&identifier("dns:a.secret.example")));
}

#[test]
fn reads_back_what_it_writes() {
    let trees = Subtrees {
        dns: vec!["example.internal".to_owned(), ".a".to_owned()],
        ip: vec![
            ("10.0.0.0".parse().expect("it is an address"), 8),
            ("0.0.0.0".parse().expect("it is an address"), 0),
            ("2001:db8::".parse().expect("it is an address"), 33),
            ("::1".parse().expect("it is an address"), 128),
        ],
        email: vec!["example".to_owned()],
        uri: vec![".example".to_owned()],
    };
    for constraints in [
        permitted(trees.clone()),
        excluded(trees.clone()),
        NameConstraints {
            permitted: trees.clone(),
            excluded: trees,
        },
    ] {
        let written = constraints.write().expect("there is something to write");

        assert_eq!(NameConstraints::read(&written), Ok(Some(constraints)));
    }
    assert_eq!(NameConstraints::default().write(), None);
}

#[test]
fn does_not_judge_types_and_ranges_it_does_not_know() {
    use crate::asn1::{constructed, primitive, sequence, unsigned_integer};
    let read = |subtree: &[u8]| NameConstraints::read(&sequence(&[&constructed(0, &[subtree])]));
    let directory_name = constructed(4, &[&sequence(&[])]);
    let with_minimum = sequence(&[&primitive(2, b"example"), &unsigned_integer(&[1])]);
    let holes = primitive(7, &[10, 0, 0, 0, 255, 0, 255, 0]);

    assert_eq!(read(&sequence(&[&directory_name])), Ok(None));
    assert_eq!(read(&with_minimum), Ok(None));
    assert!(read(&sequence(&[&holes])).is_err());
    assert!(NameConstraints::read(&sequence(&[])).is_err());
}
