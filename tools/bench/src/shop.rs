//! A shop's kept connection.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::orders;
use crate::system::Running;

/// One connection, which sends one request at a time.
pub(crate) struct Shop {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    orders: &'static str,
    /// What it calls with.
    key: Option<String>,
}

impl Shop {
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("nobody listens at {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its end shows in the requests.
        tokio::spawn(async move { _ = connection.await });
        Ok(Self { sender, host: address.to_string(), orders: "/orders", key: None })
    }

    /// A connection to who is measured, wherever that takes orders.
    pub(crate) async fn of(server: &Running) -> anyhow::Result<Self> {
        Ok(Self { orders: server.orders, ..Self::connect(server.address).await? })
    }

    /// The same with an API key.
    pub(crate) fn with_key(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// Sends an order, and gives the answer if it was taken; `None` if it shall be sent again later.
    pub(crate) async fn place(&mut self, order: orders::Request) -> anyhow::Result<Option<Bytes>> {
        let mut request = Request::post(self.orders)
            .header("host", &self.host)
            .header("content-type", "application/json")
            .header("idempotency-key", order.key);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let (status, body) = self.send(request.body(Full::new(Bytes::from(order.body)))?).await?;
        match status {
            StatusCode::ACCEPTED => Ok(Some(body)),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Ok(None),
            _ => bail!("an order was refused: {status} {}", String::from_utf8_lossy(&body)),
        }
    }

    /// Asks for a path.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<StatusCode> {
        Ok(self.read(path).await?.0)
    }

    /// Asks for a path, and gives all of the answer.
    pub(crate) async fn read(&mut self, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        self.send(Request::get(path).header("host", &self.host).body(Full::default())?).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        self.sender.ready().await?;
        let response: Response<Incoming> = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}
