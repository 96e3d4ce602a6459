//! The payment provider. However often a charge or a refund is sent, the provider carries it out once, because its
//! Idempotency-Key says which order it is for, and what it is.

use std::cell::RefCell;
use std::time::Duration;

use guest::{BodyError, CaptureTime, PartnerRequest, PaymentProvider, is_unsent, now_ms, unreached, within};
use http::StatusCode;
use order::event::payments_turned;
use order::means::HIDDEN;
use order::payment::{ChargeRequest, NoId, TotalRequest, read_answer, read_problem};
use order::{Means, NewOrder, NextAction, OrderId, PaymentId, Placed, Provider, Record, Timestamp};
use queue::{Emit, Failure, Leave, Message, MessageId, Places, Report, Showed};

use crate::changes::tell;

/// Charges orders and refunds them.
pub(crate) struct Payments {
    pub(crate) partner: PaymentProvider,
    /// For so many orders it is asked at the same time.
    pub(crate) places: Places,
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
    /// The provider takes the money when it is asked to.
    Authorized(PaymentId),
    /// The provider declined. It may have said why.
    Declined(Option<String>),
    /// It is not done yet.
    Pending(Unfinished),
}

/// What the provider has begun and not done yet.
pub(crate) struct Unfinished {
    status: String,
    /// Where the customer goes to complete it.
    pub(crate) next_action: Option<NextAction>,
    /// How long the provider wants no question.
    pub(crate) pause: Duration,
}

/// The charge whose money is to be given back.
#[derive(Clone, Copy)]
pub(crate) enum Charged<'a> {
    /// It is not known whether the order was charged.
    Perhaps,
    /// The provider took the money.
    Taken(&'a PaymentId),
    /// The money may only be authorized.
    Authorized(&'a PaymentId),
}

/// How far the provider is with what it was asked for.
enum Progress {
    /// It has done what was asked for.
    Done(PaymentId),
    /// It has authorized a charge.
    Authorized(PaymentId),
    /// It has begun.
    Begun(Unfinished),
}

/// What becomes of an order's total.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    Capture,
    Refund,
}

/// The provider's answer to a capture or a refund.
pub(crate) enum TotalAnswer {
    /// It took the money, or gave it back.
    Done(PaymentId),
    /// It can't have the money any more. It may have said why.
    Declined(Option<String>),
    /// It took nothing for the order, and never will. It may have said why.
    Closed(Option<String>),
    /// It knows of no charge, but may still have one under way.
    Unknown,
}

