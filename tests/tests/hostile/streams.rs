//! HTTP/2 as no client speaks it: each flood ends in the connection's end, or in a server that
//! does not read on.

use std::time::Duration;

use ca_tests::{TestCa, is_long};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use super::world::{
    LONGEST, assert_sound, connect_tls, peak_mib, serve_somebody, sockets, unlimited, until_ended,
};

/// Whether the attacker reads what comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Everything,
    Nothing,
}

type Halves = (
    ReadHalf<TlsStream<TcpStream>>,
    WriteHalf<TlsStream<TcpStream>>,
);

async fn speak(ca: &TestCa, settings: &[u8]) -> Halves {
    let stream = connect_tls(ca, 7, "h2").await;
    let (read, mut write) = split(stream);
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat();
    write.write_all(&hello).await.unwrap();
    write.flush().await.unwrap();
    (read, write)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut octets = vec![length[1], length[2], length[3], kind, flags];
    octets.extend(stream.to_be_bytes());
    octets.extend(payload);
    octets
}

/// Writes the header block of a request, each field a literal that no table keeps.
fn request(method: u8, path: &str) -> Vec<u8> {
    let mut block = vec![method, 0x87];
    for (name, value) in [(0x01, "localhost"), (0x04, path)] {
        block.extend([name, u8::try_from(value.len()).unwrap()]);
        block.extend(value.as_bytes());
    }
    block
}

fn get(stream: u32) -> Vec<u8> {
    let block = request(GET, "/acme/default/directory");
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)
}

/// A POST whose body never comes.
fn post(stream: u32) -> Vec<u8> {
    let block = request(POST, "/acme/default/new-order");
    frame(HEADERS, END_HEADERS, stream, &block)
}

fn odd(number: u32) -> u32 {
    number * 2 + 1
}

/// Sends `many` pieces and tells whether the server ended the connection over them. A server that
/// reads no further leaves the writer waiting: that is no end, and costs it nothing.
async fn flood(ca: &TestCa, reading: Reading, many: u32, piece: impl Fn(u32) -> Vec<u8>) -> bool {
    let (mut read, mut write) = speak(ca, &[]).await;
    let writing = async {
        for number in 0..many {
            if write.write_all(&piece(number)).await.is_err() {
                return;
            }
        }
        let _ = write.flush().await;
    };
    match reading {
        Reading::Everything => {
            let mut said = Vec::new();
            let both = async {
                // A reset says the same as an end.
                let ((), _ended) = tokio::join!(writing, read.read_to_end(&mut said));
            };
            timeout(PATIENCE, both).await.is_ok()
        }
        Reading::Nothing => {
            let _ = timeout(FLOODED, writing).await;
            false
        }
    }
}

#[tokio::test]
async fn floods_over_http_2_end_their_own_connection_and_no_other() {
    let ca = unlimited();
    serve_somebody(&ca).await;
    let before = peak_mib(&ca);

    let reset = flood(&ca, Reading::Everything, 100_000, |number| {
        let cancel = frame(RST_STREAM, 0, odd(number), &8u32.to_be_bytes());
        [get(odd(number)), cancel].concat()
    });
    let continuation = flood(&ca, Reading::Everything, 100_000, |number| match number {
        0 => frame(HEADERS, 0, 1, &request(GET, "/")),
        _ => frame(CONTINUATION, 0, 1, &[]),
    });
    let long_headers = flood(&ca, Reading::Everything, 100_000, |number| match number {
        0 => frame(HEADERS, 0, 1, &request(GET, "/")),
        _ => frame(CONTINUATION, 0, 1, &literal_field()),
    });
    let empty_data = flood(&ca, Reading::Everything, 100_000, |number| match number {
        0 => post(1),
        _ => frame(DATA, 0, 1, &[]),
    });
    let windows = flood(&ca, Reading::Everything, 100, |_| {
        frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffffu32.to_be_bytes())
    });
    let large = flood(&ca, Reading::Everything, 1, |_| {
        frame(DATA, 0, 1, &vec![0; 1 << 20])
    });
    let ended = tokio::join!(
        reset,
        continuation,
        long_headers,
        empty_data,
        windows,
        large
    );

    assert_eq!(ended, (true, true, true, true, true, true));
    serve_somebody(&ca).await;
    let grown = peak_mib(&ca) - before;
    assert!(grown < MOST_MIB, "{grown} MiB more");
    assert_sound(&ca);
}

