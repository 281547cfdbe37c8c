//! A split passphrase: on the screen and from people's hands.

use std::io;
use std::time::Duration;

use ca_offline_root::{Arguments, Terminal, World, execute};
use ca_pki::Timestamp;
use clap::Parser;
use zeroize::Zeroizing;

use crate::bench::{Bench, SHARE_ANSWERS};

const CRL_ANSWERS: [&str; 3] = ["Olga", "", "yes"];

#[test]
fn refuses_mistyped_and_repeated_shares_and_goes_on() {
    let bench = Bench::with_root();
    bench.sample("crl.toml");
    let share = bench.read("shares/share-2-of-5.txt");
    let typed = share.lines().last().unwrap().to_lowercase();
    let mistyped = typed.replacen(|c: char| c.is_ascii_alphabetic(), "", 1) + "0";
    let answers = [
        &CRL_ANSWERS[..],
        &["Ben", &mistyped, "Ben", &typed, "Ben", &typed],
        &SHARE_ANSWERS[..4],
    ]
    .concat();

    let outcome = bench.run("crl.toml", &answers);

    assert!(
        outcome.stderr.contains("Refused: the share is mistyped"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("Refused: share 2 was given before"),
        "{}",
        outcome.stderr
    );
    outcome.expect_success();
}

#[test]
fn names_a_share_of_another_root() {
    let bench = Bench::with_root();
    let other = Bench::with_root();
    bench.sample("crl.toml");
    std::fs::copy(
        other.path("shares/share-2-of-5.txt"),
        bench.path("other.txt"),
    )
    .unwrap();

    let answers = [
        &CRL_ANSWERS[..],
        &SHARE_ANSWERS[..2],
        &["Ben", "other.txt"].repeat(5)[..],
    ]
    .concat();
    let outcome = bench.run("crl.toml", &answers);

    assert!(outcome.expect_code(6).contains("the first one was of set"));
    assert!(!bench.exists("root-1.crl"));
}

#[test]
fn opens_the_key_with_openssl_and_the_recovered_passphrase_only() {
    let bench = Bench::with_root();

    let encrypted = bench.program(
        "openssl",
        &["pkey", "-in", "root.key", "-passin", "pass:"],
        "",
    );

    assert_ne!(encrypted.code, 0);
}

/// Custodians who write down what the screen shows and type it back.
#[derive(Default)]
struct Custodians {
    noted: Vec<String>,
    said: Vec<String>,
    mistakes: usize,
}

impl Terminal for Custodians {
    fn say(&mut self, text: &str) -> io::Result<()> {
        self.said.push(text.to_owned());
        Ok(())
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        let answer = match question {
            _ if question.contains("name") => "Ada",
            _ if question.contains("yes") => "yes",
            _ => "",
        };
        Ok(answer.to_owned())
    }

    fn ask_secret(&mut self, _: &str) -> io::Result<Zeroizing<String>> {
        let noted = self.noted.last().unwrap();
        if self.mistakes > 0 {
            self.mistakes -= 1;
            return Ok(Zeroizing::new(noted.chars().rev().collect()));
        }
        Ok(Zeroizing::new(noted.clone()))
    }

    fn show_secret(&mut self, secret: &str, _: &str) -> io::Result<()> {
        let share = secret
            .lines()
            .find(|line| line.contains('-') && line.starts_with(' '));
        self.noted.push(share.unwrap().trim().to_owned());
        Ok(())
    }
}

fn hold(bench: &Bench, ceremony: &str, terminal: &mut Custodians) -> Result<(), String> {
    let path = bench.path(ceremony);
    let arguments = Arguments::parse_from(["ca-offline-root", "run", path.to_str().unwrap()]);
    let world = World {
        clock: &|| Timestamp::from_unix_secs(1_795_305_120).plus(Duration::from_secs(60)),
        entropy: &|octets| getrandom::fill(octets).map_err(|error| error.to_string()),
        interfaces_up: &|| Ok(Vec::new()),
        program: None,
        terminal,
    };
    execute(&arguments.command, world, &mut Vec::new()).map_err(|error| error.to_string())
}

#[test]
fn shows_each_share_alone_and_has_it_typed_back() {
    let bench = Bench::new();
    bench.sample("root.toml");
    let shown = bench.read("root.toml").replace(", folder = \"shares\"", "");
    bench.write("root.toml", shown);
    let mut custodians = Custodians {
        mistakes: 1,
        ..Custodians::default()
    };

    hold(&bench, "root.toml", &mut custodians).unwrap();

    assert_eq!(
        custodians.noted.len(),
        6,
        "five shares, the first one twice"
    );
    assert!(!bench.exists("shares"));
    for share in &custodians.noted {
        assert!(!bench.read("root.transcript.json").contains(share.as_str()));
        assert!(
            !custodians
                .said
                .iter()
                .any(|line| line.contains(share.as_str()))
        );
    }
    bench.sample("crl.toml");
    let [_, rest @ ..] = custodians.noted.as_slice() else {
        panic!("no shares were shown");
    };
    let answers = [
        &CRL_ANSWERS[..],
        &["Ada", &rest[4], "Ben", &rest[1], "Cem", &rest[2]],
    ]
    .concat();
    bench.run("crl.toml", &answers).expect_success();
}
