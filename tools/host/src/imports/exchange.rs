//! One request and its answer, on a connection that is kept for the next one.
//!
//! Spin keeps an answer that came, whatever becomes of its connection afterwards. wasmtime's own way of sending, which
//! this replaces, gives the component an error where the connection fails as soon as the answer is read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep, timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::partners::{Line, Partners, Server};
use super::request_body::{IsSent, RequestBody};

/// How long each step may take if the component doesn't say.
const PATIENCE: Duration = Duration::from_secs(600);

/// Sends a request, and waits for the head of its answer.
///
/// A server may close a kept connection just when the request comes. If hyper finds that before it has written the
/// first byte, it gives the request back, and another connection gets it. After that nobody can know what the server
/// did. So the request isn't sent again here: the component gets an error, as in Spin.
pub(super) async fn exchange(
    partners: &Arc<Partners>,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let options = options.unwrap_or_default();
    let server = Server::of(request.uri())?;
    let (request, is_sent) = (in_origin_form(request), IsSent::default());
    let mut request = request.map(|body| RequestBody::new(body, is_sent.clone()));
    loop {
        let found = timeout(options.connect_timeout.unwrap_or(PATIENCE), partners.line_to(&server));
        let mut line = found.await.unwrap_or(Err(Error::ConnectionTimeout))?;
        let answer = timeout(options.first_byte_timeout.unwrap_or(PATIENCE), line.sender.try_send_request(request));
        match answer.await.map_err(|_| Error::ConnectionReadTimeout)? {
            Ok(answer) => {
                let loan = Loan { partners: partners.clone(), server, line, is_sent };
                let limit = options.between_bytes_timeout.unwrap_or(PATIENCE);
                return Ok(received(answer, loan, limit));
            }
            Err(mut unanswered) => match unanswered.take_message() {
                // On a new connection it would fail again.
                Some(unsent) if line.is_used => request = unsent,
                _ => return Err(unanswered.into_error().into()),
            },
        }
    }
}

/// Gives the connection back if the answer has no body. If the server refuses the request, has it read no more of it.
fn received(answer: Response<Incoming>, loan: Loan, limit: Duration) -> Response<WasiBody> {
    if answer.status().as_u16() >= 300 && !loan.is_request_written() {
        loan.line.writes.wait_no_more();
    }
    answer.map(|incoming| {
        let mut body = AnswerBody { incoming, limit, waiting: None, loan: Some(loan) };
        body.give_back_at_the_end();
        body.boxed_unsync()
    })
}

/// Only a proxy is told scheme and host in the request's first line.
fn in_origin_form(mut request: Request<WasiBody>) -> Request<WasiBody> {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    request
}

/// A connection, and to whom it goes back.
struct Loan {
    partners: Arc<Partners>,
    server: Server,
    line: Line,
    is_sent: IsSent,
}

impl Loan {
    fn is_request_written(&self) -> bool {
        self.is_sent.get() && !self.line.writes.are_waiting()
    }
}

/// The body of an answer. It ends with an error if nothing comes for too long.
struct AnswerBody {
    incoming: Incoming,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Until the answer has ended.
    loan: Option<Loan>,
}

impl AnswerBody {
    /// A server that is still to read the rest of a request keeps its connection for that.
    fn give_back_at_the_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(loan) = self.loan.take().filter(Loan::is_request_written)
        {
            loan.partners.rest(loan.server, loan.line);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            self.waiting = None;
            self.give_back_at_the_end();
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        let limit = self.limit;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx));
        self.loan = None;
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Most components read no further than the head. A short body has come by then, so the connection can be kept.
impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(loan) = self.loan.take().filter(Loan::is_request_written) {
            loan.partners.rest_if_read(loan.server, loan.line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{SocketAddr, TcpListener};
    use std::thread;

    use futures::SinkExt;

    use super::*;
    use crate::run::body::whole;
    use crate::run::lifetime::Lifetime;

    const REFUSED: &[u8] =
        b"HTTP/1.1 413 Content Too Large\r\nRetry-After: 7\r\nContent-Length: 12\r\n\r\nthat is much";

    /// More than the buffers between client and server hold.
    const MUCH: usize = 16 * 1024 * 1024;

    /// Reads the head of each request, answers it and does `then` with the connection.
    fn serve(then: impl Fn(std::net::TcpStream) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                read_head(&mut stream);
                stream.write_all(REFUSED).unwrap();
                then(stream);
            }
        });
        address
    }

    fn read_head(stream: &mut impl std::io::Read) {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
    }

    async fn send(partners: &Arc<Partners>, address: SocketAddr, bytes: usize) -> Response<Bytes> {
        let request = Request::post(format!("http://{address}/charges")).header("content-length", bytes);
        let request = request.body(whole(vec![b'x'; bytes].into())).unwrap();
        let (head, body) = exchange(partners, request, None).await.unwrap().into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    fn partners() -> Arc<Partners> {
        Arc::new(Partners::new(Lifetime::default()))
    }

    fn assert_refused(answer: &Response<Bytes>) {
        assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (413, &"7".parse().unwrap()));
        assert_eq!(answer.body(), "that is much");
    }

    #[tokio::test]
    async fn an_answer_that_comes_before_the_request_is_read_outlives_the_connection() {
        // What is unread when a socket is closed has the connection reset.
        let address = serve(drop);
        for round in 0..200 {
            assert_refused(&send(&partners(), address, [1, 100_000, MUCH][round % 3]).await);
        }
    }

    #[tokio::test]
    async fn a_server_that_refuses_a_request_need_not_read_its_rest() {
        let (keep, kept) = std::sync::mpsc::channel();
        let (address, partners) = (serve(move |stream| keep.send(stream).unwrap()), partners());
        for connections in 1..=3 {
            let answer = timeout(Duration::from_secs(20), send(&partners, address, MUCH)).await.unwrap();
            assert_refused(&answer);
            // Its connection gets no other request, and ends.
            let mut connection = kept.recv().unwrap();
            let rest = tokio::task::spawn_blocking(move || std::io::copy(&mut connection, &mut std::io::sink()));
            let rest = timeout(Duration::from_secs(20), rest).await.unwrap().unwrap();
            assert!(rest.is_err() || rest.is_ok_and(|read| read < MUCH as u64), "{connections}");
        }
    }

    #[tokio::test]
    async fn whoever_writes_a_request_that_is_refused_need_not_wait_for_the_server() {
        let (keep, _kept) = std::sync::mpsc::channel();
        let address = serve(move |stream| keep.send(stream).unwrap());
        let (mut pieces, body) = futures::channel::mpsc::channel::<Result<Frame<Bytes>, Error>>(0);
        let request = Request::post(format!("http://{address}/charges"));
        let request = request.body(http_body_util::StreamBody::new(body).boxed_unsync()).unwrap();
        let writing = tokio::spawn(async move {
            for _ in 0..MUCH / 65_536 {
                pieces.send(Ok(Frame::data(vec![b'x'; 65_536].into()))).await.unwrap();
            }
        });
        let partners = partners();
        let answer = exchange(&partners, request, None).await.unwrap();
        assert_eq!(answer.status(), 413);
        timeout(Duration::from_secs(20), writing).await.unwrap().unwrap();
    }
}
