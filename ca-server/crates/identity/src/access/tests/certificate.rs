//! Certificates, with a bearer beside them and without.

use super::*;

#[tokio::test]
async fn takes_the_bearer_before_the_certificate() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;
    let (_, token) = bench.add_operator_token(None).await;

    let shown = Shown {
        bearer: Some(&token),
        certificate: Some(&certificate),
    };
    let identity = bench.authenticate(shown).await.unwrap();

    assert_eq!(identity.principal.name(), "operator:anna");
    let thumbprint = certificate.fingerprint_sha256();
    assert_eq!(identity.certificate_thumbprint, Some(thumbprint));
}

#[tokio::test]
async fn does_not_fall_back_to_the_certificate_when_the_bearer_is_wrong() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;

    let shown = Shown {
        bearer: Some("cao_wrong"),
        certificate: Some(&certificate),
    };
    let outcome = bench.authenticate(shown).await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::UnknownToken);
}

#[tokio::test]
async fn knows_the_holder_of_a_certificate_until_it_is_revoked() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;

    let before = bench.certificate_only(&certificate).await;
    bench.revoke(certificate.serial()).await;
    let after = bench.certificate_only(&certificate).await;

    assert_eq!(
        before,
        Ok(format!("certificate:tls:{}", certificate.serial()))
    );
    assert_eq!(after, Err(LoginFailure::CertificateRevoked));
    assert_eq!(bench.events(), ["login.succeeded", "login.failed"]);
}

#[tokio::test]
async fn refuses_a_certificate_out_of_its_time() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;

    bench.advance(HOUR + Duration::from_secs(1));

    let outcome = bench.certificate_only(&certificate).await;
    assert_eq!(outcome, Err(LoginFailure::CertificateExpired));
}

#[tokio::test]
async fn refuses_a_certificate_that_is_for_servers() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ServerAuth).await;

    let outcome = bench.certificate_only(&certificate).await;

    assert_eq!(outcome, Err(LoginFailure::CertificateNotForClients));
}

#[tokio::test]
async fn refuses_a_certificate_that_borrows_issuer_and_serial() {
    let bench = Bench::new().await;
    let ours = bench.certificate(ExtendedKeyUsage::ServerAuth).await;
    let forged = bench.forge(ours.serial(), ExtendedKeyUsage::ClientAuth);

    let outcome = bench.certificate_only(&forged).await;

    assert_eq!(outcome, Err(LoginFailure::UnknownCertificate));
}
