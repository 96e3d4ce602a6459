//! A client that writes what no library would, byte by byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::within;

/// What came back for one request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// Writes all of it, and reads until the server closes the connection. A server that says no early need not be written
/// to until the end.
pub(crate) async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Vec<Answer> {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let request = request.as_ref().to_vec();
    let writer = tokio::spawn(async move {
        _ = write.write_all(&request).await;
        write
    });
    let mut answer = Vec::new();
    // A server that closes with something unread resets the connection after its answer.
    _ = within("the end of the connection", read.read_to_end(&mut answer)).await;
    drop(writer.await);
    parse(&String::from_utf8(answer).unwrap())
}

fn parse(mut text: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head: head.to_owned(), body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = rest[..length].to_owned();
        text = &rest[length..];
        answers.push(answer);
    }
    assert_eq!(text, "", "an answer that has no end");
    answers
}
