//! The real program, started in a folder of its own.

mod audit_key;
mod builder;
mod intermediate;
mod keeper;
mod log;
mod operators;
mod process;
mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};

use toml::Table;

use crate::Network;
use crate::token::{Control, Module, Token};
use keeper::Keeper;
use process::Process;

pub use builder::TestCaBuilder;
pub(crate) use builder::addresses;
pub use log::Log;
pub use operators::OperatorToken;
pub(crate) use program::built;
pub use program::{ca_server, offline_root, run};

/// A CA made by `ca-server quickstart` and served by `ca-server serve`.
///
/// Lives as long as this value or, in a static, as long as the process: its keeper ends the
/// program and removes the folder either way.
#[derive(Debug)]
pub struct TestCa {
    /// What the server sees of the world.
    pub network: Arc<Network>,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    process: Mutex<Option<Process>>,
    log: Log,
    keeper: Keeper,
}

impl TestCa {
    /// Starts a CA as quickstart makes it; validation goes to its [`Network`].
    pub fn quickstart() -> Self {
        Self::builder().start()
    }

    /// Prepares a CA with settings of its own.
    pub fn builder() -> TestCaBuilder {
        TestCaBuilder::default()
    }

    /// Starts another server on the same database, which must be PostgreSQL.
    pub fn twin(&self) -> Self {
        let twin = builder::twin(self);
        twin.start();
        twin
    }

    /// Copies keys, settings and a database file of this moment; the copy has addresses of its own
    /// and is not started.
    pub fn copy(&self) -> Self {
        let copy = builder::twin(self);
        let url = format!("https://{}", copy.address("public"));
        copy.edit(|config| builder::set(config, "server.external_url", url.into()));
        copy
    }

