//! Lists of certificates.

use super::State;
use crate::ledger::{
    CertificateCursor, CertificatePage, CertificateQuery, CertificateRecord, CertificateState,
    Unfinished,
};

impl State {
    /// Makes the page that the query asks for.
    pub(super) fn page(&self, query: &CertificateQuery) -> CertificatePage {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let asked_for = self.certificates.values().rev();
        let asked_for = asked_for
            .filter(|record| is_asked_for(query, record))
            .take(limit.saturating_add(1));
        CertificatePage::cut(asked_for.cloned().collect(), query.limit)
    }

    /// Lists the intents without a result.
    pub(super) fn unfinished(&self) -> Vec<Unfinished> {
        let intended = self
            .certificates
            .values()
            .filter(|record| record.state == CertificateState::Intended);
        let unfinished = intended.map(|record| Unfinished {
            serial: record.serial.clone(),
            issuer: record.issuer.clone(),
            order: record.order.clone(),
        });
        unfinished.collect()
    }
}

/// Tells whether a certificate belongs on the page that the query asks for, or a later one.
fn is_asked_for(query: &CertificateQuery, record: &CertificateRecord) -> bool {
    let status = record.status(query.moment);
    let holds = |name| record.identifiers.contains(name);
    let asked_by = |who: &String| *who == record.requested_by || *who == record.requester;
    let after = |cursor: &CertificateCursor| record.serial < cursor.serial;
    status.is_some()
        && query.status.is_none_or(|wanted| status == Some(wanted))
        && query
            .profile
            .as_ref()
            .is_none_or(|it| *it == record.profile)
        && query.issuer.as_ref().is_none_or(|it| *it == record.issuer)
        && query.identifier.as_ref().is_none_or(holds)
        && query
            .requester
            .as_ref()
            .is_none_or(|who| *who == record.requester)
        && query.requested_by.as_ref().is_none_or(asked_by)
        && query
            .expires_before
            .is_none_or(|end| record.validity.not_after < end)
        && query
            .recorded_since
            .is_none_or(|since| since <= record.recorded_at)
        && query.cursor.as_ref().is_none_or(after)
}
