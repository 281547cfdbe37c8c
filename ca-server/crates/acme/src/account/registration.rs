//! newAccount (RFC 8555 §7.3).

use ca_issuance::audit::{Event, EventKind};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Account, AccountStatus, contact};
use crate::acme::Acme;
use crate::directory::Directory;
use crate::request::{KeyRequest, require_valid};
use crate::store::Registration;
use crate::{Error, Problem, ProblemKind};

/// What newAccount led to.
#[derive(Debug)]
pub enum Registered {
    /// An account that was not there before: 201.
    Created(Account),
    /// The account that the key had before, unchanged: 200 (RFC 8555 §7.3.1).
    Existing(Account),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAccount {
    contact: Option<Vec<String>>,
    terms_of_service_agreed: Option<bool>,
    only_return_existing: Option<bool>,
    external_account_binding: Option<Box<RawValue>>,
}

impl Acme {
    /// Finds or makes the account of the key that signed the request.
    pub async fn register(&self, request: KeyRequest) -> Result<Registered, Error> {
        let wanted: NewAccount = request.payload.read()?;
        let existing = self
            .store
            .account_by_thumbprint(&request.directory.name, request.jwk.thumbprint())
            .await?;
        if let Some(account) = existing {
            require_valid(&account)?;
            return Ok(Registered::Existing(account));
        }
        if wanted.only_return_existing == Some(true) {
            let detail = "no account of this directory has this key";
            return Err(Problem::new(ProblemKind::AccountDoesNotExist, detail).into());
        }
        self.limiter.count_account(request.address)?;
        let account = self.new_account(&request, wanted).await?;
        let event = self.created(&account);
        let kid = account.external_account.clone().unwrap_or_default();
        match self.store.register(account, event).await? {
            Registration::Created(account) => Ok(Registered::Created(account)),
            // Somebody registered the same key between the look-up and now.
            Registration::Existing(account) => {
                require_valid(&account)?;
                Ok(Registered::Existing(account))
            }
            // Its key was good a moment ago: revoked since, or used up by somebody else.
            Registration::BindingRefused => {
                let why = "the key was used up or revoked meanwhile";
                Err(self.refuse_binding(&request, &kid, why).await?)
            }
        }
    }

    async fn new_account(
        &self,
        request: &KeyRequest,
        wanted: NewAccount,
    ) -> Result<Account, Error> {
        let contacts = wanted.contact.unwrap_or_default();
        contact::check(&contacts)?;
        let terms_agreed = wanted.terms_of_service_agreed == Some(true);
        require_agreement(&request.directory, terms_agreed)?;
        let binding = wanted.external_account_binding;
        let binding = self
            .check_binding(request, binding.as_deref().map(RawValue::get))
            .await?;
        let (external_account, external_binding) =
            binding.map(|binding| (binding.kid, binding.text)).unzip();
        Ok(Account {
            id: self.fresh_id()?,
            directory: request.directory.name.clone(),
            status: AccountStatus::Valid,
            jwk: request.jwk.canonical().to_owned(),
            thumbprint: request.jwk.thumbprint().to_owned(),
            contacts,
            terms_agreed,
            external_account,
            external_binding,
            // The store takes it from the key in the step that uses the key.
            principal: None,
            created_at: self.now(),
        })
    }

    fn created(&self, account: &Account) -> Event {
        Event {
            at: account.created_at,
            kind: EventKind::AccountCreated,
            actor: account.actor(),
            subject: account.id.clone(),
            details: json!({
                "directory": account.directory,
                "thumbprint": account.thumbprint,
                "contacts": account.contacts,
                "external_account": account.external_account,
            }),
        }
    }
}

/// Asks for agreement only where there are terms: several clients never send it otherwise.
fn require_agreement(directory: &Directory, agreed: bool) -> Result<(), Error> {
    match &directory.terms_of_service {
        Some(terms) if !agreed => {
            let detail = format!("agree to {terms} with termsOfServiceAgreed");
            let mut problem = Problem::new(ProblemKind::UserActionRequired, detail);
            problem.terms_of_service = Some(terms.clone());
            Err(problem.into())
        }
        Some(_) | None => Ok(()),
    }
}
