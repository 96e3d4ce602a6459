//! Reads and writes a fault as text, as for `host up --fault`.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Effect, Fault, Occurrence, Target};
use crate::application::names::is_variable_name;
use crate::watch::calls::Kind;

/// How a fault is written, for a person to read.
pub const NOTATION: &str = include_str!("notation.txt");

/// Stands for every component, or for every operation.
const ANY: &str = "*";
const EVERY: &str = "every-";
const DELAY: &str = "delay=";
/// The effects that have no number.
const EFFECTS: [(&str, Effect); 6] = [
    ("crash-before", Effect::CrashBefore),
    ("crash-after", Effect::CrashAfter),
    ("fail", Effect::Fail),
    ("lose-answer", Effect::LoseAnswer),
    ("kill-before", Effect::KillBefore),
    ("kill-after", Effect::KillAfter),
];
/// The functions of the key-value interface, as [`Operation::function`](crate::watch::calls::Operation::function) tells
/// them.
const KEY_VALUE_FUNCTIONS: [&str; 6] = ["open", "get", "set", "delete", "exists", "get-keys"];

/// Why a text is not a fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAFault {
    /// The effect is missing.
    #[error("the effect is missing: end the fault with `=` and {}", effects())]
    NoEffect,
    /// The effect isn't known.
    #[error("`{}` is not an effect: write {}", .0, effects())]
    UnknownEffect(String),
    /// The delay isn't a number.
    #[error("`{0}` is not a delay: write whole milliseconds, like delay=200")]
    NotADelay(String),
    /// The component or the operation is missing.
    #[error("the component or the operation is missing: write both, like worker:redis or *:http")]
    Incomplete,
    /// There is more than component, operation, function and occurrence.
    #[error("`{0}` is too much: write COMPONENT:OPERATION:OCCURRENCE=EFFECT")]
    TooMuch(String),
    /// The operation isn't known.
    #[error("`{}` is not an operation: write {}", .0, operations())]
    UnknownOperation(String),
    /// The operation has no such function.
    #[error("`{function}` is not {}", function_of(*.kind))]
    UnknownFunction {
        /// The operation.
        kind: Kind,
        /// The function that it doesn't have.
        function: String,
    },
    /// The occurrence can't be read.
    #[error("`{0}` is not an occurrence: write 3 for the third, every-50, or p0.1 for one in ten")]
    NotAnOccurrence(String),
}

impl FromStr for Fault {
    type Err = NotAFault;

    fn from_str(text: &str) -> Result<Self, NotAFault> {
        let (calls, effect) = text.split_once('=').ok_or(NotAFault::NoEffect)?;
        let effect = parse_effect(effect)?;
        let [component, operation, rest @ ..] = &*calls.split(':').collect::<Vec<_>>() else {
            return Err(NotAFault::Incomplete);
        };
        if component.is_empty() || operation.is_empty() {
            return Err(NotAFault::Incomplete);
        }
        let (function, occurrence) = match rest {
            [] => (None, None),
            [last] if is_occurrence(last) => (None, Some(*last)),
            [function] => (Some(*function), None),
            [function, occurrence] => (Some(*function), Some(*occurrence)),
            [_, _, more @ ..] => return Err(NotAFault::TooMuch(more.join(":"))),
        };
        Ok(Self {
            component: (*component != ANY).then(|| (*component).to_owned()),
            target: parse_target(operation, function)?,
            occurrence: occurrence.map_or(Ok(Occurrence::Every(NonZeroU64::MIN)), parse_occurrence)?,
            effect,
        })
    }
}

fn parse_effect(text: &str) -> Result<Effect, NotAFault> {
    if let Some(millis) = text.strip_prefix(DELAY) {
        let delay = millis.parse().map(|millis| Effect::Delay(Duration::from_millis(millis)));
        return delay.map_err(|_| NotAFault::NotADelay(millis.to_owned()));
    }
    let known = EFFECTS.iter().find(|(name, _)| *name == text);
    known.map(|(_, effect)| *effect).ok_or_else(|| NotAFault::UnknownEffect(text.to_owned()))
}

fn parse_target(operation: &str, function: Option<&str>) -> Result<Target, NotAFault> {
    if operation == ANY {
        return match function {
            None => Ok(Target::Any),
            Some(function) => Err(NotAFault::NotAnOccurrence(function.to_owned())),
        };
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.to_string() == operation);
    let kind = kind.ok_or_else(|| NotAFault::UnknownOperation(operation.to_owned()))?;
    match function {
        None => Ok(Target::Kind(kind)),
        Some(function) if has(kind, function) => Ok(Target::Function(kind, function.to_owned())),
        Some(function) => Err(NotAFault::UnknownFunction { kind, function: function.to_owned() }),
    }
}

