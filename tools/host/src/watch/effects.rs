//! The path of each call of an instance: first the installed [`Calls`], then the effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::watch::calls::{Answer, Call, Calls, Ending, Operation, Refusal, Ruling};

/// The calls of one instance.
#[derive(Clone)]
pub(crate) struct Interception {
    component: Arc<str>,
    instance: u64,
    installed: Option<Installed>,
}

/// The [`Calls`] that are installed in a running application, and how many calls have begun.
#[derive(Clone)]
pub(crate) struct Installed {
    calls: Arc<dyn Calls>,
    begun: Arc<AtomicU64>,
}

/// A result of an interface. It can be made from an [`Answer`], and turned into one.
pub(crate) trait Reply: Sized {
    /// The answer as this result; `None` if it is of another kind.
    fn from_answer(answer: Answer) -> Option<Self>;
    fn to_answer(&self) -> Answer;
}

/// An error of an interface. It can be made from a [`Refusal`].
pub(crate) trait Failure: Sized {
    /// The refusal as this error; `None` if it is of another interface.
    fn from_refusal(refusal: Refusal) -> Option<Self>;
    /// The error of a call whose answer was lost on its way.
    fn lost() -> Self;
    /// The error worded for a person.
    fn in_words(&self) -> String;
}

/// Ends an instance from within a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("stopped before its call {number}, {operation}, as ordered")]
    Before { number: u64, operation: String },
    #[error("stopped after its call {number}, {operation}, as ordered")]
    After { number: u64, operation: String },
    #[error("the call {number}, {operation}, was decided by something of another kind: {given}")]
    OtherKind { number: u64, operation: String, given: String },
}

impl Installed {
    pub(crate) fn new(calls: Arc<dyn Calls>) -> Self {
        Self { calls, begun: Arc::default() }
    }
}

impl Interception {
    pub(crate) fn new(component: Arc<str>, instance: u64, installed: Option<Installed>) -> Self {
        Self { component, instance, installed }
    }

    /// Whether [`Calls`] are installed.
    pub(crate) fn are_watched(&self) -> bool {
        self.installed.is_some()
    }

    /// Carries out `effect`, or what the installed [`Calls`] rule in its place.
    pub(crate) async fn perform<T: Reply, E: Failure>(
        &self,
        operation: impl FnOnce() -> Operation,
        effect: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, Stop> {
        self.perform_on(|| (), operation, effect).await
    }

    /// The same on a connection that other calls use too. `cut` ends it if the answer is lost.
    pub(crate) async fn perform_on<T: Reply, E: Failure>(
        &self,
        cut: impl FnOnce(),
        operation: impl FnOnce() -> Operation,
        effect: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, Stop> {
        let Some(installed) = &self.installed else { return Ok(effect.await) };
        let number = installed.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let (component, began) = (self.component.clone(), Instant::now());
        let call = Call { component, instance: self.instance, number, began, operation: operation() };
        let mut under_way = UnderWay { calls: &*installed.calls, call, ending: Ending::Dropped };
        let ruling = under_way.calls.before(&under_way.call).await;
        let is_lost = matches!(ruling, Ruling::LoseAnswer);
        let decided = decide(&under_way.call, ruling, effect).await;
        if is_lost {
            cut();
        }
        under_way.ending = ending(&decided);
        decided
    }
}

/// A call from its beginning to its end. Its drop tells the end, so that the end of a dropped future is told too.
struct UnderWay<'e> {
    calls: &'e dyn Calls,
    call: Call,
    ending: Ending,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.calls.after(&self.call, &self.ending);
    }
}

async fn decide<T: Reply, E: Failure>(
    call: &Call,
    ruling: Ruling,
    effect: impl Future<Output = Result<T, E>>,
) -> Result<Result<T, E>, Stop> {
    let operation = || call.operation.to_string();
    let other_kind = |given: String| Stop::OtherKind { number: call.number, operation: operation(), given };
    match ruling {
        Ruling::Proceed => Ok(effect.await),
        Ruling::Delay(duration) => {
            tokio::time::sleep(duration).await;
            Ok(effect.await)
        }
        Ruling::Answer(answer) => {
            let given = format!("{answer:?}");
            T::from_answer(answer).map(Ok).ok_or_else(|| other_kind(given))
        }
        Ruling::Refuse(refusal) => {
            let given = format!("{refusal:?}");
            E::from_refusal(refusal).map(Err).ok_or_else(|| other_kind(given))
        }
        Ruling::LoseAnswer => {
            _ = effect.await;
            Ok(Err(E::lost()))
        }
        Ruling::CrashBefore => Err(Stop::Before { number: call.number, operation: operation() }),
        Ruling::CrashAfter => {
            _ = effect.await;
            Err(Stop::After { number: call.number, operation: operation() })
        }
    }
}

