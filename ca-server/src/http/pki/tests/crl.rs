//! CRLs as they are served.

use ca_pki::pem;

use super::*;

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
