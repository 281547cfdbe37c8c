//! What is spoken on a connection: versions, bounds, deadlines.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::conduct::{Conduct, Fault};

/// For how long a connection may keep others waiting.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// From its start to the end of the TLS handshake.
    pub(super) handshake: Duration,
    /// From the end of one request (or the start) to the end of the next one's headers.
    pub(super) headers: Duration,
    /// Nothing moves, or answers are left unread.
    pub(super) stall: Duration,
}

impl Patience {
    pub(super) const USUAL: Self = Self {
        handshake: Duration::from_secs(10),
        headers: Duration::from_secs(15),
        stall: STALL,
    };
    const CROWDED: Self = Self {
        handshake: Duration::from_secs(3),
        headers: Duration::from_secs(3),
        stall: STALL,
    };

    /// Has less of it where few places are left: whoever holds one without use makes room.
    pub(super) fn with(places_left: usize, places: usize) -> Self {
        if places_left < places / 4 {
            Self::CROWDED
        } else {
            Self::USUAL
        }
    }
}

/// What is spoken on a connection, and how patiently.
#[derive(Clone, Copy)]
pub(super) struct Spoken {
    pub(super) version: Version,
    pub(super) patience: Patience,
}

#[derive(Clone, Copy)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl Spoken {
    /// Known by ALPN: whoever guesses from the first octets waits for them without end.
    pub(super) fn negotiated(protocol: Option<&[u8]>, patience: Patience) -> Self {
        let version = match protocol {
            Some(b"h2") => Version::Http2,
            Some(_) | None => Version::Http1,
        };
        Self { version, patience }
    }

    /// Returns what serves such a connection.
    pub(super) fn builder(self) -> Builder<TokioExecutor> {
        let builder = Builder::new(TokioExecutor::new());
        let mut builder = match self.version {
            Version::Http1 => builder.http1_only(),
            Version::Http2 => builder.http2_only(),
        };
        builder
            .http1()
            .timer(TokioTimer::new())
            // Whoever has asked may close its half, and still wants the answer.
            .half_close(true)
            .header_read_timeout(self.patience.headers)
            .max_buf_size(LARGEST_HEADERS_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(LARGEST_HEADERS_BYTES as u32)
            .max_local_error_reset_streams(Some(MOST_RESETS))
            .max_pending_accept_reset_streams(MOST_RESETS);
        builder
    }

    /// Tells whether requests must be counted to see whether something is wrong. HTTP/1.1 needs no
    /// such watch: there the stream itself stands still.
    pub(super) fn is_watched(self) -> bool {
        matches!(self.version, Version::Http2)
    }

    /// Waits until there is something wrong with how a connection is used.
    pub(super) async fn fault(self, conduct: &Conduct) -> Fault {
        match self.version {
            Version::Http1 => std::future::pending().await,
            Version::Http2 => conduct.fault(self.patience.stall).await,
        }
    }
}

const LARGEST_HEADERS_BYTES: usize = 32 * 1024;
/// More than any client of ours uses; each may hold a body, until too many are waited for.
const MOST_STREAMS: u32 = 32;
/// What one stream, and one connection, may send that no handler has read yet.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
const MOST_RESETS: usize = 32;
/// Longer than any request may take, so that only what nobody uses or reads breaks off.
const STALL: Duration = Duration::from_secs(60);
