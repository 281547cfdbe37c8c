//! Which rows are pruned, a piece at a time.

use ca_pki::Timestamp;
use sea_orm::sea_query::{DeleteStatement, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait};

use super::ROWS;
use crate::entity::{
    account, api_grant, authorization, certificate, external_account, idempotency_key, nonce,
    order, order_authorization, refresh_token, session, used_token,
};

/// An order that is being issued is left to be settled; one whose certificate lives stays, for
/// its holder downloads by the order's id and may revoke by its account.
pub(super) fn orders(before: Timestamp) -> DeleteStatement {
    let certificate = Query::select()
        .expr(Expr::val(1))
        .from(certificate::Entity)
        .and_where(
            Expr::col((certificate::Entity, certificate::Column::Issuer))
                .equals((order::Entity, order::Column::Issuer)),
        )
        .and_where(
            Expr::col((certificate::Entity, certificate::Column::Serial))
                .equals((order::Entity, order::Column::Serial)),
        )
        .and_where(certificate::Column::NotAfter.gte(before.unix_secs()))
        .take();
    let some = Query::select()
        .column((order::Entity, order::Column::Id))
        .from(order::Entity)
        .and_where(order::Column::ExpiresAt.lt(before.unix_secs()))
        .and_where(order::Column::Status.ne("processing"))
        .and_where(Expr::exists(certificate).not())
        .limit(ROWS)
        .take();
    delete(order::Entity, [order::Column::Id], some)
}

pub(super) fn authorizations(before: Timestamp) -> DeleteStatement {
    let order = Query::select()
        .expr(Expr::val(1))
        .from(order_authorization::Entity)
        .and_where(
            Expr::col((
                order_authorization::Entity,
                order_authorization::Column::AuthorizationId,
            ))
            .equals((authorization::Entity, authorization::Column::Id)),
        )
        .take();
    let some = Query::select()
        .column((authorization::Entity, authorization::Column::Id))
        .from(authorization::Entity)
        .and_where(authorization::Column::ExpiresAt.lt(before.unix_secs()))
        .and_where(Expr::exists(order).not())
        .limit(ROWS)
        .take();
    delete(authorization::Entity, [authorization::Column::Id], some)
}

pub(super) fn nonces(before: Timestamp) -> DeleteStatement {
    let key = [nonce::Column::Nonce];
    expired(nonce::Entity, key, nonce::Column::ExpiresAt, before)
}

pub(super) fn idempotency_keys(before: Timestamp) -> DeleteStatement {
    let key = [idempotency_key::Column::Actor, idempotency_key::Column::Key];
    let ends = idempotency_key::Column::ExpiresAt;
    expired(idempotency_key::Entity, key, ends, before)
}

/// A used token stays as long as its session: whoever shows it again ends the session.
pub(super) fn refresh_tokens(before: Timestamp) -> DeleteStatement {
    let ended = Query::select()
        .column(session::Column::Id)
        .from(session::Entity)
        .and_where(session::Column::ExpiresAt.lt(before.unix_secs()))
        .take();
    let some = Query::select()
        .column(refresh_token::Column::Hash)
        .from(refresh_token::Entity)
        .and_where(refresh_token::Column::Session.in_subquery(ended))
        .limit(ROWS)
        .take();
    delete(refresh_token::Entity, [refresh_token::Column::Hash], some)
}

/// A revoked one stays until its end: whoever comes with a token of it learns why it is refused.
pub(super) fn sessions(before: Timestamp) -> DeleteStatement {
    let token = Query::select()
        .expr(Expr::val(1))
        .from(refresh_token::Entity)
        .and_where(
            Expr::col((refresh_token::Entity, refresh_token::Column::Session))
                .equals((session::Entity, session::Column::Id)),
        )
        .take();
    let some = Query::select()
        .column((session::Entity, session::Column::Id))
        .from(session::Entity)
        .and_where(session::Column::ExpiresAt.lt(before.unix_secs()))
        .and_where(Expr::exists(token).not())
        .limit(ROWS)
        .take();
    delete(session::Entity, [session::Column::Id], some)
}

pub(super) fn used_tokens(before: Timestamp) -> DeleteStatement {
    let key = [used_token::Column::Provider, used_token::Column::Token];
    let ends = used_token::Column::ExpiresAt;
    expired(used_token::Entity, key, ends, before)
}

pub(super) fn grants(before: Timestamp) -> DeleteStatement {
    let key = [api_grant::Column::Name];
    expired(api_grant::Entity, key, api_grant::Column::ExpiresAt, before)
}

/// Pipelines mint a key for each job. One that bound an account stays while the account is valid,
/// for the account has its power by it; an account that ended gets nothing any more. What
/// operators made for many accounts, or for nobody, stays: they look for it in their lists.
pub(super) fn minted_keys(before: Timestamp) -> DeleteStatement {
    let account = Query::select()
        .expr(Expr::val(1))
        .from(account::Entity)
        .and_where(
            Expr::col((account::Entity, account::Column::ExternalAccount))
                .equals((external_account::Entity, external_account::Column::Kid)),
        )
        .and_where(account::Column::Status.eq("valid"))
        .take();
    let some = Query::select()
        .column((external_account::Entity, external_account::Column::Kid))
        .from(external_account::Entity)
        .and_where(external_account::Column::ExpiresAt.lt(before.unix_secs()))
        .and_where(external_account::Column::Principal.is_not_null())
        .and_where(external_account::Column::SingleUse.eq(true))
        .and_where(Expr::exists(account).not())
        .limit(ROWS)
        .take();
    delete(
        external_account::Entity,
        [external_account::Column::Kid],
        some,
    )
}

/// An intent stays, however old: settling burns it first. So does a certificate whose key was
/// reported compromised: the key must never be certified again.
pub(super) fn certificates(before: Timestamp) -> DeleteStatement {
    let key = [certificate::Column::Issuer, certificate::Column::Serial];
    let some = Query::select()
        .columns(key)
        .from(certificate::Entity)
        .and_where(certificate::Column::NotAfter.lt(before.unix_secs()))
        .and_where(certificate::Column::State.ne("intended"))
        .cond_where(
            Condition::any()
                .add(certificate::Column::RevocationReason.is_null())
                .add(certificate::Column::RevocationReason.ne(KEY_COMPROMISE)),
        )
        .limit(ROWS)
        .take();
    delete(certificate::Entity, key, some)
}

/// Deletes what ended and holds up nothing else.
fn expired<C, const N: usize>(
    table: impl EntityTrait,
    key: [C; N],
    ends: C,
    before: Timestamp,
) -> DeleteStatement
where
    C: ColumnTrait,
{
    let some = Query::select()
        .columns(key)
        .from(table)
        .and_where(ends.lt(before.unix_secs()))
        .limit(ROWS)
        .take();
    delete(table, key, some)
}

fn delete<C, const N: usize>(
    table: impl EntityTrait,
    key: [C; N],
    some: SelectStatement,
) -> DeleteStatement
where
    C: ColumnTrait,
{
    Query::delete()
        .from_table(table)
        .and_where(Expr::tuple(key.map(Expr::col)).in_subquery(some))
        .take()
}

/// keyCompromise (RFC 5280 §5.3.1).
const KEY_COMPROMISE: i16 = 1;
