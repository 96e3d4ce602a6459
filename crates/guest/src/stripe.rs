//! The account at Stripe, from the variables `stripe_key`, `stripe_url` and `stripe_return_url`.

use http::Uri;
use order::NextAction;

use crate::origin::has_good_port;
use crate::settings::{SettingError, Settings};

/// An account at Stripe.
pub struct StripeAccount {
    /// Where Stripe's API is: scheme, host and port.
    pub url: Uri,
    /// Our secret key there.
    pub key: String,
    /// The shop's page to which customers come back from their bank. `None`: nobody is sent there.
    pub return_url: Option<String>,
}

/// The host under which components of this application reach the adapter.
const ADAPTER: &str = "stripe.spin.internal";

impl Settings {
    /// The account at Stripe; `None` while the adapter is off. An error never shows the key.
    pub async fn stripe_account(&self) -> Result<Option<StripeAccount>, SettingError> {
        let (url, key, return_url) =
            (self.stripe_url().await?, self.stripe_key().await?, self.stripe_return_url().await?);
        Ok((!key.is_empty()).then_some(StripeAccount { url, key, return_url }))
    }

    /// Finds every fault of these variables, and checks that the adapter has a key if orders are charged there.
    pub(crate) async fn stripe_faults(&self) -> Vec<SettingError> {
        let mut faults: Vec<_> = self.stripe_url().await.err().into_iter().collect();
        faults.extend(self.stripe_return_url().await.err());
        faults.extend(self.event_faults().await);
        match self.stripe_key().await {
            Ok(key) if key.is_empty() && self.leads_to_adapter().await => {
                let fault = "is empty, but payment_url leads to the adapter for Stripe: set stripe_key to your secret \
                             key at Stripe";
                faults.push(self.error("stripe_key", fault.to_owned()));
            }
            key => faults.extend(key.err()),
        }
        faults
    }

    async fn stripe_url(&self) -> Result<Uri, SettingError> {
        parse_url(&self.text("stripe_url").await?).ok_or_else(|| {
            let fault = "must be https:// or http:// with a host, and without a path".to_owned();
            self.error("stripe_url", fault)
        })
    }

    async fn stripe_return_url(&self) -> Result<Option<String>, SettingError> {
        const VARIABLE: &str = "stripe_return_url";
        let page = self.text(VARIABLE).await?;
        match page.parse::<NextAction>() {
            _ if page.is_empty() => Ok(None),
            Ok(_) => Ok(Some(page)),
            Err(fault) => Err(self.error(VARIABLE, format!("{fault}, or be empty"))),
        }
    }

    async fn stripe_key(&self) -> Result<String, SettingError> {
        let key = self.text("stripe_key").await?;
        if key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(key);
        }
        Err(self.error("stripe_key", "must be visible ASCII characters without spaces".to_owned()))
    }

    async fn leads_to_adapter(&self) -> bool {
        let url = self.text("payment_url").await.ok().and_then(|url| url.parse::<Uri>().ok());
        url.is_some_and(|url| url.host() == Some(ADAPTER))
    }
}

fn parse_url(url: &str) -> Option<Uri> {
    let url: Uri = url.parse().ok()?;
    let is_web = matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty());
    let is_bare = url.path() == "/" && url.query().is_none() && !url.authority()?.as_str().contains('@');
    (is_web && is_bare && has_good_port(&url)).then_some(url)
}
