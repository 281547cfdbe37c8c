//! tls-alpn-01 (RFC 8737, RFC 8738 §6).

mod certificate;
mod possession;

use std::net::IpAddr;
use std::sync::Arc;

use ca_pki::Identifier;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use crate::dial::{Dialler, Host};
use crate::digest::sha256;
use crate::error::{Error, TlsFault};
use crate::tls;
pub(crate) use certificate::CertificateFault;
use possession::PossessionVerifier;

/// Shakes hands as `acme-tls/1` and judges the certificate.
pub(crate) struct TlsAlpn01 {
    port: u16,
    tls: Arc<ClientConfig>,
}

impl TlsAlpn01 {
    /// Shakes hands at `port`.
    pub(crate) fn new(port: u16) -> Self {
        let mut tls = tls::client(|provider| Arc::new(PossessionVerifier::new(provider)));
        tls.alpn_protocols = vec![ACME_TLS.to_vec()];
        Self {
            port,
            tls: Arc::new(tls),
        }
    }

    /// Checks that the host shows the certificate that only the account can have asked for.
    pub(crate) async fn prove(
        &self,
        dialler: &Dialler,
        host: &Host,
        identifier: &Identifier,
        key_authorization: &str,
    ) -> Result<(), Error> {
        let name = server_name(host).ok_or_else(|| Error::NoAddress {
            name: host.to_string(),
        })?;
        let stream = dialler.connect(host, self.port).await?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| tls::failure(&error, host, self.port))?;
        let (_socket, session) = stream.get_ref();
        // A server that ignores ALPN completes the handshake all the same.
        if session.alpn_protocol() != Some(ACME_TLS) {
            return Err(Error::Tls {
                host: host.to_string(),
                port: self.port,
                fault: TlsFault::Protocol,
            });
        }
        let shown = session.peer_certificates().and_then(|chain| chain.first());
        let expected = sha256(key_authorization.as_bytes());
        certificate::judge(
            shown.map_or(&[], |certificate: &CertificateDer<'_>| certificate.as_ref()),
            identifier,
            &expected,
        )
        .map_err(|fault| Error::Certificate {
            host: host.to_string(),
            port: self.port,
            fault,
        })
    }
}

/// Returns what SNI says: for an address the reverse name (RFC 8738 §6), as SNI knows no addresses.
fn server_name(host: &Host) -> Option<ServerName<'static>> {
    let name = match host {
        Host::Name(name) => name.clone(),
        Host::Address(address) => reverse_name(*address),
    };
    ServerName::try_from(name).ok()
}

fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(six) => {
            let mut name = String::with_capacity(72);
            for octet in six.octets().into_iter().rev() {
                name.push_str(&format!("{:x}.{:x}.", octet & 0xf, octet >> 4));
            }
            name + "ip6.arpa"
        }
    }
}

const ACME_TLS: &[u8] = b"acme-tls/1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_an_address_by_its_reverse_name() {
        for (address, name) in [
            ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
            (
                "2001:db8::567:89ab",
                "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
        ] {
            assert_eq!(reverse_name(address.parse().expect("an address")), name);
        }
    }
}
