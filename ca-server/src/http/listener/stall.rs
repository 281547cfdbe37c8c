//! A stream that breaks off when nothing moves on it: neither silence at the start nor an answer
//! that nobody reads holds a connection's place for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream and when an octet last moved on it, in either direction.
pub(super) struct Stall<S> {
    stream: S,
    patience: Duration,
    moved_at: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Stall<S> {
    /// Lets `stream` stand still for at most `patience`.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            moved_at: Instant::now(),
            alarm: Box::pin(sleep(patience)),
        }
    }

    /// Notes what came of a read or a write; one that waits fails once it has waited too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.moved_at = Instant::now();
            return outcome;
        }
        loop {
            ready!(self.alarm.as_mut().poll(context));
            // Set again only here: moving the alarm with every octet would cost more.
            let until = self.moved_at + self.patience;
            if until <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(until);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stall<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(context, outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stall<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, octets);
        self.watch(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.watch(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A flush with nothing to do moves nothing.
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => self.watch(context, Poll::Pending),
            done @ Poll::Ready(_) => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Pending => self.watch(context, Poll::Pending),
            done @ Poll::Ready(_) => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn breaks_off_a_read_that_nobody_answers() {
        let (_silent, stream) = duplex(64);

        let outcome = Stall::new(stream, Duration::ZERO).read_u8().await;

        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn breaks_off_a_write_that_nobody_reads() {
        let (_unread, stream) = duplex(64);

        let outcome = Stall::new(stream, Duration::ZERO).write_all(&[0; 65]).await;

        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn passes_on_what_moves() {
        let (mut peer, stream) = duplex(64);
        let mut stream = Stall::new(stream, Duration::from_secs(3_600));

        peer.write_all(b"ping").await.unwrap();
        let mut read = [0; 4];
        stream.read_exact(&mut read).await.unwrap();
        stream.write_all(b"pong").await.unwrap();
        let mut answered = [0; 4];
        peer.read_exact(&mut answered).await.unwrap();

        assert_eq!((&read, &answered), (b"ping", b"pong"));
    }
}
