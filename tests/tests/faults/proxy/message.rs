//! Messages of PostgreSQL's protocol, as far as a proxy must tell them apart.

use std::collections::HashMap;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A message after the first.
pub(super) struct Message {
    kind: u8,
    body: Vec<u8>,
}

/// Statements by the names that they were prepared under, and what was bound last (under no name
/// that a statement can have).
pub(super) type Prepared = HashMap<String, String>;

/// Reads the first message, which has no kind.
pub(super) async fn read_startup(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut octets = length.to_be_bytes().to_vec();
    octets.resize(length as usize, 0);
    stream.read_exact(&mut octets[4..]).await?;
    Ok(octets)
}

impl Message {
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let kind = stream.read_u8().await?;
        let length = stream.read_u32().await? as usize;
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body).await?;
        Ok(Self { kind, body })
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        let length = u32::try_from(self.body.len() + 4).unwrap();
        [&[self.kind], &length.to_be_bytes()[..], &self.body].concat()
    }

    /// Returns the statement that this message runs, if it runs one.
    pub(super) fn statement(&self, prepared: &mut Prepared) -> Option<String> {
        match self.kind {
            b'Q' => Some(self.text(0)),
            b'P' => {
                prepared.insert(self.text(0), self.text(1));
                None
            }
            b'B' => {
                let bound = prepared.get(&self.text(1)).cloned().unwrap_or_default();
                prepared.insert(BOUND.to_owned(), bound);
                None
            }
            b'E' => prepared.get(BOUND).cloned(),
            _ => None,
        }
    }

    /// Makes it one that the database refuses: bad syntax, or a portal that is not there.
    pub(super) fn spoil(&mut self) {
        let broken = b"broken\0".to_vec();
        self.body = match self.kind {
            b'E' => [broken, vec![0; 4]].concat(),
            _ => broken,
        };
    }

    pub(super) fn is_ready_for_query(&self) -> bool {
        self.kind == b'Z'
    }

    /// Returns the text of this number among those that end with NUL.
    fn text(&self, number: usize) -> String {
        let text = self.body.split(|octet| *octet == 0).nth(number);
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }
}

const BOUND: &str = "\0bound";
