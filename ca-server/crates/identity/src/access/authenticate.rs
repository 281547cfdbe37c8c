//! Who sends a request: every credential that the server takes comes through here.

use crate::{Access, Error, Identity, LoginFailure, Presented};

impl Access {
    /// Tells who sends a request, from scratch for each: what was revoked a moment ago is refused
    /// on an open connection too. A bearer token goes before a client certificate.
    ///
    /// [`Error::Unauthenticated`] says what is wrong with the credential;
    /// [`LoginFailure::Missing`] that there is none.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Identity, Error> {
        match presented.unverified_bearer {
            Some(unverified_token) => {
                self.verify_ci_token(unverified_token).await?;
                Err(Error::Unauthenticated(LoginFailure::UnknownToken))
            }
            None => Err(Error::Unauthenticated(LoginFailure::Missing)),
        }
    }
}
