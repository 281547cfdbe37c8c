mod refusal;

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, encode, url};
use super::world::{Answer, World};

async fn place(client: &Client<'_>, names: &[&str]) -> Answer {
    let identifiers: Vec<Value> = names
        .iter()
        .map(|name| json!({"type": "dns", "value": name}))
        .collect();
    let wanted = json!({"identifiers": identifiers});
    client.post(&url("default", "new-order"), &wanted).await
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap()
}

fn members(object: &Value) -> Vec<&str> {
    let members = object.as_object().unwrap();
    members.keys().map(String::as_str).collect()
}

pub(super) fn csr(names: &[&str]) -> Value {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut csr = rcgen::CertificateParams::new(names).unwrap();
    csr.distinguished_name = rcgen::DistinguishedName::new();
    json!({"csr": encode(csr.serialize_request(&key).unwrap().der())})
}

fn links(answer: &Answer, relation: &str) -> Vec<String> {
    let suffix = format!(">;rel=\"{relation}\"");
    let values = answer.headers.get_all("link").iter();
    values
        .filter_map(|value| value.to_str().ok()?.strip_suffix(&suffix))
        .map(|target| target.trim_start_matches('<').to_owned())
        .collect()
}

#[tokio::test]
async fn an_order_goes_from_pending_to_its_certificate() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;

    let placed = place(&client, &["*.a.example", "a.example"]).await;
    let (location, order) = (placed.header("location"), placed.json());
    for authorization in order["authorizations"].as_array().unwrap() {
        let object = client.get(authorization.as_str().unwrap()).await.json();
        let challenge = &object["challenges"][0];
        client.post(text(challenge, "url"), &json!({})).await;
    }
    let ready = client.get(location).await;
    let finalize = text(&order, "finalize");
    let done = client
        .post(finalize, &csr(&["*.a.example", "a.example"]))
        .await;
    let again = client
        .post(finalize, &csr(&["*.a.example", "a.example"]))
        .await;

    assert_eq!(
        (placed.status.as_u16(), text(&order, "status")),
        (201, "pending")
    );
    assert_eq!(
        members(&order),
        [
            "authorizations",
            "expires",
            "finalize",
            "identifiers",
            "profile",
            "status"
        ]
    );
    assert_eq!(
        (ready.status.as_u16(), text(&ready.json(), "status")),
        (200, "ready")
    );
    assert_eq!(
        (done.status.as_u16(), text(&done.json(), "status")),
        (200, "valid")
    );
    for answer in [&placed, &ready, &done] {
        assert_eq!(answer.header("location"), location);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(links(answer, "index"), [url("default", "directory")]);
    }
    assert_eq!(again.refusal(), "403 orderNotReady");
}

#[tokio::test]
async fn authorizations_and_challenges_look_as_clients_expect() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let order = place(&client, &["*.a.example", "a.example"]).await.json();

    let mut objects = Vec::new();
    for authorization in order["authorizations"].as_array().unwrap() {
        objects.push(client.get(authorization.as_str().unwrap()).await.json());
    }
    let challenge = &objects[1]["challenges"][0];
    let answered = client.post(text(challenge, "url"), &json!({})).await;

    assert_eq!(
        members(&objects[0]),
        ["challenges", "expires", "identifier", "status", "wildcard"]
    );
    assert_eq!(objects[0]["wildcard"], true);
    assert_eq!(
        members(&objects[1]),
        ["challenges", "expires", "identifier", "status"]
    );
    for object in &objects {
        assert_eq!(
            object["identifier"],
            json!({"type": "dns", "value": "a.example"})
        );
        for challenge in object["challenges"].as_array().unwrap() {
            assert_eq!(members(challenge), ["status", "token", "type", "url"]);
        }
    }
    assert_eq!(
        members(&answered.json()),
        ["status", "token", "type", "url", "validated"]
    );
    assert_eq!(
        links(&answered, "up"),
        [order["authorizations"][1].as_str().unwrap()]
    );
}

