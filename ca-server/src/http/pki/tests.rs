//! The pki listener as clients and caches see it.

use std::convert::Infallible;
use std::process::Command;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ca_issuance::ledger::CertificateState;
use ca_issuance::testing::World;
use ca_issuance::{Actor, PublishSchedule, RespondSchedule};
use ca_pki::crl::RevocationReason;
use ca_pki::ocsp::OcspRequest;
use ca_pki::pem;
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
async fn serves_a_crl_in_der_and_pem_with_its_times() {
    let scene = Scene::new().await;

    let der = scene.get("/crl/tls.crl").await;
    let text = scene.get("/crl/tls.pem").await;

    assert_eq!(der.status, StatusCode::OK);
    assert_eq!(der.header(header::CONTENT_TYPE), "application/pkix-crl");
    assert_eq!(
        der.header(header::LAST_MODIFIED),
        "Sat, 21 Nov 2026 12:00:00 GMT"
    );
    assert_eq!(der.header(header::EXPIRES), "Sun, 22 Nov 2026 12:00:00 GMT");
    assert_eq!(
        der.header(header::CACHE_CONTROL),
        "max-age=300, public, no-transform, must-revalidate"
    );
    assert_eq!(
        der.header(header::CONTENT_LENGTH),
        der.body.len().to_string()
    );
    assert_eq!(text.body, pem::encode("X509 CRL", &der.body).into_bytes());
    assert_ne!(text.header(header::ETAG), der.header(header::ETAG));
}

