//! Whose a resource is: only its account may touch it.

use crate::account::Account;
use crate::{Problem, ProblemKind};

impl Account {
    /// Refuses an account that asks for another account's resource.
    pub(crate) fn check_owns(&self, owner: &str) -> Result<(), Problem> {
        if self.id == owner {
            return Ok(());
        }
        Err(Problem::new(
            ProblemKind::Unauthorized,
            "this belongs to another account",
        ))
    }
}

/// Makes the answer to a URL that leads nowhere.
pub(crate) fn missing(what: &str) -> Problem {
    Problem::malformed(format!("there is no such {what}")).with_status(404)
}
