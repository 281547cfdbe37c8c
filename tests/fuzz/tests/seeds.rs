//! What a fuzzer starts from, and whatever one has found, keeps every promise.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ca_fuzz::TARGETS;

#[test]
fn keeps_every_promise_on_every_seed() {
    for (name, target) in TARGETS {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("seeds")
            .join(name);
        let mut run = 0;

        for seed in fs::read_dir(&seeds).unwrap() {
            let seed = seed.unwrap().path();
            println!("{}", seed.display());
            target(&fs::read(seed).unwrap());
            run += 1;
        }

        assert!(run > 0, "{name} has no seeds");
    }
}

#[test]
fn has_a_fuzzer_for_every_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer");
    let fuzzers: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let is_source = path.extension().is_some_and(|kind| kind == "rs");
            is_source.then(|| path.file_stem().unwrap().to_string_lossy().into_owned())
        })
        .collect();

    let targets = TARGETS.map(|(name, _)| name.to_owned());

    assert_eq!(fuzzers, BTreeSet::from(targets));
}
