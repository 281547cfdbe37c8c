//! Who may use a CA, made as its operator does: on the command line.

use super::TestCa;

/// A token with a role.
#[derive(Clone, Debug)]
pub struct OperatorToken {
    /// Its id, to revoke it by.
    pub id: String,
    /// The token itself.
    pub text: String,
}

impl TestCa {
    /// Makes a token for `operator:{role}`, in a database that is migrated.
    pub fn operator_token(&self, role: &str) -> OperatorToken {
        let said = self.say(&["token", "create", "--name", role, "--role", role]);
        OperatorToken {
            id: value(&said, "id"),
            text: value(&said, "token"),
        }
    }

    /// Adds a client without a role and returns its secret.
    pub fn add_client(&self, id: &str) -> String {
        value(&self.say(&["client", "add", "--id", id]), "client secret")
    }

    fn say(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    }
}

fn value(said: &str, label: &str) -> String {
    let line = said.lines().find_map(|line| line.strip_prefix(label));
    line.expect("a line of it").trim().to_owned()
}
