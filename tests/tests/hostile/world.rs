//! Connections from anywhere on this machine, and what a server looks like from outside.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ca_tests::acme::Order;
use ca_tests::acme::challenge_of;
use ca_tests::{RawAcme, TestCa};
use futures_util::future::join_all;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where honest clients come from; nothing holds them back but the server's own strength.
pub(crate) const HONEST: &str = "127.0.0.1/32";

/// Makes a CA whose limits by rate are off: what is left is what the listener itself bears.
pub(crate) fn unlimited() -> TestCa {
    TestCa::builder()
        .set("limits.address.requests_per_minute", 0)
        .set("limits.address.new_accounts_per_minute", 0)
        .set("limits.account.requests_per_minute", 0)
        .set("limits.account.new_orders_per_minute", 0)
        .start()
}

/// Connects to a listener from `127.0.0.{host}`: each is another address to the server.
pub(crate) async fn connect(ca: &TestCa, listener: &str, host: u8) -> std::io::Result<TcpStream> {
    let to: SocketAddr = ca.address(listener).parse().unwrap();
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0)))?;
    socket.connect(to).await
}

/// Connects and makes the TLS handshake, offering one protocol.
pub(crate) async fn connect_tls(ca: &TestCa, host: u8, protocol: &str) -> TlsStream<TcpStream> {
    let stream = connect(ca, "public", host).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    connector(ca, protocol).connect(name, stream).await.unwrap()
}

/// Makes a TLS client that trusts the CA.
pub(crate) fn connector(ca: &TestCa, protocol: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(ca.root_file()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// Reads until the server ends the connection and returns what it said.
pub(crate) async fn until_ended(stream: impl AsyncRead) -> Vec<u8> {
    let mut said = Vec::new();
    let mut stream = Box::pin(stream);
    // A reset says the same as an end.
    let ended = timeout(LONGEST, stream.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "still open after {LONGEST:?}");
    said
}

/// Counts the connections that the server turns away; the others it waits for.
pub(crate) async fn count_turned_away(connections: Vec<TcpStream>) -> usize {
    let asked = connections.into_iter().map(async |mut connection| {
        let ended = timeout(TURNED_AWAY, connection.read_u8()).await;
        ended.is_ok()
    });
    let ended = join_all(asked).await;
    ended.into_iter().filter(|is_so| *is_so).count()
}

/// Gets a certificate as an honest client does, in a time that nobody would call a hang.
pub(crate) async fn serve_somebody(ca: &TestCa) {
    let served = async {
        let client = RawAcme::registered(ca).await;
        client.obtain(&["honest.test"]).await;
    };
    let served = timeout(HONEST_PATIENCE, served).await;
    assert!(
        served.is_ok(),
        "an honest client got nothing in {HONEST_PATIENCE:?}"
    );
}

/// Asserts that nothing panicked.
pub(crate) fn assert_sound(ca: &TestCa) {
    let log = ca.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Returns the most memory that the server ever had, in MiB.
pub(crate) fn peak_mib(ca: &TestCa) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", ca.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() / 1024
}

/// Returns how many sockets the server has open.
pub(crate) fn sockets(ca: &TestCa) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", ca.process_id())).unwrap();
    let links = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    links
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count()
}

/// Orders a name, says that http-01 is ready (which `honest` publishes), and returns the order's
/// URL and the authorization when it is decided.
pub(crate) async fn try_name(client: &RawAcme<'_>, name: &str) -> (Order, Value) {
    let order = client.order(&[name]).await;
    let url = order.authorizations().remove(0);
    let authorization = client.read(&url).send().await.expect_status(200).json();
    let challenge = challenge_of(&authorization, "http-01");
    client.publish(&authorization, &challenge);
    let answer = client.post(challenge["url"].as_str().unwrap(), &json!({}));
    answer.send().await.expect_status(200);
    let decided = client.wait_while(&url, "pending").await;
    (order, decided)
}

/// Returns an authorization's verdict: its status, and the type of its challenge's error.
pub(crate) fn verdict(authorization: &Value) -> String {
    let status = authorization["status"].as_str().unwrap();
    let challenges = authorization["challenges"].as_array().unwrap();
    let error = challenges
        .iter()
        .find_map(|challenge| challenge["error"]["type"].as_str())
        .unwrap_or_default()
        .rsplit(':')
        .next();
    format!("{status} {}", error.unwrap()).trim_end().to_owned()
}

/// A request may take half a minute, a connection may stand still for a minute.
pub(crate) const LONGEST: Duration = Duration::from_secs(90);
const HONEST_PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a busy machine takes to turn somebody away, shorter than anybody is waited for.
const TURNED_AWAY: Duration = Duration::from_secs(5);
