//! What can stop a ceremony, by who must act; each kind has its own exit code.

use std::io;

use ca_keys::KeyError;

use crate::shares::ShareError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A computation that cannot fail did: the maintainers act.
    #[error("internal error, please report it: {0}")]
    Internal(String),
    /// The ceremony file is wrong: its author corrects it.
    #[error("the ceremony file cannot be used: {0}")]
    Ceremony(String),
    /// The machine is on a network: the operator takes it off.
    #[error(
        "this machine is on a network ({interfaces}): take every interface down, or say \
         --network-is-up-on-purpose and have it in the transcript"
    )]
    NetworkUp {
        /// The interfaces that are up.
        interfaces: String,
    },
    /// The machine does not tell whether it is on a network.
    #[error("cannot tell whether a network is up; nothing is done until this can be told")]
    NetworkUnknown(#[source] io::Error),
    /// The operator said no, or what was typed is not what was asked for.
    #[error("stopped, nothing was signed: {0}")]
    NotConfirmed(String),
    /// A key, a PIN or a passphrase: the operator or the custodians act.
    #[error("the key cannot be used")]
    Key(#[from] KeyError),
    /// A key that opens, but is not the one that the ceremony needs.
    #[error("the key cannot be used: {0}")]
    WrongKey(String),
    /// A passphrase that was not accepted.
    #[error("the passphrase cannot be used: {0}")]
    Passphrase(String),
    /// Shares that do not make up a passphrase.
    #[error("the shares cannot be used")]
    Share(#[from] ShareError),
    /// A CSR, certificate, CRL or other file that is refused: who made it acts.
    #[error("{file}: {reason}")]
    Input {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is there already or cannot be written.
    #[error("{0}")]
    Output(String),
    /// A transcript that does not hold.
    #[error("the verification failed: {0}")]
    Verification(String),
    /// The machine's clock cannot be right.
    #[error("the clock of this machine cannot be right: {0}")]
    Clock(String),
    /// The terminal failed, or the answers ended too early.
    #[error("the conversation broke off")]
    Terminal(#[source] io::Error),
    /// The system's random numbers failed.
    #[error("the system gives no random numbers: {0}")]
    Entropy(String),
}

impl Error {
    /// Returns the exit code, as `--help` and the guide list them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Internal(_) | Self::Entropy(_) => 1,
            Self::Ceremony(_) => 3,
            Self::NetworkUp { .. } | Self::NetworkUnknown(_) => 4,
            Self::NotConfirmed(_) => 5,
            Self::Key(_) | Self::WrongKey(_) | Self::Passphrase(_) | Self::Share(_) => 6,
            Self::Input { .. } => 7,
            Self::Output(_) => 8,
            Self::Verification(_) => 9,
            Self::Clock(_) => 10,
            Self::Terminal(_) => 11,
        }
    }

    /// Returns the refusal of an input file.
    pub(crate) fn input(file: &std::path::Path, reason: impl ToString) -> Self {
        Self::Input {
            file: file.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

/// The table of exit codes for `--help`.
pub(crate) const EXIT_CODES: &str = "Exit codes:
   0  done
   1  internal error
   2  wrong usage
   3  the ceremony file is refused
   4  a network interface is up
   5  a confirmation was refused or mistyped; nothing was signed
   6  a key, PIN, passphrase or share is refused
   7  an input (CSR, certificate, CRL) is refused
   8  an output exists already or cannot be written
   9  a transcript does not verify
  10  the clock cannot be right
  11  the terminal failed or the answers ended";
