//! An OpenID Connect issuer for tests: keys, key sets and tokens as right or wrong as a test wants.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_pki::Timestamp;
use serde_json::{Map, Value, json};

use crate::oidc::{
    Algorithm, KeySource, KeysUnavailable, Provider, ProviderKind, ProviderSettings,
};

/// An issuer with keys that it may change. As a [`KeySource`] it counts how often it is read.
pub struct TestIssuer {
    issuer: String,
    keys: Mutex<Vec<TestKey>>,
    answer: Mutex<Answer>,
    reads: AtomicUsize,
}

/// A key pair with its name.
#[derive(Clone)]
pub struct TestKey {
    kid: String,
    pair: Arc<Pair>,
}

enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

enum Answer {
    KeySet,
    Text(String),
    Away,
}

impl TestIssuer {
    /// Makes an issuer with one P-256 key, `key-1`.
    pub fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            keys: Mutex::new(vec![TestKey::p256("key-1")]),
            answer: Mutex::new(Answer::KeySet),
            reads: AtomicUsize::new(0),
        }
    }

    /// Replaces the keys: tokens are signed by the first, the key set has all.
    pub fn set_keys(&self, keys: Vec<TestKey>) {
        *locked(&self.keys) = keys;
    }

    /// Returns the key that tokens are signed by.
    pub fn key(&self) -> TestKey {
        let keys = locked(&self.keys);
        keys.first().expect("an issuer has a key").clone()
    }

    /// Returns the key set as JSON text.
    pub fn key_set(&self) -> String {
        let keys = locked(&self.keys);
        json!({"keys": keys.iter().map(TestKey::jwk).collect::<Vec<_>>()}).to_string()
    }

    /// Makes the issuer answer with some text in place of its key set.
    pub fn answer(&self, text: &str) {
        *locked(&self.answer) = Answer::Text(text.to_owned());
    }

    /// Makes the issuer silent, or answer with its key set again.
    pub fn set_away(&self, away: bool) {
        *locked(&self.answer) = if away { Answer::Away } else { Answer::KeySet };
    }

    /// Returns how often the key set was read.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Returns what a token for `audience` must say to be good: five minutes from `now`.
    pub fn claims(&self, subject: &str, audience: &str, now: Timestamp) -> Map<String, Value> {
        let now = now.unix_secs();
        let claims = json!({
            "iss": self.issuer,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
        });
        claims.as_object().cloned().unwrap_or_default()
    }

    /// Signs claims with the first key.
    pub fn token(&self, claims: &Map<String, Value>) -> String {
        self.key().token(claims)
    }

    /// Returns a provider of this issuer with its tokens for `audience`: all algorithms, one hour,
    /// any number of uses.
    pub fn settings(&self, name: &str, audience: &str) -> ProviderSettings {
        ProviderSettings {
            name: name.to_owned(),
            issuer: self.issuer.clone(),
            audiences: vec![audience.to_owned()],
            claims: BTreeMap::new(),
            algorithms: Algorithm::ALL.to_vec(),
            single_use: false,
            max_token_lifetime: Duration::from_secs(3_600),
            kind: ProviderKind::Other,
        }
    }

    /// Returns that provider with this issuer as the source of its keys.
    pub fn provider(self: &Arc<Self>, name: &str, audience: &str) -> Arc<Provider> {
        let source = Arc::clone(self) as Arc<dyn KeySource>;
        Arc::new(Provider::new(self.settings(name, audience), source))
    }
}

#[async_trait]
impl KeySource for TestIssuer {
    async fn fetch(&self) -> Result<String, KeysUnavailable> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        // Others who want the keys get their turn while these are on their way.
        tokio::task::yield_now().await;
        match &*locked(&self.answer) {
            Answer::KeySet => Ok(self.key_set()),
            Answer::Text(text) => Ok(text.clone()),
            Answer::Away => Err(KeysUnavailable("the issuer is away".to_owned())),
        }
    }

    fn name(&self) -> String {
        self.issuer.clone()
    }
}