fn ending<T: Reply, E: Failure>(decided: &Result<Result<T, E>, Stop>) -> Ending {
    match decided {
        Ok(Ok(reply)) => Ending::Answered(reply.to_answer()),
        Ok(Err(failure)) => Ending::Refused(failure.in_words()),
        Err(_) => Ending::Crashed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::watch::calls::{self, KeyValueError, VariableError};

    fn effects(ruling: impl Fn(&Call) -> Ruling + Send + Sync + 'static) -> Interception {
        Interception::new("door".into(), 3, Some(Installed::new(Arc::new(calls::decide(ruling)))))
    }

    fn get() -> Operation {
        Operation::KeyValueGet { store: "default".into(), key: "k".into() }
    }

    async fn found(performed: &Mutex<u32>) -> Result<Option<Vec<u8>>, KeyValueError> {
        *performed.lock().expect("no panic") += 1;
        Ok(Some(b"found".to_vec()))
    }

    /// What the component gets, and how often the effect was carried out.
    async fn run(effects: &Interception) -> (Result<Result<Option<Vec<u8>>, KeyValueError>, String>, u32) {
        let performed = Mutex::new(0);
        let result = effects.perform(get, found(&performed)).await.map_err(|stop| stop.to_string());
        (result, performed.into_inner().expect("no panic"))
    }

    #[tokio::test]
    async fn each_ruling_does_what_it_says() {
        let found = || Ok(Ok(Some(b"found".to_vec())));
        let operation = "call 1, key-value default get k";
        assert_eq!(run(&Interception::new("door".into(), 1, None)).await, (found(), 1));
        assert_eq!(run(&effects(|_| Ruling::Proceed)).await, (found(), 1));
        assert_eq!(run(&effects(|_| Ruling::Delay(Duration::from_millis(1)))).await, (found(), 1));
        assert_eq!(run(&effects(|_| Ruling::Answer(Answer::Value(None)))).await, (Ok(Ok(None)), 0));
        let refuse = |_: &Call| Ruling::Refuse(Refusal::KeyValue(KeyValueError::AccessDenied));
        assert_eq!(run(&effects(refuse)).await, (Ok(Err(KeyValueError::AccessDenied)), 0));
        let (before, after) = (
            format!("stopped before its {operation}, as ordered"),
            format!("stopped after its {operation}, as ordered"),
        );
        assert_eq!(run(&effects(|_| Ruling::LoseAnswer)).await, (Ok(Err(KeyValueError::lost())), 1));
        assert_eq!(run(&effects(|_| Ruling::CrashBefore)).await, (Err(before), 0));
        assert_eq!(run(&effects(|_| Ruling::CrashAfter)).await, (Err(after), 1));
    }

    #[tokio::test]
    async fn a_ruling_of_another_kind_stops_the_instance() {
        for ruling in [
            |_: &Call| Ruling::Answer(Answer::Exists(true)),
            |_: &Call| Ruling::Refuse(Refusal::Variable(VariableError::Undefined("x".into()))),
        ] {
            let (result, performed) = run(&effects(ruling)).await;
            assert!(result.expect_err("stopped").contains("something of another kind"));
            assert_eq!(performed, 0);
        }
    }

    #[tokio::test]
    async fn calls_are_numbered_and_their_ending_is_told() {
        #[derive(Default)]
        struct Seen(Mutex<Vec<String>>);
        impl Calls for Seen {
            fn before<'c>(&'c self, _: &'c Call) -> futures::future::BoxFuture<'c, Ruling> {
                Box::pin(async { Ruling::Proceed })
            }
            fn after(&self, call: &Call, ending: &Ending) {
                let line = format!("{} {} {} {ending:?}", call.component, call.instance, call.number);
                self.0.lock().expect("no panic").push(line);
            }
        }
        let seen = Arc::new(Seen::default());
        let effects = Interception::new("door".into(), 3, Some(Installed::new(seen.clone())));
        assert_eq!(run(&effects).await.1, 1);
        _ = effects.perform(get, async { Err::<bool, _>(KeyValueError::Other("down".into())) }).await;
        let lines = seen.0.lock().expect("no panic").clone();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("door 3 1 Answered(Value(Some("), "{lines:?}");
        assert!(lines[1].starts_with("door 3 2 Refused(") && lines[1].contains("down"), "{lines:?}");
    }
}
