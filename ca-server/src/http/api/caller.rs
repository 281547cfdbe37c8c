//! Handler arguments that state who calls, and what role they need.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use ca_identity::session::Peer;
use ca_identity::{Identity, LoginFailure, Presented, RefusedAccess, Role};

use super::Api;
use super::rates::Meter;
use crate::http::problem::api::{Kind, Problem};
use crate::tls::client::PeerCertificate;

/// Whoever showed a credential that is good now.
pub(super) struct Caller(pub(super) Identity);

/// The other end of the connection, whoever that is: for those who log in.
pub(super) struct Connection {
    address: IpAddr,
    certificate: Option<PeerCertificate>,
    meter: Meter,
}

/// An administrator.
pub(super) struct ByAdmin(pub(super) Identity);

/// An administrator or an auditor: they may read what happened.
pub(super) struct ByAuditor(pub(super) Identity);

/// Anyone with a role: they may see what is others'.
pub(super) struct ByStaff;

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    /// Asks the store each time: what was revoked a moment ago is refused on an open connection.
    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let presented = presented(&parts.headers, &parts.extensions)?;
        let identity = api.parts.access.authenticate(presented).await?;
        let name = identity.principal.name();
        api.parts.rates.spend(&name, &meter(&parts.extensions))?;
        Ok(Self(identity))
    }
}

impl<S: Sync> FromRequestParts<S> for Connection {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self {
            address: address(&parts.extensions)?,
            certificate: parts.extensions.get().cloned(),
            meter: meter(&parts.extensions),
        })
    }
}

impl Connection {
    /// Returns what tokens are bound to.
    pub(super) fn peer(&self) -> Peer<'_> {
        Peer {
            unverified_certificate: self.certificate.as_ref().map(|leaf| &*leaf.0),
            address: self.address,
        }
    }

    /// Counts a login by whoever has just shown a good credential, before it leaves a session and
    /// an event behind.
    pub(super) fn spend(&self, api: &Api, name: &str) -> Result<(), Problem> {
        api.parts.rates.spend(name, &self.meter)
    }
}

impl FromRequestParts<Arc<Api>> for ByAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let roles = [Role::Admin];
        with_role(parts, api, &roles).await.map(Self)
    }
}

impl FromRequestParts<Arc<Api>> for ByAuditor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let roles = [Role::Admin, Role::Auditor];
        with_role(parts, api, &roles).await.map(Self)
    }
}

impl FromRequestParts<Arc<Api>> for ByStaff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let roles = [Role::Admin, Role::Operator, Role::Auditor];
        with_role(parts, api, &roles).await.map(|_| Self)
    }
}

async fn with_role(parts: &mut Parts, api: &Arc<Api>, roles: &[Role]) -> Result<Identity, Problem> {
    let Caller(identity) = Caller::from_request_parts(parts, api).await?;
    if identity.role.is_some_and(|role| roles.contains(&role)) {
        return Ok(identity);
    }
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let needed = names.join(" or ");
    let route = parts.extensions.get::<MatchedPath>();
    let refused = RefusedAccess {
        method: parts.method.as_str(),
        route: route.map_or("", MatchedPath::as_str),
        needed: &needed,
    };
    // The caller's rate bounds what this writes.
    let access = &api.parts.access;
    access.note_refused_access(&identity, refused).await?;
    let detail = format!("this needs the role {needed}");
    Err(Problem::new(Kind::Forbidden, detail))
}

/// The layer around all routes puts one there.
fn meter(extensions: &Extensions) -> Meter {
    extensions.get().cloned().unwrap_or_default()
}

/// Collects what a request shows; who it is, only `ca-identity` says.
fn presented<'a>(
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
) -> Result<Presented<'a>, Problem> {
    let certificate = extensions.get::<PeerCertificate>();
    Ok(Presented {
        unverified_bearer: bearer(headers)?,
        unverified_certificate: certificate.map(|leaf| &*leaf.0),
        address: address(extensions)?,
    })
}

/// The listener notes it; an IPv4 client of an IPv6 socket counts as what it is.
fn address(extensions: &Extensions) -> Result<IpAddr, Problem> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip().to_canonical())
        .ok_or_else(|| Problem::new(Kind::Failed, "a request came from no address"))
}

/// Reads `Authorization: Bearer …` (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match token {
        Some(token) if !token.is_empty() && values.next().is_none() => Ok(Some(token)),
        _ => {
            let failure = LoginFailure::Malformed("write one header Authorization: Bearer TOKEN");
            Err(Problem::unauthorized(&failure))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&'static [u8]]) -> Result<Option<String>, Kind> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        let token = bearer(&headers).map_err(|problem| problem.kind());
        token.map(|token| token.map(str::to_owned))
    }

    #[test]
    fn reads_one_bearer_token_and_nothing_else() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"bEARER  a.b.c"]), Ok(Some("a.b.c".to_owned())));
        let wrong: [&[&'static [u8]]; 6] = [
            &[b"Basic YTpi"],
            &[b"Bearer"],
            &[b"Bearer "],
            &[b"a.b.c"],
            &[b"Bearer \xff"],
            &[b"Bearer a", b"Bearer b"],
        ];
        for values in wrong {
            assert_eq!(read(values), Err(Kind::Unauthorized), "{values:?}");
        }
    }
}
