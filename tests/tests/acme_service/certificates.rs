use std::time::Duration;

use ca_acme::ProblemKind;
use ca_acme::order::Order;
use ca_acme::renewal_info::RenewalId;
use ca_issuance::{Actor, Clock};
use ca_pki::Certificate;
use ca_pki::crl::RevocationReason;
use rcgen::KeyPair;
use serde_json::json;

use crate::world::{Client, World, finalize_payload, refusal};
use crate::{place, place_and_prove};

async fn issue(world: &World, client: &Client, name: &str) -> Order {
    let key = KeyPair::generate().unwrap();
    let order = place_and_prove(world, client, &[name]).await;
    let request = client.sends(&finalize_payload(&key, &[name])).await;
    world.acme.finalize(&request, &order.id).await.unwrap()
}

async fn download(world: &World, client: &Client, order: &Order, chain: usize) -> String {
    let request = client.sends("").await;
    let download = world.acme.certificate(&request, &order.id, chain).await;
    download.unwrap().pem
}

async fn renewal_id(world: &World, client: &Client, order: &Order) -> String {
    let pem = download(world, client, order, 0).await;
    let chain = Certificate::parse_pem_chain(&pem).unwrap();
    chain[0].renewal_id().unwrap()
}

#[tokio::test]
async fn a_certificate_comes_with_each_chain_that_leads_to_a_root() {
    let world = World::new().await;
    let client = world.client().await;
    let order = issue(&world, &client, "a.example").await;

    let pem = download(&world, &client, &order, 0).await;
    let alternate = download(&world, &client, &order, 1).await;
    let request = client.sends("").await;
    let beyond = world.acme.certificate(&request, &order.id, 2).await;

    assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    let (chain, other) = (
        Certificate::parse_pem_chain(&pem).unwrap(),
        Certificate::parse_pem_chain(&alternate).unwrap(),
    );
    assert_eq!((chain.len(), other.len()), (2, 2));
    assert_eq!(chain[0], other[0], "the leaf is the same");
    assert_ne!(chain[1].issuer_der(), other[1].issuer_der());
    for chain in [&chain, &other] {
        chain[0].verify_issued_by(&chain[1]).unwrap();
    }
    assert_eq!(refusal(beyond).status, 404);
}

#[tokio::test]
async fn an_unfinished_order_has_no_certificate() {
    let world = World::new().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;

    let request = client.sends("").await;
    let problem = refusal(world.acme.certificate(&request, &order.id, 0).await);

    assert_eq!(problem.status, 404);
}

#[tokio::test]
async fn renewal_is_suggested_in_the_first_half_or_at_once_when_revoked() {
    let world = World::new().await;
    let client = world.client().await;
    let order = issue(&world, &client, "a.example").await;
    let id = renewal_id(&world, &client, &order).await;
    let now = world.clock.now();

    let regular = world.acme.renewal_info(&id).await.unwrap();
    let (issuer, serial) = order.certificate.unwrap();
    world
        .corridor
        .revoke(
            &issuer,
            &serial,
            RevocationReason::Superseded,
            &Actor::System,
        )
        .await
        .unwrap();
    let revoked = world.acme.renewal_info(&id).await.unwrap();

    assert!(now < regular.start && regular.start < regular.end);
    assert!(regular.end <= now.plus(Duration::from_secs(12 * 3_600)));
    assert!(now.minus(Duration::from_secs(60)) < revoked.start);
    assert!(revoked.start < revoked.end && revoked.end <= now);
}

#[tokio::test]
async fn renewal_is_suggested_for_nothing_that_was_not_issued() {
    let world = World::new().await;
    let client = world.client().await;
    let order = issue(&world, &client, "a.example").await;
    let id = renewal_id(&world, &client, &order).await;
    let (authority, _serial) = id.split_once('.').unwrap();

    let unknown_serial = world.acme.renewal_info(&format!("{authority}.AQID")).await;
    let unknown_issuer = world.acme.renewal_info("AQID.AQID").await;
    let malformed = world.acme.renewal_info("AQID").await;

    assert_eq!(refusal(unknown_serial).status, 404);
    assert_eq!(refusal(unknown_issuer).status, 404);
    assert_eq!(refusal(malformed).status, 400);
    assert_eq!(RenewalId::parse(&id).unwrap().text(), id);
}

#[tokio::test]
async fn a_certificate_is_replaced_by_one_order_of_its_account() {
    let world = World::new().await;
    let (owner, other) = (world.client().await, world.client().await);
    let order = issue(&world, &owner, "a.example").await;
    let id = renewal_id(&world, &owner, &order).await;
    let replace = async |client: &Client, name: &str, replaced: &str| {
        let identifiers = json!([{ "type": "dns", "value": name }]);
        let payload = json!({ "identifiers": identifiers, "replaces": replaced }).to_string();
        world.acme.new_order(&client.sends(&payload).await).await
    };

    let refused = [
        replace(&owner, "a.example", "garbage").await,
        replace(&owner, "a.example", "AQID.AQID").await,
        replace(&owner, "b.example", &id).await,
        replace(&other, "a.example", &id).await,
    ];
    let placed = replace(&owner, "a.example", &id).await.unwrap();
    let again = refusal(replace(&owner, "a.example", &id).await);

    let kinds = refused.map(|result| refusal(result).kind);
    assert_eq!(
        kinds,
        [
            ProblemKind::Malformed,
            ProblemKind::Malformed,
            ProblemKind::Malformed,
            ProblemKind::Unauthorized,
        ]
    );
    assert_eq!(placed.order.replaces.as_deref(), Some(id.as_str()));
    assert_eq!(
        (again.kind, again.status),
        (ProblemKind::AlreadyReplaced, 409)
    );
}
