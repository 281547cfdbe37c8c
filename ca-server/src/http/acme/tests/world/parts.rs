//! What the server is made of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ca_acme::authorization::ChallengeKind;
use ca_acme::directory::{Directory, ExternalAccountRule};
use ca_acme::limits::Limits;
use ca_acme::validator::Attempt;
use ca_acme::{Acme, AcmeParts, Problem, ProblemKind, Validator};
use ca_identity::{Access, AccessParts, Rules};
use ca_issuance::pattern::{Scope, Wildcards};
use ca_issuance::profile::{
    CiClaims, Holder, IdentifierKind, Pointer, Profile, RevocationRule, SubjectRule,
};
use ca_issuance::world::SystemEntropy;
use ca_issuance::{Clock, Corridor, CorridorParts, Policy};
use ca_pki::certificate::ExtendedKeyUsage;
use ca_pki::{Identifier, KeyAlgorithm};
use ca_store::Store;
use tokio_util::task::TaskTracker;

use super::BASE;
use crate::http::testing::{DAY, HandClock, issuer};

/// Finds every proof where it should be but those of `absent.…`, and CAA against `forbidden.…`.
struct Believer;

#[async_trait]
impl Validator for Believer {
    async fn validate(&self, attempt: &Attempt) -> Result<(), Problem> {
        match attempt.identifier.value().starts_with("absent.") {
            true => Err(Problem::new(ProblemKind::Connection, "nobody is there")),
            false => Ok(()),
        }
    }

    async fn check_caa(
        &self,
        identifier: &Identifier,
        _: bool,
        _: Option<ChallengeKind>,
        _: &str,
    ) -> Result<(), Problem> {
        match identifier.value().starts_with("forbidden.") {
            true => Err(Problem::new(ProblemKind::Caa, "issue \";\"")),
            false => Ok(()),
        }
    }
}

pub(super) async fn acme(
    store: &Store,
    clock: &Arc<HandClock>,
    limits: Limits,
) -> (Arc<Acme>, Arc<Access>) {
    let tasks = TaskTracker::new();
    let corridor = Corridor::new(CorridorParts {
        policy: Policy::new([profile()]),
        issuers: vec![issuer(clock.now())],
        ledger: Arc::new(store.clone()),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy::default()),
        tasks: tasks.clone(),
    });
    let access = Access::new(AccessParts {
        store: Arc::new(store.clone()),
        corridor: Arc::clone(&corridor),
        external_url: BASE.parse().unwrap(),
        rules: Rules::default(),
    });
    let access = Arc::new(access.await.unwrap());
    let bound = Directory {
        external_account: ExternalAccountRule::Required,
        ..directory("bound")
    };
    let granted = Directory {
        challenges: BTreeSet::new(),
        scope: Scope {
            deny: vec!["dns:vault.ci.example".parse().unwrap()],
            ..directory("granted").scope
        },
        ..directory("granted")
    };
    let terms = Directory {
        terms_of_service: Some("https://ca.example/terms".to_owned()),
        external_account: ExternalAccountRule::Off,
        ..directory("terms")
    };
    let acme = Acme::new(AcmeParts {
        store: Arc::new(store.clone()),
        corridor,
        access: Arc::clone(&access),
        validator: Arc::new(Believer),
        tasks,
        external_url: BASE.parse().unwrap(),
        directories: vec![directory("default"), bound, granted, terms],
        limits,
    });
    // However slow the machine: an answer carries its result.
    let acme = acme.await.unwrap().with_answer_wait(DAY);
    (Arc::new(acme), access)
}

fn directory(name: &str) -> Directory {
    Directory {
        name: name.to_owned(),
        profiles: [("tls".to_owned(), "servers".to_owned())].into(),
        default_profile: "tls".to_owned(),
        external_account: ExternalAccountRule::Optional,
        challenges: BTreeSet::from([ChallengeKind::Http01, ChallengeKind::Dns01]),
        scope: Scope {
            allow: vec!["dns:**".parse().unwrap()],
            deny: Vec::new(),
            wildcards: Wildcards::Allowed,
        },
        terms_of_service: None,
        website: None,
        caa_identities: Vec::new(),
        order_lifetime: DAY,
        authorization_lifetime: DAY,
    }
}

fn profile() -> Profile {
    Profile {
        name: "tls".to_owned(),
        description: "servers".to_owned(),
        issuer: "tls".to_owned(),
        lifetime: DAY,
        max_lifetime: DAY,
        backdate: Duration::from_secs(60),
        keys: BTreeSet::from([KeyAlgorithm::EcP256]),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth],
        identifiers: BTreeSet::from([IdentifierKind::Dns]),
        subject: SubjectRule::Empty,
        revocation: RevocationRule::Published {
            crl: Pointer::Included,
            ocsp: Pointer::Included,
        },
        ci_claims: CiClaims::LeftOut,
        holder: Holder::EndEntity,
    }
}
