//! The connections to partners that an application keeps for later requests.
//!
//! They are kept as Spin 4.1 keeps them, which leaves that to hyper-util: all components of an application share them,
//! there may be any number of them, and one that had no request for 90 seconds gets no other. hyper-util gives a
//! connection to the next request before anybody has looked at the answer to the last one. Here the answer decides: a
//! server that refuses a request need not read its rest, and then the connection can't be used again.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::Scheme;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use wasmtime_wasi_http::Error;

use super::outlet::{Outlet, Stream, Writes};
use super::request_body::RequestBody;
use crate::run::lifetime::Lifetime;

/// How long a connection may rest and still get a request. It is hyper-util's default, and so Spin's.
const LONGEST_REST: Duration = Duration::from_secs(90);

/// The connections of one application that rest. They end with it.
pub(crate) struct Partners {
    resting: Mutex<HashMap<Server, Vec<Resting>>>,
    longest_rest: Duration,
    lifetime: Lifetime,
}

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Server {
    is_secure: bool,
    /// A name or an address. An IPv6 address is without brackets.
    host: String,
    port: u16,
}

/// A connection to a partner, for one request at a time. Its drop closes the connection, once the request is over.
pub(super) struct Line {
    pub(super) sender: SendRequest<RequestBody>,
    pub(super) writes: Writes,
    /// It had a request before. So the server may be about to close it.
    pub(super) is_used: bool,
}

struct Resting {
    line: Line,
    until: Instant,
}

impl Partners {
    pub(crate) fn new(lifetime: Lifetime) -> Self {
        Self { resting: Mutex::default(), longest_rest: LONGEST_REST, lifetime }
    }

    /// A connection for one request: the one that came to rest last, or else a new one.
    pub(super) async fn line_to(&self, server: &Server) -> Result<Line, Error> {
        while let Some(mut line) = self.take(server) {
            // Its answer has ended. An instant later hyper is ready for a request, or finds that the server has gone.
            if line.sender.ready().await.is_ok() {
                return Ok(line);
            }
        }
        let (stream, writes) = (server.connect().await?, Writes::default());
        let (sender, connection) = http1::handshake(TokioIo::new(Outlet::new(stream, writes.clone()))).await?;
        self.lifetime.spawn_beside(async {
            if let Err(error) = connection.await {
                tracing::debug!("a connection to a partner ended: {error}");
            }
        });
        Ok(Line { sender, writes, is_used: false })
    }

    fn take(&self, server: &Server) -> Option<Line> {
        let mut resting = self.resting();
        let lines = resting.get_mut(server)?;
        while let Some(newest) = lines.pop() {
            if newest.is_usable() {
                return Some(newest.line);
            }
        }
        resting.remove(server);
        None
    }

    /// Lets a connection rest whose request was written, and whose answer has ended.
    pub(super) fn rest(&self, server: Server, mut line: Line) {
        if line.sender.is_closed() {
            return;
        }
        line.is_used = true;
        let mut resting = self.resting();
        if !resting.contains_key(&server) {
            resting.retain(|_, lines| lines.last().is_some_and(Resting::is_usable));
        }
        let lines = resting.entry(server).or_default();
        if lines.first().is_some_and(|oldest| !oldest.is_usable()) {
            lines.retain(Resting::is_usable);
        }
        lines.push(Resting { line, until: Instant::now() + self.longest_rest });
    }

