use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::world::{Answer, BASE, World};

/// An account key that may sign anything.
pub(super) struct Key(EcdsaKeyPair);

/// An account and how it speaks.
pub(super) struct Client<'a> {
    pub(super) world: &'a World,
    pub(super) key: Key,
    pub(super) url: String,
}

/// What an empty payload is written as.
pub(super) const POST_AS_GET: &[u8] = b"";

impl Key {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Self {
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).unwrap())
    }

    pub(super) fn jwk(&self) -> Value {
        let point = &self.0.public_key().as_ref()[1..];
        let (x, y) = point.split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
    }

    /// Signs a protected header and a payload, whatever they are.
    pub(super) fn sign(&self, header: &Value, payload: &[u8]) -> Value {
        self.sign_octets(header.to_string().as_bytes(), payload)
    }

    pub(super) fn sign_octets(&self, header: &[u8], payload: &[u8]) -> Value {
        let (protected, payload) = (encode(header), encode(payload));
        let input = format!("{protected}.{payload}");
        let signature = self.0.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        json!({"protected": protected, "payload": payload, "signature": encode(signature.as_ref())})
    }
}

impl<'a> Client<'a> {
    /// Registers a new account.
    pub(super) async fn register(world: &'a World, directory: &str) -> Self {
        let key = Key::new();
        let wanted = json!({"termsOfServiceAgreed": true});
        let answer = post_with_key(world, &url(directory, "new-account"), &key, &wanted).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let url = answer.header("location").to_owned();
        Self { world, key, url }
    }

    /// Returns the protected header of an honest request.
    pub(super) async fn header(&self, url: &str) -> Value {
        json!({"alg": "ES256", "nonce": nonce(self.world).await, "url": url, "kid": self.url})
    }

    pub(super) async fn post(&self, url: &str, payload: &Value) -> Answer {
        self.post_octets(url, payload.to_string().as_bytes()).await
    }

    pub(super) async fn get(&self, url: &str) -> Answer {
        self.post_octets(url, POST_AS_GET).await
    }

    pub(super) async fn post_octets(&self, url: &str, payload: &[u8]) -> Answer {
        let jws = self.key.sign(&self.header(url).await, payload);
        self.world.post(url, jws.to_string()).await
    }

    /// Gets a certificate for a name, with a new key; returns both in DER.
    pub(super) async fn issue(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let wanted = json!({"identifiers": [{"type": "dns", "value": name}]});
        let order = self
            .post(&url("default", "new-order"), &wanted)
            .await
            .json();
        let authorization = self
            .get(order["authorizations"][0].as_str().unwrap())
            .await
            .json();
        if let Some(challenge) = authorization["challenges"][0]["url"].as_str() {
            self.post(challenge, &json!({})).await;
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let mut csr = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        csr.distinguished_name = rcgen::DistinguishedName::new();
        let csr = csr.serialize_request(&key).unwrap();
        let finalize = order["finalize"].as_str().unwrap();
        let done = self
            .post(finalize, &json!({"csr": encode(csr.der())}))
            .await;
        assert_eq!(done.json()["status"], "valid", "{}", done.json());
        let chain = self.get(done.json()["certificate"].as_str().unwrap()).await;
        let pem = String::from_utf8(chain.body).unwrap();
        let certificates = ca_pki::Certificate::parse_pem_chain(&pem).unwrap();
        (certificates[0].der().to_vec(), key.serialize_der())
    }
}

/// Posts a request that carries its key.
pub(super) async fn post_with_key(world: &World, url: &str, key: &Key, payload: &Value) -> Answer {
    let header = json!({"alg": "ES256", "nonce": nonce(world).await, "url": url, "jwk": key.jwk()});
    let jws = key.sign(&header, payload.to_string().as_bytes());
    world.post(url, jws.to_string()).await
}

pub(super) async fn nonce(world: &World) -> String {
    let answer = world.request("HEAD", &url("default", "new-nonce")).await;
    answer.header("replay-nonce").to_owned()
}

pub(super) fn url(directory: &str, resource: &str) -> String {
    format!("{BASE}/acme/{directory}/{resource}")
}

pub(super) fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// Binds a key to an external account.
pub(super) fn bind(kid: &str, mac_key: &[u8], url: &str, jwk: &Value) -> Value {
    let header = json!({"alg": "HS256", "kid": kid, "url": url});
    let (protected, payload) = (
        encode(header.to_string().as_bytes()),
        encode(jwk.to_string().as_bytes()),
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, mac_key);
    let mac = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
    json!({"protected": protected, "payload": payload, "signature": encode(mac.as_ref())})
}
