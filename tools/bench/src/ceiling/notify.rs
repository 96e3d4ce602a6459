//! Telling an endpoint, natively: signed as Standard Webhooks says, on a kept connection.

use anyhow::Context;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use order::event;
use queue::{Class, Effects, Failure, Handler, Message};
use standardwebhooks::Webhook;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::native::now;
use crate::system::SECRET;

/// Takes changes off the queue, and sends them if there is someone to be told.
pub(crate) struct Notifier {
    endpoint: Option<Uri>,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Notifier {
    pub(crate) fn new(endpoint: Option<Uri>) -> Self {
        Self { endpoint, connection: Mutex::default() }
    }

    async fn send(&self, endpoint: &Uri, payload: &[u8]) -> anyhow::Result<StatusCode> {
        let id = event::read(payload)?.id;
        let seconds = now().ms() / 1000;
        let signature = Webhook::new(SECRET)?.sign(id, seconds as i64, payload)?;
        let authority = endpoint.authority().context("the endpoint has no host")?;
        let request = Request::post(endpoint.path())
            .header("host", authority.as_str())
            .header("content-type", event::CONTENT_TYPE)
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(Full::new(Bytes::copy_from_slice(payload)))?;
        let mut kept = self.connection.lock().await;
        let sender = match kept.take() {
            Some(sender) => kept.insert(sender),
            None => kept.insert(connect(authority.as_str()).await?),
        };
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status)
    }
}

async fn connect(authority: &str) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move { _ = connection.await });
    Ok(sender)
}

impl Handler for Notifier {
    async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        let Some(endpoint) = &self.endpoint else { return Ok(Effects::default()) };
        match self.send(endpoint, &message.payload).await {
            Ok(status) if status.is_success() => Ok(Effects::default()),
            Ok(status) => Err(Failure::retry(format!("the endpoint answered {status}"))),
            Err(error) => Err(Failure::retry(error.to_string())),
        }
    }

    async fn buried(&self, _message: &Message, _class: Class, _reason: &str) -> Effects {
        Effects::default()
    }

    fn log(&self, _line: &str) {}

    async fn settled(&self) {}
}
