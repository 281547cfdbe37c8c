//! OCSP as clients ask and caches keep.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ca_pki::ocsp::OcspRequest;

use super::*;

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
