//! A component's outgoing requests: which may go out, and where they go.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use wasmtime_wasi_http::p3::bindings::http::types;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::exchange::exchange;
use crate::run::body::whole;
use crate::run::context::InstanceContext;
use crate::watch::calls::{Answer, Operation, Refusal};
use crate::watch::effects::{Failure, Reply, Stop};

/// The domain under which components of one application reach each other.
const CHAINED: &str = ".spin.internal";

/// What is left to do for a request once its answer has begun: nothing, because the connection runs by itself.
type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// Sends the requests of one instance.
pub(crate) struct Outgoing {
    context: Arc<InstanceContext>,
    stop: StopOrder,
}

/// The order to stop the instance. A request leaves it here, because it can't stop the instance itself.
#[derive(Clone, Default)]
struct StopOrder(Arc<Mutex<Option<Stop>>>);

impl StopOrder {
    fn leave(&self, stop: Stop) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
    }

    fn take(&self) -> Option<Stop> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Outgoing {
    pub(crate) fn new(context: Arc<InstanceContext>) -> Self {
        Self { context, stop: StopOrder::default() }
    }

    /// Takes the order to stop the instance, if a request left one.
    pub(super) fn take_stop(&self) -> Option<Stop> {
        self.stop.take()
    }
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Rest), Error>> + Send> {
        let (context, stop) = (self.context.clone(), self.stop.clone());
        Box::new(async move {
            if !may_send(&context, &request) {
                return Err(Error::HttpRequestDenied);
            }
            let sent = match context.effects.are_watched() {
                false => Ok(send(context, request, options).await),
                true => send_watched(&context, request, options).await,
            };
            match sent {
                Ok(sent) => sent.map(|Sent(response)| (response, Box::new(std::future::ready(Ok(()))) as Rest)),
                Err(ordered) => {
                    stop.leave(ordered);
                    Err(Error::InternalError(None))
                }
            }
        })
    }

    /// Logs the error on demand only: the component gets it too, and decides whether it is worth a word.
    fn p3_error_from_connect(&mut self, error: &io::Error) -> types::ErrorCode {
        tracing::debug!(component = %self.context.component.name, "a connection failed: {error}");
        match error.kind() {
            io::ErrorKind::ConnectionRefused => types::ErrorCode::ConnectionRefused,
            io::ErrorKind::TimedOut => types::ErrorCode::ConnectionTimeout,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                types::ErrorCode::DestinationIpUnroutable
            }
            _ if error.raw_os_error().is_none() => {
                // A failed DNS look-up is the only error without a number of the operating system.
                types::ErrorCode::DnsError(types::DnsErrorPayload { rcode: Some(error.to_string()), info_code: None })
            }
            _ => types::ErrorCode::ConnectionTerminated,
        }
    }

    fn p3_error_from_hyper(&mut self, error: &hyper::Error) -> types::ErrorCode {
        tracing::debug!(component = %self.context.component.name, "an answer could not be read: {error}");
        match error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            true => types::ErrorCode::ConnectionTerminated,
            false => types::ErrorCode::HttpProtocolError,
        }
    }
}

/// A response that has begun.
struct Sent(Response<WasiBody>);

/// Sends a request past the installed calls, which see its whole body.
async fn send_watched(
    context: &Arc<InstanceContext>,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Result<Sent, Error>, Stop> {
    let (parts, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Ok(Err(error)),
    };
    let request = Request::from_parts(parts.clone(), whole(body.clone()));
    let operation = || Operation::Http(Request::from_parts(parts, body));
    context.effects.perform(operation, send(context.clone(), request, options)).await
}

async fn send(
    context: Arc<InstanceContext>,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Sent, Error> {
    let application = context.application()?;
    let host = request.uri().host().unwrap_or_default();
    if let Some(component) = host.strip_suffix(CHAINED) {
        let component = component.to_owned();
        return Ok(Sent(application.chain(&component, request).await));
    }
    if is_itself(host) {
        return Ok(Sent(application.route_to_itself(request).await));
    }
    let partners = application.shared().partners.clone();
    drop(application);
    exchange(&partners, request, options).await.map(Sent)
}

fn may_send(context: &InstanceContext, request: &Request<WasiBody>) -> bool {
    match is_itself(request.uri().host().unwrap_or_default()) {
        true => context.allows_itself(),
        false => context.allows(&request.uri().to_string()),
    }
}

/// Whether a URL means the application itself: it has no host, or Spin's name for that.
fn is_itself(host: &str) -> bool {
    host.is_empty() || host == "self.alt"
}

impl Reply for Sent {
    fn from_answer(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Http(response) => Some(Self(response.map(whole))),
            _ => None,
        }
    }

    fn to_answer(&self) -> Answer {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = self.0.status();
        *response.headers_mut() = self.0.headers().clone();
        Answer::Http(response)
    }
}

impl Failure for Error {
    fn from_refusal(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::Http(error) => Some(error),
            _ => None,
        }
    }

    fn lost() -> Self {
        Self::ConnectionTerminated
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}
