//! The pki listener as clients and caches see it.

mod crl;
mod kept;
mod ocsp;

use std::process::Command;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use ca_issuance::ledger::CertificateState;
use ca_issuance::testing::World;
use ca_issuance::{Actor, PublishSchedule, RespondSchedule};
use ca_pki::crl::RevocationReason;
use tower::ServiceExt;

use super::*;

/// The routes over a world with one issuer, `tls`, whose CRL is out and whose responder is ready.
struct Scene {
    world: World,
    state: PkiState,
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Scene {
    async fn new() -> Self {
        let scene = Self::before_the_first_crl();
        let tls = scene.tls();
        tls.publisher.refresh().await.expect("a CRL is published");
        tls.responder
            .renew(&scene.world.corridor)
            .await
            .expect("the certificate is issued");
        scene
    }

    fn before_the_first_crl() -> Self {
        let world = World::at_noon();
        let (corridor, issuer) = (&world.corridor, world.issuer());
        let crls = PublishSchedule::default();
        let lease = world.ledger.hand_over("crl.tls", "this server");
        let tls = PkiIssuer {
            certificate: issuer.certificate().clone(),
            publisher: Arc::new(CrlPublisher::new(corridor, issuer, crls, lease)),
            responder: Arc::new(OcspResponder::new(
                corridor,
                issuer,
                RespondSchedule::default(),
            )),
        };
        let roots = Roots(vec![Root {
            certificate: issuer.root().clone(),
            crl: None,
            issuers: vec!["tls".to_owned()],
        }]);
        let state = PkiState {
            issuers: Arc::new(BTreeMap::from([("tls".to_owned(), tls)])),
            roots: Arc::new(ArcSwap::from_pointee(roots)),
            clock: world.clock.clone(),
        };
        Self { world, state }
    }

    fn tls(&self) -> &PkiIssuer {
        self.state.issuers.get("tls").expect("it was put in")
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let request = match KeptAnswers::new(&self.state).answer(request).await {
            Ok(kept) => return Answer::read(kept).await,
            Err(request) => request,
        };
        let response: Response<Body> = router(self.state.clone())
            .oneshot(request)
            .await
            .expect("routes do not fail");
        Answer::read(response).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(
            Request::get(path)
                .body(Body::empty())
                .expect("the path is valid"),
        )
        .await
    }

    async fn get_unless(&self, etag: &str, path: &str) -> Answer {
        let request = Request::get(path)
            .header(header::IF_NONE_MATCH, etag)
            .body(Body::empty());
        self.ask(request.expect("the path is valid")).await
    }

    async fn post(&self, content_type: Option<&str>, body: Vec<u8>) -> Answer {
        let mut request =
            Request::post("/ocsp/tls").header(header::CONTENT_LENGTH, body.len().to_string());
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        self.ask(
            request
                .body(Body::from(body))
                .expect("the request is valid"),
        )
        .await
    }

    /// The request that `openssl ocsp` makes.
    fn request(&self, arguments: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, self.world.issuer().certificate().pem()).expect("it is written");
        let status = Command::new("openssl")
            .args(["ocsp", "-issuer", "ca.pem", "-reqout", "request.der"])
            .args(arguments.split_whitespace())
            .current_dir(folder.path())
            .status()
            .expect("openssl is installed");
        assert!(status.success());
        std::fs::read(folder.path().join("request.der")).expect("openssl wrote it")
    }

    async fn revoke(&self, serial: &ca_pki::Serial) {
        let reason = RevocationReason::KeyCompromise;
        let corridor = &self.world.corridor;
        corridor
            .revoke("tls", serial, reason, &Actor::System)
            .await
            .expect("it is revoked");
    }
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX)
            .await
            .expect("the body is whole")
            .to_vec();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Whether the body is an OCSPResponse that holds this failure.
    fn is_ocsp_failure(&self, code: u8) -> bool {
        self.status == StatusCode::OK
            && self.header(header::CONTENT_TYPE) == OCSP_RESPONSE
            && self.header(header::CACHE_CONTROL) == "no-store"
            && self.body == [0x30, 3, 0x0a, 1, code]
    }

    /// Whether the body holds a signed OCSPResponse.
    fn is_ocsp_success(&self) -> bool {
        self.status == StatusCode::OK
            && self.header(header::CONTENT_TYPE) == OCSP_RESPONSE
            && self.body.windows(3).any(|window| window == [0x0a, 1, 0])
    }
}

#[tokio::test]
async fn answers_head_without_a_body() {
    let scene = Scene::new().await;
    let whole = scene.get("/crl/tls.crl").await;

    let request = Request::head("/crl/tls.crl")
        .body(Body::empty())
        .expect("it is valid");
    let head = scene.ask(request).await;

    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(
        head.header(header::CONTENT_LENGTH),
        whole.body.len().to_string()
    );
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn knows_nothing_of_other_issuers_and_files() {
    let scene = Scene::new().await;

    for path in [
        "/crl/other.crl",
        "/crl/tls",
        "/crl/tls.txt",
        "/crl/all.crl",
        "/ocsp/other/MAA",
        "/issuers/other.cer",
        "/issuers/tls.pem",
        "/",
    ] {
        assert_eq!(
            scene.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn serves_the_certificates_of_issuer_and_roots() {
    let scene = Scene::new().await;

    let issuer = scene.get("/issuers/tls.cer").await;
    let roots = scene.get("/roots.pem").await;

    assert_eq!(issuer.header(header::CONTENT_TYPE), "application/pkix-cert");
    assert_eq!(issuer.body, scene.world.issuer().certificate().der());
    assert_eq!(roots.body, scene.world.issuer().root().pem().into_bytes());
    let again = scene
        .get_unless(roots.header(header::ETAG), "/roots.pem")
        .await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

const OCSP_RESPONSE: &str = "application/ocsp-response";
