//! Syslog over TLS (RFC 5425), to the one receiver that the operator configured.
//!
//! `allow_networks` does not apply here: it guards against names and addresses that requesters
//! choose, and this address is the operator's own, as the database's is.
//!
//! Syslog has no acknowledgement of its own. So each batch is a connection: everything is
//! written, our side is closed, and the receiver's close_notify is awaited, which RFC 5425 §4.4
//! makes it send in reply. A receiver that dies before it has read everything resets the
//! connection or falls silent; either is a failure, and the batch is sent again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ca_issuance::audit::export::{DeliveryError, Receiver};
use ca_issuance::audit::query::RecordedEvent;
use ca_issuance::audit::syslog::Originator;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where the receiver is, and whom to take it for.
#[derive(Clone, Debug)]
pub struct SyslogSettings {
    /// The host to dial, resolved as the system does.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name or address that its certificate must hold.
    pub server_name: String,
    /// The roots that its certificate must chain to.
    pub roots: Vec<CertificateDer<'static>>,
    /// What shows that it has read everything.
    pub confirmation: Confirmation,
    /// Who the messages are from.
    pub originator: Originator,
    /// How long one batch may take, from dialling to confirmation.
    pub deadline: Duration,
}

/// What shows that a receiver has read everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Its close_notify.
    CloseNotify,
    /// The end of its side of the connection, which whoever sits between can feign.
    EndOfStream,
}

/// Why there can be no such receiver: the operator corrects the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyslogSettingsError {
    /// Neither a DNS name nor an address.
    #[error("{0:?} is not a name that a certificate can hold")]
    ServerName(String),
    /// A root that does not read, or none.
    #[error("the roots hold no certificate that can be trusted")]
    Roots,
}

/// A receiver of syslog over TLS.
pub struct SyslogReceiver {
    settings: SyslogSettings,
    server_name: ServerName<'static>,
    connector: TlsConnector,
}

impl SyslogReceiver {
    /// Checks the settings; dials nothing yet.
    pub fn new(settings: SyslogSettings) -> Result<Self, SyslogSettingsError> {
        let server_name = ServerName::try_from(settings.server_name.clone())
            .map_err(|_| SyslogSettingsError::ServerName(settings.server_name.clone()))?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(client(&settings.roots)?)),
            server_name,
            settings,
        })
    }

    async fn send(&self, octets: &[u8]) -> Result<(), DeliveryError> {
        let mut connection = self.connect().await?;
        let failed = |error| said("writing", &error);
        connection.write_all(octets).await.map_err(failed)?;
        // close_notify, then the end of our side (RFC 5425 §4.4).
        connection.shutdown().await.map_err(failed)?;
        self.confirmed(connection).await
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>, DeliveryError> {
        let address = (self.settings.host.as_str(), self.settings.port);
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| said("connecting", &error))?;
        self.connector
            .connect(self.server_name.clone(), stream)
            .await
            .map_err(|error| said("the TLS handshake", &error))
    }

    /// Waits for the receiver's end of the connection. Nothing that it says before is of interest.
    async fn confirmed(&self, mut connection: TlsStream<TcpStream>) -> Result<(), DeliveryError> {
        let mut chatter = [0; 512];
        loop {
            match connection.read(&mut chatter).await {
                // rustls: the peer sent close_notify.
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // rustls: the connection ended in order, without close_notify.
                Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof) => {
                    return self.ended_without_close_notify();
                }
                Err(error) => return Err(said("waiting for the receiver to read all", &error)),
            }
        }
    }

    fn ended_without_close_notify(&self) -> Result<(), DeliveryError> {
        match self.settings.confirmation {
            Confirmation::EndOfStream => Ok(()),
            Confirmation::CloseNotify => Err(DeliveryError(
                "the receiver ended the connection without close_notify: if it never sends one, \
                 see audit.syslog.confirmation"
                    .to_owned(),
            )),
        }
    }
}

#[async_trait]
impl Receiver for SyslogReceiver {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), DeliveryError> {
        let octets = frames(events, &self.settings.originator);
        let deadline = self.settings.deadline;
        match timeout(deadline, self.send(&octets)).await {
            Ok(sent) => sent,
            Err(_elapsed) => Err(DeliveryError(format!(
                "the receiver did not take a batch within {} s",
                deadline.as_secs_f32()
            ))),
        }
    }
}

/// Frames messages by their lengths (RFC 5425 §4.3).
fn frames(events: &[RecordedEvent], originator: &Originator) -> Vec<u8> {
    let mut octets = Vec::new();
    for event in events {
        let message = originator.message(event);
        octets.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
    }
    octets
}

/// TLS 1.2 and 1.3 with the suites of RFC 9662, and no memory of earlier sessions.
fn client(roots: &[CertificateDer<'static>]) -> Result<ClientConfig, SyslogSettingsError> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store
            .add(root.clone())
            .map_err(|_| SyslogSettingsError::Roots)?;
    }
    if store.is_empty() {
        return Err(SyslogSettingsError::Roots);
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for TLS 1.2 and 1.3")
        .with_root_certificates(store)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn said(step: &str, error: &io::Error) -> DeliveryError {
    DeliveryError(format!("{step} failed: {error}"))
}
