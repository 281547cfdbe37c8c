//! Hands shares out to custodians and takes them back.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::ceremony::Split;
use crate::shares::{self, Gathering, Numbers, Share, ShareError};
use crate::sitting::{Sitting, read_bounded};
use crate::transcript::ShareRecord;
use crate::{Error, Mode};

/// Draws a passphrase that nobody sees and gives every custodian a share of it.
pub(super) fn split(
    sitting: &mut Sitting<'_>,
    plan: &Split,
    place: &str,
) -> Result<SecretString, Error> {
    let numbers = numbers(plan)?;
    let secret = sitting.random::<{ shares::SECRET_BYTES }>()?;
    let set = *sitting.random::<4>()?;
    let dealt = shares::split(&secret, set, numbers, sitting.mode());
    require_recovery(&dealt, numbers, &secret)?;

    sitting.say(&format!(
        "The passphrase is split into {} shares of set {}; any {} of them open the key.",
        numbers.total,
        shares::set_name(set),
        numbers.threshold
    ))?;
    for share in &dealt {
        let custodian = hand_out(sitting, plan, share, place)?;
        sitting.note_share(record("made", custodian, share));
    }
    Ok(SecretString::from(shares::passphrase(&secret).as_str()))
}

/// Takes as many shares as are needed and returns the passphrase.
pub(super) fn gather(sitting: &mut Sitting<'_>) -> Result<SecretString, Error> {
    let mut gathering = Gathering::default();
    let mut refused = 0;
    while gathering.missing() != Some(0) {
        let custodian = sitting.ask_name(&sitting.operator(), "Next custodian, name:")?;
        let typed = sitting.ask_secret(&custodian, "The share, or the file that holds it:")?;
        match take(sitting, &mut gathering, &typed) {
            Ok(share) => {
                sitting.say(&format!("Accepted: {share}."))?;
                sitting.note_share(record("used", custodian, &share));
            }
            Err(error) => {
                refused += 1;
                if refused == MAX_REFUSED {
                    return Err(ShareError::TooManyAttempts.into());
                }
                sitting.say(&format!("Refused: {error}. Try again."))?;
            }
        }
    }
    let secret = gathering
        .recover()
        .ok_or_else(|| Error::Internal("shares that fit gave no secret".to_owned()))?;
    Ok(SecretString::from(shares::passphrase(&secret).as_str()))
}

/// Returns the files that a split writes, as the ceremony file would name them.
pub(crate) fn share_files(plan: &Split) -> Vec<PathBuf> {
    let Some(folder) = &plan.folder else {
        return Vec::new();
    };
    (1..=plan.shares)
        .map(|index| share_file(folder, index, plan.shares))
        .collect()
}

fn numbers(plan: &Split) -> Result<Numbers, Error> {
    Numbers::new(plan.threshold, plan.shares)
        .map_err(|error| Error::Ceremony(format!("[key] passphrase: {error}")))
}

fn share_file(folder: &Path, index: u8, total: u8) -> PathBuf {
    folder.join(format!("share-{index}-of-{total}.txt"))
}

/// Proves with the first and the last shares, as they are typed, that the secret comes back.
fn require_recovery(
    dealt: &[Share],
    numbers: Numbers,
    secret: &[u8; shares::SECRET_BYTES],
) -> Result<(), Error> {
    let needed = usize::from(numbers.threshold);
    let chosen: [Vec<&Share>; 2] = [
        dealt.iter().take(needed).collect(),
        dealt.iter().rev().take(needed).collect(),
    ];
    for shares in chosen {
        let mut gathering = Gathering::default();
        for share in shares {
            gathering.add(Share::parse(&share.typed_form())?)?;
        }
        if gathering.recover().as_deref() != Some(secret) {
            return Err(Error::Internal(
                "shares do not give the secret back".to_owned(),
            ));
        }
    }
    Ok(())
}

fn hand_out(
    sitting: &mut Sitting<'_>,
    plan: &Split,
    share: &Share,
    place: &str,
) -> Result<String, Error> {
    let question = format!("Custodian {} of {}, name:", share.index(), plan.shares);
    let custodian = sitting.ask_name(&sitting.operator(), &question)?;
    match &plan.folder {
        Some(folder) => {
            let file = share_file(folder, share.index(), plan.shares);
            let purpose = format!("Opens {place}. Custodian: {custodian}.");
            let role = format!("share {} of {}", share.index(), plan.shares);
            sitting.stage_share(&role, &file, &share.file_text(&purpose));
        }
        None => show(sitting, share, &custodian)?,
    }
    Ok(custodian)
}

/// Shows a share to its custodian alone and has it typed back, so that no mistake is found years
/// later.
fn show(sitting: &mut Sitting<'_>, share: &Share, custodian: &str) -> Result<(), Error> {
    sitting.ask(&format!(
        "Only {custodian} sees the screen now? Press Enter:"
    ))?;
    for _ in 0..MAX_REFUSED {
        let text = Zeroizing::new(format!("{share}\n\n  {}\n", *share.typed_form()));
        sitting.show_secret(&text, "Write it down, then press Enter:")?;
        let typed = sitting.ask_secret(custodian, "Type the share from your note:")?;
        match Share::parse(&typed) {
            Ok(typed) if typed == *share => return Ok(()),
            Ok(_) => sitting.say("That is another share. Again:")?,
            Err(error) => sitting.say(&format!("{error}. Again:"))?,
        }
    }
    Err(ShareError::TooManyAttempts.into())
}

fn take(
    sitting: &Sitting<'_>,
    gathering: &mut Gathering,
    typed: &str,
) -> Result<Share, ShareError> {
    let share = match Share::parse(typed) {
        // What has the length of a share is never looked for as a file: names of files are logged.
        Ok(share) => share,
        Err(ShareError::Mistyped) => return Err(ShareError::Mistyped),
        Err(error) => Share::parse(&file_text(sitting, typed).ok_or(error)?)?,
    };
    if share.mode() == Mode::Rehearsal {
        return Err(ShareError::FromRehearsal);
    }
    gathering.add(share.clone())?;
    Ok(share)
}

fn file_text(sitting: &Sitting<'_>, name: &str) -> Option<Zeroizing<String>> {
    let file = sitting.folders().input(Path::new(name.trim()));
    let content = read_bounded(&file, MAX_SHARE_BYTES).ok()?;
    String::from_utf8(content).ok().map(Zeroizing::new)
}

fn record(what: &str, custodian: String, share: &Share) -> ShareRecord {
    let numbers = share.numbers();
    ShareRecord {
        what: what.to_owned(),
        custodian,
        index: share.index(),
        shares: numbers.total,
        threshold: numbers.threshold,
        set: share.set_name(),
    }
}

const MAX_REFUSED: usize = 5;
const MAX_SHARE_BYTES: u64 = 4096;
