//! Who tells of revocations: a publisher of CRLs and an OCSP responder for each issuer.

use std::collections::BTreeMap;
use std::sync::Arc;

use ca_issuance::lease::{self, LeaseKeeper};
use ca_issuance::publish::{CrlPublisher, PublishSchedule};
use ca_issuance::respond::{OcspResponder, Others, RespondSchedule};
use ca_issuance::{Corridor, Issuer, Lease};

use crate::config::Config;

/// What publishes one issuer's revocations.
#[derive(Clone)]
pub(crate) struct Revocation {
    /// Makes CRLs.
    pub(crate) publisher: Arc<CrlPublisher>,
    /// Answers OCSP.
    pub(crate) responder: Arc<OcspResponder>,
}

/// Makes what publishes the revocations of each issuer.
pub(super) fn all(
    config: &Config,
    corridor: &Corridor,
    leases: &mut LeaseKeeper,
) -> BTreeMap<String, Revocation> {
    let revocations = corridor.issuers().map(|issuer| {
        let publishing = leases.lease(&lease::publishing(issuer.name()));
        let revocation = revocation(config, corridor, issuer, publishing);
        (issuer.name().to_owned(), revocation)
    });
    revocations.collect()
}

fn revocation(
    config: &Config,
    corridor: &Corridor,
    issuer: &Issuer,
    publishing: Lease,
) -> Revocation {
    let section = &config.revocation;
    let crls = PublishSchedule {
        lifetime: section.crl_lifetime.0,
        every: section.crl_interval.0,
        ..PublishSchedule::default()
    };
    let responding = RespondSchedule {
        lifetime: section.ocsp_lifetime.0,
        others: match config.database.is_shared() {
            true => Others::Asked,
            false => Others::Polled,
        },
        ..RespondSchedule::default()
    };
    Revocation {
        publisher: Arc::new(CrlPublisher::new(corridor, issuer, crls, publishing)),
        responder: Arc::new(OcspResponder::new(corridor, issuer, responding)),
    }
}
