//! Root ceremonies on a machine without a network.
//!
//! One reviewed ceremony file in; certificates, CRLs and a signed transcript out. Nothing is
//! signed before everything was checked and confirmed, and nothing is written before everything
//! was signed. This room reads no clock, draws no randomness and asks nobody by itself: a [`World`]
//! is handed in. It never opens a connection and never overwrites a file.

mod ceremony;
mod cli;
mod custody;
mod error;
mod fingerprint;
mod folders;
mod inspect;
mod kinds;
pub mod network;
mod output;
mod prompt;
mod rehearsal;
mod run;
mod shares;
mod signer;
mod sitting;
#[cfg(feature = "testing")]
pub mod testing;
mod transcript;
mod verify;
mod world;

pub use cli::{Arguments, Command, InspectArguments, RunArguments, VerifyArguments};
pub use error::Error;
pub use prompt::{Console, Lines, Terminal};
pub use rehearsal::Mode;
pub use shares::ShareError;
pub use world::World;

use std::io::Write;

/// Does what the arguments ask; reports go to `report`.
pub fn execute(command: &Command, world: World<'_>, report: &mut dyn Write) -> Result<(), Error> {
    match command {
        Command::Run(arguments) => run::run(arguments, world, report),
        Command::Inspect(arguments) => inspect::inspect(arguments, report),
        Command::Verify(arguments) => verify::verify(arguments, report),
    }
}