#[tokio::test]
async fn a_certificate_comes_as_a_chain_to_its_account_only() {
    let world = World::new().await;
    let (owner, other) = (
        Client::register(&world, "default").await,
        Client::register(&world, "default").await,
    );
    let order = ready(&owner, "a.example").await;
    let done = owner
        .post(text(&order, "finalize"), &csr(&["a.example"]))
        .await;
    let done = done.json();
    let certificate = text(&done, "certificate");

    let chain = owner.get(certificate).await;

    let pem = String::from_utf8(chain.body.clone()).unwrap();
    assert_eq!(chain.status, 200);
    assert_eq!(
        chain.header("content-type"),
        "application/pem-certificate-chain"
    );
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    assert!(links(&chain, "alternate").is_empty());
    assert_eq!(other.get(certificate).await.refusal(), "403 unauthorized");
    let written = owner.post(certificate, &json!({})).await;
    assert_eq!(written.refusal(), "400 malformed");
    for chain in ["0", "1", "01", "-1", "x", "99999999999999999999"] {
        let answer = owner.get(&format!("{certificate}/{chain}")).await;
        assert_eq!(answer.refusal(), "404 malformed", "{chain}");
    }
}

#[tokio::test]
async fn an_authorization_is_made_ahead_once_and_deactivated_by_its_own_object() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let wanted = json!({"identifier": {"type": "dns", "value": "a.example"}});
    let resource = url("default", "new-authorization");

    let made = client.post(&resource, &wanted).await;
    let found = client.post(&resource, &wanted).await;
    let location = made.header("location");
    let mut object = made.json();
    object["status"] = json!("deactivated");
    let deactivated = client.post(location, &object).await;

    assert_eq!((made.status.as_u16(), found.status.as_u16()), (201, 200));
    assert_eq!(found.header("location"), location);
    assert_eq!(deactivated.status, 200);
    assert_eq!(deactivated.json()["status"], "deactivated");
}

#[tokio::test]
async fn zero_values_of_response_objects_are_taken_for_nothing() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let wanted = json!({
        "status": "", "expires": "0001-01-01T00:00:00Z", "notBefore": "0001-01-01T00:00:00Z",
        "notAfter": "0001-01-01T00:00:00Z", "error": null, "authorizations": null, "finalize": "",
        "certificate": "", "profile": "", "identifiers": [{"type": "dns", "value": "a.example"}],
    });

    let placed = client.post(&url("default", "new-order"), &wanted).await;

    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(placed.json().get("notAfter"), None);
}

#[tokio::test]
async fn anybody_may_ask_when_to_renew() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let (certificate, _) = client.issue("a.example").await;
    let certificate = ca_pki::Certificate::parse(&certificate).unwrap();
    let id = certificate.renewal_id().unwrap();
    let ask = async |id: &str| {
        let resource = url("default", &format!("renewal-info/{id}"));
        world.request("GET", &resource).await
    };

    let answer = ask(&id).await;

    let window = &answer.json()["suggestedWindow"];
    let validity = certificate.validity();
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("replay-nonce"), "");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 3_600);
    assert!(text(window, "start") > validity.not_before.to_string().as_str());
    assert!(text(window, "start") < text(window, "end"));
    let half = validity.not_before.plus(Duration::from_secs(12 * 3_600));
    assert!(text(window, "end") <= half.to_string().as_str());
    assert_eq!(ask(&format!("{id}=")).await.refusal(), "400 malformed");
    assert_eq!(ask("AQID.AQID").await.refusal(), "404 malformed");
}

/// Places an order for one name and proves it.
async fn ready(client: &Client<'_>, name: &str) -> Value {
    let placed = place(client, &[name]).await.json();
    let authorization = placed["authorizations"][0].as_str().unwrap();
    let object = client.get(authorization).await.json();
    let challenge = text(&object["challenges"][0], "url");
    client.post(challenge, &json!({})).await;
    placed
}