#[tokio::test]
async fn floods_that_nobody_reads_the_answers_of_fill_no_memory() {
    let ca = unlimited();
    serve_somebody(&ca).await;
    let before = peak_mib(&ca);

    let pings = flood(&ca, Reading::Nothing, 1_000_000, |_| {
        frame(PING, 0, 0, &[7; 8])
    });
    let settings = flood(&ca, Reading::Nothing, 1_000_000, |_| {
        frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])
    });
    let streams = flood(&ca, Reading::Nothing, 20_000, |number| post(odd(number)));
    let requests = flood(&ca, Reading::Nothing, 20_000, |number| get(odd(number)));
    let priorities = flood(&ca, Reading::Nothing, 100_000, |number| {
        frame(PRIORITY, 0, odd(number), &[0, 0, 0, 0, 1])
    });
    tokio::join!(
        pings,
        settings,
        streams,
        requests,
        priorities,
        serve_somebody(&ca)
    );

    serve_somebody(&ca).await;
    let grown = peak_mib(&ca) - before;
    assert!(grown < MOST_MIB, "{grown} MiB more");
    assert_sound(&ca);
}

/// A window of nothing, answers that cannot be sent, and pings, so that the line is never still.
#[tokio::test]
async fn a_client_that_reads_no_answer_is_cut_off_however_busy_it_keeps_the_line() {
    if !is_long() {
        return;
    }
    let ca = unlimited();
    let no_window = [0, 4, 0, 0, 0, 0];
    let (read, mut write) = speak(&ca, &no_window).await;
    for number in 0..32 {
        write.write_all(&get(odd(number))).await.unwrap();
    }
    let busy = async {
        while write.write_all(&frame(PING, 0, 0, &[7; 8])).await.is_ok() {
            let _ = write.flush().await;
            sleep(Duration::from_secs(5)).await;
        }
    };

    let ended = timeout(LONGEST, async {
        tokio::join!(busy, until_ended(read));
    });

    assert!(ended.await.is_ok(), "still open after {LONGEST:?}");
    serve_somebody(&ca).await;
    assert_sound(&ca);
}

#[tokio::test]
async fn hundreds_of_connections_whose_answers_nobody_reads_are_bounded() {
    let many = if is_long() { 1_000 } else { 50 };
    let ca = unlimited();
    serve_somebody(&ca).await;
    let before = peak_mib(&ca);
    let no_window = [0, 4, 0, 0, 0, 0];

    let mut unread = Vec::new();
    for _ in 0..many {
        let (read, mut write) = speak(&ca, &no_window).await;
        let requests: Vec<u8> = (0..32).flat_map(|number| get(odd(number))).collect();
        write.write_all(&requests).await.unwrap();
        write.flush().await.unwrap();
        unread.push((read, write));
    }
    serve_somebody(&ca).await;

    let grown = peak_mib(&ca) - before;
    eprintln!("{many} connections: {grown} MiB, {} sockets", sockets(&ca));
    assert!(grown < MOST_MIB + many / 4, "{grown} MiB more");
    assert_sound(&ca);
}

fn literal_field() -> Vec<u8> {
    let mut field = vec![0x00, 3];
    field.extend(b"x-y");
    field.push(100);
    field.extend([b'z'; 100]);
    field
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Of HPACK's static table.
const GET: u8 = 0x82;
const POST: u8 = 0x83;
/// How long the end of a flooded connection may take a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long somebody writes who reads nothing.
const FLOODED: Duration = Duration::from_secs(5);
const MOST_MIB: u64 = 60;
