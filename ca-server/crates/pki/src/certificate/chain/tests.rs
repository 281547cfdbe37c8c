//! Chains that hold and chains that break, each for one reason.

use super::*;
use crate::authority;
use crate::certificate::{Role, Template};
use crate::fixture::{Pki, Signer, at, name, root_request, subordinate_request};
use crate::{KeyAlgorithm, SignatureAlgorithm};

fn now() -> Timestamp {
    at("2026-11-22T00:00:00Z")
}

fn why(result: Result<(), CertificateError>) -> String {
    match result {
        Err(CertificateError::Chain(why)) => why,
        other => panic!("the chain holds: {other:?}"),
    }
}

/// A CA below `parent`, changed before it is signed with `key`.
fn below(
    parent: &Certificate,
    key: &Signer,
    change: impl FnOnce(&mut Template),
) -> (Certificate, Signer) {
    let own = Signer::ec(KeyAlgorithm::EcP256);
    let mut request = subordinate_request(&own);
    request.subject_der = name("CN=Below");
    let mut template = authority::subordinate(parent, request);
    change(&mut template);
    (key.issue(&template), own)
}

#[test]
fn chains_hold_with_and_without_the_root_at_their_end() {
    let pki = Pki::new();

    for chain in [
        vec![pki.issuer.clone()],
        vec![pki.issuer.clone(), pki.root.clone()],
    ] {
        assert_eq!(verify_authority_chain(&chain, &pki.root, now()), Ok(()));
    }
}

#[test]
fn chains_break_on_another_root_a_leaf_or_nothing() {
    let pki = Pki::new();
    let other = Pki::new();
    let key = Signer::ec(KeyAlgorithm::EcP256).public_key();
    let leaf = pki.issuer_key.issue(&pki.leaf(&key));

    let verify = |chain: &[Certificate], root| why(verify_authority_chain(chain, root, now()));

    assert!(verify(&[], &pki.root).contains("1 to 8"));
    assert!(verify(&vec![pki.root.clone(); 9], &pki.root).contains("1 to 8"));
    assert!(verify(std::slice::from_ref(&pki.issuer), &other.root).contains("another key"));
    assert!(verify(std::slice::from_ref(&pki.issuer), &other.issuer).contains("another issuer"));
    assert!(verify(&[leaf, pki.issuer.clone()], &pki.root).contains("not a CA"));
}

#[test]
fn chains_break_outside_the_validity_of_any_member() {
    let pki = Pki::new();
    let chain = [pki.issuer.clone()];

    for moment in ["2025-12-31T23:59:59Z", "2031-01-01T00:00:01Z"] {
        let refused = why(verify_authority_chain(&chain, &pki.root, at(moment)));
        assert!(refused.contains("not valid at"), "{refused}");
    }
}

#[test]
fn chains_break_where_a_path_length_is_exceeded() {
    let pki = Pki::new();
    let (below_it, _) = below(&pki.issuer, &pki.issuer_key, |_| {});

    let chain = [below_it, pki.issuer.clone()];

    let refused = why(verify_authority_chain(&chain, &pki.root, now()));
    assert!(refused.contains("allows 0 CAs"), "{refused}");
}

#[test]
fn chains_do_not_count_self_issued_certificates() {
    let pki = Pki::new();
    let (limited, limited_key) = below(&pki.root, &pki.root_key, |template| {
        template.role = Role::Authority {
            path_length: PathLength::AtMost(0),
            name_constraints: None,
        };
    });
    let (renewed, _) = below(&limited, &limited_key, |template| {
        template.subject_der = name("CN=Below");
    });

    assert_eq!(
        verify_authority_chain(&[renewed, limited], &pki.root, now()),
        Ok(())
    );
}

#[test]
fn chains_break_on_a_signature_that_does_not_verify() {
    let pki = Pki::new();
    let tbs = pki.issuer.tbs_der();
    let forged = Certificate::assemble(
        tbs,
        SignatureAlgorithm::EcdsaSha384,
        &Signer::ec(KeyAlgorithm::EcP384).sign(tbs),
    )
    .expect("it reads");

    let refused = why(verify_authority_chain(&[forged], &pki.root, now()));
    assert!(refused.contains("signature"), "{refused}");
}

#[test]
fn chains_hold_for_a_root_that_another_root_signed() {
    let pki = Pki::new();
    let new_key = Signer::ec(KeyAlgorithm::EcP384);
    let mut request = root_request(&new_key);
    request.subject_der = name("CN=New Root");
    let new_root = new_key.issue(&authority::root(request));
    let mut cross = subordinate_request(&pki.root_key);
    cross.subject_der = pki.root.subject_der().to_vec();
    cross.path_length = PathLength::Unlimited;
    cross.extended_key_usage.clear();
    let cross = new_key.issue(&authority::subordinate(&new_root, cross));

    let chain = [pki.issuer.clone(), cross];

    assert_eq!(verify_authority_chain(&chain, &new_root, now()), Ok(()));
}
