//! The HTTP trigger: an HTTP/1.1 server. [`pace`](super::pace) bounds how long a client may keep it waiting, and
//! [`connections`](super::connections) how many connections clients may have.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{StreamExt, stream};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::run::body::whole;
use crate::run::dispatch::Dispatcher;
use crate::run::engine::INSTANCES;
use crate::triggers::client_bounds::ClientBounds;
use crate::triggers::connections::{Admitted, Connections};
use crate::triggers::pace::{Pace, PaceTimer, Paced};

/// How long to wait after a connection couldn't be accepted, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many requests are answered at once. More wait for their turn, because each may need an instance of its own, and
/// those are limited.
const REQUESTS: usize = 500;
const _: () = assert!(REQUESTS < INSTANCES as usize, "there must be instances left for messages and idle ones");

/// What a client reads that has no place. It may try again soon: the requests in hand end.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
content-type: text/plain; charset=utf-8\r\ncontent-length: 56\r\n\r\nThere are too many connections. Try again in a second.\r\n";
/// How long a client may take to read that, and how many clients may do so at once. Others are closed at once.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELLS: usize = 100;

/// What the requests of a server share.
#[derive(Clone)]
struct Server {
    application: Arc<Dispatcher>,
    turns: Arc<Semaphore>,
    connections: Arc<Connections>,
    farewells: Arc<Semaphore>,
}

/// Accepts connections until the application stops.
pub(crate) async fn serve(application: Arc<Dispatcher>, listener: TcpListener, bounds: ClientBounds) {
    let stopping = application.lifetime().stopping.clone();
    let server = Server {
        application,
        turns: Arc::new(Semaphore::new(REQUESTS)),
        connections: Connections::new(bounds),
        farewells: Arc::new(Semaphore::new(FAREWELLS)),
    };
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => server.receive(stream, client),
            Err(error) => pause(&error).await,
        }
    }
}

impl Server {
    fn receive(&self, stream: TcpStream, client: SocketAddr) {
        let lifetime = self.application.lifetime();
        match self.connections.admit(client.ip()) {
            Some(admitted) => lifetime.spawn(converse(self.clone(), stream, client, admitted)),
            None => {
                if let Ok(farewell) = self.farewells.clone().try_acquire_owned() {
                    lifetime.spawn_beside(async move {
                        _ = timeout(FAREWELL, turn_away(stream)).await;
                        drop(farewell);
                    });
                }
            }
        }
    }
}

/// Says that there is no place. Closed with something unread, the connection would be reset, and the client might not
/// see the answer.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(NO_PLACE).await?;
    stream.shutdown().await?;
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

async fn pause(error: &io::Error) {
    tracing::warn!("a connection could not be accepted: {error}");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// Answers the requests of one connection, until it keeps the host waiting for too long. When the application stops or
/// another connection needs its place, it answers the request in hand, then it ends.
async fn converse(server: Server, stream: TcpStream, client: SocketAddr, admitted: Admitted) {
    // A response in two small writes would otherwise wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("the client is gone already: {error}");
        return;
    }
    let stopping = server.application.lifetime().stopping.clone();
    let (bounds, pace) = (*server.connections.bounds(), admitted.pace.clone());
    let service = service_fn({
        let pace = pace.clone();
        move |request| respond(server.clone(), request, client, pace.clone())
    });
    let mut http = http1::Builder::new();
    http.header_read_timeout(None).max_header_size(bounds.head_bytes);
    let mut connection = pin!(http.serve_connection(TokioIo::new(Paced { stream, pace: admitted }), service));
    let mut timer = PaceTimer::new(&bounds);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = poll_fn(|cx| timer.poll_overdue(&pace, &bounds, cx)) => {
            tracing::debug!(%client, "a connection kept the host waiting for too long");
            return;
        }
        () = pace.evicted.notified() => {
            if pace.silence().is_some() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%client, "a connection ended early: {error}");
    }
}

async fn respond(
    server: Server,
    request: Request<Incoming>,
    client: SocketAddr,
    pace: Arc<Pace>,
) -> Result<Response<Answer>, Infallible> {
    pace.request();
    let _turn = server.turns.acquire().await;
    let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
    let response = match with_absolute_uri(request) {
        Some(request) => with_beginning(server.application.route(request, client).await).await,
        None => {
            let mut response = Response::new(whole("The Host header is missing or wrong.\n".into()));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    };
    Ok(response.map(|body| Answer { body, pace }))
}

/// A body that says when it is handed over.
struct Answer {
    body: WasiBody,
    pace: Arc<Pace>,
}

impl Body for Answer {
    type Data = <WasiBody as Body>::Data;
    type Error = <WasiBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.pace.answered();
    }
}

