//! instant-acme, a client that shares no code with the program, walks every road once.

use ca_tests::acme::base64url;
use ca_tests::network::AlpnCertificate;
use ca_tests::openssl;
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy, RevocationReason, RevocationRequest,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::CA;

#[tokio::test]
async fn issues_after_http_01() {
    let account = account().await;

    let pem = obtain(
        &account,
        &["http.clients.example.internal"],
        ChallengeType::Http01,
    )
    .await;

    openssl::verify_chain(&CA.root_file(), &pem);
}

#[tokio::test]
async fn issues_for_a_wildcard_and_its_base_after_dns_01() {
    let account = account().await;
    let names = [
        "*.dns.clients.example.internal",
        "dns.clients.example.internal",
    ];

    let pem = obtain(&account, &names, ChallengeType::Dns01).await;

    openssl::verify_chain(&CA.root_file(), &pem);
}

#[tokio::test]
async fn issues_after_tls_alpn_01() {
    let account = account().await;

    let pem = obtain(
        &account,
        &["alpn.clients.example.internal"],
        ChallengeType::TlsAlpn01,
    )
    .await;

    openssl::verify_chain(&CA.root_file(), &pem);
}

#[tokio::test]
async fn issues_for_an_address() {
    let account = account().await;

    let pem = obtain(&account, &["127.0.0.1"], ChallengeType::Http01).await;

    assert!(openssl::certificate_text(&pem).contains("IP Address:127.0.0.1"));
}

#[tokio::test]
async fn issues_by_a_profile() {
    let account = account().await;
    let identifiers = identifiers(&["profile.clients.example.internal"]);
    let offered: Vec<&str> = account.profiles().map(|profile| profile.name).collect();
    assert!(offered.contains(&"mtls"), "{offered:?}");

    let mut order = account
        .new_order(&NewOrder::new(&identifiers).profile("mtls"))
        .await
        .unwrap();
    let pem = complete(&mut order, ChallengeType::Http01).await;

    assert!(openssl::certificate_text(&pem).contains("TLS Web Client Authentication"));
}

#[tokio::test]
async fn renews_by_renewal_information_and_replaces() {
    let account = account().await;
    let names = ["ari.clients.example.internal"];
    let pem = obtain(&account, &names, ChallengeType::Http01).await;
    let leaf = leaf(&pem);
    let id = CertificateIdentifier::try_from(&leaf).unwrap();

    let (info, retry_after) = account.renewal_info(&id).await.unwrap();
    let identifiers = identifiers(&names);
    let renewal = NewOrder::new(&identifiers).replaces(id);
    let mut order = account.new_order(&renewal).await.unwrap();
    let renewed = complete(&mut order, ChallengeType::Http01).await;

    assert!(info.suggested_window.start < info.suggested_window.end);
    assert!(retry_after.as_secs() <= 3600);
    assert_ne!(renewed, pem);
}

#[tokio::test]
async fn rolls_its_key_over_and_goes_on() {
    let mut account = account().await;
    let names = ["rollover.clients.example.internal"];
    obtain(&account, &names, ChallengeType::Http01).await;
    let before = account.key_thumbprint().to_owned();

    drop(account.update_key().await.unwrap());
    let pem = obtain(&account, &names, ChallengeType::Http01).await;

    assert_ne!(account.key_thumbprint(), before);
    openssl::verify_chain(&CA.root_file(), &pem);
}

#[tokio::test]
async fn revokes_with_a_reason() {
    let account = account().await;
    let pem = obtain(
        &account,
        &["revoke.clients.example.internal"],
        ChallengeType::Http01,
    )
    .await;
    let leaf = leaf(&pem);

    let request = RevocationRequest {
        certificate: &leaf,
        reason: Some(RevocationReason::Superseded),
    };
    account.revoke(&request).await.unwrap();

    let said = ca_tests::relying_party::ocsp(&CA, &pem, &[]);
    assert!(said.contains("Reason: superseded"), "{said}");
}

#[tokio::test]
async fn deactivates_authorizations_and_accounts() {
    let account = account().await;
    let identifiers = identifiers(&["deactivate.clients.example.internal"]);
    let mut order = account
        .new_order(&NewOrder::new(&identifiers))
        .await
        .unwrap();
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();

    let state = authorization.deactivate().await.unwrap();

    assert_eq!(state.status, AuthorizationStatus::Deactivated);
    let other = account.clone();
    account.deactivate().await.unwrap();
    assert!(other.new_order(&NewOrder::new(&identifiers)).await.is_err());
}

async fn account() -> Account {
    let (account, _credentials) = Account::builder_with_root(CA.root_file())
        .unwrap()
        .create(
            &NewAccount {
                contact: &["mailto:clients@example.internal"],
                terms_of_service_agreed: true,
                only_return_existing: false,
            },
            CA.directory_url("default"),
            None,
        )
        .await
        .unwrap();
    account
}

fn identifiers(names: &[&str]) -> Vec<Identifier> {
    let identifier = |name: &&str| match name.parse() {
        Ok(address) => Identifier::Ip(address),
        Err(_) => Identifier::Dns((*name).to_owned()),
    };
    names.iter().map(identifier).collect()
}

async fn obtain(account: &Account, names: &[&str], kind: ChallengeType) -> String {
    let identifiers = identifiers(names);
    let mut order = account
        .new_order(&NewOrder::new(&identifiers))
        .await
        .unwrap();
    complete(&mut order, kind).await
}

async fn complete(order: &mut Order, kind: ChallengeType) -> String {
    prove(order, kind).await;
    let retries = RetryPolicy::default();
    let status = order.poll_ready(&retries).await.unwrap();
    assert_eq!(status, OrderStatus::Ready);
    order.finalize().await.unwrap();
    order.poll_certificate(&retries).await.unwrap()
}

async fn prove(order: &mut Order, kind: ChallengeType) {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization.challenge(kind.clone()).unwrap();
        let proof = challenge.key_authorization();
        let name = challenge.identifier().identifier.clone();
        let network = &CA.network;
        if kind == ChallengeType::Http01 {
            network
                .http
                .answer_challenge(&challenge.token, proof.as_str());
        } else if kind == ChallengeType::Dns01 {
            let owner = format!("_acme-challenge.{}", text_of(&name));
            network
                .dns
                .add_text(&owner, &base64url(proof.digest().as_ref()));
        } else {
            let shown = AlpnCertificate::for_name(&text_of(&name), proof.as_str());
            network.tls_alpn.show(&shown);
        }
        challenge.set_ready().await.unwrap();
    }
}

fn text_of(identifier: &Identifier) -> String {
    identifier.authorized(false).to_string()
}

fn leaf(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}
