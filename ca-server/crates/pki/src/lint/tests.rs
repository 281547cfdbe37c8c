//! Lints find each mistake that a writer could make.

use super::*;
use crate::authority;
use crate::certificate::{CiClaim, CiClaimKind, ExtendedKeyUsage, NameConstraints, Subtrees};
use crate::fixture::{Pki, Signer, identifier, name, root_request, subordinate_request, validity};
use crate::{KeyAlgorithm, Serial, SignatureAlgorithm};

/// What a finding is expected to say, and the change of a template that provokes it.
type Change = (&'static str, fn(&mut Template));

fn leaf(pki: &Pki) -> Template {
    pki.leaf(&Signer::ec(KeyAlgorithm::EcP256).public_key())
}

fn responder(pki: &Pki) -> Template {
    let mut template = leaf(pki);
    template.role = Role::OcspResponder;
    template.subject_der = name("CN=Example OCSP Responder");
    template.sans.clear();
    template.extended_key_usage.clear();
    template.crl_urls.clear();
    template.ocsp_urls.clear();
    template.issuer_urls.clear();
    template
}

fn claim(kind: CiClaimKind, value: &str) -> CiClaim {
    CiClaim {
        kind,
        value: value.to_owned(),
    }
}

fn findings(template: &Template, tbs: &[u8], issuer: &Certificate) -> Vec<&'static str> {
    let found = lint(template, tbs, issuer).err().unwrap_or_default();
    found.into_iter().map(|lint| lint.0).collect()
}

/// Builds what `written` says and lints it against what `asked` says.
fn mistaken(pki: &Pki, asked: &Template, mistake: impl FnOnce(&mut Template)) -> Vec<&'static str> {
    let mut written = asked.clone();
    mistake(&mut written);
    let tbs = written.to_be_signed().expect("the template holds");
    findings(asked, &tbs, &pki.issuer)
}

#[test]
fn finds_nothing_in_what_this_room_writes() {
    let pki = Pki::new();
    let mut none_needed = leaf(&pki);
    none_needed.crl_urls.clear();
    none_needed.ocsp_urls.clear();
    none_needed.no_revocation_available = true;
    let mut stapled = leaf(&pki);
    stapled.must_staple = true;
    stapled.subject_der = name("CN=a.example.internal");
    stapled.public_key = Signer::rsa().public_key();
    let mut client = leaf(&pki);
    client.subject_der = name("O=dev,CN=anna");
    client.sans.clear();
    client.extended_key_usage = vec![ExtendedKeyUsage::ClientAuth];
    client.ci_claims = CiClaimKind::ALL
        .map(|kind| claim(kind, "m\u{fc}nchen"))
        .to_vec();
    for template in [leaf(&pki), responder(&pki), none_needed, stapled, client] {
        let tbs = template.to_be_signed().expect("the template holds");

        assert_eq!(findings(&template, &tbs, &pki.issuer), Vec::<&str>::new());
    }
}

#[test]
fn finds_nothing_in_authorities() {
    let pki = Pki::new();
    let root = authority::root(root_request(&pki.root_key));
    let key = Signer::ec(KeyAlgorithm::EcP256);
    let mut request = subordinate_request(&key);
    request.name_constraints = Some(NameConstraints {
        permitted: Subtrees {
            dns: vec!["example".to_owned()],
            ..Subtrees::default()
        },
        excluded: Subtrees::default(),
    });
    for template in [root, authority::subordinate(&pki.root, request)] {
        let tbs = template.to_be_signed().expect("the template holds");

        assert_eq!(findings(&template, &tbs, &pki.root), Vec::<&str>::new());
    }
}

