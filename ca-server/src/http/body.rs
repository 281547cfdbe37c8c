//! Bodies of POST requests: bounded in size and time.

mod waiting;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::EXPECT;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::timeout;

use self::waiting::Place;
pub(crate) use self::waiting::Waiting;

/// Reads a request's body: at most 64 KiB within ten seconds.
pub(crate) async fn read_body(request: Request) -> Result<Bytes, Unread> {
    read_within(request, PATIENCE).await
}

/// Splits a request: what its handler leaves of the body can be read after the answer is known.
pub(crate) fn keep_rest(request: Request) -> (Request, Rest) {
    let rest = Rest(Arc::default());
    let slot = Arc::clone(&rest.0);
    let lend = |body| {
        watched(body, move |left| {
            if !left.is_end_stream() {
                let left = std::mem::take(left);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
            }
        })
    };
    (request.map(lend), rest)
}

/// What a handler left of a body.
pub(crate) struct Rest(Arc<Mutex<Option<Body>>>);

impl Rest {
    /// Reads it and throws it away, up to a bound: an answer that overtakes its request is lost on
    /// clients that look for it only when they have sent all (curl over HTTP/2).
    pub(crate) async fn drain(self) {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut body) = left {
            let _ = timeout(PATIENCE.rest, drain(&mut body)).await;
        }
    }
}

/// Has `at_end` called when a body is dropped, read to its end or not.
pub(crate) fn watched<F>(body: Body, at_end: F) -> Body
where
    F: FnOnce(&mut Body) + Send + Unpin + 'static,
{
    let at_end = Some(at_end);
    Body::new(Watched { body, at_end })
}

struct Watched<F: FnOnce(&mut Body)> {
    body: Body,
    at_end: Option<F>,
}

impl<F: FnOnce(&mut Body) + Unpin> HttpBody for Watched<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<F: FnOnce(&mut Body)> Drop for Watched<F> {
    fn drop(&mut self) {
        if let Some(at_end) = self.at_end.take() {
            at_end(&mut self.body);
        }
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// More than 64 KiB.
    TooLarge,
    /// Not all of it came in time.
    TooSlow,
    /// The connection or its framing broke.
    Broken,
    /// Too many others come slowly, and this one did not come at once.
    Crowded,
}

impl Unread {
    /// Returns what to tell the client.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::TooLarge => "the body is larger than 64 KiB",
            Self::TooSlow => "the body came too slowly",
            Self::Broken => "the body broke off",
            Self::Crowded => "too many bodies come slowly: send this one again, at once",
        }
    }
}

/// How long a client may take.
#[derive(Clone, Copy)]
struct Patience {
    /// For a body that fits.
    body: Duration,
    /// For the rest of one that does not.
    rest: Duration,
}

async fn read_within(request: Request, patience: Patience) -> Result<Bytes, Unread> {
    let waits = request.headers().contains_key(EXPECT);
    let queue = Queue::of(&request);
    let mut body = request.into_body();
    // Who waits for permission to send is told before anything is sent.
    if waits && body.size_hint().lower() > BODY_LIMIT_BYTES as u64 {
        return Err(Unread::TooLarge);
    }
    let read = timeout(patience.body, collect(&mut body, &queue)).await;
    let read = read.unwrap_or(Err(Unread::TooSlow));
    if read == Err(Unread::TooLarge) {
        // Most clients look for an answer only when they have sent all.
        let _ = timeout(patience.rest, drain(&mut body)).await;
    }
    Ok(read?.into())
}

/// Where bodies queue that do not come at once.
struct Queue(Option<(Waiting, SocketAddr)>);

impl Queue {
    /// The listener notes both; without them there is no queue.
    fn of(request: &Request) -> Self {
        let waiting = request.extensions().get::<Waiting>();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let both = waiting.zip(peer);
        Self(both.map(|(waiting, ConnectInfo(peer))| (waiting.clone(), *peer)))
    }

    fn enter(&self) -> Result<Option<Place>, Unread> {
        let Some((waiting, peer)) = &self.0 else {
            return Ok(None);
        };
        let place = waiting.enter(peer.ip()).ok_or(Unread::Crowded)?;
        Ok(Some(place))
    }
}

