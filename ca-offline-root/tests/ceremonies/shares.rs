//! A split passphrase: on the screen and from people's hands.

use std::io;
use std::time::Duration;

use ca_offline_root::{Arguments, Terminal, World, execute};
use ca_pki::Timestamp;
use clap::Parser;
use zeroize::Zeroizing;

use crate::bench::{Bench, SHARE_ANSWERS};

const CRL_ANSWERS: [&str; 4] = ["Olga", "", "yes", "yes"];

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
fn can_be_put_together_without_this_program() {
    let bench = Bench::with_root();
    let shares =
        [1, 3, 4].map(|number| octets(&bench.read(&format!("shares/share-{number}-of-5.txt"))));

    let secret: String = (0..32)
        .map(|at| format!("{:02x}", constant_term(&shares, at)))
        .collect();

    bench.openssl(&[
        "pkey",
        "-in",
        "root.key",
        "-noout",
        "-passin",
        &format!("pass:{secret}"),
    ]);
}

/// Reads a share file as the guide describes it: number, then the value.
fn octets(file: &str) -> (u8, Vec<u8>) {
    let symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let typed = file.lines().last().unwrap().chars().filter(|c| *c != '-');
    let bits: String = typed
        .map(|c| format!("{:05b}", symbols.find(c).unwrap()))
        .collect();
    let octets: Vec<u8> = (0..bits.len() / 8)
        .map(|at| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).unwrap())
        .collect();
    (octets[8], octets[9..41].to_vec())
}

/// Interpolates one octet of the secret at x = 0, over GF(2^8) with the polynomial 0x11d.
fn constant_term(shares: &[(u8, Vec<u8>)], at: usize) -> u8 {
    shares.iter().fold(0, |sum, (x, value)| {
        let others = shares.iter().filter(|(other, _)| other != x);
        let factor = others.fold(1, |product, (other, _)| {
            product_of(product, product_of(*other, inverse_of(x ^ other)))
        });
        sum ^ product_of(value[at], factor)
    })
}

fn product_of(mut a: u8, b: u8) -> u8 {
    let mut product = 0;
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            product ^= a;
        }
        a = if a & 0x80 == 0 { a << 1 } else { a << 1 ^ 0x1d };
    }
    product
}

fn inverse_of(a: u8) -> u8 {
    (1..=255).find(|b| product_of(a, *b) == 1).unwrap()
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
