//! Who gives commands, and the roles that commands give.

use std::env;

use ca_identity::Role;
use ca_issuance::Actor;

/// Returns who is at the command line, as far as the environment tells; behind sudo, who called it.
pub(super) fn at_the_command_line() -> Actor {
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| env::var(variable).ok().filter(|name| !name.is_empty()));
    Actor::Operator {
        name: name.unwrap_or_else(|| "unknown".to_owned()),
    }
}

/// Reads the name of a role.
pub(super) fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "a role is admin, operator or auditor".to_owned())
}
