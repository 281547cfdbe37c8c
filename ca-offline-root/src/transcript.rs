//! The record of a ceremony: what went in, who typed what, what came out.
//!
//! The file is JSON for people and programs. Its signature lies beside it, over the file's bytes as
//! they are: `openssl dgst -sha384 -verify key.pem -signature root.json.sig root.json` checks it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ca_pki::SignatureAlgorithm;
use serde::{Deserialize, Serialize};

/// The content of a transcript.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transcript {
    /// Always [`FORMAT`].
    pub(crate) format: String,
    /// Whether it was a rehearsal: nothing in it may be trusted then.
    pub(crate) rehearsal: bool,
    /// What this is, in a sentence.
    pub(crate) statement: String,
    /// The kind of ceremony.
    pub(crate) kind: String,
    /// When it began, RFC 3339.
    pub(crate) started_at: String,
    /// When everything was signed, RFC 3339.
    pub(crate) finished_at: String,
    /// The program that held it.
    pub(crate) tool: Tool,
    /// Whether the machine was on a network.
    pub(crate) network: Network,
    /// Who was there.
    pub(crate) people: People,
    /// The ceremony file.
    pub(crate) ceremony: CeremonyFile,
    /// The way from this file's folder to the one that all other paths start at.
    pub(crate) folder: PathBuf,
    /// Files that were read.
    pub(crate) inputs: Vec<Input>,
    /// What was typed, in order; never a secret.
    pub(crate) typed: Vec<Typed>,
    /// Shares that were made or used; never their values.
    pub(crate) shares: Vec<ShareRecord>,
    /// Keys that were made or used.
    pub(crate) keys: Vec<KeyRecord>,
    /// Files that were written.
    pub(crate) outputs: Vec<Output>,
    /// Who signed this transcript.
    pub(crate) signatures: Vec<SignatureRecord>,
}

/// The program that held a ceremony.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// SHA-256 of its file, where the system says which that is.
    pub(crate) program_sha256: Option<String>,
}

/// Whether the machine was on a network.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// Interfaces that were up, loopback left out.
    pub(crate) interfaces_up: Vec<String>,
    /// Whether `--network-is-up-on-purpose` was said.
    pub(crate) up_on_purpose: bool,
}

/// Who was there.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct People {
    /// Who typed.
    pub(crate) operator: String,
    /// Who watched.
    pub(crate) witnesses: Vec<String>,
}

/// The ceremony file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CeremonyFile {
    /// Its name.
    pub(crate) file: PathBuf,
    /// SHA-256 of its bytes.
    pub(crate) sha256: String,
    /// Its text.
    pub(crate) text: String,
}

/// A file that was read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// What it is.
    pub(crate) role: String,
    /// Where it was.
    pub(crate) file: PathBuf,
    /// SHA-256 of its bytes.
    pub(crate) sha256: String,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    /// When, RFC 3339.
    pub(crate) at: String,
    /// By whom.
    pub(crate) who: String,
    /// To which question.
    pub(crate) asked: String,
    /// The answer; for a secret only that it was given.
    pub(crate) answer: String,
}

/// A share that was made or used.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareRecord {
    /// `made` or `used`.
    pub(crate) what: String,
    /// Who holds it.
    pub(crate) custodian: String,
    /// Its number, from 1.
    pub(crate) index: u8,
    /// How many shares there are.
    pub(crate) shares: u8,
    /// How many of them open the key.
    pub(crate) threshold: u8,
    /// The set that it belongs to.
    pub(crate) set: String,
}

/// A key that was made or used.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRecord {
    /// `made`, `used`, or `stood in` for the real one in a rehearsal.
    pub(crate) what: String,
    /// Whose key it is.
    pub(crate) role: String,
    /// Where it lies, as the ceremony file says.
    pub(crate) place: String,
    /// Which kind of key.
    pub(crate) algorithm: String,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub(crate) public_key_sha256: String,
}

/// A file that was written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// What it is.
    pub(crate) role: String,
    /// What the file holds.
    pub(crate) content: Content,
    /// Where it is.
    pub(crate) file: PathBuf,
    /// SHA-256 of its bytes; left out for shares.
    pub(crate) sha256: Option<String>,
    /// The role of the root that signed it; left out for what is not signed.
    pub(crate) signed_by: Option<String>,
}

/// What an output file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Content {
    /// A certificate in PEM.
    Certificate,
    /// A CRL.
    Crl,
    /// An encrypted private key.
    Key,
    /// A custodian's share.
    Share,
}

/// A signature over the transcript's bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignatureRecord {
    /// The role of the root that signs.
    pub(crate) signed_by: String,
    /// The file with the signature, beside the transcript.
    pub(crate) file: PathBuf,
    /// How it is made, as RFC 5758 and RFC 4055 name it.
    pub(crate) algorithm: String,
    /// SHA-256 of the root's SubjectPublicKeyInfo.
    pub(crate) public_key_sha256: String,
    /// The root's certificate.
    pub(crate) certificate: PathBuf,
    /// SHA-256 of the root's certificate in DER: its fingerprint.
    pub(crate) certificate_sha256: String,
}

/// Returns the name of a signature's file: the transcript's with `suffix` appended.
pub(crate) fn signature_path(transcript: &Path, suffix: &str) -> PathBuf {
    let mut name = transcript.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Tells what a transcript is about, in a few lines.
pub(crate) fn summarize(transcript: &Transcript, report: &mut dyn Write) -> io::Result<()> {
    let people = &transcript.people;
    let witnesses = match people.witnesses.as_slice() {
        [] => "no witnesses".to_owned(),
        names => format!("witnessed by {}", names.join(", ")),
    };
    let network = match transcript.network.interfaces_up.as_slice() {
        [] => "every network interface was down".to_owned(),
        names => format!("on purpose with a network up ({})", names.join(", ")),
    };
    writeln!(
        report,
        "Transcript of a {} ceremony, {} to {}",
        transcript.kind, transcript.started_at, transcript.finished_at
    )?;
    writeln!(
        report,
        "held by {}, {witnesses}, {network}",
        people.operator
    )?;
    writeln!(
        report,
        "with {} {} from {}",
        transcript.tool.name,
        transcript.tool.version,
        transcript.ceremony.file.display()
    )
}

/// Returns the RFCs' name of a signature algorithm.
pub(crate) fn algorithm_name(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => "ecdsa-with-SHA256",
        SignatureAlgorithm::EcdsaSha384 => "ecdsa-with-SHA384",
        SignatureAlgorithm::EcdsaSha512 => "ecdsa-with-SHA512",
        SignatureAlgorithm::Ed25519 => "Ed25519",
        SignatureAlgorithm::RsaSha256 => "sha256WithRSAEncryption",
        SignatureAlgorithm::RsaSha384 => "sha384WithRSAEncryption",
        SignatureAlgorithm::RsaSha512 => "sha512WithRSAEncryption",
    }
}

/// The version of the layout.
pub(crate) const FORMAT: &str = "ca-offline-root transcript 1";

/// The most that a transcript may hold.
pub(crate) const MAX_BYTES: u64 = 4 * 1024 * 1024;