impl TestKey {
    /// Makes a P-256 key, for ES256.
    pub fn p256(kid: &str) -> Self {
        Self::of(kid, Pair::P256(curve(&ECDSA_P256_SHA256_FIXED_SIGNING)))
    }

    /// Makes a P-384 key, for ES384.
    pub fn p384(kid: &str) -> Self {
        Self::of(kid, Pair::P384(curve(&ECDSA_P384_SHA384_FIXED_SIGNING)))
    }

    /// Makes an Ed25519 key, for EdDSA.
    pub fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        Self::of(kid, Pair::Ed25519(pair))
    }

    /// Makes an RSA key of 2048 bits; takes a while, so make few.
    pub fn rsa(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        Self::of(kid, Pair::Rsa(pair))
    }

    /// Returns the same key under another name.
    pub fn renamed(&self, kid: &str) -> Self {
        Self {
            kid: kid.to_owned(),
            pair: Arc::clone(&self.pair),
        }
    }

    /// Returns the public key as a JWK.
    pub fn jwk(&self) -> Value {
        let kid = &self.kid;
        match &*self.pair {
            Pair::P256(pair) => point(kid, "P-256", pair.public_key().as_ref()),
            Pair::P384(pair) => point(kid, "P-384", pair.public_key().as_ref()),
            Pair::Ed25519(pair) => {
                let x = encoded(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig"})
            }
            Pair::Rsa(pair) => {
                let PublicKeyComponents { n, e } =
                    PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": encoded(&n), "e": encoded(&e), "kid": kid, "use": "sig"})
            }
        }
    }

    /// Returns the public key as the octets that others know it by: a point, or DER.
    pub fn public_octets(&self) -> Vec<u8> {
        match &*self.pair {
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// Signs claims by the algorithm that the key is usual with.
    pub fn token(&self, claims: &Map<String, Value>) -> String {
        let alg = match &*self.pair {
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed25519(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        };
        self.token_of(&json!({"typ": "JWT", "alg": alg, "kid": self.kid}), claims)
    }

    /// Signs claims under any header. RSA keys sign by the header's `alg`.
    pub fn token_of(&self, header: &Value, claims: &Map<String, Value>) -> String {
        let input = signing_input(&header.to_string(), &json!(claims).to_string());
        let alg = header.get("alg").and_then(Value::as_str);
        let signature = self.sign(&input, alg.unwrap_or_default());
        format!("{input}.{}", encoded(&signature))
    }

    /// Signs text, an RSA key by the named algorithm and otherwise as RS256.
    pub fn sign(&self, text: &str, alg: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::P256(pair) | Pair::P384(pair) => {
                let signature = pair.sign(&random, text.as_bytes()).expect("a signature");
                signature.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(text.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding(alg), &random, text.as_bytes(), &mut signature)
                    .expect("a signature");
                signature
            }
        }
    }

    fn of(kid: &str, pair: Pair) -> Self {
        Self {
            kid: kid.to_owned(),
            pair: Arc::new(pair),
        }
    }
}

/// Returns the first two parts of a token, of any texts.
pub fn signing_input(header: &str, payload: &str) -> String {
    let [header, payload] = [header, payload].map(|part| encoded(part.as_bytes()));
    format!("{header}.{payload}")
}

fn curve(algorithm: &'static EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    EcdsaKeyPair::generate(algorithm).expect("a key")
}

fn point(kid: &str, name: &str, point: &[u8]) -> Value {
    let coordinates = point.get(1..).expect("a point has a first octet");
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({
        "kty": "EC", "crv": name, "x": encoded(x), "y": encoded(y), "kid": kid, "use": "sig",
    })
}

fn padding(alg: &str) -> &'static dyn RsaEncoding {
    match alg {
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        "PS256" => &RSA_PSS_SHA256,
        "PS384" => &RSA_PSS_SHA384,
        "PS512" => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    }
}

fn encoded(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test fails while it holds this")
}
