//! The worker's loop: claim, handle, settle, until nothing is visible. It holds no query; the verbs do.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::claim::{Claim, Side};
use crate::connection::{Connection, Error, Runtime};
use crate::failure::Failure;
use crate::message::{Emit, Message, MessageId};
use crate::partner::{Report, Showed};
use crate::places::Places;
use crate::queue::Queue;
use crate::settle::{Class, Contact, Effects, Settlement, TURNED, Verdict};
use crate::window::{Finished, Handled, Linger, Window};

/// Handles messages. Several are handled at the same time.
#[expect(async_fn_in_trait, reason = "components are single-threaded, so no Send bound is wanted")]
pub trait Handler {
    /// Handles one delivery, and answers with its effects. It may run twice for one message: at the same time when a
    /// lease was lost, or again after a crash.
    async fn handle(&self, message: &Message) -> Result<Effects, Failure>;

    /// The effects of burying a message. The worker calls it whatever the reason, a crash included. The payload of an
    /// exhausted message is empty.
    async fn buried(&self, message: &Message, class: Class, reason: &str) -> Effects;

    /// What a delivery emits whose message is to be handed out again: such as what has its leftovers removed.
    fn comes_again(&self, _message: &Message) -> Vec<Emit> {
        Vec::new()
    }

    /// What a delivery that was handled found out about a partner. The worker asks once.
    fn report(&self, _message: &Message) -> Option<Report> {
        None
    }

    /// The places at the partner whom deliveries ask, if somebody is asked.
    fn places(&self) -> Option<&Places> {
        None
    }

    /// Whether the caller has to wait anyway, so that more may be claimed though the time is up.
    fn is_held_up(&self) -> bool {
        false
    }

    /// Writes a line to the log.
    fn log(&self, line: &str);

    /// Wakes the component that waits for the effects of deliveries. The worker calls it each time that it has settled
    /// some.
    async fn settled(&self);
}

/// A worker on one queue.
pub struct Worker<'a, C, R, H> {
    /// Where its messages come from.
    pub queue: Queue<'a, C>,
    /// Handles them.
    pub handler: &'a H,
    /// Waiting and chance.
    pub runtime: &'a R,
    /// Names it in histories.
    pub name: &'a str,
    /// When failed attempts are made again.
    pub backoff: &'a Backoff,
    /// After how many crashes a message is buried.
    pub max_crashes: u32,
    /// Messages handled at the same time. As some are done others take their places, so the slow ones hold up nobody.
    pub batch: usize,
    /// How long what is finished waits for more.
    pub linger: Linger,
    /// A drain claims nothing after this time since the start of [`Runtime::elapsed`], unless its handler
    /// [is held up](Handler::is_held_up).
    pub until: Duration,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Deliveries that were settled.
    pub settled: usize,
    /// Deliveries whose lease was lost before they were settled, or that were settled by a try whose answer was lost.
    pub late: usize,
    /// The queue may not be empty yet.
    pub more: bool,
}

/// Whether a worker goes on claiming.
#[derive(Clone, Copy)]
enum Claims {
    Once,
    UntilEmpty,
}

/// What a settlement found.
#[derive(Default)]
struct Settled {
    on_time: usize,
    late: usize,
    /// Redis was missed for a while.
    missed: bool,
}

/// What was claimed.
#[derive(Default)]
struct Claimed {
    messages: Vec<Message>,
    /// Redis was missed for a while.
    missed: bool,
}

/// Payload in one batch: a reply that a component can hold many times over.
const MOST_BYTES: usize = 1 << 20;

