//! The payment provider, from the variables `payment_url`, `payment_key`, `payment_timeout_ms`, `payment_concurrency`,
//! `payment_late_s`, `payment_pending_ttl_s`, `payment_capture` and `payment_capture_within_s`.

use std::time::Duration;

use http::Uri;

use crate::origin::has_good_port;
use crate::settings::{SettingError, Settings, WholeNumber};

/// A payment provider.
#[derive(Clone)]
pub struct PaymentProvider {
    /// Its `/charges`, `/captures` and `/refunds` are below it.
    pub url: Uri,
    /// Our key, which is sent to it. `None`: it asks for no key.
    pub key: Option<String>,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// How many orders one worker asks it about at the same time.
    pub concurrency: usize,
    /// How long after a try it may still come to a charge of which it doesn't know yet.
    pub late: Duration,
    /// How long a payment may be pending before it is given up.
    pub pending_ttl: Duration,
    /// When it takes the money.
    pub capture: CaptureTime,
    /// How long after an order is confirmed its money should be taken.
    pub capture_within: Duration,
}

/// When the money of an order is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureTime {
    /// By the charge.
    AtOnce,
    /// The charge is authorized, and captured when the order is fulfilled.
    OnFulfil,
}

impl PaymentProvider {
    /// Its name: host and port, as its URL has them.
    pub fn name(&self) -> &str {
        self.url.authority().map_or("", |authority| authority.as_str())
    }
}

const PAYMENT_TIMEOUT: WholeNumber = WholeNumber("payment_timeout_ms", 10, 60_000);
const PAYMENT_CONCURRENCY: WholeNumber = WholeNumber("payment_concurrency", 1, 256);
const PAYMENT_LATE: WholeNumber = WholeNumber("payment_late_s", 0, 86_400);
const PAYMENT_PENDING_TTL: WholeNumber = WholeNumber("payment_pending_ttl_s", 1, 30 * 86_400);
const PAYMENT_CAPTURE_WITHIN: WholeNumber = WholeNumber("payment_capture_within_s", 1, 90 * 86_400);

impl Settings {
    /// The payment provider; `None` if nobody is asked to pay. An error never shows the key.
    pub async fn payment_provider(&self) -> Result<Option<PaymentProvider>, SettingError> {
        let variables = [
            PAYMENT_TIMEOUT.0,
            PAYMENT_CONCURRENCY.0,
            PAYMENT_LATE.0,
            PAYMENT_PENDING_TTL.0,
            PAYMENT_CAPTURE_WITHIN.0,
            "payment_capture",
            "payment_url",
            "payment_key",
        ];
        let texts = self.texts(&variables).await?;
        let timeout = texts.millis(PAYMENT_TIMEOUT)?;
        let concurrency = texts.number(PAYMENT_CONCURRENCY)? as usize;
        let (late, pending_ttl) = (texts.seconds(PAYMENT_LATE)?, texts.seconds(PAYMENT_PENDING_TTL)?);
        let capture_within = texts.seconds(PAYMENT_CAPTURE_WITHIN)?;
        let capture = self.capture_time(texts.text("payment_capture"))?;
        let (url, key) = (texts.text("payment_url"), texts.text("payment_key"));
        if url.is_empty() {
            return Ok(None);
        }
        let url = parse_url(url).map_err(|fault| self.error("payment_url", fault))?;
        self.check_payment_key(key)?;
        let key = Some(key.to_owned()).filter(|key| !key.is_empty());
        Ok(Some(PaymentProvider { url, key, timeout, concurrency, late, pending_ttl, capture, capture_within }))
    }

    fn capture_time(&self, text: &str) -> Result<CaptureTime, SettingError> {
        match text {
            "at_once" => Ok(CaptureTime::AtOnce),
            "on_fulfil" => Ok(CaptureTime::OnFulfil),
            other => Err(self.error("payment_capture", format!("is {other:?}, but must be at_once or on_fulfil"))),
        }
    }

    fn check_payment_key(&self, key: &str) -> Result<(), SettingError> {
        if key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(());
        }
        Err(self.error("payment_key", "must be visible ASCII characters without spaces".to_owned()))
    }

    /// Finds every fault of these variables, and checks that charges may be sent to the provider.
    pub(crate) async fn payment_faults(&self) -> Vec<SettingError> {
        let mut faults: Vec<_> = self.number(PAYMENT_TIMEOUT).await.err().into_iter().collect();
        faults.extend(self.number(PAYMENT_CONCURRENCY).await.err());
        faults.extend(self.number(PAYMENT_LATE).await.err());
        faults.extend(self.number(PAYMENT_PENDING_TTL).await.err());
        match self.text("payment_capture").await {
            Ok(text) => faults.extend(self.capture_time(&text).err()),
            Err(fault) => faults.push(fault),
        }
        faults.extend(self.number(PAYMENT_CAPTURE_WITHIN).await.err());
        faults.extend(self.word_signers().await.err());
        match self.text("payment_key").await {
            Ok(key) => faults.extend(self.check_payment_key(&key).err()),
            Err(fault) => faults.push(fault),
        }
        match self.text("payment_url").await.map(|url| (!url.is_empty()).then(|| parse_url(&url))) {
            Ok(None) => {}
            Ok(Some(Ok(url))) => {
                faults.extend(self.check_origin("payment_origin", "payment_url", &[&url]).await.err());
            }
            Ok(Some(Err(fault))) => faults.push(self.error("payment_url", fault)),
            Err(fault) => faults.push(fault),
        }
        faults
    }
}

fn parse_url(url: &str) -> Result<Uri, String> {
    // Anywhere: a password that is not encoded may end the address before its own @.
    if url.contains('@') {
        return Err("must have no user, no password and no @; the key belongs into payment_key".to_owned());
    }
    let url: Uri = url.parse().map_err(|error| format!("can't be read: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
        return Err("must begin with https:// or http:// and name a host, or be empty".to_owned());
    }
    if !has_good_port(&url) {
        return Err("must have a port from 1 to 65535, or none".to_owned());
    }
    if url.query().is_some() {
        return Err("must have no query; the key belongs into payment_key".to_owned());
    }
    Ok(url)
}
