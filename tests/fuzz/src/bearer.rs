//! Bearer tokens: what nobody signed is nobody's, whatever it says.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use ca_identity::testing::{MemoryIdentityStore, TestIssuer};
use ca_identity::{Access, AccessParts, Identity, Presented, Rules};
use ca_issuance::testing::World;
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

use crate::text;

/// A server that believes one issuer.
struct Server {
    runtime: Runtime,
    access: Access,
    issuer: Arc<TestIssuer>,
    strangers: AtomicU32,
}

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// A bearer token as it came; and, where the bytes are two JSON objects with a NUL between them, a
/// token of the believed issuer with that header and those claims.
pub fn bearer(unverified: &[u8]) {
    let Some(unverified) = text(unverified) else {
        return;
    };
    let signed = unverified
        .split_once('\0')
        .and_then(|(header, claims)| SERVER.signed(header, claims));
    match signed {
        Some(token) => {
            let _ = SERVER.authenticate(&token);
        }
        None => assert!(
            SERVER.authenticate(unverified).is_none(),
            "a token that nobody signed was believed"
        ),
    }
}

impl Server {
    fn start() -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        let world = World::at_noon();
        let issuer = Arc::new(TestIssuer::new("https://ci.example.internal"));
        let parts = AccessParts {
            store: Arc::new(MemoryIdentityStore::default()),
            corridor: world.corridor.clone(),
            external_url: AUDIENCE.parse().expect("the URL is one"),
            rules: Rules {
                providers: vec![issuer.provider("ci", AUDIENCE)],
                ..Rules::default()
            },
        };
        let access = runtime
            .block_on(Access::new(parts))
            .expect("the parts fit together");
        Self {
            runtime,
            access,
            issuer,
            strangers: AtomicU32::new(0),
        }
    }

    fn signed(&self, header: &str, claims: &str) -> Option<String> {
        let header: Value = serde_json::from_str(header).ok()?;
        let claims: Map<String, Value> = serde_json::from_str(claims).ok()?;
        Some(self.issuer.key().token_of(&header, &claims))
    }

    /// Asks from an address of its own, or the throttle would answer before anybody reads.
    fn authenticate(&self, token: &str) -> Option<Identity> {
        let stranger = self.strangers.fetch_add(1, Ordering::Relaxed);
        let presented = Presented {
            unverified_bearer: Some(token),
            unverified_certificate: None,
            address: IpAddr::V4(Ipv4Addr::from(stranger)),
        };
        let asked = self.access.authenticate(presented);
        self.runtime.block_on(asked).ok()
    }
}

const AUDIENCE: &str = "https://ca.example.internal:8443";