#[test]
fn finds_each_field_that_is_not_the_templates() {
    let pki = Pki::new();
    let mistakes: [Change; 13] = [
        ("serial number is not", |it| {
            it.serial = crate::fixture::serial(9)
        }),
        ("signature algorithm is not", |it| {
            it.signature_algorithm = SignatureAlgorithm::EcdsaSha384;
        }),
        ("subject is not", |it| it.subject_der = name("CN=a")),
        ("issuer is not", |it| it.issuer_der = name("CN=a")),
        ("validity is not the", |it| {
            it.validity = validity("2026-11-21T23:59:00Z", "2026-11-22T23:58:59Z");
        }),
        ("key is not", |it| {
            it.public_key = Signer::ed25519().public_key()
        }),
        ("authorityKeyIdentifier is not", |it| {
            it.authority_key_identifier = Some(vec![1; 20])
        }),
        ("extendedKeyUsage is not the", |it| {
            it.extended_key_usage = vec![ExtendedKeyUsage::ClientAuth];
        }),
        ("names are not the template's", |it| drop(it.sans.pop())),
        ("CRL URLs", |it| it.crl_urls.clear()),
        ("OCSP URLs", |it| it.ocsp_urls.clear()),
        ("noRevAvail is not", |it| {
            it.crl_urls.clear();
            it.ocsp_urls.clear();
            it.no_revocation_available = true;
        }),
        ("claims of a CI job", |it| {
            it.ci_claims.push(claim(CiClaimKind::TokenSubject, "a"));
        }),
    ];
    for (expected, mistake) in mistakes {
        let found = mistaken(&pki, &leaf(&pki), mistake);

        assert!(
            found.iter().any(|it| it.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}

#[test]
fn finds_a_leaf_that_is_written_as_another_role() {
    let pki = Pki::new();
    let mut asked = leaf(&pki);
    asked.subject_der = name("CN=a");
    asked.sans.clear();
    asked.crl_urls.clear();
    asked.ocsp_urls.clear();
    asked.extended_key_usage.clear();

    let authority = mistaken(&pki, &asked, |it| {
        it.role = Role::Authority {
            path_length: PathLength::Unlimited,
            name_constraints: None,
        };
    });
    let responder = mistaken(&pki, &asked, |it| it.role = Role::OcspResponder);

    assert!(authority.contains(&"a leaf is a CA"), "{authority:?}");
    assert!(
        authority.contains(&"keyUsage is not a leaf's"),
        "{authority:?}"
    );
    assert!(
        responder.iter().any(|it| it.contains("nocheck")),
        "{responder:?}"
    );
}

#[test]
fn finds_what_the_issuer_may_not_sign() {
    let pki = Pki::new();
    let asks: [Change; 5] = [
        ("not inside the issuer's", |it| {
            it.validity = validity("2030-12-31T00:00:00Z", "2031-01-01T00:00:01Z");
        }),
        ("not within the issuer's", |it| {
            it.extended_key_usage.push(ExtendedKeyUsage::CodeSigning);
        }),
        ("not within the issuer's", |it| {
            it.extended_key_usage.clear()
        }),
        ("does not make signatures", |it| {
            it.signature_algorithm = SignatureAlgorithm::RsaSha256
        }),
        ("64 random bits", |it| {
            it.serial = Serial::from_be_bytes(&[1; 8]).expect("it is a number");
        }),
    ];
    for (expected, ask) in asks {
        let mut asked = leaf(&pki);
        ask(&mut asked);
        let tbs = asked.to_be_signed().expect("the template holds");

        let found = findings(&asked, &tbs, &pki.issuer);

        assert!(
            found.iter().any(|it| it.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}

#[test]
fn finds_a_ca_below_the_last_and_an_issuer_that_is_no_ca() {
    let pki = Pki::new();
    let key = Signer::ec(KeyAlgorithm::EcP256);
    let mut request = subordinate_request(&key);
    request.subject_der = name("CN=Below");
    let below = authority::subordinate(&pki.issuer, request);
    let below_tbs = below.to_be_signed().expect("the template holds");
    let leaf = leaf(&pki);
    let leaf_certificate = pki.issuer_key.issue(&leaf);
    let leaf_tbs = leaf.to_be_signed().expect("the template holds");

    let too_deep = findings(&below, &below_tbs, &pki.issuer);
    let by_a_leaf = findings(&leaf, &leaf_tbs, &leaf_certificate);

    assert_eq!(too_deep, ["the issuer's path length allows no CA below it"]);
    assert!(
        by_a_leaf.contains(&"the issuer may not sign certificates"),
        "{by_a_leaf:?}"
    );
}

#[test]
fn finds_names_outside_the_issuers_constraints() {
    let pki = Pki::new();
    let key = Signer::ec(KeyAlgorithm::EcP256);
    let mut request = subordinate_request(&key);
    request.name_constraints = Some(NameConstraints {
        permitted: Subtrees {
            dns: vec!["example.internal".to_owned()],
            ..Subtrees::default()
        },
        excluded: Subtrees::default(),
    });
    let issuer = pki
        .root_key
        .issue(&authority::subordinate(&pki.root, request));
    let mut asked = leaf(&pki);
    asked.authority_key_identifier = Some(issuer.key_identifier());
    let inside = asked.to_be_signed().expect("the template holds");
    let mut outside = asked.clone();
    outside.sans.push(identifier("dns:a.example"));
    let outside_tbs = outside.to_be_signed().expect("the template holds");

    assert_eq!(findings(&asked, &inside, &issuer), Vec::<&str>::new());
    assert_eq!(
        findings(&outside, &outside_tbs, &issuer),
        ["a subject alternative name is outside the issuer's constraints"]
    );
}

#[test]
fn finds_a_ci_claim_of_another_string_type_and_an_extension_beside_them() {
    let pki = Pki::new();
    let mut asked = leaf(&pki);
    asked.ci_claims = vec![claim(CiClaimKind::TokenSubject, "project")];
    let tbs = asked.to_be_signed().expect("the template holds");
    let replaced = |from: &[u8], to: &[u8]| {
        let at = tbs.windows(from.len()).position(|it| it == from);
        let mut changed = tbs.clone();
        let at = at.expect("it is there");
        changed.splice(at..at + from.len(), to.iter().copied());
        findings(&asked, &changed, &pki.issuer)
    };

    let printable = replaced(b"\x0c\x07project", b"\x13\x07project");
    let other_value = replaced(b"project", b"PROJECT");
    let other_oid = replaced(b"\x83\xbf\x30\x01\x18", b"\x83\xbf\x30\x01\x19");

    let not_asked = "the claims of a CI job are not the template's";
    assert_eq!(printable, [not_asked]);
    assert_eq!(other_value, [not_asked]);
    assert_eq!(other_oid, ["an extension is unknown", not_asked]);
}

#[test]
fn finds_bytes_that_are_not_a_certificate() {
    let pki = Pki::new();
    let asked = leaf(&pki);
    let mut tbs = asked.to_be_signed().expect("the template holds");
    tbs.push(0);

    assert_eq!(
        findings(&asked, &tbs, &pki.issuer),
        ["the bytes are not a TBSCertificate"]
    );
}
