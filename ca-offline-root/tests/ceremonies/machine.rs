//! The machine: its network, its clock, and the commands that do not care.

use std::io;

use ca_offline_root::{Arguments, Error, Lines, World, execute, network};
use ca_pki::Timestamp;
use clap::Parser;

use crate::bench::{Bench, TYPED_ROOT, TYPED_ROOT_ANSWERS};

const NOW: Timestamp = Timestamp::from_unix_secs(1_795_305_120);

/// Holds the typed root's ceremony on a machine of the test's making.
fn hold(
    bench: &Bench,
    options: &[&str],
    interfaces_up: &dyn Fn() -> io::Result<Vec<String>>,
    now: Timestamp,
) -> Result<(), Error> {
    bench.write("root.toml", TYPED_ROOT);
    let path = bench.path("root.toml");
    let arguments = [&["ca-offline-root", "run", path.to_str().unwrap()], options].concat();
    let answers = TYPED_ROOT_ANSWERS.join("\n") + "\n";
    let world = World {
        clock: &|| now,
        entropy: &|octets| getrandom::fill(octets).map_err(|error| error.to_string()),
        interfaces_up,
        program: None,
        terminal: &mut Lines::new(answers.as_bytes(), Vec::new()),
    };
    execute(
        &Arguments::parse_from(arguments).command,
        world,
        &mut Vec::new(),
    )
}

/// A folder like `/sys/class/net` in which `eth0` has the given flags.
fn interfaces(flags: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("eth0")).unwrap();
    std::fs::write(folder.path().join("eth0/flags"), flags).unwrap();
    folder
}

#[test]
fn refuses_to_run_while_a_network_interface_is_up() {
    let bench = Bench::new();
    let folder = interfaces("0x1003\n");

    let error = hold(
        &bench,
        &[],
        &|| network::interfaces_up_in(folder.path()),
        NOW,
    )
    .unwrap_err();

    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("eth0"));
    assert!(!bench.exists("root.pem"));
}

#[test]
fn runs_while_every_interface_is_down() {
    let bench = Bench::new();
    let folder = interfaces("0x1002\n");

    hold(
        &bench,
        &[],
        &|| network::interfaces_up_in(folder.path()),
        NOW,
    )
    .unwrap();

    assert!(
        bench
            .read("root.transcript.json")
            .contains("\"interfaces_up\": []")
    );
}

#[test]
fn records_a_network_that_is_up_on_purpose() {
    let bench = Bench::new();
    let folder = interfaces("0x1003\n");
    let up = || network::interfaces_up_in(folder.path());

    hold(&bench, &["--network-is-up-on-purpose"], &up, NOW).unwrap();

    let transcript: serde_json::Value =
        serde_json::from_str(&bench.read("root.transcript.json")).unwrap();
    assert_eq!(transcript["network"]["interfaces_up"][0], "eth0");
    assert_eq!(transcript["network"]["up_on_purpose"], true);
}

#[test]
fn refuses_to_run_when_it_cannot_tell() {
    let bench = Bench::new();

    let error = hold(
        &bench,
        &["--network-is-up-on-purpose"],
        &|| Err(io::ErrorKind::NotFound.into()),
        NOW,
    )
    .unwrap_err();

    assert_eq!(error.exit_code(), 4);
}

#[test]
fn refuses_a_clock_that_has_lost_its_time() {
    let bench = Bench::new();

    let error = hold(
        &bench,
        &[],
        &|| Ok(Vec::new()),
        Timestamp::from_unix_secs(0),
    )
    .unwrap_err();

    assert_eq!(error.exit_code(), 10);
}

#[test]
fn writes_the_same_certificate_fields_for_the_same_clock() {
    let bench = Bench::new();

    hold(&bench, &[], &|| Ok(Vec::new()), NOW).unwrap();

    let dates = bench.openssl(&["x509", "-in", "root.pem", "-noout", "-dates"]);
    assert_eq!(
        dates,
        "notBefore=Nov 21 23:52:00 2026 GMT\nnotAfter=Nov 21 23:52:00 2046 GMT\n"
    );
}

#[test]
fn converses_on_a_terminal() {
    let bench = Bench::new();
    bench.write("root.toml", TYPED_ROOT);
    let program = env!("CARGO_BIN_EXE_ca-offline-root");
    let command = format!("{program} run root.toml --network-is-up-on-purpose");

    let outcome = bench.program(
        "script",
        &["-qec", &command, "/dev/null"],
        "Olga\nWim\nno\n",
    );

    assert!(
        outcome.stdout.contains("the answer was \"no\""),
        "{outcome:?}"
    );
    outcome.expect_code(5);
}

#[test]
fn lists_its_exit_codes() {
    let bench = Bench::new();

    let help = bench.tool(&["--help"]).expect_success();

    for code in 0..=11 {
        assert!(
            help.contains(&format!("\n  {code:2}  ")),
            "{code} is not in\n{help}"
        );
    }
    bench.tool(&["run"]).expect_code(2);
}
