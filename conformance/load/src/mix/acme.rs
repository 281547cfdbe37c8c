//! Orders, their renewals and revocations, by patient ACME clients.

use super::hand::Held;
use super::world::{World, nth};
use crate::acme::account::Account;
use crate::acme::order::{self, Placed, Wanted};
use crate::csr;
use crate::error::Error;

/// Orders a certificate for a new name.
pub(super) async fn order(world: &World, number: u64) -> Result<(), Error> {
    obtain(world, number, &world.name("n", number), None).await
}

/// Orders a successor of a certificate, by the account that has it.
pub(super) async fn renew(world: &World, number: u64) -> Result<(), Error> {
    let taken = world.hand.borrow_mut().ordered.take();
    let Some((held, account)) = taken else {
        return order(world, u64::MAX - number).await;
    };
    let replaced = held.leaf.renewal_id();
    obtain(world, account, &held.name, replaced.as_deref()).await
}

/// Revokes a certificate by the account that ordered it.
pub(super) async fn revoke(world: &World) -> Result<(), Error> {
    let taken = world.hand.borrow_mut().ordered.take();
    let Some((held, account)) = taken else {
        return Ok(());
    };
    let mut account = nth(&world.accounts, account).lock().await;
    let revoked = world.insist(
        async || match account.revoke(held.der(), SUPERSEDED).await {
            // The answer to an earlier try was lost.
            Err(Error::Refused { problem, .. }) if problem.ends_with(":alreadyRevoked") => Ok(()),
            other => other,
        },
    );
    revoked.await?;
    drop(account);
    world.journal.revoked("acme", &held.leaf.serial);
    world.hand.borrow_mut().revoked.push(held.leaf.serial);
    Ok(())
}

async fn obtain(
    world: &World,
    number: u64,
    name: &str,
    replaces: Option<&str>,
) -> Result<(), Error> {
    let request = csr::request(&world.key, name)?;
    let mut account = nth(&world.accounts, number).lock().await;
    let placed = place(world, &mut account, name, replaces).await?;
    let url = placed.url.clone();
    world.journal.ordered(&url);
    let mut known = Some(placed);
    // After a failure the order is read again: its own state says what is left to do.
    let chain = world.insist(async || {
        let placed = match known.take() {
            Some(placed) => placed,
            None => order::reread(&mut account, &url).await?,
        };
        order::complete(&mut account, &world.answers, placed, &request).await
    });
    let held = Held::read(&chain.await?, name)?;
    drop(account);
    world.journal.holds("order", &held);
    world.journal.completed(&url);
    world.learn_issuer(&held)?;
    world.hand.borrow_mut().ordered.put(held, number);
    Ok(())
}

async fn place(
    world: &World,
    account: &mut Account,
    name: &str,
    replaces: Option<&str>,
) -> Result<Placed, Error> {
    let mut wanted = Wanted {
        name,
        profile: None,
        replaces,
    };
    let placing = world.insist(async || match order::place(account, wanted).await {
        // An earlier try was carried out and its answer lost: that order holds the place, and
        // nobody knows its URL. The client orders anew, without it.
        Err(Error::Refused { problem, .. }) if problem.ends_with(":alreadyReplaced") => {
            wanted.replaces = None;
            order::place(account, wanted).await
        }
        other => other,
    });
    placing.await
}

/// RFC 5280 §5.3.1
const SUPERSEDED: u8 = 4;
