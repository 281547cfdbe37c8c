//! The conversation with those present: a terminal, or lines from a pipe.

use std::io::{self, BufRead, Read, Write};

use zeroize::Zeroizing;

/// Where questions go and answers come from.
///
/// Every method blocks until a human has answered. An end of input is an `UnexpectedEof` error and
/// never an empty answer, so that a broken pipe cannot confirm anything.
pub trait Terminal {
    /// Writes text for all to read.
    fn say(&mut self, text: &str) -> io::Result<()>;

    /// Asks and returns the line typed, without its end and surrounding blanks.
    fn ask(&mut self, question: &str) -> io::Result<String>;

    /// Asks for a secret: nothing that is typed appears on the screen.
    fn ask_secret(&mut self, question: &str) -> io::Result<Zeroizing<String>>;

    /// Shows a secret to one person until Enter is pressed, then wipes the screen.
    fn show_secret(&mut self, secret: &str, question: &str) -> io::Result<()>;
}

/// Standard input and error when a human sits there.
#[derive(Debug)]
pub struct Console;

/// Answers from lines, for scripts: `printf 'Alice\n\nyes\n' | ca-offline-root run …`.
#[derive(Debug)]
pub struct Lines<R, W> {
    answers: R,
    screen: W,
}

impl Terminal for Console {
    fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{text}")
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        write_question(&mut io::stderr().lock(), question)?;
        let line = read_line(&mut io::stdin().lock())?;
        Ok(line.trim().to_owned())
    }

    fn ask_secret(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        rpassword::prompt_password(format!("{question} ")).map(Zeroizing::new)
    }

    fn show_secret(&mut self, secret: &str, question: &str) -> io::Result<()> {
        self.say(secret)?;
        self.ask(question)?;
        // Erases the screen and what a terminal keeps above it.
        write!(io::stderr().lock(), "\x1b[2J\x1b[3J\x1b[H")
    }
}

impl<R: BufRead, W: Write> Lines<R, W> {
    /// Takes answers from `answers`, one a line, and writes what is said to `screen`.
    pub fn new(answers: R, screen: W) -> Self {
        Self { answers, screen }
    }
}

impl<R: BufRead, W: Write> Terminal for Lines<R, W> {
    fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.screen, "{text}")
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        write_question(&mut self.screen, question)?;
        let line = read_line(&mut self.answers)?;
        writeln!(self.screen)?;
        Ok(line.trim().to_owned())
    }

    fn ask_secret(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        write_question(&mut self.screen, question)?;
        let line = read_line(&mut self.answers)?;
        writeln!(self.screen)?;
        Ok(line)
    }

    fn show_secret(&mut self, secret: &str, question: &str) -> io::Result<()> {
        self.say(secret)?;
        self.ask(question).map(|_| ())
    }
}

fn write_question(screen: &mut impl Write, question: &str) -> io::Result<()> {
    write!(screen, "{question} ")?;
    screen.flush()
}

fn read_line(answers: &mut impl BufRead) -> io::Result<Zeroizing<String>> {
    // Room for the whole line at once: a growing buffer would leave copies of secrets behind.
    let mut line = Zeroizing::new(String::with_capacity(MAX_LINE_BYTES));
    let read = answers
        .by_ref()
        .take(MAX_LINE_BYTES as u64)
        .read_line(&mut line)?;
    if read == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the input ended before every question was answered",
        ));
    }
    if read == MAX_LINE_BYTES && !line.ends_with('\n') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line is too long",
        ));
    }
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(line)
}

const MAX_LINE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_line_by_line_and_trims() {
        let mut terminal = Lines::new(&b"  Alice \r\n hunter2 \n"[..], Vec::new());

        assert_eq!(terminal.ask("Who?").unwrap(), "Alice");
        assert_eq!(*terminal.ask_secret("Secret?").unwrap(), " hunter2 ");
    }

    #[test]
    fn never_takes_the_end_of_input_for_an_answer() {
        let mut terminal = Lines::new(&b""[..], Vec::new());

        let error = terminal.ask("Go on?").unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn refuses_a_line_without_end() {
        let endless = "x".repeat(MAX_LINE_BYTES * 2);
        let mut terminal = Lines::new(endless.as_bytes(), Vec::new());

        let error = terminal.ask("Go on?").unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn does_not_echo_a_secret() {
        let mut screen = Vec::new();
        let mut terminal = Lines::new(&b"hunter2\n"[..], &mut screen);

        terminal.ask_secret("Secret?").unwrap();

        assert!(!String::from_utf8(screen).unwrap().contains("hunter2"));
    }
}
