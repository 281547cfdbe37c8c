//! Revocation data out of a real store: CRLs made anew and one entry longer, a revocation, OCSP.
//!
//! Each is to be read beside `bare`: what hashing and signing alone cost on this machine.

#![expect(
    clippy::expect_used,
    reason = "a benchmark ends where something is not as expected"
)]

#[path = "revocation/world.rs"]
mod world;

use std::hint::black_box;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use ca_issuance::respond::{OcspResponder, RespondSchedule};
use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::ocsp::OcspRequest;
use ca_pki::{KeyAlgorithm, Serial};
use divan::Bencher;

use self::world::Bench;

fn main() {
    divan::main();
}

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

/// What a list of that size costs at least: its hash and a signature.
#[divan::bench(args = SIZES)]
fn bare_hash_and_signature(bencher: Bencher<'_, '_>, entries: u64) {
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).expect("a key is made");
    let message = vec![0x30; entries as usize * 50];
    bencher.bench_local(|| key.sign_blocking(&message, soon()).expect("it signs"));
}

/// Made anew from the store, signed, verified, durable, as a server does each hour.
#[divan::bench(args = SIZES, sample_count = 10)]
fn crl_made_anew(bencher: Bencher<'_, '_>, revoked: u64) {
    let bench = full_of(revoked);
    bencher
        .with_inputs(|| {
            let publisher = bench.publisher();
            bench.refresh(&publisher);
            bench.an_hour_later();
            publisher
        })
        .bench_local_values(|publisher| {
            bench.refresh(&publisher);
            publisher
        });
}

/// Put together from the store and verified, as at a start or after another server's work.
#[divan::bench(args = SIZES, sample_count = 10)]
fn crl_adopted(bencher: Bencher<'_, '_>, revoked: u64) {
    let bench = full_of(revoked);
    bench.refresh(&bench.publisher());
    bencher
        .with_inputs(|| bench.publisher())
        .bench_local_values(|publisher| {
            bench.refresh(&publisher);
            publisher
        });
}

/// One more entry: read, hashed with all others, signed, verified, durable.
#[divan::bench(args = SIZES, sample_count = 20)]
fn crl_one_more(bencher: Bencher<'_, '_>, revoked: u64) {
    let bench = full_of(revoked);
    let publisher = bench.publisher();
    bench.refresh(&publisher);
    bencher
        .with_inputs(|| bench.revoke(&next(revoked)))
        .bench_local_values(|()| bench.refresh(&publisher));
}

/// A revocation itself, durable.
#[divan::bench(args = [1_000, 1_000_000], sample_count = 200, sample_size = 1)]
fn revocation(bencher: Bencher<'_, '_>, revoked: u64) {
    let bench = full_of(revoked);
    bencher
        .with_inputs(|| next(revoked))
        .bench_local_values(|serial| bench.revoke(&serial));
}

/// What an OCSP answer costs at least.
#[divan::bench]
fn bare_p256_signature(bencher: Bencher<'_, '_>) {
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).expect("a key is made");
    let message = [0x30; 300];
    bencher.bench_local(|| key.sign_blocking(&message, soon()).expect("it signs"));
}

/// Asked for the first time: parsed, looked up, signed, kept.
#[divan::bench(sample_count = 200, sample_size = 100)]
fn ocsp_cold(bencher: Bencher<'_, '_>) {
    let (bench, responder) = responder();
    bencher
        .with_inputs(|| request(bench, &next(10_000)))
        .bench_local_values(|der| answer(bench, &responder, &der));
}

/// Asked again.
#[divan::bench]
fn ocsp_kept(bencher: Bencher<'_, '_>) {
    let (bench, responder) = responder();
    let der = request(bench, &next(10_000));
    answer(bench, &responder, &der);
    bencher.bench_local(|| {
        let kept = bench.runtime.block_on(responder.kept(black_box(&der)));
        kept.expect("it is kept")
    });
}

fn responder() -> (&'static Bench, OcspResponder) {
    let bench = full_of(10_000);
    let issuer = bench.corridor.issuer("tls").expect("it was put in");
    let responder = OcspResponder::new(&bench.corridor, issuer, RespondSchedule::default());
    let renewed = bench.runtime.block_on(responder.renew(&bench.corridor));
    renewed.expect("it is certified");
    (bench, responder)
}

fn answer(bench: &Bench, responder: &OcspResponder, der: &[u8]) {
    let request = OcspRequest::parse(der).expect("it is a request");
    let answer = bench.runtime.block_on(responder.answer(&request));
    black_box(answer.expect("it is answered"));
}

fn request(bench: &Bench, serial: &Serial) -> Vec<u8> {
    let issuer = bench.corridor.issuer("tls").expect("it was put in");
    ca_pki::ocsp::request_for(issuer.certificate(), serial)
}

/// The store with so many revoked certificates, made once, and 60,000 valid ones.
fn full_of(revoked: u64) -> &'static Bench {
    let place = place(revoked);
    &place
        .get_or_init(|| {
            let bench = Bench::new(revoked + VALID, revoked);
            let serials = Mutex::new(bench.valid(VALID));
            (bench, serials)
        })
        .0
}

/// A certificate of that store that no one has asked about.
fn next(revoked: u64) -> Serial {
    full_of(revoked);
    let serials = place(revoked).get().map(|(_, serials)| serials);
    let mut serials = serials
        .expect("it is full")
        .lock()
        .expect("nobody panicked");
    serials.pop().expect("there are enough")
}

type Place = OnceLock<(Bench, Mutex<Vec<Serial>>)>;

fn place(revoked: u64) -> &'static Place {
    static PLACES: [Place; 4] = [const { OnceLock::new() }; 4];
    let at = match revoked {
        1_000 => 0,
        10_000 => 1,
        100_000 => 2,
        _ => 3,
    };
    PLACES.get(at).expect("there are four")
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

const VALID: u64 = 60_000;
