use std::time::Duration;

use ca_acme::external_account::MintRequest;
use ca_identity::{Error, Identity, Principal, Role};
use ca_issuance::audit::EventKind;
use serde_json::json;

use super::runner::{add_client, bind_account, configure, grant, mint, runner};
use super::world::World;

fn request(directory: Option<&str>, lifetime_secs: Option<u64>) -> MintRequest {
    MintRequest {
        directory: directory.map(str::to_owned),
        lifetime: lifetime_secs.map(Duration::from_secs),
    }
}

async fn world() -> World {
    let world = World::new().await;
    configure(&world, &[grant(&json!({}))]);
    add_client(&world).await;
    world
}

#[tokio::test]
async fn a_minted_key_binds_one_account_of_one_directory_soon() {
    let world = world().await;
    let once = mint(&world, "bound").await;
    let elsewhere = mint(&world, "bound").await;
    let late = mint(&world, "bound").await;

    let (_, first) = bind_account(&world, "bound", &once).await;
    let (_, second) = bind_account(&world, "bound", &once).await;
    let (_, other_directory) = bind_account(&world, "default", &elsewhere).await;
    world.advance(Duration::from_secs(10 * 60));
    let (_, too_late) = bind_account(&world, "bound", &late).await;

    assert_eq!(first.status, 201);
    for refused in [&second, &other_directory, &too_late] {
        assert_eq!(refused.refusal(), "403 unauthorized");
    }
    assert_eq!(
        once.directory_url,
        "https://ca.example/acme/bound/directory"
    );
}

#[tokio::test]
async fn minting_and_a_refused_binding_are_in_the_audit_log() {
    let world = world().await;
    let minted = mint(&world, "bound").await;
    bind_account(&world, "default", &minted).await;

    let (who, details) = world
        .last_event(EventKind::ExternalAccountKeyCreated)
        .await
        .unwrap();
    let (_, refused) = world
        .last_event(EventKind::ExternalAccountKeyRefused)
        .await
        .unwrap();

    assert_eq!(who, "client:runner");
    assert_eq!(details["principal"], "client:runner");
    assert_eq!(details["single_use"], true);
    assert_eq!(refused["address"], "192.0.2.1");
}

#[tokio::test]
async fn nobody_mints_without_a_grant_for_the_directory() {
    let ended = json!({"expires": "2000-01-01T00:00:00Z"});
    for changes in [
        json!({"who": {"client": "another"}}),
        json!({"profiles": ["another"]}),
        ended,
    ] {
        let world = World::new().await;
        configure(&world, &[grant(&changes)]);

        let refused = world
            .acme
            .mint_external_account_key(&runner(None), request(Some("bound"), None))
            .await;

        assert!(matches!(refused, Err(Error::NotGranted(_))), "{changes}");
        let (who, _) = world
            .last_event(EventKind::ExternalAccountKeyRefused)
            .await
            .unwrap();
        assert_eq!(who, "client:runner");
    }
}

#[tokio::test]
async fn operators_mint_without_a_grant_and_auditors_never() {
    let world = World::new().await;
    let by = async |role| {
        let identity = runner(Some(role));
        let minted = world
            .acme
            .mint_external_account_key(&identity, request(Some("bound"), None));
        minted.await
    };

    assert!(by(Role::Admin).await.is_ok());
    assert!(by(Role::Operator).await.is_ok());
    assert!(matches!(by(Role::Auditor).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn refuses_requests_that_make_no_sense() {
    let world = world().await;
    for (directory, lifetime_secs) in [
        (None, None),
        (Some("nowhere"), None),
        (Some("terms"), None),
        (Some("bound"), Some(0)),
        (Some("bound"), Some(3_601)),
    ] {
        let refused = world
            .acme
            .mint_external_account_key(&runner(None), request(directory, lifetime_secs))
            .await;

        let what = format!("{directory:?} {lifetime_secs:?}");
        assert!(matches!(refused, Err(Error::Malformed(_))), "{what}");
    }
}

#[tokio::test]
async fn everybody_sees_and_revokes_their_own_keys_and_staff_all() {
    let world = world().await;
    let minted = mint(&world, "bound").await;
    let mut other = runner(None);
    other.principal = Principal::Client {
        id: "other".to_owned(),
        role: None,
    };
    let auditor = runner(Some(Role::Auditor));

    let of = async |identity| {
        let list = world.acme.external_account_keys(identity, 10, None).await;
        list.unwrap().keys.len()
    };
    let listed = [
        of(&runner(None)).await,
        of(&other).await,
        of(&auditor).await,
    ];
    let by_other = world
        .acme
        .revoke_external_account_key(&other, &minted.kid)
        .await;
    let by_auditor = world
        .acme
        .revoke_external_account_key(&auditor, &minted.kid)
        .await;
    let by_owner = world
        .acme
        .revoke_external_account_key(&runner(None), &minted.kid)
        .await;
    let (_, binding) = bind_account(&world, "bound", &minted).await;

    assert_eq!(listed, [1, 0, 1]);
    assert!(matches!(by_other, Err(Error::NotFound)));
    assert!(matches!(by_auditor, Err(Error::Forbidden(_))));
    assert!(by_owner.is_ok());
    assert_eq!(binding.refusal(), "403 unauthorized");
}

/// A job of GitLab's, by its lasting id; all of them have the same path.
fn job(project_id: &str) -> Identity {
    let claims = json!({"project_id": project_id, "ref_protected": "true"});
    let mut identity = runner(None);
    identity.principal = Principal::Oidc {
        provider: "ci".to_owned(),
        subject: "project_path:infra/web".to_owned(),
        claims: claims.as_object().cloned().unwrap(),
    };
    identity
}

#[tokio::test]
async fn a_path_that_changed_hands_opens_nothing() {
    let world = World::new().await;
    let jobs = json!({"oidc": "ci", "claims": {"ref_protected": "true"}});
    configure(&world, &[grant(&json!({"who": jobs}))]);
    let (owner, heir) = (job("42"), job("43"));
    let mut kids = Vec::new();
    for identity in [&heir, &owner, &owner] {
        let minting = request(Some("bound"), None);
        let minted = world.acme.mint_external_account_key(identity, minting);
        kids.push(minted.await.unwrap().kid);
        world.advance(Duration::from_secs(1));
    }
    let walk = async |identity| {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = world.acme.external_account_keys(identity, 1, cursor);
            let page = page.await.unwrap();
            seen.extend(page.keys.into_iter().map(|key| key.kid));
            cursor = page.next;
            if cursor.is_none() {
                return seen;
            }
        }
    };

    let of_heir = walk(&heir).await;
    let of_owner = walk(&owner).await;
    let shown = world.acme.external_account_key(&heir, &kids[1]).await;
    let by_heir = world.acme.revoke_external_account_key(&heir, &kids[1]);
    let by_heir = by_heir.await;
    let by_owner = world.acme.revoke_external_account_key(&owner, &kids[1]);
    let by_owner = by_owner.await;

    assert_eq!(of_heir, kids[..1]);
    assert_eq!(of_owner, [kids[2].as_str(), kids[1].as_str()]);
    assert!(matches!(shown, Err(Error::NotFound)));
    assert!(matches!(by_heir, Err(Error::NotFound)));
    assert!(by_owner.is_ok());
}
