//! A power cut under SQLite: the files as they are at some moment, what the write-ahead log got
//! after the last answer damaged, the shared memory gone or nonsense. A server starts from that.
//!
//! A cut may take or mangle whatever no sync was waited for. Here that is everything beyond where
//! the log ended when the last answer was counted; `CA_TESTS_SEED` repeats the damage.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_tests::{RawAcme, TestCa, is_long};

use crate::chance::Chance;
use crate::database::Aside;
use crate::invariants::{
    Invariants, crl, every_serial_is_spent_once_and_ends, the_audit_log_holds,
};
use crate::load::{Holdings, Load};
use crate::runtime;

#[test]
fn loses_nothing_that_was_answered_before_a_power_cut() {
    let mut chance = Chance::of_this_run();
    let ca = Arc::new(
        TestCa::builder()
            .set("api.requests_per_minute", 1_000_000)
            .start(),
    );
    runtime().block_on(async {
        let mut load = Load::begin(&ca, CLIENTS).await;
        let hands = load.hands();
        let begun = Instant::now();
        for cut in 1..=cuts() {
            load.advance(1 + chance.below(40)).await;
            let number = crl(&ca).await.number();
            let before = hands.now();
            let synced = Log::of(&ca);
            tokio::time::sleep(Duration::from_micros(chance.below(30_000))).await;
            ca.signal("STOP");
            let copy = ca.copy();
            ca.signal("CONT");
            damage(&copy, &synced, &mut chance);
            copy.start();
            assert!(crl(&copy).await.number() >= number, "CRL numbers go back");
            goes_on(&copy, &before).await;
            if cut % BATCH == 0 {
                println!("{cut} power cuts in {:?}", begun.elapsed());
            }
        }
        load.end().await;
    });
}

/// How far the write-ahead log went, and in which of its lives.
struct Log {
    file: PathBuf,
    salt: Vec<u8>,
    end: u64,
}

impl Log {
    /// Behind its end there may be what an earlier life left.
    fn of(ca: &TestCa) -> Self {
        let file = ca.folder().join("ca.db-wal");
        let octets = fs::read(&file).unwrap_or_default();
        let salt = octets.get(SALT).unwrap_or_default().to_vec();
        let frames = octets.get(HEADER_BYTES..).unwrap_or_default();
        let of_this_life = frames
            .chunks(FRAME_BYTES)
            .take_while(|frame| frame.get(FRAME_SALT) == Some(salt.as_slice()))
            .count();
        let end = end_of(of_this_life);
        Self { file, salt, end }
    }

    fn is_of_the_same_life_as(&self, other: &Self) -> bool {
        self.salt == other.salt
    }
}

fn end_of(frames: usize) -> u64 {
    (HEADER_BYTES + frames * FRAME_BYTES) as u64
}

/// Up to where a checkpoint has copied the log into the database, or is about to: it syncs that
/// much of the log first, whether or not anybody was answered.
fn copied(ca: &TestCa) -> u64 {
    let shared = fs::read(ca.folder().join("ca.db-shm")).unwrap_or_default();
    let frames = shared.get(FRAMES_COPIED).map(|octets| octets.try_into());
    let frames = frames.map_or(0, |octets| u32::from_ne_bytes(octets.unwrap()));
    end_of(usize::try_from(frames).unwrap())
}

/// What was not waited for is cut off, or mangled, or there.
fn damage(copy: &TestCa, synced: &Log, chance: &mut Chance) {
    let log = Log::of(copy);
    let synced_end = synced.end.max(copied(copy));
    if log.is_of_the_same_life_as(synced) && log.end > synced_end {
        let place = synced_end + chance.below(log.end - synced_end);
        let file = OpenOptions::new().write(true).open(&log.file).unwrap();
        match chance.below(3) {
            0 => file.set_len(place).unwrap(),
            1 => {
                let length = usize::try_from(log.end - place).unwrap();
                file.write_all_at(&chance.octets(length), place).unwrap();
            }
            _ => {}
        }
    }
    let shared = copy.folder().join("ca.db-shm");
    match chance.below(3) {
        0 => fs::remove_file(&shared).unwrap(),
        1 => mangle(&shared, chance),
        _ => {}
    }
}

fn mangle(file: &Path, chance: &mut Chance) {
    let length = usize::try_from(fs::metadata(file).unwrap().len()).unwrap();
    fs::write(file, chance.octets(length)).unwrap();
}

async fn goes_on(copy: &TestCa, before: &Holdings) {
    Invariants::default().hold_now(copy, before).await;
    let client = RawAcme::registered(copy).await;
    client.obtain(&["after.example.internal"]).await;
    let aside = Aside::of(&copy.database_url()).await;
    every_serial_is_spent_once_and_ends(&aside).await;
    let broken: Vec<String> = aside.column("PRAGMA integrity_check").await;
    assert_eq!(broken, ["ok"]);
    aside.close().await;
    the_audit_log_holds(copy);
}

fn cuts() -> usize {
    if is_long() { 200 } else { 5 }
}

const CLIENTS: usize = 2;

/// After so many cuts it says how far it is.
const BATCH: usize = 20;

/// Where a write-ahead log names its life: drawn anew each time it begins again.
const SALT: std::ops::Range<usize> = 16..24;
/// The log's header, and a frame of one page; it names the log's life, too.
const HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 24 + 4_096;
const FRAME_SALT: std::ops::Range<usize> = 8..16;
/// `nBackfillAttempted` of the log's index (SQLite, `walformat.html` §2.1.2).
const FRAMES_COPIED: std::ops::Range<usize> = 128..132;
