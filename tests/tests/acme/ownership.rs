//! Nobody sees or moves what another account has.

use ca_tests::RawAcme;
use ca_tests::csr::Request;
use serde_json::json;

use crate::CA;

#[tokio::test]
async fn hides_every_resource_from_other_accounts() {
    let owner = RawAcme::registered(&CA).await;
    let stranger = RawAcme::registered(&CA).await;
    let names = ["owned.example.internal"];
    let issued = owner.obtain(&names).await;
    let order = &issued.order;
    let authorization = order.authorizations()[0].clone();
    let object = owner.read(&authorization).send().await.json();
    let challenge = object["challenges"][0]["url"].as_str().unwrap().to_owned();
    let certificate = order.object["certificate"].as_str().unwrap();
    let orders = format!("{}/orders", owner.kid.as_deref().unwrap());

    for url in [
        &*order.url,
        &authorization,
        &challenge,
        certificate,
        &orders,
    ] {
        let foreign = stranger.read(url).send().await;
        let gone = stranger.read(&format!("{url}0")).send().await;

        assert!(
            [401, 403, 404].contains(&foreign.status),
            "{url}: {}",
            foreign.text()
        );
        assert!(
            !foreign.text().contains("owned.example"),
            "{}",
            foreign.text()
        );
        assert!(
            [401, 403, 404].contains(&gone.status),
            "{url}: {}",
            gone.text()
        );
    }
}

#[tokio::test]
async fn lets_no_other_account_act_on_a_resource() {
    let owner = RawAcme::registered(&CA).await;
    let stranger = RawAcme::registered(&CA).await;
    let names = ["acted.example.internal"];
    let order = owner.order(&names).await;
    let authorization = order.authorizations()[0].clone();
    let object = owner.read(&authorization).send().await.json();
    let challenge = object["challenges"][0]["url"].as_str().unwrap().to_owned();
    let closing = json!({ "status": "deactivated" });

    let answers = [
        stranger.post(&challenge, &json!({})).send().await,
        stranger.post(&authorization, &closing).send().await,
        stranger
            .finalize(&order, &Request::for_names(&names).der)
            .await,
    ];

    for answer in answers {
        assert!(
            [401, 403, 404].contains(&answer.status),
            "{}",
            answer.text()
        );
    }
    let object = owner.read(&authorization).send().await.json();
    assert_eq!(object["status"], "pending");
    assert_eq!(owner.refresh(&order).await.status(), "pending");
}

#[tokio::test]
async fn does_not_share_proofs_between_accounts() {
    let owner = RawAcme::registered(&CA).await;
    let stranger = RawAcme::registered(&CA).await;
    let names = ["proven.example.internal"];
    owner.obtain(&names).await;

    let order = stranger.order(&names).await;

    assert_eq!(order.status(), "pending");
}
