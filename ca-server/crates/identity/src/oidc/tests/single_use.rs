//! Tokens as credentials of the server: which provider judges them, and how often they are good.

use std::sync::Arc;
use std::time::Duration;

use ca_issuance::testing::World;
use serde_json::json;
use url::Url;

use super::*;
use crate::oidc::{KeySource, ProviderKind};
use crate::testing::MemoryIdentityStore;
use crate::{Access, AccessParts, Principal, Rules};

struct Scene {
    world: World,
    store: Arc<MemoryIdentityStore>,
    issuer: Arc<TestIssuer>,
    access: Access,
}

impl Scene {
    /// Two providers: `gitlab`, whose tokens are for one use, and `other`.
    async fn new() -> Self {
        let world = World::at_noon();
        let store = Arc::new(MemoryIdentityStore::default());
        let issuer = issuer();
        let mut settings = issuer.settings("gitlab", AUDIENCE);
        settings.single_use = true;
        settings.kind = ProviderKind::GitLab;
        let source = Arc::clone(&issuer) as Arc<dyn KeySource>;
        let other = Arc::new(TestIssuer::new("https://other.example.internal"));
        let access = Access::new(AccessParts {
            store: store.clone(),
            corridor: world.corridor.clone(),
            external_url: Url::parse(AUDIENCE).unwrap(),
            rules: Rules {
                providers: vec![
                    other.provider("other", AUDIENCE),
                    Arc::new(Provider::new(settings, source)),
                ],
                ..Rules::default()
            },
        })
        .await
        .unwrap();
        Self {
            world,
            store,
            issuer,
            access,
        }
    }

    fn token(&self, id: Option<&str>) -> String {
        let now = self.world.corridor.clock().now();
        let mut claims = self.issuer.claims("job", AUDIENCE, now);
        if let Some(id) = id {
            claims.insert("jti".to_owned(), json!(id));
        }
        self.issuer.token(&claims)
    }
}

#[tokio::test]
async fn takes_a_token_for_single_use_once() {
    let scene = Scene::new().await;
    let token = scene.token(Some("id-1"));

    let first = scene.access.verify_ci_token(&token).await;
    let again = scene.access.verify_ci_token(&token).await;
    let next = scene
        .access
        .verify_ci_token(&scene.token(Some("id-2")))
        .await;

    assert_eq!(first.unwrap().principal.name(), "oidc:gitlab:job");
    assert_eq!(failure(again), LoginFailure::Replayed);
    assert!(next.is_ok());
}

#[tokio::test]
async fn refuses_a_token_without_an_id_where_each_is_for_single_use() {
    let scene = Scene::new().await;

    let outcome = scene.access.verify_ci_token(&scene.token(None)).await;

    assert_eq!(failure(outcome), LoginFailure::TokenIdMissing);
}

#[tokio::test]
async fn uses_up_no_token_that_it_refuses() {
    let scene = Scene::new().await;
    let token = scene.token(Some("id-1"));
    let (input, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(86));

    let refused = scene.access.verify_ci_token(&forged).await;
    let taken = scene.access.verify_ci_token(&token).await;

    assert_eq!(failure(refused), LoginFailure::BadSignature);
    assert!(taken.is_ok(), "{taken:?}");
}

#[tokio::test]
async fn takes_no_token_for_single_use_while_the_store_is_away() {
    let scene = Scene::new().await;
    let token = scene.token(Some("id-1"));
    scene.store.set_away(true);
    let away = scene.access.verify_ci_token(&token).await;
    scene.store.set_away(false);

    let back = scene.access.verify_ci_token(&token).await;

    assert!(matches!(away, Err(Error::Store(_))), "{away:?}");
    assert!(back.is_ok(), "{back:?}");
}

#[tokio::test]
async fn goes_by_the_clock_that_it_was_given() {
    let scene = Scene::new().await;
    let token = scene.token(Some("id-1"));
    scene.world.clock.advance(Duration::from_secs(331));

    let outcome = scene.access.verify_ci_token(&token).await;

    assert_eq!(failure(outcome), LoginFailure::Expired);
}

#[tokio::test]
async fn has_an_issuer_judged_by_its_own_provider_only() {
    let scene = Scene::new().await;
    let now = scene.world.corridor.clock().now();
    let claims = scene.issuer.claims("job", AUDIENCE, now);
    let stranger = with(claims.clone(), "iss", json!("https://stranger.example"));
    let other = with(claims, "iss", json!("https://other.example.internal"));

    let unlisted = scene
        .access
        .verify_ci_token(&scene.issuer.token(&stranger))
        .await;
    let forged = scene
        .access
        .verify_ci_token(&scene.issuer.token(&other))
        .await;

    assert_eq!(failure(unlisted), LoginFailure::UnknownIssuer);
    assert_eq!(failure(forged), LoginFailure::BadSignature);
}

#[tokio::test]
async fn tells_claims_by_the_kind_of_the_provider_while_it_is_configured() {
    let scene = Scene::new().await;
    let token = scene.token(Some("id-1"));
    let principal = scene
        .access
        .verify_ci_token(&token)
        .await
        .unwrap()
        .principal;
    let client = Principal::Client {
        id: "deployer".to_owned(),
        role: None,
    };

    let told = scene.access.ci_claims(&principal);
    let of_a_client = scene.access.ci_claims(&client);
    scene.access.replace_rules(Rules::default());
    let later = scene.access.ci_claims(&principal);

    assert_eq!(told.len(), 2);
    assert!(of_a_client.is_empty() && later.is_empty());
}
