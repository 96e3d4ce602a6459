//! The payment provider: each order is charged once and refunded once, because both carry the order's id as their
//! Idempotency-Key, however often they are sent.

use std::time::Duration;

use guest::{PaymentProvider, Post, describe_failure, within};
use http::StatusCode;
use order::payment::{ChargeRequest, RefundRequest, read_id, read_problem};
use order::{NewOrder, OrderId, PaymentId, Placed};
use queue::Failure;

/// Charges orders and refunds them.
pub(crate) struct Payments(pub(crate) PaymentProvider);

/// What the provider said to a charge.
pub(crate) enum Charge {
    /// The money is there.
    Taken(PaymentId),
    /// It won't be, with the provider's words where it had any.
    Declined(Option<String>),
}

/// An answer, read whole.
struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Bytes of an answer that are read: an id or a problem.
const ANSWER_BYTES: usize = 64 * 1024;

impl Payments {
    /// Takes an order's total.
    pub(crate) async fn charge(&self, placed: &Placed) -> Result<Charge, Failure> {
        let answer = self.post("/charges", &placed.id, ChargeRequest::new(placed).to_json()).await?;
        match answer.status {
            StatusCode::PAYMENT_REQUIRED => Ok(Charge::Declined(read_problem(&answer.body))),
            _ => answer.id().map(Charge::Taken),
        }
    }

    /// Gives an order's total back. `None`: nothing was ever taken for it.
    pub(crate) async fn refund(
        &self,
        id: OrderId,
        order: &NewOrder,
        charge: Option<&PaymentId>,
    ) -> Result<Option<PaymentId>, Failure> {
        let answer = self.post("/refunds", &id, RefundRequest::new(id, order, charge).to_json()).await?;
        match (answer.status, charge) {
            (StatusCode::NOT_FOUND, None) => Ok(None),
            _ => answer.id().map(Some),
        }
    }

    async fn post(&self, path: &str, order: &OrderId, body: Vec<u8>) -> Result<Answer, Failure> {
        let PaymentProvider { url, key, timeout } = &self.0;
        let mut headers = vec![("content-type", "application/json".to_owned()), ("idempotency-key", order.to_string())];
        headers.extend(key.as_ref().map(|key| ("authorization", format!("Bearer {key}"))));
        let request = Post { url, path, headers, body };
        let Some(answer) = within(*timeout, exchange(request)).await else {
            return Err(Failure::retry(format!(
                "the payment provider did not answer within {} ms",
                timeout.as_millis()
            )));
        };
        answer.map_err(Failure::retry)
    }
}

async fn exchange(request: Post<'_>) -> Result<Answer, String> {
    let reply = request.send().await;
    let reply = reply.map_err(|error| describe_failure(&error, "the payment provider", "payment_origin"))?;
    let (status, retry_after) = (reply.status, reply.retry_after);
    let body = reply.read(ANSWER_BYTES).await;
    let body = body.map_err(|_| "the payment provider's answer broke off or is too long".to_owned())?;
    Ok(Answer { status, retry_after, body })
}

impl Answer {
    /// The id in a good answer, or what is to become of a bad one.
    fn id(&self) -> Result<PaymentId, Failure> {
        if self.status.is_success() {
            return read_id(&self.body).ok_or_else(|| Failure::retry("the payment provider's answer has no id"));
        }
        let status = self.status.as_u16();
        let reason = match read_problem(&self.body) {
            Some(problem) => format!("the payment provider answered {status}: {problem}"),
            None => format!("the payment provider answered {status}"),
        };
        match self.status {
            // It asks for patience, or still works on an earlier try with the same key.
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::CONFLICT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS => Err(Failure::retry_after(reason, self.retry_after)),
            status if status.is_client_error() => Err(Failure::permanent(reason)),
            _ => Err(Failure::retry_after(reason, self.retry_after)),
        }
    }
}