/// Whether a call of this kind may have this function.
fn has(kind: Kind, function: &str) -> bool {
    let starts_with_letter = function.starts_with(|c: char| c.is_ascii_alphabetic());
    match kind {
        Kind::KeyValue => KEY_VALUE_FUNCTIONS.contains(&function),
        // Modules of Redis bring commands like JSON.GET.
        Kind::Redis => starts_with_letter && function.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
        Kind::Http => starts_with_letter && http::Method::try_from(function).is_ok(),
        Kind::Variable => is_variable_name(function),
        Kind::RedisOpen => false,
    }
}

/// Whether a part looks like an occurrence. It may be one that can't be read.
fn is_occurrence(text: &str) -> bool {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    is_number(text) || text.starts_with(EVERY) || text.strip_prefix('p').is_some_and(is_number)
}

fn parse_occurrence(text: &str) -> Result<Occurrence, NotAFault> {
    let parsed = if let Some(every) = text.strip_prefix(EVERY) {
        every.parse().ok().map(Occurrence::Every)
    } else if let Some(chance) = text.strip_prefix('p') {
        let chance = chance.parse().ok().filter(|chance| *chance > 0.0 && *chance <= 1.0);
        chance.map(Occurrence::Chance)
    } else {
        text.parse().ok().map(Occurrence::Nth)
    };
    parsed.ok_or_else(|| NotAFault::NotAnOccurrence(text.to_owned()))
}

fn effects() -> String {
    let names: Vec<_> = EFFECTS.iter().map(|(name, _)| *name).collect();
    format!("{} or delay=200", names.join(", "))
}

fn operations() -> String {
    format!("{} or {ANY}", Kind::ALL.map(|kind| kind.to_string()).join(", "))
}

/// What the function of a call of this kind is, then how to write it.
fn function_of(kind: Kind) -> String {
    match kind {
        Kind::KeyValue => {
            let [others @ .., last] = KEY_VALUE_FUNCTIONS;
            format!("a function of key-value: write {} or {last}", others.join(", "))
        }
        Kind::Redis => "a command of Redis: write it like redis:SET".to_owned(),
        Kind::Http => "a method of HTTP: write it like http:POST".to_owned(),
        Kind::Variable => "a name for a variable: write it like variable:api_key".to_owned(),
        Kind::RedisOpen => "an occurrence: write it like redis-open:3".to_owned(),
    }
}

/// In the form in which it is read.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}={}", self.component.as_deref().unwrap_or(ANY), self.target, self.occurrence, self.effect)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str(ANY),
            Self::Kind(kind) => write!(f, "{kind}"),
            Self::Function(kind, function) => write!(f, "{kind}:{function}"),
        }
    }
}

