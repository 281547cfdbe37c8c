//! http-01 (RFC 8555 §8.3).

pub(crate) mod exchange;
pub(crate) mod redirect;

use std::net::IpAddr;

use url::Url;

use crate::dial::{Dialler, Host};
use crate::error::Error;
use crate::tls;
use exchange::{Exchange, Purpose, Reply};
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
            exchange: Exchange::new(Purpose::Http01, tls::trusting_client()),
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
        // To URLs a name like `0x7f.1` is an address: it must not be dialled in the name's place.
        match Url::parse(&text) {
            Ok(url) if redirect::host_of(&url).as_ref() == Some(host) => Ok(url),
            Ok(_) | Err(_) => Err(Error::NoAddress { name: authority }),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(host: &Host) -> Option<String> {
        let http = Http01::new(80, vec![80]);
        http.resource(host, "token").ok().map(String::from)
    }

    #[test]
    fn asks_names_and_addresses_at_the_well_known_place() {
        let name = Host::Name("a.test".to_owned());
        let six = Host::Address(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]));

        assert_eq!(
            resource(&name).as_deref(),
            Some("http://a.test/.well-known/acme-challenge/token")
        );
        assert_eq!(
            resource(&six).as_deref(),
            Some("http://[2001:db8::1]/.well-known/acme-challenge/token")
        );
    }

    #[test]
    fn does_not_take_a_name_for_the_address_that_it_looks_like() {
        for name in ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "a.1"] {
            assert_eq!(resource(&Host::Name(name.to_owned())), None, "{name}");
        }
    }
}
