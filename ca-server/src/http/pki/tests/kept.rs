//! What is answered before the router.

use std::convert::Infallible;

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

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
