//! Clients show their secret.

use std::net::IpAddr;
use std::sync::Arc;

use ca_pki::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::secret_hash::{NOBODY, verify_blocking};
use super::{Client, is_client_id};
use crate::access::audit::FailedLogin;
use crate::throttle::Throttle;
use crate::{Access, Error, LoginFailure, Principal, Role};

/// What a client sent: by HTTP Basic, in a form or in JSON.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// Who it says to be.
    pub unverified_id: String,
    /// What shall prove it.
    pub unverified_secret: SecretString,
}

/// A client whose secret was right a moment ago; good for one operation.
#[derive(Debug)]
pub struct AuthenticatedClient {
    id: String,
    role: Option<Role>,
}

impl AuthenticatedClient {
    /// Returns the name of its principal.
    pub fn name(&self) -> String {
        format!("client:{}", self.id)
    }

    pub(crate) fn into_principal(self) -> Principal {
        Principal::Client {
            id: self.id,
            role: self.role,
        }
    }
}

impl Access {
    /// Checks a client's secret. A wrong one and an unknown client are alike in answer and time;
    /// after a few, [`Error::Throttled`] comes before any computing.
    pub async fn authenticate_client(
        &self,
        credentials: ClientCredentials,
        address: IpAddr,
    ) -> Result<AuthenticatedClient, Error> {
        // What cannot be an id shares one name: the throttle keeps no text that a stranger chose.
        let id = match is_client_id(&credentials.unverified_id) {
            true => credentials.unverified_id.as_str(),
            false => "",
        };
        self.require_patience(id, address)?;
        let client = match id {
            "" => None,
            id => self.store.client(id).await?,
        };
        let turn = self.hashing.turn().await?;
        // Who sends a thousand guesses at once has them judged after each other.
        self.require_patience(id, address)?;
        let hash = client.as_ref().map_or(NOBODY, Client::secret_hash);
        let guess = Guess {
            secret: credentials.unverified_secret.clone(),
            hash: hash.to_owned(),
            throttle: Arc::clone(&self.throttle),
            of: (id.to_owned(), address, self.corridor.clock().now()),
        };
        match (turn.run(move || guess.judge_blocking()).await??, client) {
            (true, Some(client)) => {
                self.throttle.succeeded(id, address);
                Ok(AuthenticatedClient {
                    id: client.id,
                    role: client.role,
                })
            }
            (true | false, _) => self.refuse_client(&credentials, address).await,
        }
    }

    async fn refuse_client(
        &self,
        credentials: &ClientCredentials,
        address: IpAddr,
    ) -> Result<AuthenticatedClient, Error> {
        let failure = LoginFailure::WrongSecret;
        self.note_failed_login(FailedLogin {
            credential: "client-secret",
            unverified_name: &format!("client:{}", credentials.unverified_id),
            address,
            failure: &failure,
        })
        .await?;
        Err(Error::Unauthenticated(failure))
    }

    fn require_patience(&self, id: &str, address: IpAddr) -> Result<(), Error> {
        let now = self.corridor.clock().now();
        self.throttle
            .wait(id, address, now)
            .map_err(|retry_after| Error::Throttled { retry_after })
    }
}

/// A secret on its way to a blocking thread.
struct Guess {
    secret: SecretString,
    hash: String,
    throttle: Arc<Throttle>,
    of: (String, IpAddr, Timestamp),
}

impl Guess {
    /// Counts a failure before the next guess gets its turn, even if the sender has hung up.
    fn judge_blocking(self) -> Result<bool, Error> {
        let is_right = verify_blocking(self.secret.expose_secret(), &self.hash)?;
        if !is_right {
            let (id, address, now) = self.of;
            self.throttle.failed(&id, address, now);
        }
        Ok(is_right)
    }
}

impl Client {
    fn secret_hash(&self) -> &str {
        &self.secret_hash
    }
}
