//! Which redirects are followed.

use url::{Host as UrlHost, Url};

use crate::dial::Host;

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectRefusal {
    /// More of them than anyone needs.
    #[error("there are more than 10 of them")]
    TooMany,
    /// No usable Location.
    #[error("it has no Location that is a URL of at most 2000 characters")]
    Location,
    /// Something other than http and https.
    #[error("its scheme is neither http nor https")]
    Scheme,
    /// A port that validation does not use.
    #[error("its port is none that this CA validates at")]
    Port,
    /// A name and password.
    #[error("it holds a user name or password")]
    Credentials,
}

/// Resolves a Location against the URL that answered with it, and judges all but the address.
///
/// The address is judged where it is dialled, whether the host is a name or any spelling of an
/// address.
pub(super) fn follow(from: &Url, location: &[u8], ports: &[u16]) -> Result<Url, RedirectRefusal> {
    if location.len() > MAX_LOCATION {
        return Err(RedirectRefusal::Location);
    }
    let location = str::from_utf8(location).map_err(|_| RedirectRefusal::Location)?;
    let target = from.join(location).map_err(|_| RedirectRefusal::Location)?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err(RedirectRefusal::Scheme);
    }
    if !target.username().is_empty() || target.password().is_some() {
        return Err(RedirectRefusal::Credentials);
    }
    match target.port_or_known_default() {
        Some(port) if ports.contains(&port) => Ok(target),
        Some(_) | None => Err(RedirectRefusal::Port),
    }
}

/// Returns whom a URL names; URLs have one spelling of each address once parsed.
pub(crate) fn host_of(url: &Url) -> Option<Host> {
    match url.host()? {
        UrlHost::Domain(name) => Some(Host::Name(name.trim_end_matches('.').to_owned())),
        UrlHost::Ipv4(four) => Some(Host::Address(four.into())),
        UrlHost::Ipv6(six) => Some(Host::Address(six.into())),
    }
}

const MAX_LOCATION: usize = 2000;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn followed(location: &str) -> Result<String, RedirectRefusal> {
        let from = Url::parse("http://a.example/.well-known/acme-challenge/t").expect("a URL");
        follow(&from, location.as_bytes(), &[80, 443]).map(String::from)
    }

    #[test]
    fn follows_http_and_https_at_the_configured_ports() {
        for (location, target) in [
            ("/x", "http://a.example/x"),
            ("t2", "http://a.example/.well-known/acme-challenge/t2"),
            ("//b.example/x", "http://b.example/x"),
            ("https://b.example/x?y#z", "https://b.example/x?y#z"),
            ("http://b.example:443/", "http://b.example:443/"),
        ] {
            assert_eq!(followed(location).as_deref(), Ok(target), "{location}");
        }
    }

    #[test]
    fn refuses_other_schemes_ports_and_credentials() {
        for (location, refusal) in [
            ("file:///etc/passwd", RedirectRefusal::Scheme),
            ("gopher://b.example/", RedirectRefusal::Scheme),
            ("ftp://b.example/", RedirectRefusal::Scheme),
            ("javascript:alert(1)", RedirectRefusal::Scheme),
            ("http://b.example:22/", RedirectRefusal::Port),
            ("https://b.example:8443/", RedirectRefusal::Port),
            ("http://b.example:0/", RedirectRefusal::Port),
            ("http://user@b.example/", RedirectRefusal::Credentials),
            ("http://:secret@b.example/", RedirectRefusal::Credentials),
            ("http://b.example:99999/", RedirectRefusal::Location),
            ("http://", RedirectRefusal::Location),
            ("http://1.2.3.4.5/", RedirectRefusal::Location),
        ] {
            assert_eq!(followed(location), Err(refusal), "{location}");
        }
        let long = format!("/{}", "a".repeat(MAX_LOCATION));
        assert_eq!(followed(&long), Err(RedirectRefusal::Location));
    }

    #[test]
    fn knows_an_address_in_every_spelling() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("%31%32%37.0.0.1", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("[::1]", "::1"),
            ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
            ("[0:0:0:0:0:ffff:7f00:1]", "::ffff:127.0.0.1"),
            ("①②⑦.0.0.1", "127.0.0.1"),
        ] {
            let url = Url::parse(&format!("http://{host}/")).expect("a URL");

            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(host_of(&url), Some(Host::Address(address)), "{host}");
        }
    }

    #[test]
    fn drops_the_dot_of_an_absolute_name() {
        let url = Url::parse("http://LOCALHOST./").expect("a URL");

        assert_eq!(host_of(&url), Some(Host::Name("localhost".to_owned())));
    }
}