/// Waits for the first part of a body of known length, so that one write sends it together with the head. Most bodies
/// have no more parts. A body of unknown length may be a stream, so nothing waits for it.
async fn with_beginning(response: Response<WasiBody>) -> Response<WasiBody> {
    if !response.headers().contains_key(header::CONTENT_LENGTH) {
        return response;
    }
    let (head, body) = response.into_parts();
    let mut frames = StreamExt::fuse(BodyStream::new(body));
    let first = frames.next().await;
    Response::from_parts(head, StreamBody::new(stream::iter(first).chain(frames)).boxed_unsync())
}

/// Puts scheme and authority into the URI of a request, where a component looks for them. The authority comes from the
/// Host header or from the request line. `None` if they contradict each other, if there are several hosts, or if a
/// request of HTTP/1.1 names none (RFC 9112, section 3.2). One of HTTP/1.0 need not: probes still send such.
fn with_absolute_uri<B>(mut request: Request<B>) -> Option<Request<B>> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(Authority::try_from(host.as_bytes()).ok()?),
        (None, _) => None,
        (Some(_), Some(_)) => return None,
    };
    let mut parts = request.uri().clone().into_parts();
    let authority = match (host, parts.authority.take()) {
        (Some(host), Some(named)) if host != named => return None,
        (None, None) if request.version() < Version::HTTP_11 => Authority::from_static("localhost"),
        (host, named) => host.or(named)?,
    };
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    parts.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    Some(request)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::FutureExt;
    use futures::channel::mpsc::{UnboundedSender, unbounded};

    use super::*;

    type Piece = Result<&'static str, Error>;

    /// A response and what sends the pieces of its body.
    fn response(length: Option<usize>) -> (Response<WasiBody>, UnboundedSender<Piece>) {
        let (sender, pieces) = unbounded::<Piece>();
        let frames = pieces.map(|piece| piece.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))));
        let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
        if let Some(length) = length {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        (response, sender)
    }

    #[test]
    fn a_response_of_known_length_waits_for_the_beginning_of_its_body() {
        let (known, sender) = response(Some(8));
        let mut waiting = Box::pin(with_beginning(known));
        assert!(waiting.as_mut().now_or_never().is_none());
        sender.unbounded_send(Ok("half")).expect("a reader");
        let response = waiting.now_or_never().expect("it waits for no more");
        sender.unbounded_send(Ok("rest")).expect("a reader");
        drop(sender);
        let body = response.into_body().collect().now_or_never().expect("it is all there").expect("it is whole");
        assert_eq!(body.to_bytes(), "halfrest");
    }

    #[test]
    fn a_response_of_unknown_length_waits_for_nothing() {
        assert!(with_beginning(response(None).0).now_or_never().is_some());
    }

    #[test]
    fn a_body_that_fails_or_ends_early_does_so_still() {
        let (failing, sender) = response(Some(8));
        sender.unbounded_send(Err(Error::ConnectionTerminated)).expect("a reader");
        let failing = with_beginning(failing).now_or_never().expect("there is an end");
        assert!(failing.into_body().collect().now_or_never().expect("there is an end").is_err());
        let (ending, sender) = response(Some(8));
        drop(sender);
        let ending = with_beginning(ending).now_or_never().expect("there is an end");
        // An empty body of known length would keep the client waiting for what the head has promised.
        assert_eq!(Body::size_hint(ending.body()).exact(), None);
        assert!(
            ending
                .into_body()
                .collect()
                .now_or_never()
                .expect("there is an end")
                .expect("no error")
                .to_bytes()
                .is_empty()
        );
    }

    #[test]
    fn the_authority_comes_from_the_host_header_or_the_request_line() {
        for (uri, host, expected) in [
            ("/a?b=c", Some("shop.test:3000"), Some("http://shop.test:3000/a?b=c")),
            ("http://shop.test/a", None, Some("http://shop.test/a")),
            ("http://shop.test/a", Some("shop.test"), Some("http://shop.test/a")),
            ("http://shop.test/a", Some("other.test"), None),
            ("/a", Some("not a host"), None),
            ("/a", None, None),
        ] {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(header::HOST, host);
            }
            let absolute = with_absolute_uri(request.body(()).expect("a request"));
            assert_eq!(absolute.map(|request| request.uri().to_string()).as_deref(), expected, "{uri} {host:?}");
        }
    }

    #[test]
    fn several_hosts_are_none() {
        let request = Request::builder().uri("/").header(header::HOST, "shop.test").header(header::HOST, "shop.test");
        assert!(with_absolute_uri(request.body(()).expect("a request")).is_none());
    }
}
