//! http-01 (RFC 8555 §8.3).

mod exchange;
mod redirect;

use std::net::IpAddr;

use url::Url;

use crate::dial::{Dialler, Host};
use crate::error::Error;
use exchange::{Exchange, Reply};
pub(crate) use redirect::RedirectRefusal;

/// Fetches the http-01 resource, redirects included.
pub(crate) struct Http01 {
    port: u16,
    redirect_ports: Vec<u16>,
    exchange: Exchange,
}

impl Http01 {
    /// Fetches at `port`, and by redirect at any of `redirect_ports`.
    pub(crate) fn new(port: u16, redirect_ports: Vec<u16>) -> Self {
        Self {
            port,
            redirect_ports,
            exchange: Exchange::new(),
        }
    }

    /// Checks that the resource is the key authorization.
    pub(crate) async fn prove(
        &self,
        dialler: &Dialler,
        host: &Host,
        token: &str,
        key_authorization: &str,
    ) -> Result<(), Error> {
        let mut url = self.resource(host, token)?;
        for _redirect in 0..=MAX_REDIRECTS {
            match self.exchange.get(dialler, &url).await? {
                Reply::Body(body) => return compare(&body, key_authorization, host),
                Reply::Redirect(location) => {
                    url = redirect::follow(&url, &location, &self.redirect_ports)
                        .map_err(Error::Redirect)?;
                }
            }
        }
        Err(Error::Redirect(RedirectRefusal::TooMany))
    }

    fn resource(&self, host: &Host, token: &str) -> Result<Url, Error> {
        let authority = match host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V6(six)) => format!("[{six}]"),
            Host::Address(four) => four.to_string(),
        };
        let text = format!(
            "http://{authority}:{}/.well-known/acme-challenge/{token}",
            self.port
        );
        // A name whose last label is a number is an address to URLs, and no name at all.
        Url::parse(&text).map_err(|_| Error::NoAddress { name: authority })
    }
}

/// Compares all but trailing white space, which RFC 8555 §8.3 says to ignore.
fn compare(body: &[u8], key_authorization: &str, host: &Host) -> Result<(), Error> {
    if body.trim_ascii_end() == key_authorization.as_bytes() {
        return Ok(());
    }
    Err(Error::WrongBody {
        host: host.to_string(),
    })
}

const MAX_REDIRECTS: usize = 10;
