//! What a suite may ask of its CA.

use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use toml::{Table, Value};

use super::keeper::Keeper;
use super::{Log, TestCa, audit_key, intermediate};
use crate::Network;
use crate::token::{Control, Module};

/// A CA not made yet.
#[derive(Default)]
pub struct TestCaBuilder {
    edits: Vec<Edit>,
    files: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    key: Key,
    audit_key: Key,
    chains: Chains,
}

type Edit = Box<dyn FnOnce(&mut Table)>;

/// Where a key is.
#[derive(Default)]
enum Key {
    #[default]
    File,
    Token(Module),
}

impl TestCaBuilder {
    /// Sets a value: `acme.0.external_account`, `validation.caa_identities`, `database.url`.
    #[must_use]
    pub fn set(self, path: &str, value: impl Into<Value>) -> Self {
        let (path, value) = (path.to_owned(), value.into());
        self.edit(move |config| set(config, &path, value))
    }

    /// Appends sections: TOML text with `[[acme]]`, `[[profile]]`, `[[issuer]]`.
    #[must_use]
    pub fn append(self, sections: &str) -> Self {
        let more: Table = sections.parse().expect("TOML");
        self.edit(move |config| {
            for (name, tables) in more {
                let all = config
                    .entry(name)
                    .or_insert_with(|| Value::Array(Vec::new()));
                let all = all.as_array_mut().expect("an array of tables");
                all.extend(tables.as_array().expect("an array of tables").clone());
            }
        })
    }

    /// Changes the configuration in any way.
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut Table) + 'static) -> Self {
        self.edits.push(Box::new(change));
        self
    }

    /// Puts a file beside the configuration.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Sets an environment variable of the server and its commands.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Keeps the data in a new database of the process's PostgreSQL cluster.
    #[must_use]
    pub fn on_postgres(self) -> Self {
        let url = crate::postgres::Cluster::shared().database();
        self.set("database.url", url.expect("a new database"))
    }

    /// Keeps the intermediate's key in a SoftHSM token, made as the operator guide says.
    #[must_use]
    pub fn with_token(mut self) -> Self {
        self.key = Key::Token(Module::Real);
        self
    }

    /// Keeps it there too, behind a module that does as [`TestCa::token_control`] says.
    #[must_use]
    pub fn with_faulty_token(mut self) -> Self {
        self.key = Key::Token(Module::Faulty);
        self
    }

    /// Seals the audit log with a key in a token: that of the intermediate's key, if it is in one.
    #[must_use]
    pub fn with_audit_key_in(mut self, module: Module) -> Self {
        self.audit_key = Key::Token(module);
        self
    }

    /// Offers a second chain, to the root in `other-root.pem`.
    #[must_use]
    pub fn with_alternate_chain(mut self) -> Self {
        self.chains = Chains::Two;
        self
    }

    /// Makes the CA and waits until it serves.
    pub fn start(self) -> TestCa {
        let ca = self.prepare();
        ca.start();
        ca
    }

    /// Makes the CA, migrates its database and starts nothing.
    pub fn prepare(self) -> TestCa {
        let ca = self.prepare_without_database();
        let migrated = ca.command(&["migrate"]);
        assert!(migrated.status.success(), "{migrated:?}");
        ca
    }

    /// Makes the CA, however wrong its configuration, and starts nothing.
    pub fn prepare_without_database(mut self) -> TestCa {
        let ca = quickstarted();
        let network = Arc::clone(&ca.network);
        for (name, text) in &self.files {
            fs::write(ca.folder.join(name), text).expect("the folder is writable");
        }
        ca.edit(|config| {
            point_at(config, &network);
            for edit in self.edits.drain(..) {
                edit(config);
            }
        });
        let ca = match self.key {
            Key::File => ca,
            Key::Token(module) => intermediate::move_key_into_token(ca, module),
        };
        let ca = match self.audit_key {
            Key::File => ca,
            Key::Token(module) => audit_key::move_into_token(ca, module),
        };
        let ca = with_environment(ca, self.environment);
        match self.chains {
            Chains::One => {}
            Chains::Two => intermediate::add_alternate_chain(&ca),
        }
        ca
    }
}

/// How many roots the intermediate leads to.
#[derive(Default)]
enum Chains {
    #[default]
    One,
    Two,
}