/// Why a request has no good answer.
pub(crate) struct Unanswered {
    pub(crate) failure: Failure,
    /// The provider has not done it: it was not reached, or it says that the set-up is wrong.
    pub(crate) undone: bool,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self { failure, undone: false }
    }
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.failure
    }
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
        let places = Places::new(partner.concurrency);
        Self { partner, places, reports: RefCell::default() }
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

    /// Whether this delivery has leave to ask. If it has not, its order waits in its place.
    pub(crate) fn begin<'a>(&self, message: &'a Message, leave: Leave) -> Result<Asking<'a>, Failure> {
        if leave != Leave::Waits {
            return Ok(Asking { message, leave });
        }
        self.note(message, Showed::Waits, "", Duration::ZERO, None);
        Err(Failure::release("the payment provider fails for all orders, so this one waits until it answers"))
    }

    /// Notes what came of asking. A probe that failed spends no attempt.
    fn learn(
        &self,
        asking: &Asking<'_>,
        result: Result<ProviderReply, Unanswered>,
    ) -> Result<ProviderReply, Unanswered> {
        let (why, pause) = match &result {
            // Nothing was sent.
            Err(Unanswered { failure: Failure::Release { .. }, .. }) => return result,
            Err(Unanswered { failure: Failure::Retry { reason, at_least }, .. }) => (reason.clone(), *at_least),
            Ok(reply) if reply.is_at_fault() => (reply.status_line(), reply.retry_after.unwrap_or_default()),
            _ => (String::new(), Duration::ZERO),
        };
        let showed = if why.is_empty() { Showed::Answered } else { Showed::Failed };
        let since = match (showed, asking.leave) {
            (Showed::Failed, Leave::Free) => Some(now_ms()),
            (Showed::Answered, Leave::Probe { since }) => Some(since),
            _ => None,
        };
        let news = since.map(|since| self.turned(since, &why));
        let is_told = news.is_some();
        self.note(asking.message, showed, &why, pause, news);
        if showed == Showed::Answered || is_told {
            return result;
        }
        let undone = result.is_err_and(|unanswered| unanswered.undone);
        Err(Unanswered { failure: Failure::Release { reason: why, after: pause }, undone })
    }

    fn note(&self, message: &Message, showed: Showed, why: &str, pause: Duration, news: Option<Emit>) {
        let (partner, why) = (self.partner.name().to_owned(), why.to_owned());
        let mut reports = self.reports.borrow_mut();
        // A delivery may ask twice. What it saw last counts.
        reports.retain(|(id, _)| *id != message.id);
        reports.push((message.id.clone(), Report { partner, showed, why, pause, news }));
    }

    /// The event that the provider fails for all orders, for a reason, or answers again.
    fn turned(&self, since: u64, reason: &str) -> Emit {
        let (since, now) = (Timestamp::from_ms(since), Timestamp::from_ms(now_ms()));
        let (id, event) = payments_turned(self.partner.name(), since, reason, now);
        tell(id, event)
    }

    /// Takes an order's total, or asks what became of it if that is pending.
    pub(crate) async fn charge(
        &self,
        asking: &Asking<'_>,
        placed: &Placed,
        pending: Option<&Record>,
    ) -> Result<Charge, Unanswered> {
        let id = placed.id.to_string();
        let (path, posted) = match pending {
            Some(_) => (["/charges/", &id].concat(), None),
            // A charge has had this key since release 0.1. Another one could charge an order twice that an older build
            // has charged.
            None => {
                let mut request = ChargeRequest::new(placed);
                if self.partner.capture == CaptureTime::OnFulfil {
                    request = request.authorize_only();
                }
                ("/charges".to_owned(), Some((id, request.to_json())))
            }
        };
        let mut reply = self.send(asking, &path, posted).await?;
        if let Some(Means::Token { token, .. }) = placed.order.means() {
            reply.secret = Some(token.secret().to_owned());
        }
        match reply.status {
            StatusCode::PAYMENT_REQUIRED => Ok(Charge::Declined(reply.problem())),
            // There is nothing to charge that it could miss.
            StatusCode::NOT_FOUND => Err(reply.misdirected()),
            _ => Ok(match reply.outcome()? {
                Progress::Done(id) => Charge::Taken(id),
                Progress::Authorized(id) => Charge::Authorized(id),
                Progress::Begun(unfinished) => Charge::Pending(unfinished),
            }),
        }
    }

    /// Takes an order's total for which a charge is authorized, or gives it back. Without a charge's id, the provider
    /// knows it by the order.
    pub(crate) async fn move_total(
        &self,
        asking: &Asking<'_>,
        total: Total,
        (id, order): (OrderId, &NewOrder),
        charged: Charged<'_>,
    ) -> Result<TotalAnswer, Unanswered> {
        let verb = if total == Total::Capture { "capture" } else { "refund" };
        let body = TotalRequest::new(id, order, charged.id()).to_json();
        let posted = Some(([&id.to_string(), "/", verb].concat(), body));
        let reply = self.send(asking, &["/", verb, "s"].concat(), posted).await?;
        match (reply.status, total, charged) {
            (StatusCode::PAYMENT_REQUIRED, Total::Capture, _) => Ok(TotalAnswer::Declined(reply.problem())),
            (StatusCode::GONE, Total::Capture, _)
            | (StatusCode::GONE, Total::Refund, Charged::Perhaps | Charged::Authorized(_)) => {
                Ok(TotalAnswer::Closed(reply.problem()))
            }
            (StatusCode::NOT_FOUND, Total::Refund, Charged::Perhaps) => Ok(TotalAnswer::Unknown),
            _ => reply.done().map(TotalAnswer::Done),
        }
    }

    /// Posts a body under an Idempotency-Key, or gets.
    async fn send(
        &self,
        asking: &Asking<'_>,
        path: &str,
        posted: Option<(String, Vec<u8>)>,
    ) -> Result<ProviderReply, Unanswered> {
        let PaymentProvider { url, key, timeout, .. } = &self.partner;
        let mut headers = Vec::new();
        headers.extend(key.as_ref().map(|key| ("authorization", ["Bearer ", key].concat())));
        let body = posted.map(|(idempotency_key, body)| {
            headers.push(("content-type", "application/json".to_owned()));
            headers.push(("idempotency-key", idempotency_key));
            body
        });
        let request = PartnerRequest { url, path, headers, body };
        let result = within(*timeout, exchange(request)).await.unwrap_or_else(|| {
            let reason = format!("the payment provider did not answer within {} ms", timeout.as_millis());
            Err(Failure::retry(reason).into())
        });
        self.learn(asking, result)
    }
}

