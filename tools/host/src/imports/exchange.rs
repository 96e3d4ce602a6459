//! One request and its answer, on a connection of its own.
//!
//! Spin keeps an answer that came, whatever becomes of its connection afterwards. wasmtime's own way of sending, which
//! this replaces, gives the component an error where the connection fails as soon as the answer is read.

use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::outlet::{Enough, Outlet, Stream};

/// Drives the connection while the rest of the answer is read. How it ends, the answer's body tells.
pub(super) type Drive = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// How long each step may take if the component doesn't say.
const PATIENCE: Duration = Duration::from_secs(600);

/// Sends a request, and waits for the head of its answer.
pub(super) async fn exchange(
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<(Response<WasiBody>, Drive), Error> {
    let options = options.unwrap_or_default();
    let connecting = timeout(options.connect_timeout.unwrap_or(PATIENCE), connect(request.uri()));
    let stream = connecting.await.unwrap_or(Err(Error::ConnectionTimeout))?;
    let enough = Enough::default();
    let (mut sender, connection) = http1::handshake(TokioIo::new(Outlet::new(stream, enough.clone()))).await?;
    let mut connection = Box::pin(connection);

    let answer = timeout(options.first_byte_timeout.unwrap_or(PATIENCE), sender.send_request(in_origin_form(request)));
    let (answer, is_over) = match select(pin!(answer), &mut connection).await {
        Either::Left((answer, _)) => (answer, false),
        // The connection has handed over before its end what there is to say, be it an answer or an error.
        Either::Right((_, answer)) => (answer.await, true),
    };
    let answer = answer.map_err(|_| Error::ConnectionReadTimeout)??;
    if answer.status().as_u16() >= 300 {
        enough.say();
    }
    let limit = options.between_bytes_timeout.unwrap_or(PATIENCE);
    let answer = answer.map(|incoming| AnswerBody { incoming, limit, waiting: None }.boxed_unsync());
    let drive = async move {
        if !is_over && let Err(error) = connection.await {
            tracing::debug!("a connection ended after its answer: {error}");
        }
        Ok(())
    };
    Ok((answer, Box::new(drive)))
}

async fn connect(uri: &Uri) -> Result<Box<dyn Stream>, Error> {
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
    let secure = uri.scheme() == Some(&Scheme::HTTPS);
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    // In a URL, an IPv6 address stands in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await.map_err(Error::Connect)?;
    if !secure {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(Box::new(secured().connect(name, stream).await.map_err(Error::Tls)?))
}

fn secured() -> TlsConnector {
    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    });
    TlsConnector::from(CONFIG.clone())
}

/// Only a proxy is told scheme and host in the request's first line.
fn in_origin_form(mut request: Request<WasiBody>) -> Request<WasiBody> {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    request
}

/// The body of an answer. It ends with an error if nothing comes for too long.
struct AnswerBody {
    incoming: Incoming,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            self.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        let limit = self.limit;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{SocketAddr, TcpListener};
    use std::thread;

    use futures::future::join;

    use super::*;
    use crate::run::body::whole;

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

    async fn send(address: SocketAddr, bytes: usize) -> (Response<Bytes>, Result<(), Error>) {
        let request = Request::post(format!("http://{address}/charges")).header("content-length", bytes);
        let request = request.body(whole(vec![b'x'; bytes].into())).unwrap();
        let (answer, drive) = exchange(request, None).await.unwrap();
        let (head, body) = answer.into_parts();
        let (body, driven) = join(body.collect(), Box::into_pin(drive)).await;
        (Response::from_parts(head, body.unwrap().to_bytes()), driven)
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
            let (answer, driven) = send(address, [1, 100_000, MUCH][round % 3]).await;
            assert_refused(&answer);
            driven.unwrap();
        }
    }

    #[tokio::test]
    async fn a_server_that_refuses_a_request_need_not_read_its_rest() {
        let (keep, _kept) = std::sync::mpsc::channel();
        let address = serve(move |stream| keep.send(stream).unwrap());
        let (answer, driven) = timeout(Duration::from_secs(20), send(address, MUCH)).await.unwrap();
        assert_refused(&answer);
        driven.unwrap();
    }
}
