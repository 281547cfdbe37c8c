//! The audit log's receiver: what counts as taken, and what is sent again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ca_issuance::audit::export::{DeliveryError, Receiver};
use ca_issuance::audit::query::RecordedEvent;
use ca_issuance::audit::syslog::Originator;
use ca_pki::Timestamp;
use ca_validation::{Confirmation, SyslogReceiver, SyslogSettings, SyslogSettingsError};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::tls_server::Identity;

/// How a receiver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Reads to the end and answers with close_notify.
    Orderly,
    /// Reads to the end and closes the connection.
    Curt,
    /// Reads a little and is gone, with data unread.
    Dying,
    /// Reads to the end and says nothing.
    Silent,
}

/// A receiver that takes one connection.
struct LogServer {
    address: SocketAddr,
    root: CertificateDer<'static>,
    read: oneshot::Receiver<Vec<u8>>,
}

impl LogServer {
    async fn start(manner: Manner) -> Self {
        let identity = Identity::self_signed(&["logs.test"], Vec::new());
        let root = identity.certificate.clone();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate], identity.key)
            .expect("a certificate");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("bound");
        let (sender, read) = oneshot::channel();
        tokio::spawn(async move {
            let octets = serve(listener, TlsAcceptor::from(Arc::new(config)), manner).await;
            let _ = sender.send(octets);
        });
        Self {
            address,
            root,
            read,
        }
    }

    fn settings(&self) -> SyslogSettings {
        SyslogSettings {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            server_name: "logs.test".to_owned(),
            roots: vec![self.root.clone()],
            confirmation: Confirmation::CloseNotify,
            originator: originator(),
            deadline: Duration::from_secs(20),
        }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, manner: Manner) -> Vec<u8> {
    let (stream, _peer) = listener.accept().await.expect("a connection");
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return Vec::new();
    };
    let mut octets = Vec::new();
    if manner == Manner::Dying {
        let mut little = [0; 10];
        stream.read_exact(&mut little).await.expect("some octets");
        return little.to_vec();
    }
    stream.read_to_end(&mut octets).await.expect("everything");
    match manner {
        Manner::Orderly => stream.shutdown().await.expect("closed"),
        Manner::Silent => std::future::pending().await,
        Manner::Curt | Manner::Dying => {}
    }
    octets
}

fn originator() -> Originator {
    Originator {
        host: "ca.example".to_owned(),
        version: "0".to_owned(),
    }
}

fn events(count: u64) -> Vec<RecordedEvent> {
    (1..=count)
        .map(|position| RecordedEvent {
            sequence: position,
            position: Some(position),
            hash: None,
            at: Timestamp::from_unix_secs(1_800_000_000),
            kind: "certificate.issued".to_owned(),
            actor: "system".to_owned(),
            subject: "x".repeat(1_000),
            details: RecordedEvent::details_from("{}".to_owned()),
        })
        .collect()
}

async fn deliver(settings: SyslogSettings, count: u64) -> Result<(), DeliveryError> {
    let receiver = SyslogReceiver::new(settings).expect("sound settings");
    receiver.deliver(&events(count)).await
}

#[tokio::test]
async fn frames_each_message_by_its_length() {
    let server = LogServer::start(Manner::Orderly).await;

    deliver(server.settings(), 2).await.expect("taken");

    let octets = server.read.await.expect("read");
    let expected: String = events(2)
        .iter()
        .map(|event| originator().message(event))
        .map(|message| format!("{} {message}", message.len()))
        .collect();
    assert_eq!(String::from_utf8_lossy(&octets), expected);
}

#[tokio::test]
async fn a_receiver_that_dies_with_data_unread_has_taken_nothing() {
    for confirmation in [Confirmation::CloseNotify, Confirmation::EndOfStream] {
        let server = LogServer::start(Manner::Dying).await;
        let mut settings = server.settings();
        settings.confirmation = confirmation;

        let delivered = deliver(settings, 2_000).await;

        assert!(delivered.is_err(), "{confirmation:?}");
    }
}

#[tokio::test]
async fn an_end_without_close_notify_confirms_only_where_that_was_agreed() {
    for (confirmation, taken) in [
        (Confirmation::CloseNotify, false),
        (Confirmation::EndOfStream, true),
    ] {
        let server = LogServer::start(Manner::Curt).await;
        let mut settings = server.settings();
        settings.confirmation = confirmation;

        let delivered = deliver(settings, 2).await;

        assert_eq!(delivered.is_ok(), taken, "{delivered:?}");
    }
}

#[tokio::test]
async fn a_silent_receiver_is_given_up() {
    let server = LogServer::start(Manner::Silent).await;
    let mut settings = server.settings();
    settings.deadline = Duration::from_millis(300);

    let refusal = deliver(settings, 1).await.expect_err("no confirmation");

    assert!(refusal.to_string().contains("within 0.3 s"), "{refusal}");
}

#[tokio::test]
async fn sends_nothing_to_whom_it_does_not_know() {
    let stranger = Identity::self_signed(&["logs.test"], Vec::new()).certificate;
    for change in [
        (|settings, _| settings.server_name = "other.test".to_owned())
            as fn(&mut SyslogSettings, CertificateDer<'static>),
        |settings, stranger| settings.roots = vec![stranger],
    ] {
        let server = LogServer::start(Manner::Orderly).await;
        let mut settings = server.settings();
        change(&mut settings, stranger.clone());

        let refusal = deliver(settings, 1).await.expect_err("no handshake");

        assert!(refusal.to_string().contains("TLS handshake"), "{refusal}");
        assert!(server.read.await.expect("read").is_empty());
    }
}

#[tokio::test]
async fn says_that_nobody_is_there() {
    let server = LogServer::start(Manner::Orderly).await;
    let mut settings = server.settings();
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    settings.port = unused.local_addr().expect("bound").port();
    drop(unused);

    let refusal = deliver(settings, 1).await.expect_err("nobody");

    assert!(refusal.to_string().contains("connecting"), "{refusal}");
}

#[tokio::test]
async fn refuses_settings_that_cannot_work() {
    let server = LogServer::start(Manner::Orderly).await;
    let changed = |change: fn(&mut SyslogSettings)| {
        let mut settings = server.settings();
        change(&mut settings);
        SyslogReceiver::new(settings).err()
    };

    let name = changed(|settings| settings.server_name = "a b".to_owned());
    let none = changed(|settings| settings.roots.clear());
    let damaged = changed(|settings| settings.roots = vec![vec![1, 2, 3].into()]);

    assert_eq!(
        name,
        Some(SyslogSettingsError::ServerName("a b".to_owned()))
    );
    assert_eq!(none, Some(SyslogSettingsError::Roots));
    assert_eq!(damaged, Some(SyslogSettingsError::Roots));
}
