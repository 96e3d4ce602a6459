//! An HTTP client with kept connections, as a shop has one.

use std::net::SocketAddr;

use super::description::Description;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Sends requests to one address.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    /// What its answers must fit.
    description: Option<&'static Description>,
}

impl Client {
    /// A client of whoever listens at an address.
    pub fn new(address: SocketAddr) -> Self {
        Self { pool: Pool::builder(TokioExecutor::new()).build_http(), address, description: None }
    }

    /// A client of the application, each of whose answers must be described.
    pub fn of_application(address: SocketAddr) -> Self {
        Self { description: Some(Description::get()), ..Self::new(address) }
    }

    /// The same for answers that the description needn't know, such as what a later release left in the store.
    #[must_use]
    pub fn whatever_comes(self) -> Self {
        Self { description: None, ..self }
    }

    /// Sends a request whose URI is only a path. Fails where no answer comes.
    pub async fn try_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let method = parts.method.clone();
        parts.uri = Uri::try_from(format!("http://{}{path}", self.address)).expect("a URI");
        let response = self.pool.request(Request::from_parts(parts, Full::new(body))).await;
        let (parts, body) = response.map_err(|error| error.to_string())?.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        let answer = Response::from_parts(parts, body);
        if let Some(description) = self.description {
            description.check(&method, &path, &answer);
        }
        Ok(answer)
    }

    /// Sends a request that must be answered.
    pub async fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.try_send(request).await.expect("an answer")
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Response<Bytes> {
        self.send(Request::get(path).body(Bytes::new()).expect("a request")).await
    }
}
