//! A ceremony while it is held: everything read, typed and made passes through here, so that the
//! transcript cannot miss it.

mod closing;
mod conversation;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ca_pki::{Certificate, PublicKey, Serial, Timestamp, hex};
use zeroize::Zeroizing;

use crate::fingerprint::sha256_hex;
use crate::folders::Folders;
use crate::output::{Access, Staged};
use crate::transcript::{
    CeremonyFile, Content, Input, KeyRecord, Network, Output, People, ShareRecord, Typed,
};
use crate::{Error, Mode, World};

pub(crate) use closing::{Closing, Done};

/// A ceremony that has begun and has signed nothing that left this process.
pub(crate) struct Sitting<'a> {
    world: World<'a>,
    mode: Mode,
    kind: &'static str,
    folders: Folders,
    started_at: Timestamp,
    network: Network,
    ceremony: CeremonyFile,
    people: People,
    inputs: Vec<Input>,
    typed: Vec<Typed>,
    shares: Vec<ShareRecord>,
    keys: Vec<KeyRecord>,
    outputs: Vec<Output>,
    staged: Vec<Staged>,
}

/// What is known before anybody is asked anything.
pub(crate) struct Opening {
    /// Whether it counts.
    pub(crate) mode: Mode,
    /// The kind of ceremony.
    pub(crate) kind: &'static str,
    /// Where files are.
    pub(crate) folders: Folders,
    /// Whether the machine is on a network.
    pub(crate) network: Network,
    /// The ceremony file.
    pub(crate) ceremony: CeremonyFile,
}

impl<'a> Sitting<'a> {
    /// Begins: asks who is there.
    pub(crate) fn open(world: World<'a>, opening: Opening) -> Result<Self, Error> {
        let mut sitting = Self {
            mode: opening.mode,
            kind: opening.kind,
            folders: opening.folders,
            started_at: (world.clock)(),
            network: opening.network,
            ceremony: opening.ceremony,
            people: People::default(),
            inputs: Vec::new(),
            typed: Vec::new(),
            shares: Vec::new(),
            keys: Vec::new(),
            outputs: Vec::new(),
            staged: Vec::new(),
            world,
        };
        sitting.welcome()?;
        Ok(sitting)
    }

    /// Returns whether the ceremony counts.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns where files are.
    pub(crate) fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Returns the time that the ceremony began: one moment for everything in it.
    pub(crate) fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Returns random octets.
    pub(crate) fn random<const N: usize>(&self) -> Result<Zeroizing<[u8; N]>, Error> {
        let mut octets = Zeroizing::new([0; N]);
        (self.world.entropy)(octets.as_mut_slice()).map_err(Error::Entropy)?;
        Ok(octets)
    }

    /// Draws a serial number of 17 octets, 134 bits of them random.
    pub(crate) fn serial(&self) -> Result<Serial, Error> {
        let mut octets = self.random::<17>()?;
        // The top bit clear keeps it positive, the next one set keeps its length.
        let [first, ..] = &mut *octets;
        *first = *first & 0x3f | 0x40;
        Serial::from_be_bytes(&*octets).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Reads an input file of bounded size.
    pub(crate) fn input(&mut self, role: &str, written: &Path) -> Result<Vec<u8>, Error> {
        let content = read_bounded(&self.folders.input(written), MAX_INPUT_BYTES)
            .map_err(|error| Error::input(written, error))?;
        self.inputs.push(Input {
            role: role.to_owned(),
            file: written.to_owned(),
            sha256: sha256_hex(&content),
        });
        Ok(content)
    }

    /// Reads an input file that is text.
    pub(crate) fn input_text(&mut self, role: &str, written: &Path) -> Result<String, Error> {
        let content = self.input(role, written)?;
        String::from_utf8(content).map_err(|_| Error::input(written, "this is not text (PEM)"))
    }

    /// Takes a certificate to be written, signed by the root of the given role.
    pub(crate) fn stage_certificate(
        &mut self,
        role: &str,
        written: &Path,
        certificate: &Certificate,
        signed_by: &str,
    ) {
        let content = certificate.pem().into_bytes();
        self.stage_signed(role, Content::Certificate, written, content, signed_by);
    }

    /// Takes a CRL to be written, signed by the root of the given role.
    pub(crate) fn stage_crl(&mut self, role: &str, written: &Path, crl: Vec<u8>, signed_by: &str) {
        self.stage_signed(role, Content::Crl, written, crl, signed_by);
    }

    fn stage_signed(
        &mut self,
        role: &str,
        content_kind: Content,
        written: &Path,
        content: Vec<u8>,
        signed_by: &str,
    ) {
        self.outputs.push(Output {
            role: role.to_owned(),
            content: content_kind,
            file: self.folders.output_name(written),
            sha256: Some(sha256_hex(&content)),
            signed_by: Some(signed_by.to_owned()),
        });
        self.stage(written, Zeroizing::new(content), Access::Public);
    }

    /// Takes an encrypted key file to be written.
    pub(crate) fn stage_key(&mut self, role: &str, written: &Path, pem: &str) {
        self.outputs.push(Output {
            role: role.to_owned(),
            content: Content::Key,
            file: self.folders.output_name(written),
            sha256: Some(sha256_hex(pem.as_bytes())),
            signed_by: None,
        });
        let content = Zeroizing::new(pem.as_bytes().to_vec());
        self.stage(written, content, Access::Owner);
    }

    /// Takes a custodian's share to be written.
    pub(crate) fn stage_share(&mut self, role: &str, written: &Path, text: &str) {
        self.outputs.push(Output {
            role: role.to_owned(),
            content: Content::Share,
            file: self.folders.output_name(written),
            sha256: None,
            signed_by: None,
        });
        let content = Zeroizing::new(text.as_bytes().to_vec());
        self.stage(written, content, Access::Owner);
    }

    fn stage(&mut self, written: &Path, content: Zeroizing<Vec<u8>>, access: Access) {
        self.staged.push(Staged {
            path: self.folders.output(written),
            content,
            access,
        });
    }

    /// Notes that a share was made or used.
    pub(crate) fn note_share(&mut self, record: ShareRecord) {
        self.shares.push(record);
    }

    /// Notes that a key was made or used.
    pub(crate) fn note_key(&mut self, what: &str, role: &str, place: &str, key: &PublicKey) {
        self.keys.push(KeyRecord {
            what: what.to_owned(),
            role: role.to_owned(),
            place: place.to_owned(),
            algorithm: key.algorithm().to_string(),
            public_key_sha256: hex::lower(&key.fingerprint_sha256()),
        });
    }

    /// Returns where an output will be, for those present.
    pub(crate) fn output_name(&self, written: &Path) -> PathBuf {
        self.folders.output_name(written)
    }
}

/// Reads a file, at most `max_bytes` of it; a longer one is an error.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(max_bytes + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > max_bytes {
        return Err(std::io::Error::other(format!(
            "the file is longer than {max_bytes} bytes"
        )));
    }
    Ok(content)
}

/// A CRL with ten thousand entries is below half of this.
const MAX_INPUT_BYTES: u64 = 1024 * 1024;
