mod parts;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use ca_acme::Acme;
use ca_identity::Access;
use ca_issuance::audit::EventKind;
use ca_issuance::audit::query::{EventOrder, EventQuery, KindFilter};
use ca_issuance::{Clock, Ledger};
use ca_pki::Timestamp;
use ca_store::{Options, Store};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use self::parts::acme;
use crate::config::LimitsSection;
use crate::http::limits::RequestLimits;
use crate::http::testing::HandClock;

pub(super) const BASE: &str = "https://ca.example";

/// A server without sockets.
pub(super) struct World {
    router: Router,
    pub(super) acme: Arc<Acme>,
    pub(super) access: Arc<Access>,
    pub(super) store: Store,
    clock: Arc<HandClock>,
    section: LimitsSection,
    peer: Mutex<IpAddr>,
    _folder: TempDir,
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl World {
    /// Makes one with the directories `default`, `bound` (binding required), `granted` (no
    /// challenges) and `terms`.
    pub(super) async fn new() -> Self {
        Self::with_limits(LimitsSection::default()).await
    }

    /// Makes one that holds its clients to these limits.
    pub(super) async fn with_limits(section: LimitsSection) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let url = format!("sqlite://{}", folder.path().join("ca.db").display());
        let store = Store::connect(&url, Options::new(clock.clone()))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        store.begin_serving().await.unwrap();
        let (acme, access) = acme(&store, &clock, section.to_acme()).await;
        Self {
            router: router(&acme, &section),
            section,
            acme,
            access,
            store,
            clock,
            peer: Mutex::new(IpAddr::from([192, 0, 2, 1])),
            _folder: folder,
        }
    }

    /// Starts the server again on the same store.
    pub(super) async fn restart(&mut self) {
        (self.acme, self.access) = acme(&self.store, &self.clock, self.section.to_acme()).await;
        self.router = router(&self.acme, &self.section);
    }

    pub(super) fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// Lets requests come from this address from now on.
    pub(super) fn move_to(&self, peer: [u8; 4]) {
        *self.peer.lock().unwrap() = IpAddr::from(peer);
    }

    /// Returns actor and details of the last event of a kind.
    pub(super) async fn last_event(&self, kind: EventKind) -> Option<(String, Value)> {
        let query = EventQuery {
            kind: Some(KindFilter::Exactly(kind.name().to_owned())),
            order: EventOrder::NewestFirst,
            limit: 1,
            actor: None,
            subject: None,
            since: None,
            until: None,
            cursor: None,
        };
        let page = self.store.events(&query).await.unwrap();
        let event = page.events.into_iter().next()?;
        let details = serde_json::from_str(event.details.get()).unwrap();
        Some((event.actor, details))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn request(&self, method: &str, url: &str) -> Answer {
        let request = Request::builder().method(method).uri(path(url));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&self, url: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri(path(url))
            .header("content-type", "application/jose+json");
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(super) async fn send(&self, mut request: Request<Body>) -> Answer {
        let peer = SocketAddr::new(*self.peer.lock().unwrap(), 1_024);
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns `status kind` of a problem, after checking what every problem must have.
    pub(super) fn refusal(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        let kind = problem["type"].as_str().unwrap();
        let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        format!("{} {kind}", self.status.as_u16())
    }
}

pub(super) fn path(url: &str) -> &str {
    url.strip_prefix(BASE).unwrap_or(url)
}

fn router(acme: &Arc<Acme>, section: &LimitsSection) -> Router {
    let limits = Arc::new(RequestLimits::new(section));
    super::super::router(Arc::clone(acme), limits)
}