#[tokio::test]
async fn answers_not_modified_until_the_crl_changes() {
    let scene = Scene::new().await;
    let serial = scene.world.insert("0102", CertificateState::Valid);
    let etag = scene
        .get("/crl/tls.crl")
        .await
        .header(header::ETAG)
        .to_owned();

    let unchanged = scene
        .get_unless(&format!("\"x\", W/{etag}"), "/crl/tls.crl")
        .await;
    scene.revoke(&serial).await;
    scene
        .tls()
        .publisher
        .refresh()
        .await
        .expect("a CRL is published");
    let changed = scene.get_unless(&etag, "/crl/tls.crl").await;

    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert_eq!(unchanged.header(header::ETAG), etag);
    assert!(unchanged.body.is_empty());
    assert_eq!(changed.status, StatusCode::OK);
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
async fn bundles_the_crls_of_issuers_and_roots() {
    let scene = Scene::new().await;
    let issuing = scene.get("/crl/tls.pem").await.body;
    let other = Scene::new().await.get("/crl/tls.crl").await.body;
    let root_crl = Crl::parse(&other).expect("it reads");
    let without = scene.get("/crl/all.pem").await;

    scene.state.roots.store(Arc::new(Roots(vec![Root {
        certificate: scene.world.issuer().root().clone(),
        crl: Some(root_crl.clone()),
        issuers: vec!["tls".to_owned()],
    }])));
    let with = scene.get("/crl/all.pem").await;

    assert_eq!(without.body, issuing);
    assert_eq!(with.body, [issuing, root_crl.pem().into_bytes()].concat());
    assert_eq!(
        with.header(header::CONTENT_LENGTH),
        with.body.len().to_string()
    );
    assert_ne!(without.header(header::ETAG), with.header(header::ETAG));
}

#[tokio::test]
async fn serves_roots_under_both_their_names() {
    let scene = Scene::new().await;
    let der = scene.get("/crl/tls.crl").await.body;
    let root = scene.world.issuer().root().clone();
    scene.state.roots.store(Arc::new(Roots(vec![Root {
        certificate: root.clone(),
        crl: Crl::parse(&der).ok(),
        issuers: vec!["tls".to_owned()],
    }])));

    for name in ["root", "tls-root"] {
        assert_eq!(scene.get(&format!("/crl/{name}.crl")).await.body, der);
        assert_eq!(
            scene.get(&format!("/issuers/{name}.cer")).await.body,
            root.der()
        );
    }
    let unknown = scene.get("/crl/other-root.crl").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn asks_to_come_back_before_the_first_crl() {
    let scene = Scene::before_the_first_crl();

    for path in ["/crl/tls.crl", "/crl/tls.pem", "/crl/all.pem"] {
        let answer = scene.get(path).await;

        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.header(header::RETRY_AFTER), "1", "{path}");
    }
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

#[tokio::test]
async fn answers_ocsp_alike_by_post_and_by_get_however_escaped() {
    let scene = Scene::new().await;
    // A serial that puts slashes in a row into the base64.
    let serial = format!("7f{}", "ff".repeat(15));
    scene.world.insert(&serial, CertificateState::Valid);
    let request = scene.request(&format!("-serial 0x{serial} -no_nonce"));
    let base64 = STANDARD.encode(&request);
    assert!(base64.contains("//"), "{base64}");

    let posted = scene
        .post(Some("Application/OCSP-Request; x=y"), request)
        .await;
    let bare = scene.get(&format!("/ocsp/tls/{base64}")).await;
    let escaped = base64
        .replace('/', "%2F")
        .replace('+', "%2b")
        .replace('=', "%3D");
    let escaped = scene.get(&format!("/ocsp/tls/{escaped}")).await;

    assert!(posted.is_ocsp_success());
    assert_eq!(bare.body, posted.body);
    assert_eq!(escaped.body, posted.body);
}

#[tokio::test]
async fn lets_caches_keep_an_ocsp_answer_until_a_revocation() {
    let scene = Scene::new().await;
    let serial = scene.world.insert("0102", CertificateState::Valid);
    let request = scene.request("-serial 0x0102 -no_nonce");
    let path = format!("/ocsp/tls/{}", STANDARD.encode(request));
    let first = scene.get(&path).await;
    let etag = first.header(header::ETAG);

    scene.world.clock.advance(Duration::from_secs(60));
    let unchanged = scene.get_unless(etag, &path).await;
    scene.revoke(&serial).await;
    let changed = scene.get_unless(etag, &path).await;

    assert_eq!(
        first.header(header::LAST_MODIFIED),
        "Sat, 21 Nov 2026 12:00:00 GMT"
    );
    assert_eq!(
        first.header(header::EXPIRES),
        "Sat, 21 Nov 2026 13:00:00 GMT"
    );
    assert!(
        first
            .header(header::CACHE_CONTROL)
            .starts_with("max-age=300, public")
    );
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert!(changed.is_ocsp_success());
    assert_ne!(changed.body, first.body);
}

#[tokio::test]
async fn serves_what_is_kept_before_the_router_and_nothing_else() {
    let scene = Scene::new().await;
    let serial = scene.world.insert("0102", CertificateState::Valid);
    let kept = KeptAnswers::new(&scene.state);
    let request = scene.request("-serial 0x0102 -no_nonce");
    let path = format!("/ocsp/tls/{}", STANDARD.encode(&request));
    let get = |path: &str| Request::get(path).body(Body::empty()).expect("it is valid");
    let post = || {
        Request::post("/ocsp/tls")
            .header(header::CONTENT_TYPE, "application/ocsp-request")
            .header(header::CONTENT_LENGTH, request.len())
            .body(Body::from(request.clone()))
            .expect("it is valid")
    };

    assert!(kept.answer(get(&path)).await.is_err(), "not signed yet");
    let signed = scene.get(&path).await;
    let got = kept.answer(get(&path)).await.expect("it is kept");
    let posted = kept.answer(post()).await.expect("it is kept");
    let (got, posted) = (Answer::read(got).await, Answer::read(posted).await);

    assert_eq!((&got.body, &posted.body), (&signed.body, &signed.body));
    assert_eq!(got.header(header::ETAG), signed.header(header::ETAG));
    assert_eq!(got.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    for path in [
        "/ocsp/other/MAA=",
        "/ocsp/tls/%",
        "/crl/tls.crl",
        "/ocsp/tls",
        "/",
    ] {
        assert!(kept.answer(get(path)).await.is_err(), "{path}");
    }
    scene.revoke(&serial).await;
    let given_back = kept
        .answer(post())
        .await
        .expect_err("it is not true any more");
    let body = to_bytes(given_back.into_body(), usize::MAX).await;
    assert_eq!(body.expect("it is whole"), request);
}

#[tokio::test]
async fn gives_back_unread_what_no_length_bounds() {
    let scene = Scene::new().await;
    let kept = KeptAnswers::new(&scene.state);
    let endless = futures_util::stream::pending::<Result<Bytes, Infallible>>();
    let request = Request::post("/ocsp/tls")
        .header(header::CONTENT_TYPE, "application/ocsp-request")
        .header(header::CONTENT_LENGTH, 80) // whatever a header says
        .body(Body::from_stream(endless))
        .expect("it is valid");

    assert!(kept.answer(request).await.is_err());
}

#[tokio::test]
async fn lets_nobody_keep_an_answer_with_a_nonce() {
    let scene = Scene::new().await;
    scene.world.insert("0102", CertificateState::Valid);

    let answer = scene
        .post(
            Some("application/ocsp-request"),
            scene.request("-serial 0x0102"),
        )
        .await;

    assert!(answer.is_ocsp_success());
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(answer.header(header::ETAG), "");
}

#[tokio::test]
async fn answers_malformed_requests_with_an_ocsp_failure() {
    let scene = Scene::new().await;

    for path in [
        "MAA=",
        "%FF%FE",
        "%",
        "//",
        "a//b",
        "not base64 at all".replace(' ', "%20").as_str(),
    ] {
        let answer = scene.get(&format!("/ocsp/tls/{path}")).await;
        assert!(answer.is_ocsp_failure(1), "{path}: {:?}", answer.status);
    }
    for body in [
        Vec::new(),
        b"hello".to_vec(),
        vec![0x30; OcspRequest::MAX_BYTES],
    ] {
        let answer = scene.post(Some("application/ocsp-request"), body).await;
        assert!(answer.is_ocsp_failure(1), "{:?}", answer.status);
    }
}

#[tokio::test]
async fn answers_unauthorized_about_another_issuer() {
    let (scene, elsewhere) = (Scene::new().await, Scene::new().await);
    let foreign = elsewhere.request("-serial 0x0102");

    let answer = scene.post(Some("application/ocsp-request"), foreign).await;

    assert!(answer.is_ocsp_failure(6), "{:?}", answer.body);
}

#[tokio::test]
async fn refuses_posts_that_are_not_ocsp_requests() {
    let scene = Scene::new().await;
    let request = scene.request("-serial 0x0102");

    let untyped = scene.post(None, request.clone()).await;
    let mistyped = scene.post(Some("application/octet-stream"), request).await;
    let too_long = scene
        .post(
            Some("application/ocsp-request"),
            vec![0; OcspRequest::MAX_BYTES + 1],
        )
        .await;
    let got = scene.get("/ocsp/tls").await;

    assert_eq!(untyped.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(mistyped.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(too_long.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
}

const OCSP_RESPONSE: &str = "application/ocsp-response";
