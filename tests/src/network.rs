//! The world that a server under test sees: DNS, http-01 and tls-alpn-01 responders, log receivers.

pub(crate) mod certificate;
mod dns;
mod http;
mod log_receiver;
mod tls_alpn;

pub use dns::{DnsAnswer, DnsServer};
pub use http::{HttpAnswer, HttpServer};
pub use log_receiver::{LogReceiver, event_of};
pub use tls_alpn::{AlpnCertificate, TlsAlpnServer};

/// One of each responder, on ports of their own.
#[derive(Debug)]
pub struct Network {
    /// Answers for every name: 127.0.0.1 unless told otherwise.
    pub dns: DnsServer,
    /// Answers http-01.
    pub http: HttpServer,
    /// Answers tls-alpn-01.
    pub tls_alpn: TlsAlpnServer,
}

impl Network {
    /// Starts them; they end with the process.
    pub fn start() -> Self {
        Self {
            dns: DnsServer::start(),
            http: HttpServer::start(),
            tls_alpn: TlsAlpnServer::start(),
        }
    }
}
