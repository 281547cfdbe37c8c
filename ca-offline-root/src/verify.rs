//! Checks a transcript later, from files alone, on any machine.

mod evidence;

use std::io::{self, Write};

use ca_pki::crl::Crl;
use ca_pki::{Certificate, hex};

use crate::cli::VerifyArguments;
use crate::fingerprint::{grouped, sha256_hex};
use crate::sitting::read_bounded;
use crate::transcript::{
    self, Content, FORMAT, MAX_BYTES, Output, SignatureRecord, Transcript, algorithm_name,
};
use crate::{Error, rehearsal};

use evidence::Evidence;

/// Checks the signatures, every recorded file, and that the root signed what it should have.
///
/// A signature that does not hold ends the check: nothing in the transcript can be believed then.
/// Everything after that is checked to the end, so that the report names all that is wrong.
pub(crate) fn verify(arguments: &VerifyArguments, report: &mut dyn Write) -> Result<(), Error> {
    let bytes = read_bounded(&arguments.transcript, MAX_BYTES)
        .map_err(|error| Error::input(&arguments.transcript, error))?;
    let transcript: Transcript = serde_json::from_slice(&bytes)
        .map_err(|error| Error::Verification(format!("this is not a transcript: {error}")))?;
    if transcript.format != FORMAT {
        return Err(Error::Verification(format!(
            "its format is {:?}, this program knows {FORMAT:?}",
            transcript.format
        )));
    }
    let evidence = Evidence::around(&arguments.transcript, &transcript.folder);
    let trusted = arguments
        .root
        .as_deref()
        .map(evidence::read_certificate)
        .transpose()?;
    let signers = verify_signatures(&transcript, &bytes, &evidence, trusted.as_ref())?;

    let mut checks = Checks::default();
    checks.note_signatures(&transcript, &signers, trusted.as_ref());
    checks.ceremony_file(&transcript);
    checks.inputs(&transcript, &evidence);
    checks.outputs(&transcript, &evidence, &signers);
    checks.tell(&transcript, report).map_err(Error::Terminal)?;
    match checks.failed {
        0 => Ok(()),
        failed => Err(Error::Verification(format!("{failed} checks failed"))),
    }
}

/// A root whose signature over the transcript holds.
struct VerifiedSigner {
    role: String,
    certificate: Certificate,
}

fn verify_signatures(
    transcript: &Transcript,
    bytes: &[u8],
    evidence: &Evidence,
    trusted: Option<&Certificate>,
) -> Result<Vec<VerifiedSigner>, Error> {
    let signers = transcript
        .signatures
        .iter()
        .map(|record| verify_signature(record, bytes, evidence, trusted))
        .collect::<Result<Vec<_>, _>>()?;
    if signers.is_empty() {
        return Err(Error::Verification("nobody signed it".to_owned()));
    }
    let is_trusted = |signer: &VerifiedSigner| Some(&signer.certificate) == trusted;
    if trusted.is_some() && !signers.iter().any(is_trusted) {
        return Err(Error::Verification(
            "the root given with --root did not sign it".to_owned(),
        ));
    }
    Ok(signers)
}

fn verify_signature(
    record: &SignatureRecord,
    bytes: &[u8],
    evidence: &Evidence,
    trusted: Option<&Certificate>,
) -> Result<VerifiedSigner, Error> {
    let refused = |reason: &str| Error::Verification(format!("{}: {reason}", record.signed_by));
    let is_named = |certificate: &&Certificate| {
        hex::lower(&certificate.fingerprint_sha256()) == record.certificate_sha256
    };
    let certificate = match trusted.filter(is_named) {
        Some(certificate) => certificate.clone(),
        None => evidence.certificate(&record.certificate)?,
    };
    if !is_named(&&certificate) {
        return Err(refused(
            "its certificate is not the one that the transcript names",
        ));
    }
    if hex::lower(&certificate.public_key().fingerprint_sha256()) != record.public_key_sha256 {
        return Err(refused("its key is not the one that the transcript names"));
    }
    let algorithm = certificate.public_key().signature_algorithm();
    if algorithm_name(algorithm) != record.algorithm {
        return Err(refused("its key signs with another algorithm"));
    }
    let signature = evidence.signature(&record.file)?;
    certificate
        .public_key()
        .verify(algorithm, bytes, &signature)
        .map_err(|error| refused(&format!("{error} over the transcript")))?;
    Ok(VerifiedSigner {
        role: record.signed_by.clone(),
        certificate,
    })
}

/// What was checked, and how it went.
#[derive(Default)]
struct Checks {
    lines: Vec<String>,
    failed: usize,
}

