//! What the server is made of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ca_acme::authorization::ChallengeKind;
use ca_acme::directory::{Directory, ExternalAccountRule};
use ca_acme::limits::Limits;
use ca_acme::validator::Attempt;
use ca_acme::{Acme, AcmeParts, Problem, Validator};
use ca_identity::grant::{GrantSpec, Origin};
use ca_identity::testing::TestIssuer;
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
use serde_json::json;
use tokio_util::task::TaskTracker;

use super::BASE;
use crate::config::{ApiSection, LimitsSection};
use crate::http::api::{ApiParts, Rates};
use crate::http::limits::RequestLimits;
use crate::http::pki::{Root, Roots};
use crate::http::testing::{DAY, HandClock, issuer};

pub(super) async fn parts(
    store: &Store,
    clock: &Arc<HandClock>,
    gitlab: &Arc<TestIssuer>,
    rates: &ApiSection,
) -> (Arc<Access>, Arc<Acme>, ApiParts) {
    let tasks = TaskTracker::new();
    let issuer = issuer(clock.now());
    let roots = Roots(vec![Root {
        certificate: issuer.root().clone(),
        crl: None,
        issuers: vec!["tls".to_owned()],
    }]);
    let corridor = Corridor::new(CorridorParts {
        policy: Policy::new([profile()]),
        issuers: vec![issuer],
        ledger: Arc::new(store.clone()),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy::default()),
        tasks: tasks.clone(),
    });
    let access = Access::new(AccessParts {
        store: Arc::new(store.clone()),
        corridor: Arc::clone(&corridor),
        external_url: BASE.parse().unwrap(),
        rules: rules(gitlab),
    });
    let access = Arc::new(access.await.unwrap());
    let acme = Acme::new(AcmeParts {
        store: Arc::new(store.clone()),
        corridor: Arc::clone(&corridor),
        access: Arc::clone(&access),
        validator: Arc::new(Nobody),
        tasks,
        external_url: BASE.parse().unwrap(),
        directories: vec![directory()],
        limits: Limits::default(),
    });
    let acme = Arc::new(acme.await.unwrap());
    let parts = ApiParts {
        access: Arc::clone(&access),
        acme: Arc::clone(&acme),
        corridor,
        profiles: vec!["mtls".to_owned()],
        roots: Arc::new(arc_swap::ArcSwap::from_pointee(roots)),
        external_url: BASE.parse().unwrap(),
        rates: Rates::new(rates),
        limits: Arc::new(RequestLimits::new(&LimitsSection::default())),
    };
    (access, acme, parts)
}

fn rules(gitlab: &Arc<TestIssuer>) -> Rules {
    let grants = [
        json!({
            "name": "deployments",
            "who": {"client": "deployer"},
            "profiles": ["mtls"],
            "identifiers": ["dns:**.ci.example", "uri:spiffe://example/*"],
        }),
        json!({
            "name": "short",
            "who": {"oidc": "gitlab", "claims": {"ref_protected": "true"}},
            "profiles": ["mtls"],
            "identifiers": ["dns:*.jobs.example"],
            "max_lifetime": "1h",
        }),
    ];
    let grants = grants.into_iter().map(|grant| {
        let spec: GrantSpec = serde_json::from_value(grant).unwrap();
        Arc::new(spec.compile(Origin::Configured).unwrap())
    });
    Rules {
        providers: vec![gitlab.provider("gitlab", BASE)],
        grants: grants.collect(),
        profiles: BTreeSet::from(["mtls".to_owned()]),
        ..Rules::default()
    }
}

fn profile() -> Profile {
    Profile {
        name: "mtls".to_owned(),
        description: "both ends".to_owned(),
        issuer: "tls".to_owned(),
        lifetime: DAY,
        max_lifetime: DAY,
        backdate: Duration::from_secs(60),
        keys: BTreeSet::from([KeyAlgorithm::EcP256]),
        extended_key_usage: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        identifiers: BTreeSet::from([IdentifierKind::Dns, IdentifierKind::Uri]),
        subject: SubjectRule::Empty,
        revocation: RevocationRule::Published {
            crl: Pointer::Included,
            ocsp: Pointer::Included,
        },
        ci_claims: CiClaims::LeftOut,
        holder: Holder::EndEntity,
    }
}

fn directory() -> Directory {
    Directory {
        name: "default".to_owned(),
        profiles: [("mtls".to_owned(), "both ends".to_owned())].into(),
        default_profile: "mtls".to_owned(),
        external_account: ExternalAccountRule::Optional,
        challenges: BTreeSet::from([ChallengeKind::Http01]),
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

/// Nothing is validated over this door.
struct Nobody;

#[async_trait]
impl Validator for Nobody {
    async fn validate(&self, _: &Attempt) -> Result<(), Problem> {
        Ok(())
    }

    async fn check_caa(
        &self,
        _: &Identifier,
        _: bool,
        _: Option<ChallengeKind>,
        _: &str,
    ) -> Result<(), Problem> {
        Ok(())
    }
}
