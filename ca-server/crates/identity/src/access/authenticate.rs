//! Who sends a request: every credential that the server takes comes through here.

use serde_json::json;

use super::audit::FailedLogin;
use crate::{
    Access, Credential, Error, Identity, LoginFailure, Presented, Principal, Role, operator, secret,
};

/// A credential that was found good.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) principal: Principal,
    pub(super) credential: Credential,
}

impl Access {
    /// Tells who sends a request, from scratch for each: what was revoked a moment ago is refused
    /// on an open connection too. A bearer token goes before a client certificate.
    ///
    /// [`Error::Unauthenticated`] says what is wrong with the credential;
    /// [`LoginFailure::Missing`] that there is none. The first use of a credential from an address
    /// is an audit event, and fails if that cannot be written.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Identity, Error> {
        let shown = match self.recognize(&presented).await {
            Ok(shown) => shown,
            Err(Error::Unauthenticated(failure)) => {
                self.note_refused(&presented, &failure).await?;
                return Err(Error::Unauthenticated(failure));
            }
            Err(error) => return Err(error),
        };
        self.announce_use(&presented, &shown).await?;
        Ok(Identity {
            role: self.role_of(&shown.principal),
            principal: shown.principal,
            credential: shown.credential,
            address: presented.address,
            certificate_thumbprint: presented.unverified_certificate.map(secret::sha256),
        })
    }

    /// Returns the highest role that the principal's credential or the configuration gives.
    pub fn role_of(&self, principal: &Principal) -> Option<Role> {
        operator::role_of(&self.rules.load().operators, principal)
    }

    async fn recognize(&self, presented: &Presented<'_>) -> Result<Shown, Error> {
        match (
            presented.unverified_bearer,
            presented.unverified_certificate,
        ) {
            (Some(unverified_token), unverified_certificate) => {
                self.recognize_bearer(unverified_token, unverified_certificate)
                    .await
            }
            (None, Some(unverified_der)) => self.recognize_certificate(unverified_der).await,
            (None, None) => Err(Error::Unauthenticated(LoginFailure::Missing)),
        }
    }

    /// An access token's use was announced when its session was opened.
    async fn announce_use(&self, presented: &Presented<'_>, shown: &Shown) -> Result<(), Error> {
        let (kind, token) = match &shown.credential {
            Credential::AccessToken { .. } => return Ok(()),
            Credential::CiToken => (CI_TOKEN, None),
            Credential::OperatorToken { id } => (OPERATOR_TOKEN, Some(id)),
            Credential::Certificate => (CERTIFICATE, None),
        };
        let fingerprint = match (
            presented.unverified_bearer,
            presented.unverified_certificate,
        ) {
            (Some(token), _) => secret::hash(token),
            (None, Some(certificate)) => secret::sha256(certificate),
            (None, None) => return Ok(()),
        };
        let event = || {
            let mut details = json!({
                "credential": kind,
                "address": presented.address.to_string(),
            });
            if let (Some(members), Some(id)) = (details.as_object_mut(), token) {
                members.insert("token".into(), json!(id));
            }
            self.login_succeeded(&shown.principal, details)
        };
        self.announce((fingerprint, presented.address), kind, event)
            .await
    }

    async fn note_refused(
        &self,
        presented: &Presented<'_>,
        failure: &LoginFailure,
    ) -> Result<(), Error> {
        if *failure == LoginFailure::Missing {
            return Ok(());
        }
        let (credential, unverified_name) = match presented.unverified_bearer {
            Some(token) => self.describe_bearer(token),
            None => (CERTIFICATE, String::new()),
        };
        self.note_failed_login(FailedLogin {
            credential,
            unverified_name: &unverified_name,
            address: presented.address,
            failure,
        })
        .await
    }
}

pub(super) const ACCESS_TOKEN: &str = "access-token";
pub(super) const CI_TOKEN: &str = "ci-token";
pub(super) const OPERATOR_TOKEN: &str = "operator-token";
const CERTIFICATE: &str = "certificate";
