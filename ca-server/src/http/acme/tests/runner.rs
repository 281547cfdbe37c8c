//! A pipeline: a client with grants, and the ACME accounts that it binds.

use std::net::IpAddr;
use std::sync::Arc;

use ca_acme::external_account::{MintRequest, Minted};
use ca_identity::client::Client as Deployer;
use ca_identity::grant::{GrantSpec, Origin};
use ca_identity::{Credential, Identity, IdentityStore, Principal, Role, Rules};
use ca_issuance::Actor;
use ca_issuance::audit::{Event, EventKind};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::client::{Client, Key, bind, post_with_key, url};
use super::world::{Answer, World};

/// Lets the configuration have these grants and no others.
pub(super) fn configure(world: &World, grants: &[Value]) {
    let grants = grants.iter().map(|grant| {
        let spec: GrantSpec = serde_json::from_value(grant.clone()).unwrap();
        Arc::new(spec.compile(Origin::Configured).unwrap())
    });
    world.access.replace_rules(Rules {
        grants: grants.collect(),
        ..Rules::default()
    });
}

/// A grant for the client `runner` to names below `ci.example`, with changes.
pub(super) fn grant(changes: &Value) -> Value {
    let mut grant = json!({
        "name": "runners",
        "who": {"client": "runner"},
        "profiles": ["tls"],
        "identifiers": ["dns:**.ci.example"],
    });
    let members = grant.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    grant
}

pub(super) async fn add_client(world: &World) {
    let client = Deployer {
        id: "runner".to_owned(),
        secret_hash: "a hash".to_owned(),
        role: None,
        comment: String::new(),
        created_at: world.now(),
        last_used_at: None,
    };
    let event = event(world, EventKind::ClientCreated);
    world.store.add_client(client, event).await.unwrap();
}

pub(super) fn event(world: &World, kind: EventKind) -> Event {
    Event {
        at: world.now(),
        kind,
        actor: Actor::System,
        subject: "a test".to_owned(),
        details: json!({}),
    }
}

/// Who the client `runner` is when it shows its secret.
pub(super) fn runner(role: Option<Role>) -> Identity {
    Identity {
        principal: Principal::Client {
            id: "runner".to_owned(),
            role,
        },
        credential: Credential::AccessToken {
            session: "a session".to_owned(),
        },
        role,
        address: IpAddr::from([192, 0, 2, 1]),
        certificate_thumbprint: None,
    }
}

pub(super) async fn mint(world: &World, directory: &str) -> Minted {
    let request = MintRequest {
        directory: Some(directory.to_owned()),
        lifetime: None,
    };
    let identity = runner(None);
    let minted = world.acme.mint_external_account_key(&identity, request);
    minted.await.unwrap()
}

/// Registers an account that is bound with a minted key.
pub(super) async fn bind_account(world: &World, directory: &str, minted: &Minted) -> (Key, Answer) {
    let key = Key::new();
    let new_account = url(directory, "new-account");
    let mac_key = decode(minted.mac_key.expose_secret());
    let binding = bind(&minted.kid, &mac_key, &new_account, &key.jwk());
    let wanted = json!({"externalAccountBinding": binding});
    let answer = post_with_key(world, &new_account, &key, &wanted).await;
    (key, answer)
}

/// Makes the client `runner`, one grant, and an account that acts for it.
pub(super) async fn account_by_grant<'a>(
    world: &'a World,
    directory: &str,
    changes: &Value,
) -> Client<'a> {
    configure(world, &[grant(changes)]);
    add_client(world).await;
    let minted = mint(world, directory).await;
    let (key, answer) = bind_account(world, directory, &minted).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    Client {
        world,
        key,
        url: answer.header("location").to_owned(),
    }
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
