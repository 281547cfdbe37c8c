//! Who can open a key: makes keys and passphrases, and gathers what opens them.

mod splitting;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ca_keys::{KeyError, KeyUri, SignerOptions, SigningKey, SoftwareKey};
use secrecy::{ExposeSecret, SecretString};

use crate::ceremony::{Custody, ExistingKey, NewCustody, NewKey};
use crate::sitting::Sitting;
use crate::{Error, Mode};

pub(crate) use splitting::share_files;

/// Makes the key that the ceremony file asks for.
///
/// A key file is only staged: it appears together with the certificate. A token's key is there at
/// once; if the ceremony breaks off after that, the next run refuses and says that it exists.
pub(crate) fn make(
    sitting: &mut Sitting<'_>,
    role: &str,
    plan: &NewKey,
) -> Result<Arc<dyn SigningKey>, Error> {
    let uri = KeyUri::parse(&plan.uri, sitting.folders().home())?;
    let key: Arc<dyn SigningKey> = match (file_as_written(&plan.uri)?, sitting.mode()) {
        (Some(file), Mode::Real | Mode::Rehearsal) => {
            Arc::new(make_file(sitting, role, plan, &file)?)
        }
        (None, Mode::Rehearsal) => {
            refuse_passphrase(plan)?;
            sitting.say("Rehearsal: the token is not touched, a throw-away key is used.")?;
            Arc::new(SoftwareKey::generate(plan.algorithm.into())?)
        }
        (None, Mode::Real) => {
            refuse_passphrase(plan)?;
            let uri = with_typed_secret(sitting, uri, "PIN of the token:")?;
            ca_keys::generate(&uri, plan.algorithm.into(), &SignerOptions::default())?
        }
    };
    sitting.note_key("made", role, &place(&plan.uri), key.public_key());
    Ok(key)
}

/// Opens a key that exists.
pub(crate) fn open(
    sitting: &mut Sitting<'_>,
    role: &str,
    plan: &ExistingKey,
) -> Result<Arc<dyn SigningKey>, Error> {
    let uri = KeyUri::parse(&plan.uri, sitting.folders().home())?;
    let uri = match (&uri, plan.passphrase) {
        (KeyUri::File(_), Custody::Shares) => {
            let passphrase = splitting::gather(sitting)?;
            uri.with_secret(passphrase)
        }
        (KeyUri::File(_), Custody::Typed) => {
            with_typed_secret(sitting, uri, "Passphrase of the root's key:")?
        }
        (KeyUri::Token(_), Custody::Typed) => with_typed_secret(sitting, uri, "PIN of the token:")?,
        (KeyUri::Token(_), Custody::Shares) => {
            return Err(Error::Ceremony(
                "[key]: a token's key has a PIN and no shares".to_owned(),
            ));
        }
    };
    let key = ca_keys::open(&uri, &SignerOptions::default())?;
    sitting.note_key("used", role, &place(&plan.uri), key.public_key());
    Ok(key)
}

/// Returns the path of a `file:` URI as the ceremony file has it; `None` for a token.
pub(crate) fn file_as_written(uri: &str) -> Result<Option<PathBuf>, Error> {
    match KeyUri::parse(uri, Path::new(""))? {
        KeyUri::File(file) => Ok(Some(file.path().to_owned())),
        KeyUri::Token(_) => Ok(None),
    }
}

fn make_file(
    sitting: &mut Sitting<'_>,
    role: &str,
    plan: &NewKey,
    file: &Path,
) -> Result<SoftwareKey, Error> {
    let key = SoftwareKey::generate(plan.algorithm.into())?;
    let passphrase = match &plan.passphrase {
        Some(NewCustody::Split(split)) => splitting::split(sitting, split, &place(&plan.uri))?,
        Some(NewCustody::Typed) | None => new_passphrase(sitting, plan)?,
    };
    let pem = key.to_pkcs8_pem(Some(&passphrase))?;
    // What is on the disk afterwards must open with what people have in their hands.
    let reopened = SoftwareKey::from_pkcs8_pem(&pem, Some(&passphrase))?;
    if reopened.public_key() != key.public_key() {
        return Err(Error::Internal(
            "a new key file does not read back".to_owned(),
        ));
    }
    sitting.stage_key(&format!("{role} key"), file, &pem);
    Ok(key)
}

fn new_passphrase(sitting: &mut Sitting<'_>, plan: &NewKey) -> Result<SecretString, Error> {
    let uri = KeyUri::parse(&plan.uri, sitting.folders().home())?;
    if let Some(source) = uri.secret_source() {
        return strong_enough(source.read()?);
    }
    let operator = sitting.operator();
    let first = sitting.ask_secret(&operator, "New passphrase for the root's key:")?;
    let second = sitting.ask_secret(&operator, "The same again:")?;
    if first != second {
        return Err(Error::Passphrase("the two differ".to_owned()));
    }
    strong_enough(SecretString::from(first.as_str()))
}

fn strong_enough(passphrase: SecretString) -> Result<SecretString, Error> {
    if passphrase.expose_secret().chars().count() < PASSPHRASE_CHARACTERS_MIN {
        return Err(Error::Passphrase(format!(
            "a root's passphrase has at least {PASSPHRASE_CHARACTERS_MIN} characters; six random \
             words are a good one"
        )));
    }
    Ok(passphrase)
}

/// Asks for the secret unless the URI says where it is.
fn with_typed_secret(
    sitting: &mut Sitting<'_>,
    uri: KeyUri,
    question: &str,
) -> Result<KeyUri, Error> {
    if uri.secret_source().is_some() {
        return Ok(uri);
    }
    let operator = sitting.operator();
    let secret = sitting.ask_secret(&operator, question)?;
    if secret.is_empty() {
        return Err(KeyError::Secret("nothing was typed".to_owned()).into());
    }
    Ok(uri.with_secret(SecretString::from(secret.as_str())))
}

fn refuse_passphrase(plan: &NewKey) -> Result<(), Error> {
    if plan.passphrase.is_none() {
        return Ok(());
    }
    Err(Error::Ceremony(
        "[key]: a token's key has a PIN and no passphrase".to_owned(),
    ))
}

/// Returns the place of a key without where its secret is.
pub(crate) fn place(uri: &str) -> String {
    uri.split_once('?')
        .map_or(uri, |(place, _)| place)
        .to_owned()
}

const PASSPHRASE_CHARACTERS_MIN: usize = 15;
