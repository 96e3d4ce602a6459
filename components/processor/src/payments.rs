//! The payment provider. However often a charge or a refund is sent, the provider carries it out once, because it
//! carries the order's id as its Idempotency-Key.

use std::time::Duration;

use guest::{PaymentProvider, Post, unreached, within};
use http::StatusCode;
use order::payment::{ChargeRequest, RefundRequest, read_id, read_problem};
use order::{NewOrder, OrderId, PaymentId, Placed};
use queue::Failure;

/// Charges orders and refunds them.
pub(crate) struct Payments(pub(crate) PaymentProvider);

/// The provider's answer to a charge.
pub(crate) enum Charge {
    /// The provider took the money.
    Taken(PaymentId),
    /// The provider declined. It may have said why.
    Declined(Option<String>),
}

/// The provider's answer, read whole.
struct ProviderReply {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Most bytes that are read of an answer, which is an id or a problem.
const ANSWER_BYTES: usize = 64 * 1024;

impl Payments {
    /// Takes an order's total.
    pub(crate) async fn charge(&self, placed: &Placed) -> Result<Charge, Failure> {
        let reply = self.post("/charges", &placed.id, ChargeRequest::new(placed).to_json()).await?;
        match reply.status {
            StatusCode::PAYMENT_REQUIRED => Ok(Charge::Declined(read_problem(&reply.body))),
            _ => reply.id().map(Charge::Taken),
        }
    }

    /// Gives an order's total back. `None`: the provider never took anything for the order.
    pub(crate) async fn refund(
        &self,
        id: OrderId,
        order: &NewOrder,
        charge: Option<&PaymentId>,
    ) -> Result<Option<PaymentId>, Failure> {
        let reply = self.post("/refunds", &id, RefundRequest::new(id, order, charge).to_json()).await?;
        match (reply.status, charge) {
            (StatusCode::NOT_FOUND, None) => Ok(None),
            _ => reply.id().map(Some),
        }
    }

    async fn post(&self, path: &str, order: &OrderId, body: Vec<u8>) -> Result<ProviderReply, Failure> {
        let PaymentProvider { url, key, timeout } = &self.0;
        let mut headers = vec![("content-type", "application/json".to_owned()), ("idempotency-key", order.to_string())];
        headers.extend(key.as_ref().map(|key| ("authorization", format!("Bearer {key}"))));
        let request = Post { url, path, headers, body };
        within(*timeout, exchange(request)).await.unwrap_or_else(|| {
            Err(Failure::retry(format!("the payment provider did not answer within {} ms", timeout.as_millis())))
        })
    }
}

async fn exchange(request: Post<'_>) -> Result<ProviderReply, Failure> {
    let reply = request.send().await.map_err(|error| unreached(&error, "the payment provider", "payment_origin"))?;
    let (status, retry_after) = (reply.status, reply.retry_after);
    let body = reply
        .read(ANSWER_BYTES)
        .await
        .map_err(|_| Failure::retry_after("the payment provider's answer broke off or is too long", retry_after))?;
    Ok(ProviderReply { status, retry_after, body })
}

impl ProviderReply {
    /// The id in a good answer, or the failure that a bad one is.
    fn id(&self) -> Result<PaymentId, Failure> {
        if self.status.is_success() {
            let no_id = || Failure::retry_after("the payment provider's answer has no id", self.retry_after);
            return read_id(&self.body).ok_or_else(no_id);
        }
        let status = self.status.as_u16();
        let reason = match read_problem(&self.body) {
            Some(problem) => format!("the payment provider answered {status}: {problem}"),
            None => format!("the payment provider answered {status}"),
        };
        match self.status {
            // The provider asks for patience, or still works on an earlier try with the same key.
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::CONFLICT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS => Err(Failure::retry_after(reason, self.retry_after)),
            status if status.is_client_error() => Err(Failure::permanent(reason)),
            _ => Err(Failure::retry_after(reason, self.retry_after)),
        }
    }
}
