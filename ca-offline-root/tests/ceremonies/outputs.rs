//! Files appear whole and never replace others.

use crate::bench::{Bench, TYPED_ROOT, TYPED_ROOT_ANSWERS};

#[test]
fn never_overwrites_what_an_earlier_ceremony_wrote() {
    let bench = Bench::with_typed_root();
    let before = bench.read("root.pem");

    let message = bench.run("root.toml", &TYPED_ROOT_ANSWERS).expect_code(8);

    assert!(message.contains("was held already"), "{message}");
    assert_eq!(bench.read("root.pem"), before);
}

#[test]
fn says_what_to_do_after_a_run_that_broke_off() {
    let bench = Bench::new();
    bench.write("root.toml", TYPED_ROOT);

    bench.write(".root.pem.partial", "half");
    let partial = bench.run("root.toml", &TYPED_ROOT_ANSWERS).expect_code(8);
    std::fs::remove_file(bench.path(".root.pem.partial")).unwrap();
    bench.write("root.key", "whole");
    let whole = bench.run("root.toml", &TYPED_ROOT_ANSWERS).expect_code(8);

    assert!(
        partial.contains("delete ./.root.pem.partial")
            || partial.contains("delete .root.pem.partial")
    );
    assert!(whole.contains("archive them elsewhere"), "{whole}");
    assert_eq!(bench.read("root.key"), "whole");
}

#[test]
fn leaves_nothing_behind_but_the_outputs() {
    let bench = Bench::with_typed_root();

    let mut names: Vec<String> = std::fs::read_dir(bench.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();

    assert_eq!(
        names,
        [
            "root.key",
            "root.pem",
            "root.toml",
            "root.transcript.json",
            "root.transcript.json.sig"
        ]
    );
}

#[test]
fn refuses_two_outputs_of_one_name() {
    let bench = Bench::new();
    bench.write(
        "root.toml",
        TYPED_ROOT.replace("root.transcript.json", "root.pem"),
    );

    let message = bench.run("root.toml", &TYPED_ROOT_ANSWERS).expect_code(3);

    assert!(message.contains("two outputs"), "{message}");
}

#[test]
fn refuses_a_ceremony_file_that_is_too_long_or_missing() {
    let bench = Bench::new();
    bench.write("long.toml", "#".repeat(65 * 1024));

    bench.run("long.toml", &[]).expect_code(3);
    bench.run("missing.toml", &[]).expect_code(3);
}
