//! Answers http-01 challenges (RFC 8555 §8.3).

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::error::Error;

/// Token to key authorization; shared by workers and the responder.
pub(crate) type Answers = Rc<RefCell<HashMap<String, String>>>;

/// Listens on an address and answers in tasks of this thread.
pub(crate) async fn listen(address: SocketAddr, answers: Answers) -> Result<(), Error> {
    let socket = TcpListener::bind(address).await?;
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = socket.accept().await {
            tokio::task::spawn_local(answer(stream, Rc::clone(&answers)));
        }
    });
    Ok(())
}

async fn answer(mut stream: TcpStream, answers: Answers) -> Result<(), Error> {
    let mut request = [0; 2_048];
    let mut filled = 0;
    while !request
        .get(..filled)
        .unwrap_or_default()
        .ends_with(b"\r\n\r\n")
    {
        let space = request.get_mut(filled..).unwrap_or_default();
        let read = stream.read(space).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
    }
    let text = String::from_utf8_lossy(request.get(..filled).unwrap_or_default());
    let path = text.split(' ').nth(1).unwrap_or_default();
    let token = path.rsplit('/').next().unwrap_or_default();
    let found = answers.borrow().get(token).cloned();
    let response = match found {
        Some(body) => format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
        None => {
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
        }
    };
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}
