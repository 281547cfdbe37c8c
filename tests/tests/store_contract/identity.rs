//! Who asks: sessions, clients, tokens, grants. Also on the memory that other suites use.

mod client;
mod grant;
mod grant_use;
mod memory;
mod operator_token;
mod prune;
mod session;
mod used_token;

use std::sync::Arc;

use ca_identity::client::Client;
use ca_identity::grant::{Grant, GrantSpec, Origin};
use ca_identity::operator::OperatorToken;
use ca_identity::session::{RefreshToken, Rotation, Session};
use ca_identity::store::{IdentityStore, SecretHash};
use ca_identity::testing::MemoryIdentityStore;
use ca_identity::{Principal, Role};
use ca_issuance::Actor;
use ca_issuance::audit::{Event, EventKind};
use ca_pki::Timestamp;
use serde_json::json;

use crate::bench::{Bench, HOUR, START};

/// Makes a test for each database and for the memory out of each case.
macro_rules! on_every_store {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let bench = crate::bench::Bench::sqlite().await;
                    super::$case(crate::identity::Remembering::in_database(bench)).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let bench = crate::bench::Bench::postgres().await;
                    super::$case(crate::identity::Remembering::in_database(bench)).await;
                }
            )+
        }

        mod memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::identity::Remembering::in_memory()).await;
                }
            )+
        }
    };
}
pub(crate) use on_every_store;

/// Something that remembers identities.
pub(crate) struct Remembering {
    pub(crate) store: Arc<dyn IdentityStore>,
    place: Place,
}

enum Place {
    Database(Bench),
    Memory(Arc<MemoryIdentityStore>),
}

impl Remembering {
    pub(crate) fn in_database(bench: Bench) -> Self {
        Self {
            store: Arc::new(bench.store.clone()),
            place: Place::Database(bench),
        }
    }

    pub(crate) fn in_memory() -> Self {
        let memory = Arc::new(MemoryIdentityStore::default());
        Self {
            store: Arc::<MemoryIdentityStore>::clone(&memory),
            place: Place::Memory(memory),
        }
    }

    /// Returns the kinds of all events, in the order of writing.
    async fn events(&self) -> Vec<String> {
        match &self.place {
            Place::Database(bench) => {
                let sql = "SELECT kind FROM audit_event ORDER BY sequence";
                bench.texts(sql).await
            }
            Place::Memory(memory) => {
                let events = memory.events().into_iter();
                events.map(|event| event.kind.name().to_owned()).collect()
            }
        }
    }

    async fn add_client(&self, id: &str) -> Client {
        let client = client(id);
        let event = event(EventKind::ClientCreated, START);
        self.store.add_client(client.clone(), event).await.unwrap();
        client
    }

    /// Opens a session with a refresh token of this number.
    async fn open(&self, session: Session, refresh: u8) -> Session {
        let token = refresh_token(refresh, &session);
        let event = event(EventKind::LoginSucceeded, session.created_at);
        let opened = self.store.open_session(session.clone(), Some(token), event);
        opened.await.unwrap();
        session
    }

    async fn rotate(&self, session: &Session, used: u8, next: u8, at: Timestamp) -> Rotation {
        let used = hash(used);
        let rotated = self.store.rotate_refresh_token(
            &used,
            refresh_token(next, session),
            event(EventKind::LoginSucceeded, at),
            event(EventKind::SessionRevoked, at),
        );
        rotated.await.unwrap()
    }

    async fn revoked_at(&self, session: &Session) -> Option<Timestamp> {
        let session = self.store.session(&session.id).await.unwrap();
        session.unwrap().revoked_at
    }
}

fn event(kind: EventKind, at: Timestamp) -> Event {
    Event {
        at,
        kind,
        actor: Actor::System,
        subject: "somebody".to_owned(),
        details: json!({}),
    }
}

fn hash(number: u8) -> SecretHash {
    [number; 32]
}

fn job() -> Principal {
    let claims = json!({ "project_id": "42", "ref_protected": true, "groups": ["a", "b"] });
    Principal::Oidc {
        provider: "gitlab".to_owned(),
        subject: "project_path:a/b".to_owned(),
        claims: claims.as_object().unwrap().clone(),
    }
}

fn session_of(id: &str, principal: Principal) -> Session {
    Session {
        id: id.to_owned(),
        principal,
        certificate_thumbprint: None,
        created_at: START,
        expires_at: START.plus(HOUR * 12),
        revoked_at: None,
    }
}

fn session_of_client(id: &str, client: &str) -> Session {
    let principal = Principal::Client {
        id: client.to_owned(),
        role: None,
    };
    session_of(id, principal)
}

fn refresh_token(number: u8, session: &Session) -> RefreshToken {
    RefreshToken {
        hash: hash(number),
        session: session.id.clone(),
        expires_at: session.expires_at,
    }
}

fn client(id: &str) -> Client {
    Client {
        id: id.to_owned(),
        secret_hash: "$argon2id$v=19$…".to_owned(),
        role: Some(Role::Operator),
        comment: "deploys \"things\"".to_owned(),
        created_at: START,
        last_used_at: None,
    }
}

fn operator_token(id: &str, number: u8) -> OperatorToken {
    OperatorToken {
        id: id.to_owned(),
        hash: hash(number),
        name: "anna".to_owned(),
        role: Role::Auditor,
        created_at: START,
        expires_at: Some(START.plus(HOUR)),
        revoked_at: None,
    }
}

/// A grant that uses all that grants can say, for an hour.
fn grant(name: &str) -> Grant {
    let spec = json!({
        "name": name,
        "who": { "oidc": "gitlab", "claims": { "project_id": "42", "ref": "release/*" } },
        "profiles": ["tls-server", "mtls"],
        "identifiers": ["dns:*.ci.example.internal", "uri:spiffe://example.internal/ci/**"],
        "deny": ["dns:vault.ci.example.internal"],
        "wildcards": true,
        "max_lifetime": "1h",
        "networks": ["10.0.0.0/8", "fd00::/8"],
        "expires": START.plus(HOUR).to_string(),
        "uses": 3,
        "subject": { "common_name": "job-{project_id}", "organizations": ["ci"] },
    });
    let spec: GrantSpec = serde_json::from_value(spec).unwrap();
    spec.compile(Origin::Api).unwrap()
}