async fn collect(body: &mut Body, queue: &Queue) -> Result<Vec<u8>, Unread> {
    let mut octets = Vec::new();
    let mut place = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unread::Broken)?;
        // Trailers say nothing here.
        let data = frame.into_data().unwrap_or_default();
        if octets.len() + data.len() > BODY_LIMIT_BYTES {
            return Err(Unread::TooLarge);
        }
        octets.extend_from_slice(&data);
        if place.is_none() && !body.is_end_stream() {
            place = queue.enter()?;
        }
    }
    Ok(octets)
}

/// Reads on and throws away, up to a bound.
async fn drain(body: &mut Body) {
    let mut drained = 0;
    while drained < DRAIN_LIMIT_BYTES
        && let Some(Ok(frame)) = body.frame().await
    {
        drained += frame.into_data().unwrap_or_default().len();
    }
}

/// A CSR with a hundred names and an RSA-8192 key, twice base64url, is below 20 KiB.
const BODY_LIMIT_BYTES: usize = 64 * 1024;
const DRAIN_LIMIT_BYTES: usize = 32 * 1024 * 1024;
/// When to come back after [`Unread::Crowded`]: whoever comes slowly is cut off by then.
pub(crate) const WHEN_CROWDED: Duration = PATIENCE.body;

const PATIENCE: Patience = Patience {
    body: Duration::from_secs(10),
    rest: Duration::from_secs(2),
};

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io;

    use futures_util::{StreamExt, stream};

    use super::*;

    const NONE: Patience = Patience {
        body: Duration::ZERO,
        rest: Duration::ZERO,
    };

    /// Returns how many octets were read.
    async fn outcome(request: Request) -> Result<usize, Unread> {
        outcome_within(request, PATIENCE).await
    }

    async fn outcome_within(request: Request, patience: Patience) -> Result<usize, Unread> {
        read_within(request, patience).await.map(|read| read.len())
    }

    #[tokio::test]
    async fn takes_64_kib_and_refuses_one_more_after_all_was_sent() {
        for (length, expected) in [
            (0, Ok(0)),
            (65_536, Ok(65_536)),
            (65_537, Err(Unread::TooLarge)),
        ] {
            let whole = Request::new(Body::from(vec![b'x'; length]));
            let pieces = stream::iter(vec![b'x'; length]).map(|octet| Ok::<_, Infallible>([octet]));
            let pieces = pieces.map(|piece| piece.map(|octets| Bytes::copy_from_slice(&octets)));
            let pieces = Request::new(Body::from_stream(pieces));

            assert_eq!(outcome(whole).await, expected);
            assert_eq!(outcome(pieces).await, expected);
        }
    }

    #[tokio::test]
    async fn tells_who_waits_before_it_sends() {
        let mut request = Request::new(Body::from(vec![b'x'; 100_000]));
        request
            .headers_mut()
            .insert(EXPECT, "100-continue".parse().unwrap());

        assert_eq!(outcome(request).await, Err(Unread::TooLarge));
    }

    #[tokio::test]
    async fn gives_up_on_bodies_that_stall_or_never_end() {
        let some = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
        let stalled = Request::new(Body::from_stream(some.chain(stream::pending())));
        let large = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b'x'; 70_000]))]);
        let large = Request::new(Body::from_stream(large.chain(stream::pending())));
        let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 65_536])));
        let endless = Request::new(Body::from_stream(endless));

        assert_eq!(outcome_within(stalled, NONE).await, Err(Unread::TooSlow));
        assert_eq!(outcome_within(large, NONE).await, Err(Unread::TooLarge));
        assert_eq!(outcome(endless).await, Err(Unread::TooLarge));
    }

    #[tokio::test]
    async fn reads_what_a_handler_left() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let pieces = stream::iter(["one", "two", "three"]).map(move |piece| {
            log.lock().unwrap().push(piece);
            Ok::<_, Infallible>(piece)
        });
        let (request, rest) = keep_rest(Request::new(Body::from_stream(pieces)));

        let _ = request.into_body().frame().await;
        assert_eq!(*seen.lock().unwrap(), ["one"]);
        rest.drain().await;

        assert_eq!(*seen.lock().unwrap(), ["one", "two", "three"]);
    }

    #[tokio::test]
    async fn refuses_a_body_that_breaks_off() {
        let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(io::Error::other("cut"))]);

        let outcome = outcome(Request::new(Body::from_stream(broken))).await;

        assert_eq!(outcome, Err(Unread::Broken));
    }
}
