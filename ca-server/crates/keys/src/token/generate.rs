//! Making a key pair inside a token.

use ca_pki::KeyAlgorithm;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;
use der::Encode;
use der::asn1::ObjectIdentifier;

use super::fault::fault;
use super::login::Login;
use super::object::Wanted;
use super::{module, slot};
use crate::{KeyError, TokenUri};

/// Makes a pair that stays in the token: sensitive, not extractable, only for signing.
pub(super) fn generate(uri: &TokenUri, algorithm: KeyAlgorithm) -> Result<(), KeyError> {
    let label = uri
        .object
        .clone()
        .ok_or_else(|| KeyError::Uri("a new key needs a label: give object=".into()))?;
    let (mechanism, parameters) = recipe(algorithm)?;
    let loaded = module::load(&uri.module_path)?;
    let _alone = loaded.look();
    let module = loaded.enter();
    module::initialize(&module)?;
    let (slot, token) = slot::find(&module, uri)?.ok_or_else(slot::absent)?;
    let session = module.open_rw_session(slot).map_err(failed)?;
    Login::new(uri.pin_source.clone(), loaded.refused()).log_in(&session, &token)?;
    let id = match &uri.id {
        Some(id) => id.clone(),
        None => random_id()?,
    };

    refuse_taken(&session, Some(label.clone()), None)?;
    refuse_taken(&session, None, Some(id.clone()))?;
    let name = [Attribute::Label(label.into_bytes()), Attribute::Id(id)];
    let public = [&PUBLIC[..], &name, &parameters].concat();
    let private = [&PRIVATE[..], &name, only_for_signing(algorithm)].concat();
    session
        .generate_key_pair(&mechanism, &public, &private)
        .map(drop)
        .map_err(failed)
}

/// Refuses a name that a key bears already: whoever asks by that name would find two.
fn refuse_taken(
    session: &Session,
    label: Option<String>,
    id: Option<Vec<u8>>,
) -> Result<(), KeyError> {
    let wanted = Wanted { label, id };
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        let found = session
            .find_objects(&wanted.template(class))
            .map_err(failed)?;
        if !found.is_empty() {
            return Err(KeyError::Key(
                "the token holds a key of that name already, and keys are never overwritten".into(),
            ));
        }
    }
    Ok(())
}

fn recipe(algorithm: KeyAlgorithm) -> Result<(Mechanism<'static>, Vec<Attribute>), KeyError> {
    let ec = |curve: ObjectIdentifier| {
        let curve = curve
            .to_der()
            .map_err(|error| KeyError::Device(error.to_string()))?;
        Ok((Mechanism::EccKeyPairGen, vec![Attribute::EcParams(curve)]))
    };
    match algorithm {
        KeyAlgorithm::EcP256 => ec(SECP256R1),
        KeyAlgorithm::EcP384 => ec(SECP384R1),
        KeyAlgorithm::EcP521 => ec(SECP521R1),
        KeyAlgorithm::Rsa {
            bits: bits @ (2048 | 3072 | 4096),
        } => Ok((
            Mechanism::RsaPkcsKeyPairGen,
            vec![
                Attribute::ModulusBits(u64::from(bits).into()),
                Attribute::PublicExponent(vec![0x01, 0x00, 0x01]),
            ],
        )),
        KeyAlgorithm::Rsa { .. } | KeyAlgorithm::Ed25519 => Err(KeyError::Key(format!(
            "{algorithm} keys are not made in tokens: take ec-p256, ec-p384, ec-p521, rsa-2048, \
             rsa-3072 or rsa-4096"
        ))),
    }
}

/// Takes away the uses that a token may grant by default.
fn only_for_signing(algorithm: KeyAlgorithm) -> &'static [Attribute] {
    match algorithm {
        KeyAlgorithm::EcP256
        | KeyAlgorithm::EcP384
        | KeyAlgorithm::EcP521
        | KeyAlgorithm::Ed25519 => &[Attribute::Derive(false)],
        KeyAlgorithm::Rsa { .. } => &[Attribute::Decrypt(false), Attribute::Unwrap(false)],
    }
}

fn random_id() -> Result<Vec<u8>, KeyError> {
    let mut id = vec![0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| KeyError::Device(format!("no random number: {error}")))?;
    Ok(id)
}

fn failed(error: cryptoki::error::Error) -> KeyError {
    fault(error).into()
}

const PUBLIC: [Attribute; 3] = [
    Attribute::Token(true),
    Attribute::Private(false),
    Attribute::Verify(true),
];
const PRIVATE: [Attribute; 5] = [
    Attribute::Token(true),
    Attribute::Private(true),
    Attribute::Sensitive(true),
    Attribute::Extractable(false),
    Attribute::Sign(true),
];

const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