    /// Lets a connection rest whose answer nobody reads to its end, if the rest of it has come already.
    pub(super) fn rest_if_read(self: Arc<Self>, server: Server, mut line: Line) {
        if line.sender.is_ready() {
            return self.rest(server, line);
        }
        let lifetime = self.lifetime.clone();
        lifetime.spawn_beside(async move {
            if line.sender.ready().await.is_ok() {
                self.rest(server, line);
            }
        });
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<Server, Vec<Resting>>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resting {
    fn is_usable(&self) -> bool {
        !self.line.sender.is_closed() && Instant::now() < self.until
    }
}

impl Server {
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        // In a URL, an IPv6 address stands in brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { is_secure, host, port })
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Error> {
        let stream = TcpStream::connect((&*self.host, self.port)).await.map_err(Error::Connect)?;
        // On a kept connection, a body behind its head would wait for the server's delayed acknowledgement.
        stream.set_nodelay(true).map_err(Error::Connect)?;
        if !self.is_secure {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(|_| Error::HttpRequestUriInvalid)?;
        Ok(Box::new(secured().connect(name, stream).await.map_err(Error::Tls)?))
    }
}

fn secured() -> TlsConnector {
    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    });
    TlsConnector::from(CONFIG.clone())
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use bytes::Bytes;
    use futures::future::join_all;
    use http::{Request, Response};
    use http_body_util::BodyExt;
    use wasmtime_wasi_http::WasiBody;

    use super::super::exchange::exchange;
    use super::*;
    use crate::run::body::whole;

    const DONE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";

    type Socket = std::net::TcpStream;

    /// A server that has each connection served by `serve`, and counts them.
    fn server(serve: impl Fn(Socket) + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (serve, counted) = (Arc::new(serve), connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                thread::spawn(move || serve(stream.unwrap()));
            }
        });
        (address, connections)
    }

    /// Reads a request of one byte. `false`: the connection has ended instead.
    fn read_request(stream: &mut Socket) -> bool {
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"\r\n\r\nx") {
            if !matches!(stream.read(&mut byte), Ok(1)) {
                return false;
            }
            request.extend(byte);
        }
        true
    }

    /// Answers each request.
    fn answer(mut stream: Socket) {
        while read_request(&mut stream) {
            stream.write_all(DONE).unwrap();
        }
    }

    fn partners() -> Arc<Partners> {
        Arc::new(Partners::new(Lifetime::default()))
    }

    async fn head(partners: &Arc<Partners>, address: SocketAddr) -> Result<Response<WasiBody>, Error> {
        let request = Request::post(format!("http://{address}/")).header("content-length", 1);
        exchange(partners, request.body(whole("x".into())).unwrap(), None).await
    }

    async fn body(partners: &Arc<Partners>, address: SocketAddr) -> Bytes {
        head(partners, address).await.unwrap().into_body().collect().await.unwrap().to_bytes()
    }

    /// A server that says when it has closed a connection, which it does after its answer.
    fn closing() -> (SocketAddr, Arc<AtomicUsize>, Receiver<()>) {
        let (closed, when_closed) = channel();
        let (address, connections) = server(move |mut stream| {
            read_request(&mut stream);
            stream.write_all(DONE).unwrap();
            drop(stream);
            closed.send(()).unwrap();
        });
        (address, connections, when_closed)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn there_are_no_more_connections_than_requests_at_once() {
        let (address, connections) = server(answer);
        let partners = partners();
        let in_turn = || async {
            for _ in 0..100 {
                assert_eq!(body(&partners, address).await, "done");
            }
        };
        join_all((0..8).map(|_| in_turn())).await;
        assert!(connections.load(Ordering::SeqCst) <= 8, "{connections:?}");
    }

    #[tokio::test]
    async fn a_connection_that_the_server_has_closed_gets_no_request() {
        let (address, connections, when_closed) = closing();
        let partners = partners();
        for request in 1..=50 {
            assert_eq!(body(&partners, address).await, "done");
            // This holds up everything else on this thread, hyper too.
            when_closed.recv().unwrap();
            // The runtime looks at its sockets. Before hyper learns of it, the next request is under way.
            tokio::task::yield_now().await;
            assert_eq!(connections.load(Ordering::SeqCst), request);
        }
    }

    #[tokio::test]
    async fn a_request_that_was_written_is_not_sent_again() {
        let (came, requests) = channel();
        let (address, _) = server(move |mut stream| {
            let came: Sender<()> = came.clone();
            for answer in [true, false] {
                if read_request(&mut stream) {
                    came.send(()).unwrap();
                }
                if answer {
                    stream.write_all(DONE).unwrap();
                }
            }
        });
        let partners = partners();
        assert_eq!(body(&partners, address).await, "done");
        let lost = head(&partners, address).await.unwrap_err();
        assert!(matches!(&lost, Error::Hyper(error) if error.is_incomplete_message()), "{lost}");
        assert_eq!(body(&partners, address).await, "done", "the next one has a new connection");
        assert_eq!(requests.try_iter().count(), 3);
    }

    #[tokio::test]
    async fn a_connection_is_kept_though_nobody_reads_the_answer() {
        let (address, connections) = server(answer);
        let partners = partners();
        for _ in 0..20 {
            drop(head(&partners, address).await.unwrap());
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_answer_that_is_given_up_before_its_end_takes_its_connection_along() {
        let (address, connections) = server(|mut stream| {
            while read_request(&mut stream) {
                stream.write_all(&DONE[..DONE.len() - 1]).unwrap();
            }
        });
        let partners = partners();
        for request in 1..=20 {
            drop(head(&partners, address).await.unwrap());
            assert_eq!(connections.load(Ordering::SeqCst), request);
        }
    }

    #[tokio::test]
    async fn a_connection_that_rested_for_too_long_gets_no_request() {
        let (address, connections) = server(answer);
        for (longest_rest, expected) in [(LONGEST_REST, 1), (Duration::ZERO, 2)] {
            let partners = Arc::new(Partners { longest_rest, ..Partners::new(Lifetime::default()) });
            let before = connections.load(Ordering::SeqCst);
            body(&partners, address).await;
            body(&partners, address).await;
            assert_eq!(connections.load(Ordering::SeqCst) - before, expected, "{longest_rest:?}");
        }
    }

    #[tokio::test]
    async fn a_killed_application_closes_its_kept_connections() {
        let (ended, endings) = tokio::sync::oneshot::channel();
        let ended = Mutex::new(Some(ended));
        let (address, _) = server(move |mut stream| {
            assert!(read_request(&mut stream));
            stream.write_all(DONE).unwrap();
            let end = stream.read(&mut [0]);
            let is_closed = end.as_ref().map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |&n| n == 0);
            ended.lock().unwrap().take().unwrap().send(is_closed).unwrap();
        });
        let lifetime = Lifetime::default();
        let partners = Arc::new(Partners::new(lifetime.clone()));
        body(&partners, address).await;
        lifetime.kill();
        lifetime.closed().await;
        let ending = tokio::time::timeout(Duration::from_secs(20), endings).await;
        assert!(ending.expect("the connection has ended").unwrap());
        drop(partners);
    }
}
