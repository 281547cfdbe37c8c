//! The binary: arguments in, exit code out; everything else is in the library.

use std::error::Error as _;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use ca_offline_root::{Arguments, Console, Lines, Terminal, World, execute, network};
use ca_pki::Timestamp;
use clap::Parser;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Not both at once: whoever reads lines holds the lock on standard input.
    let mut terminal: Box<dyn Terminal> = match io::stdin().is_terminal() {
        true => Box::new(Console),
        false => Box::new(Lines::new(io::stdin().lock(), io::stderr())),
    };
    let world = World {
        clock: &now,
        entropy: &|octets| getrandom::fill(octets).map_err(|error| error.to_string()),
        interfaces_up: &network::interfaces_up,
        program: std::env::current_exe().ok(),
        terminal: &mut *terminal,
    };

    match execute(&arguments.command, world, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ca-offline-root: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 reads as 1970, which every ceremony refuses.
    Timestamp::from_unix_secs(0).plus(since_1970.unwrap_or_default())
}
