//! Subjects from grants, certificates without names, SPIFFE IDs, claims of CI jobs.

use ca_pki::certificate::{CiClaimKind, name_to_text};

use super::*;
use crate::entitlement::{ClaimExtension, SubjectName};

fn subject(common_name: &str, organizations: &[&str]) -> SubjectName {
    SubjectName {
        common_name: (!common_name.is_empty()).then(|| common_name.to_owned()),
        organizations: organizations.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn granted(profile: &str, identifiers: &[&str], subject: SubjectName) -> EntitlementClaim {
    EntitlementClaim {
        subject: Some(subject),
        profile: profile.to_owned(),
        ..claim(identifiers)
    }
}

fn under(profile: &str, identifiers: &[&str]) -> EntitlementClaim {
    EntitlementClaim {
        profile: profile.to_owned(),
        ..claim(identifiers)
    }
}

fn ci_claim(kind: CiClaimKind, value: &str) -> ClaimExtension {
    ClaimExtension {
        oid: kind.dotted(),
        value: value.to_owned(),
    }
}

#[tokio::test]
async fn a_client_may_have_a_subject_and_no_names() {
    let world = World::at_noon();
    let anna = subject("anna", &["system:masters", "dev"]);

    for asked in [
        "",
        "O=system:masters,O=dev,CN=anna",
        "CN=anna,O=dev,O=system:masters",
    ] {
        let issued = walk(
            &world,
            csr(asked, &[]),
            granted("client", &[], anna.clone()),
        )
        .await;

        let certificate = issued.unwrap();
        let certificate = certificate.certificate();
        assert_eq!(
            name_to_text(certificate.subject_der()),
            "O=system:masters,O=dev,CN=anna"
        );
        assert!(certificate.extensions().sans.is_empty());
    }
}

#[tokio::test]
async fn refuses_a_subject_that_is_not_the_grants() {
    let world = World::at_noon();
    let anna = subject("anna", &["dev"]);

    for asked in [
        "CN=anna",
        "CN=anna,O=system:masters",
        "CN=Anna,O=dev",
        "O=dev",
    ] {
        let claim = granted("client", &[], anna.clone());
        let result = walk(&world, csr(asked, &[]), claim).await;

        assert_eq!(rules(result), [Rule::Subject], "{asked}");
    }
}

#[tokio::test]
async fn lists_every_attribute_that_does_not_fit() {
    let world = World::at_noon();
    let long = subject(&"a".repeat(65), &["", "b\n"]);

    let result = walk(&world, csr("", &[]), granted("client", &[], long)).await;

    assert_eq!(rules(result), [Rule::Subject; 3]);
}

#[tokio::test]
async fn refuses_a_certificate_that_would_name_nobody() {
    let world = World::at_noon();
    let cases = [
        under("tls-server", &[]),
        under("client", &[]),
        granted("client", &[], subject("", &[])),
        granted("tls-server", &[], subject("anna", &[])),
        granted("mtls", &[], subject("system:node:a", &[])),
    ];

    for claim in cases {
        let shown = format!("{claim:?}");
        let result = walk(&world, csr("", &[]), claim).await;

        assert_eq!(rules(result), [Rule::Name], "{shown}");
    }
    assert!(world.ledger.serials().is_empty());
}

#[tokio::test]
async fn a_servers_common_name_is_one_of_its_names() {
    let world = World::at_noon();
    let names = ["dns:a.example"];
    let cases = [
        ("a.example", true),
        ("system:node:a", true),
        ("b.example", false),
        ("10.0.0.1", false),
    ];

    for (common_name, expected) in cases {
        let claim = granted("mtls", &names, subject(common_name, &[]));
        let result = walk(&world, csr("", &names), claim).await;

        assert_eq!(result.is_ok(), expected, "{common_name}: {result:?}");
    }
}

#[tokio::test]
async fn a_profile_with_a_subject_of_its_own_ignores_the_grants() {
    let world = World::at_noon();
    let names = ["dns:a.example"];

    let claim = granted("tls-server", &names, subject("anna", &["dev"]));
    let issued = walk(&world, csr("", &names), claim).await.unwrap();

    assert_eq!(issued.certificate().subject_der(), [0x30, 0x00]);
}

#[tokio::test]
async fn judges_common_names_as_ever_where_the_grant_gives_no_subject() {
    let world = World::at_noon();
    let names = ["dns:a.example"];

    let one_of_them = walk(&world, csr("CN=a.example", &names), under("client", &names)).await;
    let another = walk(&world, csr("CN=b.example", &names), under("client", &names)).await;

    assert_eq!(
        one_of_them.unwrap().certificate().subject_der(),
        [0x30, 0x00]
    );
    assert_eq!(rules(another), [Rule::Name]);
}

#[tokio::test]
async fn a_spiffe_id_has_a_path_and_no_other_uri_beside_it() {
    let world = World::at_noon();
    let id = "uri:spiffe://example.internal/ci/42";
    let cases: [(&[&str], usize); 5] = [
        (&[id], 0),
        (&[id, "dns:a.example"], 0),
        (&[id, "uri:https://a.example/b"], 1),
        (&[id, "uri:spiffe://example.internal/ci/43"], 2),
        (&["uri:spiffe://example.internal"], 1),
    ];

    for (names, violations) in cases {
        let result = walk(&world, csr("", names), under("client", names)).await;

        match violations {
            0 => assert!(result.is_ok(), "{names:?}: {result:?}"),
            _ => assert_eq!(rules(result), vec![Rule::Name; violations], "{names:?}"),
        }
    }
}

#[tokio::test]
async fn says_what_the_ci_system_says_where_the_profile_asks() {
    let world = World::at_noon();
    let names = ["dns:a.example"];
    let claims = || {
        vec![
            ci_claim(CiClaimKind::TokenSubject, "repo:a/b:ref:main"),
            ci_claim(CiClaimKind::Issuer, "https://gitlab.example"),
            ci_claim(CiClaimKind::DeploymentEnvironment, ""),
        ]
    };
    let issued = async |profile| {
        let claim = EntitlementClaim {
            claims: claims(),
            ..under(profile, &names)
        };
        let issued = walk(&world, csr("", &names), claim).await.unwrap();
        issued.certificate().der().to_vec()
    };

    let client = issued("client").await;
    let server = issued("tls-server").await;

    let holds = |der: &[u8], text: &[u8]| der.windows(text.len()).any(|it| it == text);
    let extension = [
        &b"\x83\xbf\x30\x01\x18\x04\x13\x0c\x11"[..],
        b"repo:a/b:ref:main",
    ]
    .concat();
    assert!(holds(&client, &extension));
    assert!(holds(&client, b"https://gitlab.example"));
    let environment = b"\x83\xbf\x30\x01\x17";
    assert!(!holds(&client, environment));
    assert!(!holds(&server, b"gitlab"));
}

#[tokio::test]
async fn refuses_claims_that_a_certificate_cannot_hold() {
    let world = World::at_noon();
    let names = ["dns:a.example"];
    let issuer = ci_claim(CiClaimKind::Issuer, "https://a.example");
    let unknown = ClaimExtension {
        oid: "2.5.29.19".to_owned(),
        value: "a".to_owned(),
    };
    let cases = [
        vec![unknown],
        vec![issuer.clone(), issuer],
        vec![ci_claim(CiClaimKind::Issuer, "a\nb")],
        vec![ci_claim(CiClaimKind::Issuer, &"a".repeat(1_025))],
    ];

    for claims in cases {
        let shown = format!("{claims:?}");
        let claim = EntitlementClaim {
            claims,
            ..under("client", &names)
        };
        let result = walk(&world, csr("", &names), claim).await;

        assert_eq!(rules(result), [Rule::Subject], "{shown}");
    }
}
