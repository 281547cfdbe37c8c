//! What moves a certificate together with its order in one statement, where each is a way to
//! another machine.

use ca_issuance::ledger::Intent;
use ca_pki::Serial;

use super::intended_row;
use crate::Error;
use crate::transaction::Transaction;

/// Spends a serial for an order, which becomes `processing`. `Conflict` if it is not ready.
pub(super) async fn spend(
    transaction: &Transaction,
    order: &str,
    intent: &Intent,
) -> Result<(), Error> {
    let row = intended_row(intent)?;
    let values = [
        row.issuer.into(),
        row.serial.into(),
        order.into(),
        row.recorded_at.into(),
        row.profile.into(),
        row.identifiers.into(),
        row.not_before.into(),
        row.not_after.into(),
        row.key_fingerprint.into(),
        row.requested_by.into(),
        row.state.into(),
        row.tbs_der.into(),
        row.settle_after.into(),
        row.requester.into(),
        row.grant_name.into(),
        row.grant_counted.into(),
        row.provenance.into(),
    ];
    match transaction.run(SPEND, values).await? {
        0 => Err(Error::Conflict),
        _ => Ok(()),
    }
}

/// Stores a signed certificate and ends its order, if it has one. `Conflict` unless it was
/// intended, and its order `processing` for it.
pub(super) async fn finish(
    transaction: &Transaction,
    (issuer, serial): (&str, &Serial),
    der: &[u8],
) -> Result<(), Error> {
    let values = [
        der.into(),
        issuer.into(),
        serial.as_be_bytes().to_vec().into(),
    ];
    match transaction.texts(FINISH, values).await?.is_empty() {
        true => Err(Error::Conflict),
        false => Ok(()),
    }
}

const SPEND: &str = "WITH taken AS ( \
     UPDATE acme_order SET status = 'processing', issuer = $1, serial = $2 \
     WHERE id = $3 AND status = 'ready' AND expires_at > $4 RETURNING id) \
     INSERT INTO certificate (issuer, serial, order_id, recorded_at, profile, identifiers, \
     not_before, not_after, key_fingerprint, requested_by, state, tbs_der, settle_after, \
     requester, grant_name, grant_counted, provenance) \
     SELECT $1, $2, taken.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17 \
     FROM taken";

/// The certificate holds the bytes that were to be signed.
const FINISH: &str = "WITH finished AS ( \
     UPDATE certificate SET state = 'valid', der = $1, tbs_der = NULL \
     WHERE issuer = $2 AND serial = $3 AND state = 'intended' RETURNING order_id), \
     ended AS (UPDATE acme_order SET status = 'valid' \
     WHERE id = (SELECT order_id FROM finished) AND status = 'processing' AND serial = $3 \
     RETURNING id) \
     SELECT 'finished' FROM finished WHERE order_id IS NULL OR EXISTS (SELECT 1 FROM ended)";
