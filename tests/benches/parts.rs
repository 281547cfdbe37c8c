//! What the parts of an issuance cost: envelopes, CSRs, signatures, the corridor, a durable change.
//!
//!     cargo bench -p ca-tests --bench parts

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on fails")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::testing::World;
use ca_issuance::world::SystemClock;
use ca_issuance::{Actor, Clock, Entitlement, EntitlementClaim, Ledger};
use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::{Csr, Identifier, KeyAlgorithm};
use ca_store::{Options, Store};
use ca_tests::csr::{Draft, Request};
use divan::{Bencher, black_box, counter::ItemsCount};
use serde_json::json;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// JSON, base64, key, signature: what each ACME request costs before anything is asked of it.
#[divan::bench(args = ["ES256", "ES384"])]
fn open_an_envelope(bencher: Bencher<'_, '_>, algorithm: &str) {
    let body = envelope(algorithm);

    bencher.bench(|| ca_acme::testing::open_jws(black_box(body.as_bytes())).unwrap());
}

/// Form, names, key and its proof of possession.
#[divan::bench(args = ["p256", "p384", "ed25519"])]
fn parse_a_csr(bencher: Bencher<'_, '_>, key: &str) {
    let algorithm = match key {
        "p384" => &rcgen::PKCS_ECDSA_P384_SHA384,
        "ed25519" => &rcgen::PKCS_ED25519,
        _ => &rcgen::PKCS_ECDSA_P256_SHA256,
    };
    let der = Draft::for_names(&[NAME]).sign(algorithm).der;

    bencher.bench(|| Csr::parse(black_box(&der)).unwrap());
}

#[divan::bench(args = [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384])]
fn sign(bencher: Bencher<'_, '_>, algorithm: KeyAlgorithm) {
    let key = SoftwareKey::generate(algorithm).unwrap();

    bencher.bench(|| key.sign_blocking(black_box(&MESSAGE), deadline()).unwrap());
}

/// What follows each signature of an issuer.
#[divan::bench(args = [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384])]
fn check_a_signature(bencher: Bencher<'_, '_>, algorithm: KeyAlgorithm) {
    let key = SoftwareKey::generate(algorithm).unwrap();
    let signature = key.sign_blocking(&MESSAGE, deadline()).unwrap();
    let public = key.public_key();

    bencher.bench(|| public.verify(key.algorithm(), black_box(&MESSAGE), &signature));
}

/// Policy, to-be-signed bytes, lints, intent, signature, its check, result; nothing is durable.
#[divan::bench]
fn walk_the_corridor(bencher: Bencher<'_, '_>) {
    let (runtime, world) = (Runtime::new().unwrap(), World::at_noon());
    let der = Request::for_names(&[NAME]).der;

    bencher
        .with_inputs(|| Csr::parse(&der).unwrap())
        .bench_values(|csr| {
            let names = BTreeSet::from([Identifier::parse("dns", NAME).unwrap()]);
            let claim = EntitlementClaim::new(Actor::System, names, "tls-server");
            let issued = world.corridor.issue(csr, Entitlement::attest(claim));
            runtime.block_on(issued).unwrap()
        });
}

/// Changes handed to the store at the same time, until the last is durable.
#[divan::bench(args = [1, 16, 64], sample_count = 20)]
fn make_changes_durable(bencher: Bencher<'_, '_>, at_once: usize) {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let url = format!("sqlite://{}", folder.path().join("ca.db").display());
    let store = runtime.block_on(async {
        let options = Options::new(Arc::new(SystemClock));
        let store = Store::connect(&url, options).await.unwrap();
        store.migrate().await.unwrap();
        store
    });

    bencher.counter(ItemsCount::new(at_once)).bench(|| {
        let changes = (0..at_once).map(|_| Ledger::append_event(&store, event()));
        runtime.block_on(futures_util::future::try_join_all(changes))
    });
    runtime.block_on(store.close());
}

fn event() -> Event {
    Event {
        at: SystemClock.now(),
        kind: EventKind::OrderCreated,
        actor: Actor::System,
        subject: "an order".to_owned(),
        details: json!({}),
    }
}

/// A newAccount as a client sends it: the key is in the header.
fn envelope(algorithm: &str) -> String {
    let (curve, signing) = match algorithm {
        "ES384" => ("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
        _ => ("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
    };
    let key = EcdsaKeyPair::generate(signing).unwrap();
    let point = key.public_key().as_ref().get(1..).unwrap();
    let (x, y) = point.split_at(point.len() / 2);
    let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    let header = json!({
        "alg": algorithm,
        "jwk": {"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)},
        "nonce": encode(&[7; 32]),
        "url": "https://ca.example.internal:8443/acme/default/new-account",
    });
    let protected = encode(header.to_string().as_bytes());
    let payload = encode(json!({"termsOfServiceAgreed": true}).to_string().as_bytes());
    let input = format!("{protected}.{payload}");
    let signature = key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    let signature = encode(signature.as_ref());
    json!({"protected": protected, "payload": payload, "signature": signature}).to_string()
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

const NAME: &str = "a.example.internal";
const MESSAGE: [u8; 400] = [0x2a; 400];
