//! One event to one endpoint: CloudEvents 1.0 in the body, signed as Standard Webhooks says.

use std::time::Duration;

use guest::{Endpoint, Post, Reply, describe_failure, now_ms, within};
use http::StatusCode;
use queue::{Class, Effects, Message, Outcome};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};

/// Sends the messages of one lane to its endpoint.
pub(crate) struct Delivery<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) timeout: Duration,
}

impl Delivery<'_> {
    pub(crate) async fn handle(&self, message: &Message) -> Outcome {
        let request = match self.request(&message.payload) {
            Ok(request) => request,
            Err(reason) => return Outcome::Bury { class: Class::Undecodable, reason },
        };
        match within(self.timeout, request.send()).await {
            Some(Ok(reply)) => judge(&reply),
            Some(Err(error)) => retry(describe_failure(&error, "the endpoint", "webhook_origin")),
            None => retry(format!("the endpoint did not answer within {} ms", self.timeout.as_millis())),
        }
    }

    /// The id stays the same in every attempt, the time is the attempt's own.
    fn request(&self, event: &[u8]) -> Result<Post<'_>, String> {
        let id = order::event::read(event).map_err(|error| error.to_string())?.id;
        let seconds = now_ms() / 1000;
        let signature = self.endpoint.signer.sign(id, seconds as i64, event).map_err(|error| error.to_string())?;
        let headers = vec![
            ("content-type", order::event::CONTENT_TYPE.to_owned()),
            (HEADER_WEBHOOK_ID, id.to_owned()),
            (HEADER_WEBHOOK_TIMESTAMP, seconds.to_string()),
            (HEADER_WEBHOOK_SIGNATURE, signature),
        ];
        Ok(Post { url: &self.endpoint.url, path: "", headers, body: event.to_vec() })
    }
}

fn judge(reply: &Reply) -> Outcome {
    let status = reply.status;
    let reason = format!("the endpoint answered {status}");
    match status {
        _ if status.is_success() => {
            Outcome::Done(Effects { counter: Some("webhooks:delivered".to_owned()), ..Effects::default() })
        }
        // Standard Webhooks: the endpoint is gone and wants no more.
        StatusCode::GONE => Outcome::Bury { class: Class::Permanent, reason },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Outcome::Retry { reason, at_least: reply.retry_after.unwrap_or_default() }
        }
        // Redirects included: following one would carry the order to where nobody allowed it to go.
        _ => retry(reason),
    }
}

fn retry(reason: String) -> Outcome {
    Outcome::Retry { reason, at_least: Duration::ZERO }
}
