//! Certificates as openssl sees them, and certificates that are refused.

mod openssl;
mod reading;

use proptest::prelude::*;

use super::*;
use crate::KeyAlgorithm;
use crate::authority;
use crate::fixture::{
    Pki, Signer, identifier, name, openssl, shown_by_openssl, subordinate_request, validity,
};

/// What an error is expected to say, and the change of a template that provokes it.
type Change = (&'static str, fn(&mut Template));

fn leaf_key() -> PublicKey {
    Signer::ec(KeyAlgorithm::EcP256).public_key()
}

/// Changes the usual leaf and issues it.
fn leaf(pki: &Pki, change: impl FnOnce(&mut Template)) -> Certificate {
    let mut template = pki.leaf(&leaf_key());
    change(&mut template);
    pki.issuer_key.issue(&template)
}

#[test]
fn refuses_to_say_the_same_of_a_ci_job_twice_or_of_a_ca() {
    let pki = Pki::new();
    let claim = CiClaim {
        kind: CiClaimKind::Issuer,
        value: "https://gitlab.example".to_owned(),
    };
    let mut twice = pki.leaf(&leaf_key());
    twice.ci_claims = vec![claim.clone(), claim.clone()];
    let mut authority = authority::subordinate(
        &pki.root,
        subordinate_request(&Signer::ec(KeyAlgorithm::EcP256)),
    );
    authority.ci_claims = vec![claim];

    assert!(twice.to_be_signed().is_err());
    assert!(authority.to_be_signed().is_err());
}

#[test]
fn reads_back_everything_that_the_template_says() {
    let pki = Pki::new();
    let key = leaf_key();
    let template = pki.leaf(&key);

    let issued = pki.issuer_key.issue(&template);

    assert_eq!(issued.serial(), &template.serial);
    assert_eq!(issued.issuer_der(), template.issuer_der);
    assert_eq!(issued.subject_der(), template.subject_der);
    assert_eq!(issued.validity(), template.validity);
    assert_eq!(issued.public_key(), &key);
    let extensions = issued.extensions();
    assert_eq!(extensions.sans, template.sans.into_iter().collect());
    assert_eq!(extensions.extended_key_usage, template.extended_key_usage);
    assert_eq!(
        extensions.subject_key_identifier.as_deref(),
        Some(&key.key_identifier()[..])
    );
    assert_eq!(
        extensions.authority_key_identifier,
        Some(pki.issuer.key_identifier())
    );
    assert_eq!(extensions.authority, None);
    assert!(extensions.unknown_critical.is_empty());
    assert_eq!(
        Certificate::parse_pem_chain(&issued.pem()),
        Ok(vec![issued])
    );
}

#[test]
fn refuses_templates_that_contradict_themselves() {
    let pki = Pki::new();
    let changes: [Change; 10] = [
        ("ends before", |it| {
            it.validity = validity("2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
        }),
        ("no revocation data", |it| it.no_revocation_available = true),
        ("neither a subject", |it| it.sans.clear()),
        ("stapling", |it| {
            it.must_staple = true;
            it.ocsp_urls.clear();
        }),
        ("self-signed root", |it| it.authority_key_identifier = None),
        ("CA has no subject alternative", |it| {
            it.role = Role::Authority {
                path_length: PathLength::Unlimited,
                name_constraints: None,
            };
        }),
        ("CA has a subject", |it| {
            it.role = Role::Authority {
                path_length: PathLength::Unlimited,
                name_constraints: None,
            };
            it.sans.clear();
        }),
        ("role of a responder", |it| {
            it.extended_key_usage.push(ExtendedKeyUsage::OcspSigning)
        }),
        ("not checked for revocation", |it| {
            it.role = Role::OcspResponder
        }),
        ("not an object identifier", |it| {
            it.extended_key_usage = vec![ExtendedKeyUsage::Other("serverauth".to_owned())];
        }),
    ];
    for (expected, change) in changes {
        let mut template = pki.leaf(&leaf_key());
        change(&mut template);

        match template.to_be_signed() {
            Err(CertificateError::Template(why)) => assert!(why.contains(expected), "{why}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn never_panics_and_never_verifies_with_a_changed_octet(at in any::<usize>(), change in 1_u8..=255) {
        thread_local! {
            static PKI: (Pki, Vec<u8>) = {
                let pki = Pki::new();
                let der = leaf(&pki, |_| {}).der().to_vec();
                (pki, der)
            };
        }
        PKI.with(|(pki, good)| {
            let mut der = good.clone();
            let at = at % der.len();
            der[at] ^= change;

            let verified = Certificate::parse(&der).and_then(|it| it.verify_issued_by(&pki.issuer));

            prop_assert!(verified.is_err());
            Ok(())
        })?;
    }

    #[test]
    fn never_panics_on_noise(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Certificate::parse(&octets);
        let _ = Certificate::parse(&asn1::sequence(&[&asn1::sequence(&[&octets])]));
        let _ = PublicKey::from_spki_der(&octets);
        let _ = name::to_text(&octets);
    }
}
