//! What a restart leaves as it was.

use ca_tests::csr::Request;
use ca_tests::{RawAcme, TestCa, openssl};

#[tokio::test]
async fn nonces_stay_good_and_spent_ones_stay_spent() {
    let ca = TestCa::quickstart();
    let mut client = RawAcme::registered(&ca).await;
    let order = client.order(&["nonces.example.internal"]).await;
    let fresh = [client.fresh_nonce().await, client.fresh_nonce().await];
    let spent = [client.fresh_nonce().await, client.fresh_nonce().await];
    for nonce in &spent {
        let read = client.read(&order.url).protected("nonce", nonce.clone());
        read.send().await.expect_status(200);
    }

    for (how, (fresh, spent)) in [Ending::InOrder, Ending::Killed]
        .into_iter()
        .zip(fresh.into_iter().zip(spent))
    {
        restart(&mut client, how);

        let by_fresh = client.read(&order.url).protected("nonce", fresh);
        let by_spent = client.read(&order.url).protected("nonce", spent);
        by_fresh.send().await.expect_status(200);
        by_spent.send().await.expect_problem(400, "badNonce");
    }
}

#[tokio::test]
async fn an_order_goes_on_where_it_was() {
    let ca = TestCa::quickstart();
    let mut client = RawAcme::registered(&ca).await;
    let names = ["goes-on.example.internal"];

    let pending = client.order(&names).await;
    restart(&mut client, Ending::InOrder);
    let ready = client.prove(&pending).await;
    restart(&mut client, Ending::Killed);
    let request = Request::for_names(&names);
    let answer = client
        .finalize(&ready, &request.der)
        .await
        .expect_status(200);
    restart(&mut client, Ending::Killed);
    let valid = client.refresh(&ready).await;

    assert_eq!(answer.json()["status"], "valid");
    assert_eq!(valid.status(), "valid");
    openssl::verify_chain(&ca.root_file(), &client.download(&valid).await);
}

#[tokio::test]
async fn the_server_certifies_itself_again() {
    let ca = TestCa::quickstart();
    let mut client = RawAcme::registered(&ca).await;

    restart(&mut client, Ending::InOrder);

    client
        .new_order(&["self.example.internal"])
        .await
        .expect_status(201);
}

/// How a server ends.
#[derive(Clone, Copy)]
enum Ending {
    InOrder,
    Killed,
}

fn restart(client: &mut RawAcme<'_>, how: Ending) {
    match how {
        Ending::InOrder => client.ca.restart(),
        Ending::Killed => {
            client.ca.kill();
            client.ca.start();
        }
    }
    client.reconnect();
}
