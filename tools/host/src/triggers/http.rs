//! The HTTP trigger: an HTTP/1.1 server.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::run::body::whole;
use crate::run::dispatch::Dispatcher;
use crate::run::engine::INSTANCES;

/// How long to wait after a connection couldn't be accepted, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many requests are answered at once. More wait for their turn, because each may need an instance of its own, and
/// those are limited.
const REQUESTS: usize = 500;
const _: () = assert!(REQUESTS < INSTANCES as usize, "there must be instances left for messages and idle ones");

/// What the requests of a server share.
#[derive(Clone)]
struct Server {
    application: Arc<Dispatcher>,
    turns: Arc<Semaphore>,
}

/// Accepts connections until the application stops.
pub(crate) async fn serve(application: Arc<Dispatcher>, listener: TcpListener) {
    let stopping = application.lifetime().stopping.clone();
    let server = Server { application, turns: Arc::new(Semaphore::new(REQUESTS)) };
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                server.application.lifetime().spawn(converse(server.clone(), stream, client));
            }
            Err(error) => pause(&error).await,
        }
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!("a connection could not be accepted: {error}");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// Answers the requests of one connection. When the application stops, answers the request in hand, then closes the
/// connection.
async fn converse(server: Server, stream: TcpStream, client: SocketAddr) {
    // A response in two small writes would otherwise wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("the client is gone already: {error}");
        return;
    }
    let stopping = server.application.lifetime().stopping.clone();
    let service = service_fn(move |request| respond(server.clone(), request, client));
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
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
) -> Result<Response<WasiBody>, Infallible> {
    let _turn = server.turns.acquire().await;
    let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
    Ok(match with_absolute_uri(request) {
        Some(request) => with_beginning(server.application.route(request, client).await).await,
        None => {
            let mut response = Response::new(whole("The Host header is missing or wrong.\n".into()));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    })
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
    use hyper::body::Frame;

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
        assert_eq!(hyper::body::Body::size_hint(ending.body()).exact(), None);
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
