//! The payment provider. However often a charge or a refund is sent, the provider carries it out once, because its
//! Idempotency-Key says which order it is for, and what it is.

use std::cell::RefCell;
use std::time::Duration;

use guest::{BodyError, PaymentProvider, Post, now_ms, unreached, within};
use http::StatusCode;
use order::means::HIDDEN;
use order::event::payments_turned;
use order::payment::{ChargeRequest, ProviderAnswer, RefundRequest, read_answer, read_problem};
use order::{Means, NewOrder, OrderId, PaymentId, Placed, Provider, Timestamp, queues};
use queue::{Emit, Failure, Leave, Message, MessageId, News, Report, Showed};

/// Charges orders and refunds them.
pub(crate) struct Payments {
    pub(crate) partner: PaymentProvider,
    /// What the deliveries in work found out about it.
    reports: RefCell<Vec<(MessageId, Report)>>,
}

/// A delivery that asks the provider.
pub(crate) struct Asking<'a> {
    pub(crate) message: &'a Message,
    pub(crate) leave: Leave,
}

/// The provider's answer to a charge.
pub(crate) enum Charge {
    /// The provider took the money.
    Taken(PaymentId),
    /// The provider declined. It may have said why.
    Declined(Option<String>),
}

/// The provider's answer to a refund.
pub(crate) enum Refund {
    /// It gave the money back.
    Given(PaymentId),
    /// It never charged the order, and never will.
    Closed,
    /// It knows of no charge, but may still have one under way.
    Unknown,
}

/// The provider's answer, read whole.
struct ProviderReply {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// `None`: it is too long.
    body: Option<Vec<u8>>,
    /// What nobody may read, though the provider repeats it.
    secret: Option<String>,
}

/// Most bytes that are read of an answer, which is an id or a problem.
const ANSWER_BYTES: usize = 64 * 1024;

impl Payments {
    pub(crate) fn new(partner: PaymentProvider) -> Self {
        Self { partner, reports: RefCell::default() }
    }

    /// The provider, as records name it.
    pub(crate) fn provider(&self) -> Option<Provider> {
        self.partner.name().parse().ok()
    }

    /// What this delivery found out, once.
    pub(crate) fn take_report(&self, message: &Message) -> Option<Report> {
        let mut reports = self.reports.borrow_mut();
        let at = reports.iter().position(|(id, _)| *id == message.id)?;
        Some(reports.swap_remove(at).1)
    }

    fn note(&self, message: &Message, showed: Showed, news: Option<News>) {
        let report = Report { partner: self.partner.name().to_owned(), showed, news };
        self.reports.borrow_mut().push((message.id.clone(), report));
    }

    /// Whether this delivery has leave to ask. If it has not, its order waits in its place.
    pub(crate) fn begin<'a>(&self, message: &'a Message, leave: Leave) -> Result<Asking<'a>, Failure> {
        if leave != Leave::Waits {
            return Ok(Asking { message, leave });
        }
        self.note(message, Showed::Waits, None);
        Err(Failure::release("the payment provider fails for all orders, so this one waits until it answers"))
    }

    /// Notes what came of asking. A probe that failed spends no attempt.
    fn learn(&self, asking: &Asking<'_>, result: Result<ProviderReply, Failure>) -> Result<ProviderReply, Failure> {
        let failed = match &result {
            // Nothing was sent.
            Err(Failure::Release { .. }) => return result,
            Err(Failure::Retry { reason, at_least }) => Some((reason.clone(), *at_least)),
            Ok(reply) if reply.is_at_fault() => Some((reply.status_line(), reply.retry_after.unwrap_or_default())),
            _ => None,
        };
        let Asking { message, leave } = *asking;
        match (failed, leave) {
            (None, Leave::Probe { since }) => {
                self.note(message, Showed::Answered, Some(self.news(Timestamp::from_ms(since), None)));
            }
            (None, _) => self.note(message, Showed::Answered, None),
            (Some((why, pause)), Leave::Probe { .. }) => {
                let reason = why.clone();
                self.note(message, Showed::Failed { why, pause }, None);
                return Err(Failure::Release { reason, after: pause });
            }
            (Some((why, pause)), _) => {
                let news = self.news(Timestamp::from_ms(now_ms()), Some(&why));
                self.note(message, Showed::Failed { why, pause }, Some(news));
            }
        }
        result
    }

    /// What is told if the provider fails for all, for a reason, or answers again.
    fn news(&self, since: Timestamp, reason: Option<&str>) -> News {
        let name = self.partner.name();
        let (id, event) = payments_turned(name, since, reason, Timestamp::from_ms(now_ms()));
        let line = match reason {
            Some(reason) => format!("Payments are interrupted: {reason}. Orders wait for {name} and spend no attempts."),
            None => format!("Payments are resumed: {name} answers again, which it did not since {since}."),
        };
        let event = Emit {
            queue: queues::CHANGES.to_owned(),
            id: id.into(),
            payload: event.into(),
            log: true,
            after: Duration::ZERO,
        };
        News { event, line }
    }

    /// Takes an order's total.
    pub(crate) async fn charge(&self, asking: &Asking<'_>, placed: &Placed) -> Result<Charge, Failure> {
        // A charge has had this key since release 0.1. Another one could charge an order twice that an older build has
        // charged.
        let mut reply = self.post(asking, "/charges", placed.id.to_string(), ChargeRequest::new(placed).to_json()).await?;
        if let Some(Means::Token { token, .. }) = placed.order.means() {
            reply.secret = Some(token.secret().to_owned());
        }
        match reply.status {
            StatusCode::PAYMENT_REQUIRED => Ok(Charge::Declined(reply.problem())),
            // There is nothing to charge that it could miss.
            StatusCode::NOT_FOUND => Err(reply.misdirected()),
            _ => reply.id().map(Charge::Taken),
        }
    }

    /// Gives an order's total back. Without a `charge`, the provider knows it by the order.
    pub(crate) async fn refund(
        &self,
        asking: &Asking<'_>,
        (id, order): (OrderId, &NewOrder),
        charge: Option<&PaymentId>,
    ) -> Result<Refund, Failure> {
        let body = RefundRequest::new(id, order, charge).to_json();
        let reply = self.post(asking, "/refunds", format!("{id}/refund"), body).await?;
        match (reply.status, charge) {
            (StatusCode::GONE, None) => Ok(Refund::Closed),
            (StatusCode::NOT_FOUND, None) => Ok(Refund::Unknown),
            _ => reply.id().map(Refund::Given),
        }
    }

    async fn post(
        &self,
        asking: &Asking<'_>,
        path: &str,
        idempotency_key: String,
        body: Vec<u8>,
    ) -> Result<ProviderReply, Failure> {
        let PaymentProvider { url, key, timeout, .. } = &self.partner;
        let mut headers = vec![("content-type", "application/json".to_owned()), ("idempotency-key", idempotency_key)];
        headers.extend(key.as_ref().map(|key| ("authorization", format!("Bearer {key}"))));
        let request = Post { url, path, headers, body };
        let result = within(*timeout, exchange(request)).await.unwrap_or_else(|| {
            Err(Failure::retry(format!("the payment provider did not answer within {} ms", timeout.as_millis())))
        });
        self.learn(asking, result)
    }
}

