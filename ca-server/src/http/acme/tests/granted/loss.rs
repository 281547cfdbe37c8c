//! Granted names that are taken away again.

use super::super::runner::{add_client, event, grant, runner};
use super::*;

/// What takes an account's granted names away, at newOrder and between newOrder and finalize.
#[derive(Clone, Copy, Debug)]
enum Loss {
    GrantWithdrawn,
    GrantNarrowed,
    GrantEnded,
    OtherNetwork,
    KeyRevoked,
    ClientRemoved,
    ClientMadeAnew,
}

impl Loss {
    const ALL: [Self; 7] = [
        Self::GrantWithdrawn,
        Self::GrantNarrowed,
        Self::GrantEnded,
        Self::OtherNetwork,
        Self::KeyRevoked,
        Self::ClientRemoved,
        Self::ClientMadeAnew,
    ];

    async fn happens(self, world: &World) {
        match self {
            Self::GrantWithdrawn => configure(world, &[]),
            Self::GrantNarrowed => {
                let narrowed = json!({"identifiers": ["dns:other.ci.example"]});
                configure(world, &[grant(&narrowed)]);
            }
            Self::GrantEnded => {
                let ended = json!({"expires": world.now().to_string()});
                configure(world, &[grant(&ended)]);
            }
            Self::OtherNetwork => world.move_to([198, 51, 100, 1]),
            Self::KeyRevoked => {
                let identity = runner(None);
                let keys = world.acme.external_account_keys(&identity, 1, None);
                let keys = keys.await.unwrap().keys;
                let revoked = world
                    .acme
                    .revoke_external_account_key(&identity, &keys[0].kid);
                revoked.await.unwrap();
            }
            Self::ClientRemoved => remove_client(world).await,
            Self::ClientMadeAnew => {
                remove_client(world).await;
                world.advance(Duration::from_secs(1));
                add_client(world).await;
            }
        }
    }
}

async fn remove_client(world: &World) {
    let event = event(world, EventKind::ClientRemoved);
    assert!(world.store.remove_client("runner", event).await.unwrap());
}

fn narrow() -> Value {
    json!({"networks": ["192.0.2.0/24"]})
}

#[tokio::test]
async fn whatever_ends_the_grant_ends_its_names() {
    for loss in Loss::ALL {
        let world = World::new().await;
        let client = account_by_grant(&world, "granted", &narrow()).await;

        loss.happens(&world).await;
        let refused = place(&client, "granted", &["web.ci.example"]).await;

        assert_eq!(refused.refusal(), "400 rejectedIdentifier", "{loss:?}");
        let (_, details) = world.last_event(EventKind::OrderRefused).await.unwrap();
        assert!(!details["grants"].is_null(), "{loss:?}");
    }
}

#[tokio::test]
async fn whatever_ends_the_grant_meanwhile_fails_the_order_with_its_reasons() {
    for loss in Loss::ALL {
        let world = World::new().await;
        let client = account_by_grant(&world, "granted", &narrow()).await;
        let order = place(&client, "granted", &["web.ci.example"]).await;

        loss.happens(&world).await;
        let refused = finalize(&client, &order, &["web.ci.example"]).await;

        assert_eq!(refused.refusal(), "403 unauthorized", "{loss:?}");
        assert_eq!(status_of(&client, &order).await, "invalid", "{loss:?}");
        let (_, details) = world
            .last_event(EventKind::CertificateRefused)
            .await
            .unwrap();
        assert!(!details["grants"].is_null(), "{loss:?}");
    }
}
