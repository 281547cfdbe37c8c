//! openssl, which asks and reads what is answered.

use std::process::Command;

use ca_pki::ocsp::OcspRequest;

use super::*;

/// The request that `openssl ocsp` makes about serials of `world`'s issuer.
pub(super) fn request(world: &World, arguments: &str) -> OcspRequest {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (issuer, out) = (
        folder.path().join("issuer.pem"),
        folder.path().join("request.der"),
    );
    std::fs::write(&issuer, world.issuer().certificate().pem()).expect("it is written");
    let status = Command::new("openssl")
        .args(["ocsp", "-issuer"])
        .arg(&issuer)
        .arg("-reqout")
        .arg(&out)
        .args(arguments.split_whitespace())
        .status()
        .expect("openssl is installed");
    assert!(status.success());
    OcspRequest::parse(&std::fs::read(&out).expect("openssl wrote it")).expect("it reads")
}

/// What openssl reads in a response, after it verified it with the issuing CA's certificate.
pub(super) fn read_by_openssl(world: &World, answer: &OcspAnswer) -> String {
    let text = text_of_openssl(world, answer);
    assert!(text.contains("Response verify OK"), "{text}");
    text
}

pub(super) fn text_of_openssl(world: &World, answer: &OcspAnswer) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ca, response) = (
        folder.path().join("ca.pem"),
        folder.path().join("response.der"),
    );
    let chain = [
        world.issuer().certificate().pem(),
        world.issuer().root().pem(),
    ]
    .concat();
    std::fs::write(&ca, chain).expect("it is written");
    std::fs::write(&response, &answer.der).expect("it is written");
    let now = world.clock.now().unix_secs().to_string();
    let output = Command::new("openssl")
        .args(["ocsp", "-resp_text", "-attime", &now, "-respin"])
        .arg(&response)
        .arg("-CAfile")
        .arg(&ca)
        .output()
        .expect("openssl is installed");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).expect("openssl writes text")
}