async fn exchange(request: Post<'_>) -> Result<ProviderReply, Failure> {
    let reply = request.send().await.map_err(|error| unreached(&error, "the payment provider", "payment_origin"))?;
    let (status, retry_after) = (reply.status, reply.retry_after);
    let body = match reply.read(ANSWER_BYTES).await {
        Ok(body) => Some(body),
        Err(BodyError::TooLarge { .. }) => None,
        Err(_) => return Err(Failure::retry_after("the payment provider's answer broke off", retry_after)),
    };
    Ok(ProviderReply { status, retry_after, body, secret: None })
}

impl ProviderReply {
    /// The id in a good answer, or the failure that a bad one is. Where the same answer would come again, it may mean
    /// that money was taken, and only a person can tell.
    fn id(&self) -> Result<PaymentId, Failure> {
        if !self.status.is_success() {
            return Err(self.failure());
        }
        let Some(body) = &self.body else {
            return Err(Failure::permanent("the payment provider's answer has more than 64 KiB, so its id is unknown"));
        };
        let open = match read_answer(body) {
            ProviderAnswer::BadId => {
                let reason = "the payment provider's answer has an id that is no string of 1 to 128 characters and no \
                              whole number, so its id is unknown";
                return Err(Failure::permanent(reason));
            }
            ProviderAnswer::Open(status) => status,
            _ if self.status == StatusCode::ACCEPTED => "202".to_owned(),
            ProviderAnswer::Done(id) => return Ok(id),
            ProviderAnswer::NoId => {
                return Err(Failure::retry_after("the payment provider's answer has no id", self.retry_after));
            }
        };
        let reason = format!("the payment provider is not done yet, its status is {open}");
        Err(Failure::retry_after(reason, self.retry_after))
    }

    fn problem(&self) -> Option<String> {
        let words = read_problem(self.body.as_deref()?)?;
        Some(match &self.secret {
            Some(secret) => words.replace(secret, HIDDEN),
            None => words,
        })
    }

    /// It is the provider that fails, not what it was asked for.
    fn is_at_fault(&self) -> bool {
        let status = self.status;
        status == StatusCode::TOO_MANY_REQUESTS || !(status.is_success() || status.is_client_error())
    }

    /// Without the provider's words, which may tell of a customer.
    fn status_line(&self) -> String {
        format!("the payment provider answered {}", self.status.as_u16())
    }

    fn reason(&self) -> String {
        let reason = self.status_line();
        match self.problem() {
            Some(problem) => [&reason, ": ", &problem].concat(),
            None => reason,
        }
    }

    /// It is the set-up that is wrong, not the order.
    fn misdirected(&self) -> Failure {
        let reason = [&self.reason(), "; are payment_url and payment_key right?"].concat();
        Failure::Release { reason, after: self.retry_after.unwrap_or_default() }
    }

    fn failure(&self) -> Failure {
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => self.misdirected(),
            // The provider asks for patience, or still works on an earlier try with the same key.
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::CONFLICT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS => Failure::retry_after(self.reason(), self.retry_after),
            status if status.is_client_error() => Failure::permanent(self.reason()),
            _ => Failure::retry_after(self.reason(), self.retry_after),
        }
    }
}