/// Makes another server of the same cluster: the same keys and settings at other addresses.
pub(super) fn twin(ca: &TestCa) -> TestCa {
    let folder = tempfile::Builder::new().prefix("ca-test-").tempdir();
    let folder = folder.expect("a temporary folder").keep();
    let keeper = Keeper::of(&folder);
    let files = fs::read_dir(&ca.folder).expect("the CA has a folder");
    for file in files.map(|file| file.expect("readable").path()) {
        if file.is_file() {
            let name = file.file_name().expect("a file has a name");
            fs::copy(&file, folder.join(name)).expect("the folder is writable");
        }
    }
    let twin = TestCa {
        network: Arc::clone(&ca.network),
        folder,
        environment: ca.environment.clone(),
        process: Mutex::new(None),
        log: Log::default(),
        keeper,
    };
    let twin = with_a_way_to_the_token(twin);
    let [public, pki, ops] = addresses();
    twin.edit(|config| {
        for (listener, address) in [("public", public), ("pki", pki), ("ops", ops)] {
            set(config, &format!("listen.{listener}"), Value::from(address));
        }
    });
    twin
}

/// Lets a faulty token fail for this server and not for those that share it.
fn with_a_way_to_the_token(mut twin: TestCa) -> TestCa {
    let folder = twin.token_folder();
    let control = Control::in_folder(&folder).file();
    let variables = twin.environment.iter_mut();
    for (_, value) in variables.filter(|(name, _)| name == Control::VARIABLE) {
        fs::create_dir(&folder).expect("the folder is writable");
        value.clone_from(&control);
    }
    twin
}

/// Sets a value in a configuration, making the tables on the way.
pub(super) fn set(config: &mut Table, path: &str, value: Value) {
    let (way, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut table = config;
    let mut words = way.split('.').filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let next = table
            .entry(word)
            .or_insert_with(|| Value::Table(Table::new()));
        let next = if next.is_array() {
            let place = words.next().and_then(|word| word.parse::<usize>().ok());
            &mut next[place.expect("a place in the array")]
        } else {
            next
        };
        table = next.as_table_mut().expect("a table");
    }
    table.insert(last.to_owned(), value);
}

/// Runs quickstart once, as a user does, and stops it. Another program may take a port between
/// its choice and its use: then others are tried.
fn quickstarted() -> TestCa {
    for _attempt in 0..5 {
        let folder = tempfile::Builder::new().prefix("ca-test-").tempdir();
        let folder = folder.expect("a temporary folder").keep();
        let keeper = Keeper::of(&folder);
        let ca = TestCa {
            network: Arc::new(Network::start()),
            folder,
            environment: Vec::new(),
            process: Mutex::new(None),
            log: Log::default(),
            keeper,
        };
        let data = ca.folder.display().to_string();
        let [public, pki, ops] = addresses();
        let started = ca.launch(&[
            ("quickstart", None),
            ("--data", Some(&data)),
            ("--public", Some(&public)),
            ("--pki", Some(&pki)),
            ("--ops", Some(&ops)),
        ]);
        match started {
            Ok(()) => {
                assert_eq!(ca.stop(), 0, "quickstart ends in order:\n{}", ca.log());
                return ca;
            }
            Err(ADDRESS_IN_USE) => {}
            Err(code) => panic!("quickstart ended with {code}:\n{}", ca.log()),
        }
    }
    panic!("no ports are free");
}

/// Picks ports below those that the kernel gives to outgoing connections: one that was free stays
/// free while the server restarts.
pub(crate) fn addresses() -> [String; 3] {
    let mut found = Vec::new();
    while found.len() < 3 {
        let mut random = [0; 2];
        aws_lc_rs::rand::fill(&mut random).expect("chance");
        let port = 10_000 + u16::from_be_bytes(random) % 22_000;
        let free = TcpListener::bind(("127.0.0.1", port)).is_ok();
        let address = format!("127.0.0.1:{port}");
        if free && !found.contains(&address) {
            found.push(address);
        }
    }
    found.try_into().expect("three")
}

/// Lets validation see nothing but the harness's network.
fn point_at(config: &mut Table, network: &Network) {
    let port = |address: std::net::SocketAddr| Value::from(i64::from(address.port()));
    let resolvers = vec![Value::from(network.dns.address().to_string())];
    set(config, "validation.http_port", port(network.http.address()));
    set(
        config,
        "validation.tls_alpn_port",
        port(network.tls_alpn.address()),
    );
    set(config, "validation.resolvers", Value::Array(resolvers));
    set(
        config,
        "validation.caa_identities",
        Value::Array(vec![Value::from("ca.test")]),
    );
}

fn with_environment(mut ca: TestCa, environment: Vec<(String, String)>) -> TestCa {
    ca.environment.extend(environment);
    ca
}

/// The exit code of a server whose address is taken.
const ADDRESS_IN_USE: i32 = 6;
