//! The account at Stripe, from the variables `stripe_key` and `stripe_url`.

use http::Uri;

use crate::origin::has_good_port;
use crate::payments::PaymentProvider;
use crate::settings::{SettingError, Settings};

/// An account at Stripe.
pub struct StripeAccount {
    /// Where Stripe's API is: scheme, host and port.
    pub url: Uri,
    /// Our secret key there.
    pub key: String,
}

/// The host under which components of this application reach the adapter.
const ADAPTER: &str = "stripe.spin.internal";

impl Settings {
    /// The account at Stripe; `None` while the adapter is off. An error never shows the key.
    pub async fn stripe_account(&self) -> Result<Option<StripeAccount>, SettingError> {
        let (url, key) = (self.text("stripe_url").await?, self.text("stripe_key").await?);
        let url = parse_url(&url).ok_or_else(|| {
            let fault = "must be https:// or http:// with a host, and without a path".to_owned();
            self.error("stripe_url", fault)
        })?;
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.error("stripe_key", "must be visible ASCII characters without spaces".to_owned()));
        }
        Ok((!key.is_empty()).then_some(StripeAccount { url, key }))
    }

    /// Checks that the adapter for Stripe has a key, if orders are charged there.
    pub async fn check_stripe(&self, provider: &PaymentProvider) -> Result<(), SettingError> {
        let is_off = self.stripe_account().await?.is_none();
        if is_off && provider.url.host() == Some(ADAPTER) {
            let fault = "is empty, but payment_url leads to the adapter for Stripe: set stripe_key to your secret key \
                         at Stripe";
            return Err(self.error("stripe_key", fault.to_owned()));
        }
        Ok(())
    }
}

fn parse_url(url: &str) -> Option<Uri> {
    let url: Uri = url.parse().ok()?;
    let is_web = matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty());
    let is_bare = url.path() == "/" && url.query().is_none() && !url.authority()?.as_str().contains('@');
    (is_web && is_bare && has_good_port(&url)).then_some(url)
}
