//! The payment provider, from the variables `payment_url`, `payment_key`, `payment_timeout_ms`, `payment_late_s` and
//! `payment_pending_ttl_s`.

use std::time::Duration;

use http::Uri;

use crate::origin::has_good_port;
use crate::settings::{SettingError, Settings, WholeNumber};

/// A payment provider.
#[derive(Clone)]
pub struct PaymentProvider {
    /// Its `/charges` and `/refunds` are below it.
    pub url: Uri,
    /// Our key, which is sent to it. `None`: it asks for no key.
    pub key: Option<String>,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// How long after a try it may still come to a charge of which it doesn't know yet.
    pub late: Duration,
    /// How long a payment may be pending before it is given up.
    pub pending_ttl: Duration,
}

impl PaymentProvider {
    /// Its name: host and port, as its URL has them.
    pub fn name(&self) -> &str {
        self.url.authority().map_or("", |authority| authority.as_str())
    }
}

const PAYMENT_TIMEOUT: WholeNumber = WholeNumber("payment_timeout_ms", 10, 60_000);
const PAYMENT_LATE: WholeNumber = WholeNumber("payment_late_s", 0, 86_400);
const PAYMENT_PENDING_TTL: WholeNumber = WholeNumber("payment_pending_ttl_s", 1, 30 * 86_400);

impl Settings {
    /// The payment provider; `None` if nobody is asked to pay. An error never shows the key.
    pub async fn payment_provider(&self) -> Result<Option<PaymentProvider>, SettingError> {
        let timeout = self.millis(PAYMENT_TIMEOUT).await?;
        let late = Duration::from_secs(self.number(PAYMENT_LATE).await?);
        let pending_ttl = Duration::from_secs(self.number(PAYMENT_PENDING_TTL).await?);
        let (url, key) = (self.text("payment_url").await?, self.text("payment_key").await?);
        if url.is_empty() {
            return Ok(None);
        }
        let url = parse_url(&url).map_err(|fault| self.error("payment_url", fault))?;
        self.check_payment_key(&key)?;
        Ok(Some(PaymentProvider { url, key: Some(key).filter(|key| !key.is_empty()), timeout, late, pending_ttl }))
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
        faults.extend(self.number(PAYMENT_LATE).await.err());
        faults.extend(self.number(PAYMENT_PENDING_TTL).await.err());
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
