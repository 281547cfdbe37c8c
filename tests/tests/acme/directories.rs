//! The directory (RFC 8555 §7.1.1).

use ca_tests::RawAcme;
use serde_json::Value;

use crate::CA;

#[tokio::test]
async fn names_every_resource_under_the_external_url() {
    let client = RawAcme::new(&CA).await;
    let directory = client.directory().as_object().unwrap();

    let mut resources: Vec<&str> = directory.keys().map(String::as_str).collect();
    resources.sort_unstable();

    assert_eq!(
        resources,
        [
            "keyChange",
            "meta",
            "newAccount",
            "newAuthz",
            "newNonce",
            "newOrder",
            "renewalInfo",
            "revokeCert"
        ]
    );
    let begin = format!("{}/acme/default/", CA.external_url());
    for (name, url) in directory.iter().filter(|(name, _)| *name != "meta") {
        assert!(url.as_str().unwrap().starts_with(&begin), "{name}: {url}");
    }
}

#[tokio::test]
async fn tells_of_profiles_caa_identities_and_external_accounts() {
    let client = RawAcme::new(&CA).await;
    let meta = &client.directory()["meta"];

    let profiles = meta["profiles"].as_object().unwrap();

    assert!(profiles["tls-server"].as_str().unwrap().contains("server"));
    assert!(profiles.contains_key("mtls"));
    assert_eq!(meta["externalAccountRequired"], false);
    assert_eq!(meta["caaIdentities"][0], "ca.test");
}

#[tokio::test]
async fn tells_of_each_directorys_own_rules() {
    let meta = |name| async move {
        let url = CA.directory_url(name);
        let client = RawAcme::new(&CA).await;
        client.get(&url).await.expect_status(200).json()["meta"].clone()
    };

    assert_eq!(meta("bound").await["externalAccountRequired"], true);
    assert_eq!(
        meta("terms").await["termsOfService"],
        "https://ca.example.internal/terms"
    );
    assert_eq!(
        meta("terms").await["website"],
        "https://ca.example.internal/"
    );
    assert_eq!(meta("default").await["termsOfService"], Value::Null);
}

#[tokio::test]
async fn keeps_accounts_of_one_directory_out_of_another() {
    let client = RawAcme::registered(&CA).await;
    let other = RawAcme::at(
        &CA,
        "narrow",
        ca_tests::acme::AccountKey::generate(ca_tests::acme::KeyKind::Es256),
    )
    .await;

    let answer = client
        .post(
            &other.url("newOrder"),
            &serde_json::json!({
                "identifiers": [{ "type": "dns", "value": "a.narrow.example.internal" }],
            }),
        )
        .send()
        .await;

    answer.expect_problem(400, "accountDoesNotExist");
}