async fn exchange(request: PartnerRequest<'_>) -> Result<ProviderReply, Unanswered> {
    let reply = request.send().await.map_err(|error| Unanswered {
        failure: unreached(&error, "the payment provider", "payment_origin"),
        undone: is_unsent(&error),
    })?;
    let (status, retry_after) = (reply.status, reply.retry_after);
    let body = match reply.read(ANSWER_BYTES).await {
        Ok(body) => Some(body),
        Err(BodyError::TooLarge { .. }) => None,
        Err(_) => return Err(Failure::retry_after("the payment provider's answer broke off", retry_after).into()),
    };
    Ok(ProviderReply { status, retry_after, body, secret: None })
}

/// Money is to be moved, and nobody can be asked to.
pub(crate) fn unset() -> Failure {
    Failure::permanent("the order was paid for, but payment_url is not set: set it, then redrive")
}

/// Who was asked must be asked again.
pub(crate) fn other_provider(asked: &str) -> Failure {
    let other =
        " was asked for this payment, and payment_url names another provider or none: set it back, then redrive";
    Failure::permanent([asked, other].concat())
}

impl<'a> Charged<'a> {
    /// What the shop has charged, if it has.
    pub(crate) fn by_shop(order: &'a NewOrder) -> Option<Self> {
        match order.means()? {
            Means::Charged(charge) => Some(Self::Taken(charge)),
            Means::Authorized(charge) => Some(Self::Authorized(charge)),
            Means::Token { .. } | Means::Later => None,
        }
    }

    pub(crate) fn id(&self) -> Option<&PaymentId> {
        match self {
            Self::Perhaps => None,
            Self::Taken(id) | Self::Authorized(id) => Some(id),
        }
    }
}

impl ProviderReply {
    /// The id of what is done. If it isn't done yet, that is to be asked for again.
    fn done(&self) -> Result<PaymentId, Unanswered> {
        let (status, pause) = match self.outcome()? {
            Progress::Done(id) => return Ok(id),
            Progress::Authorized(_) => ("authorized".to_owned(), Duration::ZERO),
            Progress::Begun(Unfinished { status, pause, .. }) => (status, pause),
        };
        let reason = ["the payment provider is not done yet, its status is ", &status].concat();
        Err(Failure::retry_after(reason, Some(pause)).into())
    }

    /// What a good answer says, or the failure that a bad one is. Where the same answer would come again, it may mean
    /// that money was taken, and only a person can tell.
    fn outcome(&self) -> Result<Progress, Unanswered> {
        if !self.status.is_success() {
            return Err(self.failure());
        }
        let Some(body) = &self.body else {
            let reason = "the payment provider's answer has more than 64 KiB, so its id is unknown";
            return Err(Failure::permanent(reason).into());
        };
        let answer = read_answer(body);
        let accepted = (self.status == StatusCode::ACCEPTED).then(|| "202".to_owned());
        let (open, is_authorized) = (answer.open.or(accepted), answer.is_authorized);
        match (open.filter(|_| !is_authorized), answer.id) {
            (Some(status), _) => {
                let is_open =
                    |url: &NextAction| !self.secret.as_ref().is_some_and(|secret| url.as_str().contains(secret));
                let next_action = answer.next_action.filter(is_open);
                let pause = self.retry_after.unwrap_or_default();
                Ok(Progress::Begun(Unfinished { status, next_action, pause }))
            }
            (None, Ok(id)) if is_authorized => Ok(Progress::Authorized(id)),
            (None, Ok(id)) => Ok(Progress::Done(id)),
            (None, Err(NoId::Bad)) => {
                let reason = "the payment provider's answer has an id that is no string of 1 to 128 characters and no \
                              whole number, so its id is unknown";
                Err(Failure::permanent(reason).into())
            }
            (None, Err(NoId::Absent)) => {
                Err(Failure::retry_after("the payment provider's answer has no id", self.retry_after).into())
            }
        }
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
    fn misdirected(&self) -> Unanswered {
        let reason = [&self.reason(), "; are payment_url and payment_key right?"].concat();
        let failure = Failure::Release { reason, after: self.retry_after.unwrap_or_default() };
        Unanswered { failure, undone: true }
    }

    fn failure(&self) -> Unanswered {
        let failure = match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => {
                return self.misdirected();
            }
            // The provider asks for patience, or still works on an earlier try with the same key.
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::CONFLICT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS => Failure::retry_after(self.reason(), self.retry_after),
            status if status.is_client_error() => Failure::permanent(self.reason()),
            _ => Failure::retry_after(self.reason(), self.retry_after),
        };
        failure.into()
    }
}
