//! Where lines go: standard error, many by one system call, on a thread of its own.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Takes lines without waiting for whoever reads them, as long as there is room; nothing is ever
/// left out. Errors are written before the one who logs them goes on.
///
/// A process that is killed loses what it logged in the last [`GATHERING`], but no error.
#[derive(Clone)]
pub(super) struct Pen {
    desk: Arc<Desk>,
}

/// Writes everything that is left when it is dropped: for the end of the process.
pub(crate) struct LastLines {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// One line's way.
pub(super) struct Stroke<'a> {
    desk: &'a Desk,
    level: Level,
}

#[derive(Default)]
struct Desk {
    page: Mutex<Page>,
    filled: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct Page {
    pending: Vec<u8>,
    /// How many octets came, and how many of them are written.
    taken: u64,
    written: u64,
    hurry: bool,
    closed: bool,
}

impl Pen {
    /// Starts the thread that writes to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<(Self, LastLines)> {
        let desk = Arc::new(Desk::default());
        let writing = Arc::clone(&desk);
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writing.serve(sink))?;
        let last = LastLines {
            desk: Arc::clone(&desk),
            thread: Some(thread),
        };
        Ok((Self { desk }, last))
    }
}

impl<'a> MakeWriter<'a> for Pen {
    type Writer = Stroke<'a>;

    fn make_writer(&'a self) -> Stroke<'a> {
        Stroke {
            desk: &self.desk,
            level: Level::INFO,
        }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Stroke<'a> {
        Stroke {
            desk: &self.desk,
            level: *about.level(),
        }
    }
}

impl Write for Stroke<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.desk.take(line, self.level);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Desk {
    fn take(&self, line: &[u8], level: Level) {
        let mut page = self.page();
        // Whoever reads the log sets the pace then: better late than with holes.
        while page.pending.len() > MOST_PENDING_BYTES && !page.closed {
            page = wait(&self.written, page);
        }
        if page.pending.is_empty() {
            self.filled.notify_one();
        }
        page.pending.extend_from_slice(line);
        page.taken += line.len() as u64;
        if level != Level::ERROR {
            return;
        }
        let mine = page.taken;
        page.hurry = true;
        self.filled.notify_one();
        while page.written < mine && !page.closed {
            page = wait(&self.written, page);
        }
    }

    fn serve(&self, mut sink: impl Write) {
        let mut page = self.page();
        loop {
            while page.pending.is_empty() && !page.closed {
                page = wait(&self.filled, page);
            }
            if page.pending.is_empty() {
                return;
            }
            if !page.hurry && !page.closed {
                let gathering = self.filled.wait_timeout_while(page, GATHERING, |page| {
                    !page.hurry && !page.closed && page.pending.len() < ENOUGH_BYTES
                });
                page = gathering.unwrap_or_else(PoisonError::into_inner).0;
            }
            page.hurry = false;
            let lines = std::mem::take(&mut page.pending);
            drop(page);
            // Nobody is left to be told that standard error is gone.
            let _ = sink.write_all(&lines).and_then(|()| sink.flush());
            page = self.page();
            page.written += lines.len() as u64;
            if page.pending.is_empty() {
                page.pending = kept(lines);
            }
            self.written.notify_all();
        }
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LastLines {
    fn drop(&mut self) {
        self.desk.page().closed = true;
        self.desk.filled.notify_one();
        self.desk.written.notify_all();
        if let Some(thread) = self.thread.take() {
            // It panics on nothing; if it did, the lines are lost already.
            let _ = thread.join();
        }
    }
}

/// Keeps the room for the next lines, unless a flood had made it large.
fn kept(mut lines: Vec<u8>) -> Vec<u8> {
    if lines.capacity() > ENOUGH_BYTES * 2 {
        return Vec::new();
    }
    lines.clear();
    lines
}

fn wait<'a>(until: &Condvar, page: MutexGuard<'a, Page>) -> MutexGuard<'a, Page> {
    until.wait(page).unwrap_or_else(PoisonError::into_inner)
}

/// How long lines wait for others to go with them.
const GATHERING: Duration = Duration::from_millis(10);
/// More than this does not wait.
const ENOUGH_BYTES: usize = 64 * 1024;
const MOST_PENDING_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// Writes to somebody who reads when he likes.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(lines.to_vec());
            Ok(lines.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn pipe() -> (Pen, LastLines, Receiver<Vec<u8>>) {
        let (sender, reader) = sync_channel(0);
        let (pen, last) = Pen::start(Pipe(sender)).unwrap();
        (pen, last, reader)
    }

    #[test]
    fn the_end_writes_what_is_left_in_order() {
        let (pen, last, reader) = pipe();
        for number in 0..1_000 {
            pen.desk.take(format!("{number}\n").as_bytes(), Level::INFO);
        }

        let reading = thread::spawn(move || reader.iter().flatten().collect::<Vec<u8>>());
        drop(last);
        drop(pen);
        let text = String::from_utf8(reading.join().unwrap()).unwrap();

        let expected: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_error_is_written_when_the_one_who_logged_it_goes_on() {
        let (pen, _last, reader) = pipe();
        let reading = thread::spawn(move || reader.recv().unwrap());

        pen.desk.take(b"broken\n", Level::ERROR);

        assert!(pen.desk.page().written >= 7);
        assert_eq!(reading.join().unwrap(), b"broken\n");
    }

    #[test]
    fn a_reader_who_is_late_gets_every_line() {
        let (pen, last, reader) = pipe();
        let line = [b'x'; 1_000];
        let count = 3 * MOST_PENDING_BYTES / line.len();
        let writing = thread::spawn(move || {
            for _ in 0..count {
                pen.desk.take(&line, Level::INFO);
            }
            drop(last);
        });

        let read: usize = reader.iter().map(|lines| lines.len()).sum();
        writing.join().unwrap();

        assert_eq!(read, count * line.len());
    }
}
