//! Variables, read into types whose values are within their range. The defaults stand in spin.toml alone. A bad value
//! is an error that names the variable.

use std::time::Duration;

use queue::{Backoff, LEASES, Limits, Namespace, Timing, Untracked};

use crate::redis_address::RedisAddress;

/// A variable that can't be used, and the values that could.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {variable} of component {component} {fault}")]
pub struct SettingError {
    /// The component that reads it.
    pub component: &'static str,
    /// Its name, as in spin.toml.
    pub variable: &'static str,
    /// What is wrong, and what would be right. It never shows a secret.
    pub fault: String,
}

/// The variables of a component.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    component: &'static str,
}

/// The texts of some variables, read one after the other. What is made of them needs no more waiting, which would be
/// code for each.
pub(crate) struct VariableTexts {
    settings: Settings,
    texts: Vec<(&'static str, String)>,
}

/// The settings of everyone who works on the queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Address of the queue's Redis.
    pub redis_url: RedisAddress,
    /// Prefix of all keys.
    pub namespace: Namespace,
    /// Lease, and how long the log is kept.
    pub timing: Timing,
    /// How long an order is kept that has ended; `None`: for ever.
    pub retention: Option<Duration>,
}

/// A variable that is a whole number, and its least and greatest value.
pub(crate) struct WholeNumber(pub(crate) &'static str, pub(crate) u64, pub(crate) u64);

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;

pub(crate) const LOG_RETENTION: WholeNumber = WholeNumber("log_retention_h", 1, 24 * 366);
pub(crate) const RETENTION: WholeNumber = WholeNumber("retention_days", 0, 36_600);
pub(crate) const LEASE: WholeNumber = WholeNumber("lease_ms", millis(*LEASES.start()), millis(*LEASES.end()));
pub(crate) const BACKOFF_BASE: WholeNumber = WholeNumber("backoff_base_ms", 1, HOUR);
pub(crate) const BACKOFF_CAP: WholeNumber = WholeNumber("backoff_cap_ms", 1, 24 * HOUR);
pub(crate) const MAX_ATTEMPTS: WholeNumber = WholeNumber("max_attempts", 1, 100);
pub(crate) const MAX_CRASHES: WholeNumber = WholeNumber("max_crashes", 1, 100);
pub(crate) const DRAIN_BUDGET: WholeNumber = WholeNumber("drain_budget_ms", 100, 600_000);
pub(crate) const IDEMPOTENCY_TTL: WholeNumber = WholeNumber("idempotency_ttl_s", 1, 30 * 86_400);
pub(crate) const QUEUE_AGE: WholeNumber = WholeNumber("max_queue_age_s", 0, 30 * 86_400);
pub(crate) const QUEUE_DEPTH: WholeNumber = WholeNumber("max_queue_depth", 0, 100_000_000);

/// The databases whose keys the triggers in spin.toml listen to: the queue's timers, and the store's change marker.
pub(crate) const QUEUE_DATABASE: u64 = 0;
pub(crate) const STORE_DATABASE: u64 = 1;

impl Settings {
    /// The variables of `component`, which is named in errors.
    pub fn new(component: &'static str) -> Self {
        Self { component }
    }

    /// A text, without the blanks and line breaks around it: a secret that comes from a file often ends in one.
    pub async fn text(&self, variable: &'static str) -> Result<String, SettingError> {
        self.untrimmed(variable).await.map(|text| text.trim().to_owned())
    }

    /// A text as it was set, which is how the triggers take it.
    pub(crate) async fn untrimmed(&self, variable: &'static str) -> Result<String, SettingError> {
        let value = spin_sdk::variables::get(variable).await;
        value.map_err(|error| self.error(variable, format!("can't be read: {error}; set it in spin.toml")))
    }

    /// Several of them.
    pub(crate) async fn texts(&self, variables: &[&'static str]) -> Result<VariableTexts, SettingError> {
        let mut texts = Vec::new();
        for variable in variables {
            texts.push((*variable, self.untrimmed(variable).await?));
        }
        Ok(VariableTexts { settings: *self, texts })
    }

    /// A whole number within its range.
    pub(crate) async fn number(&self, wanted: WholeNumber) -> Result<u64, SettingError> {
        self.texts(&[wanted.0]).await?.number(wanted)
    }

    /// A number of milliseconds within its range.
    pub(crate) async fn millis(&self, wanted: WholeNumber) -> Result<Duration, SettingError> {
        self.number(wanted).await.map(Duration::from_millis)
    }

    /// The settings of everyone who works on the queues.
    pub async fn queue(&self) -> Result<QueueSettings, SettingError> {
        let texts = self.texts(&["namespace", LOG_RETENTION.0, RETENTION.0, LEASE.0, "redis_url"]).await?;
        let namespace = self.namespace(texts.untrimmed("namespace"))?;
        let log_retention = Duration::from_millis(texts.number(LOG_RETENTION)? * HOUR);
        let days = texts.number(RETENTION)?;
        let retention = (days > 0).then(|| Duration::from_millis(days * 24 * HOUR));
        // What the log has of an order that is removed must go too.
        let log_retention = retention.map_or(log_retention, |retention| log_retention.min(retention));
        let timing = Timing { lease: texts.millis(LEASE)?, log_retention };
        let redis_url = self.parsed_address("redis_url", texts.text("redis_url"), QUEUE_DATABASE)?;
        Ok(QueueSettings { redis_url, namespace, timing, retention })
    }

    pub(crate) fn namespace(&self, text: &str) -> Result<Namespace, SettingError> {
        Namespace::new(text).ok_or_else(|| {
            let fault = format!("is {text:?}, but must be a name in braces, like {{orders}}");
            self.error("namespace", fault)
        })
    }

    /// The address of the store's database, as far as variables say. It is on the server of the queue, whose address is
    /// `queue`: both are heard of there.
    pub async fn store_url(&self, queue: &RedisAddress) -> Result<RedisAddress, SettingError> {
        let address = self.address("store_url", STORE_DATABASE).await?;
        if address.server() == queue.server() {
            return Ok(address);
        }
        let (server, queue) = (address.server(), queue.server());
        Err(self.error("store_url", format!("is on {server}, but must be on the server of redis_url, {queue}")))
    }

    pub(crate) async fn address(&self, variable: &'static str, database: u64) -> Result<RedisAddress, SettingError> {
        self.parsed_address(variable, &self.text(variable).await?, database)
    }

    fn parsed_address(&self, variable: &'static str, text: &str, database: u64) -> Result<RedisAddress, SettingError> {
        let address = RedisAddress::parse(text.to_owned()).map_err(|fault| self.error(variable, fault.to_owned()))?;
        if address.database() == database {
            return Ok(address);
        }
        let named = address.database();
        let fault = format!(
            "names database {named}, but must end in /{database}: the triggers in spin.toml hear of no other database"
        );
        Err(self.error(variable, fault))
    }

    /// When a failed order is attempted again.
    pub async fn backoff(&self) -> Result<Backoff, SettingError> {
        let texts = self.texts(&[BACKOFF_BASE.0, BACKOFF_CAP.0, MAX_ATTEMPTS.0]).await?;
        let (base, cap) = (texts.millis(BACKOFF_BASE)?, texts.millis(BACKOFF_CAP)?);
        if cap < base {
            let fault = format!("is {}, but must be at least backoff_base_ms, {}", cap.as_millis(), base.as_millis());
            return Err(self.error("backoff_cap_ms", fault));
        }
        Ok(Backoff::Exponential { base, cap, attempts: texts.number(MAX_ATTEMPTS)? as u32 })
    }

    /// After how many crashes of its worker a message is buried.
    pub async fn max_crashes(&self) -> Result<u32, SettingError> {
        self.number(MAX_CRASHES).await.map(|crashes| crashes as u32)
    }

    /// How long one wake works. Then it ends, and rings for the next.
    pub async fn drain_budget(&self) -> Result<Duration, SettingError> {
        self.millis(DRAIN_BUDGET).await
    }

    /// How long an idempotency key is remembered.
    pub async fn idempotency_ttl(&self) -> Result<Duration, SettingError> {
        self.number(IDEMPOTENCY_TTL).await.map(Duration::from_secs)
    }

    /// Whether articles without a stock entry can be ordered.
    pub async fn untracked(&self) -> Result<Untracked, SettingError> {
        match self.text("untracked_stock").await?.as_str() {
            "allow" => Ok(Untracked::Allow),
            "reject" => Ok(Untracked::Reject),
            other => Err(self.error("untracked_stock", format!("is {other:?}, but must be allow or reject"))),
        }
    }

    /// When orders are refused because too many wait. The variables say 0 for no limit.
    pub async fn limits(&self) -> Result<Limits, SettingError> {
        let age = self.number(QUEUE_AGE).await?;
        let depth = self.number(QUEUE_DEPTH).await?;
        Ok(Limits { depth: (depth > 0).then_some(depth), age: (age > 0).then(|| Duration::from_secs(age)) })
    }

    /// An error about one of them.
    pub fn error(&self, variable: &'static str, fault: String) -> SettingError {
        SettingError { component: self.component, variable, fault }
    }
}

impl VariableTexts {
    /// As it was set.
    fn untrimmed(&self, variable: &str) -> &str {
        let text = self.texts.iter().find(|(known, _)| *known == variable);
        text.map_or("", |(_, text)| text)
    }

    pub(crate) fn text(&self, variable: &str) -> &str {
        self.untrimmed(variable).trim()
    }

    pub(crate) fn number(&self, WholeNumber(variable, least, most): WholeNumber) -> Result<u64, SettingError> {
        let text = self.text(variable);
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            let fault = format!("is {text:?}, but must be a whole number from {least} to {most}");
            self.settings.error(variable, fault)
        })
    }

    pub(crate) fn millis(&self, wanted: WholeNumber) -> Result<Duration, SettingError> {
        self.number(wanted).map(Duration::from_millis)
    }

    pub(crate) fn seconds(&self, wanted: WholeNumber) -> Result<Duration, SettingError> {
        self.number(wanted).map(Duration::from_secs)
    }
}

const fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