impl<C: Connection, R: Runtime, H: Handler> Worker<'_, C, R, H> {
    /// Works until nothing is visible, or until the time is up.
    ///
    /// While Redis is in trouble it goes on trying. After an error the claimed messages become visible again when their
    /// leases run out.
    pub async fn drain(&self) -> Result<Drained, Error> {
        self.work(Claims::UntilEmpty).await
    }

    /// Works off one batch, whatever the time is, for a caller who works on several queues at once. There may be more
    /// as long as there was something.
    ///
    /// After an error the claimed messages become visible again when their leases run out.
    pub async fn drain_once(&self) -> Result<Drained, Error> {
        self.work(Claims::Once).await
    }

    async fn work(&self, claims: Claims) -> Result<Drained, Error> {
        let (mut drained, mut silence) = (Drained::default(), true);
        let mut window = Window::new(self.runtime, self.batch, self.linger);
        loop {
            drained.more = self.is_over(claims, silence);
            if let (true, Some(places)) = (drained.more, self.handler.places()) {
                places.close();
            }
            let room = if drained.more { 0 } else { window.room() };
            let (side, finished, to_renew) = (window.side(), window.take_finished(), window.to_renew());
            let step = async {
                let settled = self.settle(&finished).await?;
                let renewed = to_renew.is_empty() || self.queue.renew(&refer_to(&to_renew)).await.is_ok();
                let claimed = if room > 0 { self.batch(room, side, silence).await? } else { Claimed::default() };
                Ok((settled, renewed, claimed))
            };
            let (settled, renewed, claimed) = window.meanwhile(step).await?;
            drained.settled += settled.on_time;
            drained.late += settled.late;
            if settled.missed || claimed.missed || !renewed {
                window.lose_contact();
            }
            if !to_renew.is_empty() {
                // A renewal that failed is made good as soon as Redis takes it.
                let timing = &self.queue.timing;
                window.renew_after(if renewed { timing.renewal() } else { timing.long_pause() });
            }
            silence &= room == 0;
            window.begin(claimed.messages, self.queue.timing.renewal(), |message| self.handle(message));
            if window.is_empty() {
                return Ok(drained);
            }
            let look = self.handler.places().map(|places| places.look(self.runtime.elapsed()));
            window.handle(if drained.more { 0 } else { window.room() }, look).await;
        }
    }

    /// Whether no more is to be claimed.
    fn is_over(&self, claims: Claims, is_first: bool) -> bool {
        match claims {
            Claims::Once => !is_first,
            Claims::UntilEmpty => self.runtime.elapsed() >= self.until && !self.handler.is_held_up(),
        }
    }

    /// Claims the next messages.
    async fn batch(&self, most: usize, side: Side, silence: bool) -> Result<Claimed, Error> {
        let places = self.handler.places();
        let wanted = places.map_or(most, Places::wanted);
        let claim = Claim {
            most,
            most_bytes: MOST_BYTES,
            max_crashes: self.max_crashes,
            worker: self.name,
            number: self.runtime.random() as u32,
            again: false,
            silence,
            side,
            places: wanted,
        };
        let claims = async |again| self.queue.claim(&Claim { again, ..claim.clone() }).await;
        let (messages, missed) = self.insist(claims).await?;
        let messages = if missed && !messages.is_empty() { self.confirm(messages).await? } else { messages };
        if let Some(places) = places {
            places.claimed(wanted, &messages);
        }
        Ok(Claimed { messages, missed })
    }

    /// Tells Redis that the answer to a repeated claim arrived. Gives those deliveries that are still held.
    async fn confirm(&self, batch: Vec<Message>) -> Result<Vec<Message>, Error> {
        let deliveries: Vec<_> = batch.iter().map(|message| (&message.id, message.delivery)).collect();
        let (held, _) = self.insist(async |_| self.queue.renew(&deliveries).await).await?;
        Ok(batch.into_iter().zip(held).filter_map(|(message, held)| held.then_some(message)).collect())
    }

    async fn handle(&self, message: Message) -> Handled {
        let verdict = self.verdict(&message).await;
        let report = self.handler.report(&message);
        // Where the partner failed, the next one asks only after Redis was told: it may fail for all.
        if let Some(places) = self.handler.places()
            && report.as_ref().is_none_or(|report| report.showed != Showed::Failed)
        {
            places.leave(&message.id);
        }
        let is_answered = report.as_ref().is_none_or(|report| report.showed == Showed::Answered);
        let news = match &verdict {
            // What waits for a partner is told by the news of that.
            Verdict::Release { reason, .. } if is_answered && is_told(times_given_back(&message)) => {
                Some(reason.clone())
            }
            _ => None,
        };
        let settlement = Settlement { id: message.id, delivery: message.delivery, verdict, report };
        Handled { settlement, news }
    }

    async fn verdict(&self, message: &Message) -> Verdict {
        let (class, reason) = match self.attempt(message).await {
            Ok(verdict) => return verdict,
            Err(given_up) => given_up,
        };
        let effects = self.handler.buried(message, class, &reason).await;
        Verdict::Bury { class, reason, effects }
    }

    /// The verdict on a message, or why it is to be buried.
    async fn attempt(&self, message: &Message) -> Result<Verdict, (Class, String)> {
        if message.exhausted {
            let reason = format!("its worker died {} times while it had this message", message.crashes);
            return Err((Class::Crash, reason));
        }
        match self.handler.handle(message).await.map_err(Failure::in_one_line) {
            Ok(effects) => Ok(Verdict::Done(effects)),
            Err(Failure::Bury { class, reason }) => Err((class, reason)),
            Err(Failure::Throttle { emits }) => Ok(Verdict::Throttle { since: message.since, emits }),
            Err(Failure::Retry { reason, at_least }) => {
                match self.backoff.after(message.failures + 1, self.runtime.random()) {
                    Some(wait) => {
                        let emits = self.handler.comes_again(message);
                        Ok(Verdict::Retry { after: wait.max(at_least), reason, emits })
                    }
                    None => Err((Class::Handler, reason)),
                }
            }
            Err(Failure::Release { reason, after }) => {
                let wait = self.queue.timing.given_back(times_given_back(message), self.runtime.random());
                let emits = self.handler.comes_again(message);
                Ok(Verdict::Release { after: wait.max(after), reason, emits })
            }
        }
    }

    /// Settles the finished deliveries.
    async fn settle(&self, finished: &Finished) -> Result<Settled, Error> {
        let Finished { settlements, news, contact } = finished;
        if settlements.is_empty() {
            return Ok(Settled::default());
        }
        if let Some(reason) = news {
            self.log_given_back(settlements, reason);
        }
        let settle = async |again| {
            let contact = if again { Contact::Lost } else { *contact };
            self.queue.settle_all(self.name, contact, settlements).await
        };
        let (settled, answer_lost) = self.insist(settle).await?;
        if let Some(places) = self.handler.places() {
            places.settled(settlements);
        }
        for (settlement, latest) in settlements.iter().zip(&settled) {
            if let (TURNED, Some(report)) = (*latest, &settlement.report) {
                self.handler.log(&report.line());
            }
        }
        let on_time = settled.iter().filter(|&&latest| latest > 0).count();
        // A try that seemed to fail may have settled them all, and then the next one finds them late.
        if on_time > 0 || answer_lost {
            self.handler.settled().await;
        }
        Ok(Settled { on_time, late: settled.len() - on_time, missed: answer_lost })
    }

    /// One line for all of them: what surrounds one of them surrounds the others too.
    fn log_given_back(&self, finished: &[Settlement], reason: &str) {
        let is_given_back = |settlement: &&Settlement| matches!(settlement.verdict, Verdict::Release { .. });
        let (deliveries, queue) = (finished.iter().filter(is_given_back).count(), self.queue.name());
        self.handler.log(&format!("Given back to the queue `{queue}`: {deliveries} deliveries. {reason}."));
    }

    /// Repeats a failing call to Redis. It says whether the answer to an earlier try may have been lost, to the call
    /// that comes next and in the end. While Redis is in trouble there is no end to it: what was handled must not
    /// become a crash, and a wake must not end, because the timer that caused it is gone, and might have been the last
    /// to come.
    pub async fn insist<T>(&self, call: impl AsyncFn(bool) -> Result<T, Error>) -> Result<(T, bool), Error> {
        let timing = &self.queue.timing;
        let (begun, mut answer_lost, mut told) = (self.runtime.elapsed(), false, false);
        loop {
            let error = match call(answer_lost).await {
                Ok(answer) => return Ok((answer, answer_lost)),
                Err(error) => error,
            };
            answer_lost = true;
            let is_long = self.runtime.elapsed() >= begun + timing.give_up();
            match (&error, is_long) {
                // Another answer won't come.
                (Error::Unexpected { .. }, _) => return Err(error),
                (_, true) if !error.is_trouble() => return Err(error),
                (_, true) if !told => {
                    told = true;
                    let queue = self.queue.name();
                    self.handler
                        .log(&format!("The queue `{queue}` stands still: {error}. It is tried until it goes on."));
                }
                _ => {}
            }
            self.runtime.sleep(if is_long { timing.long_pause() } else { timing.pause() }).await;
        }
    }
}

fn refer_to(deliveries: &[(MessageId, u64)]) -> Vec<(&MessageId, u64)> {
    deliveries.iter().map(|(id, delivery)| (id, *delivery)).collect()
}

/// How often a message was given back before this delivery. After a redrive, the attempts before it count as well.
fn times_given_back(message: &Message) -> u64 {
    let spent = u64::from(message.failures) + u64::from(message.crashes);
    (message.delivery - 1).saturating_sub(spent)
}

/// Whether the log is told of a message that was given back so often before: at once, and then ever more rarely. It may
/// go on for as long as a rollout lasts.
fn is_told(times: u64) -> bool {
    times == 0 || times.is_power_of_two()
}
