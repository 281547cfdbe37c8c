use axum::body::Body;
use axum::routing::get;
use tower::ServiceExt;

use super::*;

async fn ask(router: Router, request: Request) -> Response {
    around(router, "test").oneshot(request).await.unwrap()
}

fn request(path: &str) -> Request {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_request_without_an_id_gets_one_of_its_own() {
    let router = around(Router::new().route("/", get(|| async { "" })), "test");

    let first = router.clone().oneshot(request("/")).await.unwrap();
    let second = router.oneshot(request("/")).await.unwrap();

    let [first, second] = [&first, &second].map(|answer| &answer.headers()[request_id::HEADER]);
    assert_ne!(first, second);
    assert!(request_id::logged(first).len() > 16);
}

#[tokio::test]
async fn a_handler_sees_the_id_that_its_answer_carries() {
    let echo = |request: Request| async move {
        request.headers()[request_id::HEADER]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let mut own = request("/");
    let chosen = HeaderValue::from_static("chosen");
    own.headers_mut().insert(request_id::HEADER, chosen.clone());

    for request in [own, request("/")] {
        let answer = ask(Router::new().route("/", get(echo)), request).await;

        let id = answer.headers()[request_id::HEADER].clone();
        let seen = axum::body::to_bytes(answer.into_body(), 1_024)
            .await
            .unwrap();
        assert_eq!(seen, id.as_bytes());
    }
}

#[tokio::test]
async fn logs_no_more_of_an_id_than_a_line_can_bear() {
    let long = HeaderValue::from_str(&"x".repeat(1_000)).unwrap();

    assert_eq!(request_id::logged(&long).len(), 64);
    assert_eq!(
        request_id::logged(&HeaderValue::from_bytes(b"\xff").unwrap()),
        ""
    );
}

#[tokio::test]
async fn a_panic_is_answered_without_its_text() {
    let handler = || async { assert!(std::hint::black_box(false), "on purpose") };

    let answer = ask(Router::new().route("/", get(handler)), request("/")).await;

    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    let body = axum::body::to_bytes(answer.into_body(), 1_024)
        .await
        .unwrap();
    assert!(body.is_empty());
}