    /// Returns the folder that holds everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.join("ca-server.toml")
    }

    /// Reads the configuration file.
    pub fn config(&self) -> Table {
        read_config(&self.config_file())
    }

    /// Changes the configuration file; the next start sees it.
    pub fn edit(&self, change: impl FnOnce(&mut Table)) {
        let mut config = self.config();
        change(&mut config);
        fs::write(self.config_file(), config.to_string()).expect("the folder is writable");
    }

    /// Returns what tells a faulty token what to do.
    pub fn token_control(&self) -> Control {
        Control::in_folder(&self.token_folder())
    }

    /// Returns the folder of the token that holds its keys.
    pub fn token_folder(&self) -> PathBuf {
        self.folder.join("token")
    }

    /// Returns its token, a new one if it has none yet.
    fn token(&mut self, module: Module) -> Token {
        let folder = self.token_folder();
        if folder.exists() {
            return Token::in_folder(&folder, module);
        }
        let token = Token::create(&folder, module);
        self.environment.extend(token.environment());
        token
    }

    /// Returns the URL of the database.
    pub fn database_url(&self) -> String {
        let config = self.config();
        let url = config["database"]["url"].as_str().unwrap();
        match url.strip_prefix("sqlite://") {
            // Relative to the configuration file.
            Some(file) => format!("sqlite://{}", self.folder.join(file).display()),
            None => url.to_owned(),
        }
    }

    /// Returns the root certificate's file.
    pub fn root_file(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// Returns the intermediate's file.
    pub fn issuer_file(&self) -> PathBuf {
        self.folder.join("tls.pem")
    }

    /// Returns the URL that ACME's URLs begin with, without a slash at its end.
    pub fn external_url(&self) -> String {
        let config = self.config();
        let url = config["server"]["external_url"].as_str().unwrap();
        url.trim_end_matches('/').to_owned()
    }

    /// Returns a directory's URL.
    pub fn directory_url(&self, directory: &str) -> String {
        format!("{}/acme/{directory}/directory", self.external_url())
    }

    /// Returns where a listener (`public`, `pki`, `ops`) is.
    pub fn address(&self, listener: &str) -> String {
        let config = self.config();
        config["listen"][listener].as_str().unwrap().to_owned()
    }

    /// Returns a URL of the plain listeners.
    pub fn plain_url(&self, listener: &str, path: &str) -> String {
        format!("http://{}{path}", self.address(listener))
    }

    /// Returns what the server wrote to standard error: all of it once it ended, and while it runs
    /// what its thread of the log has come to (see [`Self::wait_for_log`]).
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until a line with `text` is in the log.
    ///
    /// # Panics
    ///
    /// Panics if none comes.
    pub fn wait_for_log(&self, text: &str) {
        self.wait_for_log_of(&[text]);
    }

    /// Waits until a line with all of `texts` is in the log.
    ///
    /// # Panics
    ///
    /// Panics if none comes.
    pub fn wait_for_log_of(&self, texts: &[&str]) {
        let came = self.log.wait_for(texts);
        assert!(came, "no {texts:?} in:\n{}", self.log());
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Panics
    ///
    /// Panics if it ends instead.
    pub fn start(&self) {
        if let Err(exit) = self.try_start() {
            panic!("ca-server ended with {exit}:\n{}", self.log());
        }
    }

    /// Starts the server; `Err` is its exit code, where it ended instead of getting ready.
    pub fn try_start(&self) -> Result<(), i32> {
        self.launch(&[("serve", None)])
    }

    /// Stops the server with SIGTERM and returns its exit code.
    pub fn stop(&self) -> i32 {
        self.signal("TERM");
        self.wait_for_exit()
    }

    /// Waits for a server that was told to stop and returns its exit code.
    pub fn wait_for_exit(&self) -> i32 {
        let process = self.process.lock().unwrap().take();
        let code = process.expect("the server runs").wait(&self.log);
        self.keeper.forget();
        code
    }

    /// Ends the server with SIGKILL.
    pub fn kill(&self) {
        let process = self.process.lock().unwrap().take();
        process.expect("the server runs").kill();
        self.keeper.forget();
    }

    /// Stops and starts the server.
    pub fn restart(&self) {
        let code = self.stop();
        assert_eq!(code, 0, "stopping failed:\n{}", self.log());
        self.start();
    }

    /// Runs a command of the program with `--config` at the end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let mut command = ca_server();
        command
            .args(arguments)
            .arg("--config")
            .arg(self.config_file())
            .envs(self.environment.clone());
        command.output().expect("the program runs")
    }

    /// Sends a signal (`HUP`, `STOP`, `CONT`, …) to the running server.
    pub fn signal(&self, name: &str) {
        let process = self.process.lock().unwrap();
        process.as_ref().expect("the server runs").signal(name);
    }

    /// Returns the server's process id.
    pub fn process_id(&self) -> u32 {
        let process = self.process.lock().unwrap();
        process.as_ref().expect("the server runs").id()
    }

    fn launch(&self, words: &[(&str, Option<&str>)]) -> Result<(), i32> {
        let mut command = ca_server();
        command.envs(self.environment.clone());
        for (word, value) in words {
            command.arg(word).args(value);
        }
        if words.iter().all(|(word, _)| *word != "quickstart") {
            command.arg("--config").arg(self.config_file());
        }
        let mut process = Process::spawn(&mut command, &self.log);
        self.keeper.watch(process.id());
        let ops = || {
            let file = self.config_file();
            file.exists().then(|| {
                read_config(&file)["listen"]["ops"]
                    .as_str()
                    .map(str::to_owned)
            })?
        };
        match process.wait_until_ready(ops, &self.log) {
            Ok(()) => {
                *self.process.lock().unwrap() = Some(process);
                Ok(())
            }
            Err(code) => {
                self.keeper.forget();
                Err(code)
            }
        }
    }
}

impl Drop for TestCa {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log.tail());
        }
        if let Ok(mut process) = self.process.lock()
            && let Some(process) = process.take()
        {
            process.kill();
            self.keeper.forget();
        }
    }
}

fn read_config(file: &Path) -> Table {
    let text = fs::read_to_string(file).expect("there is a configuration");
    text.parse().expect("the configuration is TOML")
}
