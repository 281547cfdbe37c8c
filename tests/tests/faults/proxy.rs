//! A way to PostgreSQL on which things go wrong.

mod message;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use self::message::Message;

/// A way to PostgreSQL on which things go wrong when told.
pub(crate) struct Proxy {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What becomes of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The database refuses it.
    Refused,
    /// The connection ends, and the database never sees it.
    LostBefore,
    /// The database does it, and the connection ends before its answer comes back.
    LostAfter,
}

/// What becomes of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nothing.
    Clear,
    /// Each answer is late.
    Slow(Duration),
    /// Nothing gets through, and no connection ends: the host is gone. Connections of then stay
    /// without answer for ever.
    Silent,
}

struct Shared {
    socket: PathBuf,
    weather: watch::Sender<Weather>,
    watched: Mutex<Option<Watch>>,
    cut: watch::Sender<u64>,
}

/// Counts statements while armed.
#[derive(Default)]
struct Watch {
    target: Option<(usize, Fault)>,
    seen: Vec<String>,
}

/// What both directions of a connection know.
#[derive(Default)]
struct Line {
    answer_is_lost: AtomicBool,
    over: tokio::sync::Notify,
}

impl Proxy {
    /// Stands before a cluster's database.
    pub(crate) async fn before(url: &str) -> Self {
        let mut url = Url::parse(url).unwrap();
        let folder = url.query_pairs().find(|(name, _)| name == "host");
        let socket = PathBuf::from(&*folder.unwrap().1).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(port)).unwrap();
        url.set_query(Some("sslmode=disable"));
        let shared = Arc::new(Shared {
            socket,
            weather: watch::Sender::new(Weather::Clear),
            watched: Mutex::default(),
            cut: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            url: url.into(),
            shared,
            accepting,
        }
    }

    /// Names the database by this way.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Lists statements from now on, and lets the one of this number (from zero) go wrong.
    pub(crate) fn arm(&self, target: Option<(usize, Fault)>) {
        let seen = Vec::new();
        *self.shared.watched.lock().unwrap() = Some(Watch { target, seen });
    }

    /// Lets everything through again; returns the statements since it was armed.
    pub(crate) fn disarm(&self) -> Vec<String> {
        let watched = self.shared.watched.lock().unwrap().take();
        watched.unwrap_or_default().seen
    }

    /// Changes what becomes of everything.
    pub(crate) fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Ends every connection of now.
    pub(crate) fn cut_all(&self) {
        self.shared.cut.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_all();
    }
}

impl Shared {
    /// Counts a statement; returns what becomes of it.
    fn see(&self, statement: &str) -> Option<Fault> {
        let mut watched = self.watched.lock().unwrap();
        let watch = watched.as_mut()?;
        let number = watch.seen.len();
        watch.seen.push(statement.to_owned());
        let (target, fault) = watch.target?;
        (target == number).then_some(fault)
    }

    fn weather(&self) -> Weather {
        *self.weather.borrow()
    }

    async fn hold_while_silent(&self) {
        if self.weather() == Weather::Silent {
            std::future::pending::<()>().await;
        }
    }

    async fn be_late(&self) {
        match self.weather() {
            Weather::Slow(late) => tokio::time::sleep(late).await,
            Weather::Clear | Weather::Silent => {}
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        // Otherwise each answer waits for the client to acknowledge the one before.
        client.set_nodelay(true).unwrap();
        let shared = Arc::clone(&shared);
        let mut cut = shared.cut.subscribe();
        tokio::spawn(async move {
            let serving = async {
                shared.hold_while_silent().await;
                let Ok(server) = UnixStream::connect(&shared.socket).await else {
                    return;
                };
                relay(client, server, &shared).await;
            };
            tokio::select! {
                () = serving => {}
                // Dropping both ends the connection on either side.
                _ = cut.changed() => {}
            }
        });
    }
}

async fn relay(client: tokio::net::TcpStream, server: UnixStream, shared: &Shared) {
    let line = Line::default();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        _ = forth(&mut from_client, &mut to_server, shared, &line) => {}
        _ = back(&mut from_server, &mut to_client, shared, &line) => {}
        () = line.over.notified() => {}
    }
}

/// Carries what the client says.
async fn forth(
    client: &mut (impl AsyncRead + Unpin),
    server: &mut (impl AsyncWrite + Unpin),
    shared: &Shared,
    line: &Line,
) -> io::Result<()> {
    server
        .write_all(&message::read_startup(client).await?)
        .await?;
    let mut statements = HashMap::new();
    loop {
        let mut message = Message::read(client).await?;
        shared.hold_while_silent().await;
        if let Some(statement) = message.statement(&mut statements) {
            match shared.see(&statement) {
                None => {}
                Some(Fault::Refused) => message.spoil(),
                Some(Fault::LostBefore) => return Ok(()),
                Some(Fault::LostAfter) => line.answer_is_lost.store(true, Ordering::SeqCst),
            }
        }
        server.write_all(&message.octets()).await?;
    }
}

/// Carries what the database says.
async fn back(
    server: &mut (impl AsyncRead + Unpin),
    client: &mut (impl AsyncWrite + Unpin),
    shared: &Shared,
    line: &Line,
) -> io::Result<()> {
    loop {
        let message = Message::read(server).await?;
        shared.hold_while_silent().await;
        if message.is_ready_for_query() {
            shared.be_late().await;
        }
        if line.answer_is_lost.load(Ordering::SeqCst) {
            if message.is_ready_for_query() {
                line.over.notify_one();
            }
            continue;
        }
        client.write_all(&message.octets()).await?;
    }
}