/// With a colon before it. Nothing at all for every call.
impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nth(nth) => write!(f, ":{nth}"),
            Self::Every(NonZeroU64::MIN) => Ok(()),
            Self::Every(every) => write!(f, ":{EVERY}{every}"),
            Self::Chance(chance) => write!(f, ":p{chance}"),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, EFFECTS.iter().find(|(_, effect)| effect == self)) {
            (Self::Delay(duration), _) => write!(f, "{DELAY}{}", duration.as_millis()),
            (_, Some((name, _))) => f.write_str(name),
            (_, None) => unreachable!("every effect without a number has a name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u64) -> NonZeroU64 {
        NonZeroU64::new(number).expect("not 0")
    }

    #[test]
    fn a_fault_is_read_and_written_in_the_same_form() {
        let function = |kind, name: &str| Target::Function(kind, name.to_owned());
        for (text, component, target, occurrence, effect) in [
            (
                "worker:key-value:set:3=crash-after",
                Some("worker"),
                function(Kind::KeyValue, "set"),
                Occurrence::Nth(number(3)),
                Effect::CrashAfter,
            ),
            (
                "*:redis:every-50=delay=200",
                None,
                Target::Kind(Kind::Redis),
                Occurrence::Every(number(50)),
                Effect::Delay(Duration::from_millis(200)),
            ),
            ("worker:http:p0.1=fail", Some("worker"), Target::Kind(Kind::Http), Occurrence::Chance(0.1), Effect::Fail),
            (
                "*:redis:EVALSHA:p1=kill-before",
                None,
                function(Kind::Redis, "EVALSHA"),
                Occurrence::Chance(1.0),
                Effect::KillBefore,
            ),
            ("a-b:*:17=kill-after", Some("a-b"), Target::Any, Occurrence::Nth(number(17)), Effect::KillAfter),
            ("*:*=fail", None, Target::Any, Occurrence::Every(NonZeroU64::MIN), Effect::Fail),
            (
                "*:redis-open:1=crash-before",
                None,
                Target::Kind(Kind::RedisOpen),
                Occurrence::Nth(number(1)),
                Effect::CrashBefore,
            ),
            (
                "*:variable:api_key=fail",
                None,
                function(Kind::Variable, "api_key"),
                Occurrence::Every(NonZeroU64::MIN),
                Effect::Fail,
            ),
            (
                "*:http:POST:2=lose-answer",
                None,
                function(Kind::Http, "POST"),
                Occurrence::Nth(number(2)),
                Effect::LoseAnswer,
            ),
            (
                "*:key-value:get-keys=delay=0",
                None,
                function(Kind::KeyValue, "get-keys"),
                Occurrence::Every(NonZeroU64::MIN),
                Effect::Delay(Duration::ZERO),
            ),
        ] {
            let fault = Fault { component: component.map(str::to_owned), target, occurrence, effect };
            assert_eq!(text.parse(), Ok(fault.clone()), "{text}");
            assert_eq!(fault.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_fault_says_how_to_write_it() {
        const EFFECT: &str = "write crash-before, crash-after, fail, lose-answer, kill-before, kill-after or delay=200";
        const WHICH: &str = "write 3 for the third, every-50, or p0.1 for one in ten";
        for (text, mistake, remedy) in [
            ("door:redis:3", "the effect is missing", "end the fault with `=` and crash-before"),
            ("door:redis:3=", "`` is not an effect", EFFECT),
            ("door:redis:3=explode", "`explode` is not an effect", EFFECT),
            ("door:redis:3=fail=now", "`fail=now` is not an effect", EFFECT),
            ("door:redis:3=delay", "`delay` is not an effect", EFFECT),
            ("door:redis:3=delay=long", "`long` is not a delay", "whole milliseconds, like delay=200"),
            ("door:redis:3=delay=-1", "`-1` is not a delay", "whole milliseconds"),
            ("=fail", "the component or the operation is missing", "like worker:redis or *:http"),
            ("door=fail", "the component or the operation is missing", "like"),
            (":redis=fail", "the component or the operation is missing", "like"),
            ("door::3=fail", "the component or the operation is missing", "like"),
            ("door:redis:SET:3:4=fail", "`4` is too much", "write COMPONENT:OPERATION:OCCURRENCE=EFFECT"),
            ("door:sql=fail", "`sql` is not an operation", "write redis, redis-open, key-value, http, variable or *"),
            ("door:3=fail", "`3` is not an operation", "write redis"),
            ("door:key-value:put=fail", "`put` is not a function of key-value", "write open, get, set, delete"),
            ("door:redis::3=fail", "`` is not a command of Redis", "redis:SET"),
            ("door:redis-open:x=fail", "`x` is not an occurrence", "redis-open:3"),
            ("door:http:GET /:3=fail", "`GET /` is not a method of HTTP", "http:POST"),
            ("door:variable:API_KEY=fail", "`API_KEY` is not a name for a variable", "variable:api_key"),
            ("door:*:set:3=fail", "`set` is not an occurrence", WHICH),
            ("door:redis:0=fail", "`0` is not an occurrence", WHICH),
            ("door:redis:3rd=fail", "`3rd` is not an occurrence", WHICH),
            ("door:redis:every-=fail", "`every-` is not an occurrence", WHICH),
            ("door:redis:every-0=fail", "`every-0` is not an occurrence", WHICH),
            ("door:redis:p0=fail", "`p0` is not an occurrence", WHICH),
            ("door:redis:p1.5=fail", "`p1.5` is not an occurrence", WHICH),
            ("door:redis:SET:often=fail", "`often` is not an occurrence", WHICH),
        ] {
            let error = text.parse::<Fault>().expect_err(text).to_string();
            assert!(error.starts_with(mistake) && error.contains(remedy), "{text}: {error}");
        }
    }

    #[test]
    fn the_help_shows_faults_that_can_be_read() {
        let examples: Vec<_> = NOTATION.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
        let examples: Vec<_> = examples.into_iter().filter(|line| line.contains(':') && line.contains('=')).collect();
        assert_eq!(examples.len(), 3);
        for example in examples {
            assert_eq!(example.parse::<Fault>().expect(example).to_string(), example);
        }
    }
}
