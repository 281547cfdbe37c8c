//! Relying parties: OCSP and CRLs while everything else goes on.

use hyper::body::Bytes;

use super::hand::Held;
use super::world::World;
use crate::connection::Sent;
use crate::der::{self, Leaf};
use crate::error::Error;
use crate::ocsp::{self, Said};

/// Asks about any certificate, by GET and POST in turn.
pub(super) async fn ask(world: &World, number: u64) -> Result<(), Error> {
    let chosen = world.hand.borrow().any_serial();
    let (Some((serial, was_revoked)), Some(issuer)) = (chosen, world.issuer.get()) else {
        return Ok(());
    };
    let request = issuer.request(&serial);
    let path = ocsp::path(&world.responder_path, &request);
    let mut connection = world.revocation_connection(number).await;
    let answer = world.insist(async || {
        let sent = if number.is_multiple_of(2) {
            Sent::get(&path)
        } else {
            let body = Bytes::from(request.clone());
            Sent::post(&world.responder_path, ocsp::REQUEST_TYPE, body)
        };
        let answer = connection.send(sent).await?;
        answer.expect("ocsp", &[200])?;
        ocsp::read(&answer.body)
    });
    let said = answer.await?;
    let contradicts = match said {
        // Another operation may revoke it meanwhile, so `revoked` is never wrong.
        Said::Revoked => false,
        Said::Good => was_revoked,
        Said::Unknown => true,
    };
    if contradicts {
        world.journal.contradicted(&serial, said);
    }
    Ok(())
}

/// Fetches the CRL and notes its number: one fetch after the other, so that the journal has the
/// numbers in the order in which they were served.
pub(super) async fn fetch_crl(world: &World) -> Result<(), Error> {
    let mut connection = world.revocation_connection(0).await;
    let answer = world.insist(async || {
        let answer = connection.send(Sent::get(&world.crl_path)).await?;
        answer.expect("crl", &[200])?;
        Ok(answer)
    });
    let answer = answer.await?;
    let number = crl_number(&answer.body).ok_or(Error::Lacking {
        step: "crl",
        what: "number",
    })?;
    world.journal.crl(number, answer.body.len());
    Ok(())
}

impl World {
    /// Takes the issuer from the first chain that comes.
    pub(super) fn learn_issuer(&self, held: &Held) -> Result<(), Error> {
        if let (None, Some(issuer)) = (self.issuer.get(), held.chain.get(1)) {
            let issuer = ocsp::Issuer::of(&Leaf::read(issuer)?);
            // It was empty a line ago, and nothing waited since.
            let _ = self.issuer.set(issuer);
        }
        Ok(())
    }
}

// RFC 5280 §5.1: the extensions are the last field, in [0].
fn crl_number(crl: &[u8]) -> Option<&[u8]> {
    let list = der::element(der::element(crl)?.content)?;
    let extensions = der::elements(list.content).find(|field| field.tag == EXTENSIONS)?;
    let number = der::extension(extensions.content, CRL_NUMBER)?;
    Some(der::element(number)?.content)
}

const EXTENSIONS: u8 = 0xa0;
/// 2.5.29.20
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
