//! Sends one event to one endpoint: CloudEvents 1.0 in the body, signed as Standard Webhooks says.

use std::time::Duration;

use guest::{Endpoint, PartnerReply, PartnerRequest, Wasi, now_ms, unreached, within};
use http::StatusCode;
use queue::{Effects, Failure, Message};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};

use crate::lanes::Paces;

/// Sends the messages of one lane to its endpoint.
pub(crate) struct Delivery<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) timeout: Duration,
    pub(crate) paces: &'a Paces<'a, Wasi>,
    pub(crate) lane: usize,
}

impl Delivery<'_> {
    pub(crate) async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        let request = self.request(&message.payload).map_err(Failure::undecodable)?;
        match self.paces.note(self.lane, within(self.timeout, request.send())).await {
            Some(Ok(reply)) => judge(&reply),
            Some(Err(error)) => Err(unreached(&error, "the endpoint", "webhook_origin")),
            None => {
                let reason = format!("the endpoint did not answer within {} ms", self.timeout.as_millis());
                Err(Failure::retry(reason))
            }
        }
    }

    /// Whether a slower endpoint is being asked, so that the wake can't end yet.
    pub(crate) fn is_held_up(&self) -> bool {
        self.paces.is_held_up(self.lane)
    }

    /// Every attempt has the same id, and its own time.
    fn request(&self, event: &[u8]) -> Result<PartnerRequest<'_>, String> {
        let id = order::event::read(event).map_err(|error| error.to_string())?.id;
        let seconds = now_ms() / 1000;
        let signature = self.endpoint.sign(id, seconds, event)?;
        let headers = vec![
            ("content-type", order::event::CONTENT_TYPE.to_owned()),
            (HEADER_WEBHOOK_ID, id.to_owned()),
            (HEADER_WEBHOOK_TIMESTAMP, seconds.to_string()),
            (HEADER_WEBHOOK_SIGNATURE, signature),
        ];
        Ok(PartnerRequest { url: &self.endpoint.url, path: "", headers, body: Some(event.to_vec()) })
    }
}

fn judge(reply: &PartnerReply) -> Result<Effects, Failure> {
    let status = reply.status;
    let reason = format!("the endpoint answered {status}");
    match status {
        _ if status.is_success() => Ok(Effects::counted("webhooks:delivered")),
        // Standard Webhooks: the endpoint is gone and wants no more.
        StatusCode::GONE => Err(Failure::permanent(reason)),
        // Redirects included: following one would carry the order to where nobody allowed it to go.
        _ => Err(Failure::retry_after(reason, reply.retry_after)),
    }
}
