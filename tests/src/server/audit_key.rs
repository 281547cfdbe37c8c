//! Another key for the audit log of a quickstart CA.

use std::fs;

use toml::Value;

use super::TestCa;
use super::builder::set;
use crate::token::Module;

/// Lets a key seal that is born in a token, after the one that quickstart made.
pub(super) fn move_into_token(mut ca: TestCa, module: Module) -> TestCa {
    let uri = ca.token(module).uri("audit");
    let former = printed(&ca, "public-key");
    fs::write(ca.folder.join("audit-1.pem"), former).expect("the folder is writable");
    ca.edit(|config| {
        let former = Value::Array(vec![Value::from("audit-1.pem")]);
        set(config, "audit.key", Value::from(uri));
        set(config, "audit.former_keys", former);
    });
    printed(&ca, "create-key");
    ca
}

fn printed(ca: &TestCa, command: &str) -> Vec<u8> {
    let output = ca.command(&["audit", command]);
    assert!(output.status.success(), "{output:?}");
    output.stdout
}
