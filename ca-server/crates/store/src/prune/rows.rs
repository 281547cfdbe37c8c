//! Which rows are pruned, a piece at a time.

use ca_pki::Timestamp;
use sea_orm::sea_query::{DeleteStatement, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition};

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
    delete(order::Entity, order::Column::Id, some)
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
    delete(authorization::Entity, authorization::Column::Id, some)
}

pub(super) fn nonces(before: Timestamp) -> DeleteStatement {
    let some = Query::select()
        .column(nonce::Column::Nonce)
        .from(nonce::Entity)
        .and_where(nonce::Column::ExpiresAt.lt(before.unix_secs()))
        .limit(ROWS)
        .take();
    delete(nonce::Entity, nonce::Column::Nonce, some)
}

pub(super) fn idempotency_keys(before: Timestamp) -> DeleteStatement {
    let key = [idempotency_key::Column::Actor, idempotency_key::Column::Key];
    let some = Query::select()
        .columns(key)
        .from(idempotency_key::Entity)
        .and_where(idempotency_key::Column::ExpiresAt.lt(before.unix_secs()))
        .limit(ROWS)
        .take();
    Query::delete()
        .from_table(idempotency_key::Entity)
        .and_where(Expr::tuple(key.map(Expr::col)).in_subquery(some))
        .take()
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
    delete(refresh_token::Entity, refresh_token::Column::Hash, some)
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
    delete(session::Entity, session::Column::Id, some)
}

pub(super) fn used_tokens(before: Timestamp) -> DeleteStatement {
    let key = [used_token::Column::Provider, used_token::Column::Token];
    let some = Query::select()
        .columns(key)
        .from(used_token::Entity)
        .and_where(used_token::Column::ExpiresAt.lt(before.unix_secs()))
        .limit(ROWS)
        .take();
    Query::delete()
        .from_table(used_token::Entity)
        .and_where(Expr::tuple(key.map(Expr::col)).in_subquery(some))
        .take()
}

pub(super) fn grants(before: Timestamp) -> DeleteStatement {
    let some = Query::select()
        .column(api_grant::Column::Name)
        .from(api_grant::Entity)
        .and_where(api_grant::Column::ExpiresAt.lt(before.unix_secs()))
        .limit(ROWS)
        .take();
    delete(api_grant::Entity, api_grant::Column::Name, some)
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
        external_account::Column::Kid,
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
    Query::delete()
        .from_table(certificate::Entity)
        .and_where(Expr::tuple(key.map(Expr::col)).in_subquery(some))
        .take()
}

fn delete<E, C>(table: E, key: C, some: SelectStatement) -> DeleteStatement
where
    E: sea_orm::EntityTrait,
    C: ColumnTrait,
{
    Query::delete()
        .from_table(table)
        .and_where(key.in_subquery(some))
        .take()
}

/// keyCompromise (RFC 5280 §5.3.1).
const KEY_COMPROMISE: i16 = 1;