impl Checks {
    fn ok(&mut self, what: String) {
        self.lines.push(format!("ok      {what}"));
    }

    fn fail(&mut self, what: String) {
        self.failed += 1;
        self.lines.push(format!("FAILED  {what}"));
    }

    fn skip(&mut self, what: String) {
        self.lines.push(format!("-       {what}"));
    }

    fn note_signatures(
        &mut self,
        transcript: &Transcript,
        signers: &[VerifiedSigner],
        trusted: Option<&Certificate>,
    ) {
        for (record, signer) in transcript.signatures.iter().zip(signers) {
            self.ok(format!(
                "signature by the {}, {} ({})",
                signer.role,
                signer.certificate.subject_text(),
                record.algorithm
            ));
            let fingerprint = grouped(&signer.certificate.fingerprint_sha256());
            match Some(&signer.certificate) == trusted {
                true => self.ok(format!("the {} is the one given with --root", signer.role)),
                false => self.skip(format!(
                    "whether the {} is yours was not checked; its fingerprint: {fingerprint}",
                    signer.role
                )),
            }
        }
    }

    fn ceremony_file(&mut self, transcript: &Transcript) {
        let file = &transcript.ceremony;
        match sha256_hex(file.text.as_bytes()) == file.sha256 {
            true => self.ok("the ceremony file's text is the one that was hashed".to_owned()),
            false => {
                self.fail("the ceremony file's text is not the one that was hashed".to_owned())
            }
        }
    }

    fn inputs(&mut self, transcript: &Transcript, evidence: &Evidence) {
        for input in &transcript.inputs {
            let what = format!("{} ({})", input.file.display(), input.role);
            match evidence.read(&input.file) {
                None => self.skip(format!("{what}: not here, not checked")),
                Some(content) if sha256_hex(&content) == input.sha256 => {
                    self.ok(format!("{what}: read as it is here"));
                }
                Some(_) => self.fail(format!("{what}: is not the file that was read")),
            }
        }
    }

    fn outputs(
        &mut self,
        transcript: &Transcript,
        evidence: &Evidence,
        signers: &[VerifiedSigner],
    ) {
        for output in &transcript.outputs {
            let what = format!("{} ({})", output.file.display(), output.role);
            let is_secret = matches!(output.content, Content::Key | Content::Share);
            match (evidence.read(&output.file), &output.sha256) {
                (None, _) if is_secret => self.skip(format!("{what}: not here, as it should be")),
                (None, _) => self.fail(format!("{what}: is missing")),
                (Some(_), None) => self.skip(format!("{what}: a secret, not checked")),
                (Some(content), Some(sha256)) if sha256_hex(&content) != *sha256 => {
                    self.fail(format!("{what}: is not the file that was written"));
                }
                (Some(content), Some(_)) => {
                    self.ok(format!("{what}: as it was written"));
                    self.signed_output(&what, output, &content, signers);
                }
            }
        }
    }

    fn signed_output(
        &mut self,
        what: &str,
        output: &Output,
        content: &[u8],
        signers: &[VerifiedSigner],
    ) {
        let Some(role) = &output.signed_by else {
            return;
        };
        let Some(signer) = signers.iter().find(|signer| signer.role == *role) else {
            return self.fail(format!(
                "{what}: its issuer, the {role}, did not sign the transcript"
            ));
        };
        match is_issued_by(output.content, content, &signer.certificate) {
            true => self.ok(format!("{what}: signed by the {role}")),
            false => self.fail(format!("{what}: is not signed by the {role}")),
        }
    }

    fn tell(&self, transcript: &Transcript, report: &mut dyn Write) -> io::Result<()> {
        if transcript.rehearsal {
            writeln!(
                report,
                "{}: this is the record of an exercise; nothing in it may be trusted.",
                rehearsal::MARK
            )?;
        }
        transcript::summarize(transcript, report)?;
        self.lines
            .iter()
            .try_for_each(|line| writeln!(report, "{line}"))
    }
}

fn is_issued_by(kind: Content, content: &[u8], root: &Certificate) -> bool {
    match kind {
        Content::Certificate => std::str::from_utf8(content)
            .ok()
            .and_then(|pem| Certificate::parse_pem_chain(pem).ok())
            .is_some_and(|chain| chain.iter().all(|cert| cert.verify_issued_by(root).is_ok())),
        Content::Crl => Crl::parse(content).is_ok_and(|crl| crl.verify_issued_by(root).is_ok()),
        Content::Key | Content::Share => false,
    }
}
