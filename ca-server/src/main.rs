//! The online tier's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ca_server::cli::main()
}
