//! Stripe's events, signed as <https://docs.stripe.com/webhooks/signature> says with a secret of the variable
//! `stripe_event_secret`.

use hmac_sha256::HMAC;

use crate::payment_events::{TOLERANCE_S, is_one_of};
use crate::request::Request;
use crate::runtime::now_ms;
use crate::settings::{SettingError, Settings};
use crate::webhook_secret::MOST_SECRETS;

/// The secrets of which one must have signed an event. Stripe takes each as it is written, its prefix included.
pub struct EventSecrets(Vec<String>);

/// What a request says in its header `Stripe-Signature`: `t=1492774577,v1=5257a8…`. There may be several of `v1`.
pub struct EventSignature {
    seconds: String,
    signatures: Vec<String>,
}

const VARIABLE: &str = "stripe_event_secret";
const PREFIX: &str = "whsec_";

/// Characters behind the prefix that a secret has at least. Stripe's have 32.
const LEAST: usize = 16;

impl Settings {
    /// The secrets of Stripe's events, with white space between them; `None` if there are none, and no event is heard.
    /// An error never shows a secret.
    pub async fn event_secrets(&self) -> Result<Option<EventSecrets>, SettingError> {
        parse(&self.text(VARIABLE).await?).map_err(|fault| self.error(VARIABLE, fault))
    }

    /// Finds the faults of this variable. An event is passed on as the word of a payment provider, so it needs the
    /// secret of these too.
    pub(crate) async fn event_faults(&self) -> Option<SettingError> {
        match self.event_secrets().await {
            Ok(None) => None,
            Ok(Some(_)) => {
                let fault = "is empty, but stripe_event_secret is set: set it too, because the adapter for Stripe \
                             signs with it what it passes on";
                let is_open = self.word_signers().await.is_ok_and(|signers| signers.is_none());
                is_open.then(|| self.error("payment_event_secret", fault.to_owned()))
            }
            Err(fault) => Some(fault),
        }
    }
}

fn parse(text: &str) -> Result<Option<EventSecrets>, String> {
    let secrets: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let is_good = |secret: &str| {
        let key = secret.strip_prefix(PREFIX).unwrap_or_default();
        key.len() >= LEAST && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !secrets.iter().all(|secret| is_good(secret)) {
        return Err(format!("must be the signing secret of an endpoint at Stripe, which begins with {PREFIX}"));
    }
    if secrets.len() > MOST_SECRETS {
        return Err(format!("has {} secrets, but may have at most {MOST_SECRETS}", secrets.len()));
    }
    Ok(Some(secrets).filter(|secrets| !secrets.is_empty()).map(EventSecrets))
}

impl EventSignature {
    /// Reads the header of a request; `None` if it is missing, or has no time.
    pub fn of(request: &Request) -> Option<Self> {
        Self::read(request.header("stripe-signature")?)
    }

    fn read(header: &str) -> Option<Self> {
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let (_, seconds) = parts().find(|(name, _)| *name == "t")?;
        let signatures = parts().filter(|(name, _)| *name == "v1").map(|(_, value)| value.to_owned());
        Some(Self { seconds: seconds.to_owned(), signatures: signatures.collect() })
    }

    /// Whether one of the secrets has signed this body within the last minutes.
    pub fn is_good(&self, secrets: &EventSecrets, body: &[u8]) -> bool {
        let is_recent = |seconds: u64| seconds.abs_diff(now_ms() / 1000) <= TOLERANCE_S;
        self.seconds.parse().is_ok_and(is_recent) && self.is_signed(secrets, body)
    }

    fn is_signed(&self, EventSecrets(secrets): &EventSecrets, body: &[u8]) -> bool {
        let expected = secrets.iter().map(|secret| {
            let mut hmac = HMAC::new(secret);
            hmac.update(&self.seconds);
            hmac.update(".");
            hmac.update(body);
            hmac.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        });
        is_one_of(self.signatures.iter().map(String::as_str), expected)
    }
}

#[cfg(test)]
mod tests {
    use super::{EventSignature, parse};

    const OLD: &str = "whsec_0123456789abcdef0123456789abcdef";
    const NEW: &str = "whsec_fedcba9876543210fedcba9876543210";

    /// `1700000000.{"id": "evt_1"}`, signed with OLD by `openssl dgst -sha256 -hmac`.
    const GOOD: &str = "4e79f03dd39d5afd6110b04cb5793058527c346e944c0c71d2e433dd3f1e181f";
    const BODY: &[u8] = br#"{"id": "evt_1"}"#;

    fn is_signed(header: &str, secrets: &str, body: &[u8]) -> bool {
        EventSignature::read(header).is_some_and(|it| it.is_signed(&parse(secrets).unwrap().unwrap(), body))
    }

    #[test]
    fn any_signature_with_any_secret_is_good() {
        let good = format!("t=1700000000,v1={GOOD}");
        for (header, secrets) in [
            (good.clone(), OLD.to_owned()),
            (good.clone(), format!("{NEW} {OLD}\n")),
            (format!("t=1700000000,v1={},v1={GOOD},v0=6ffbb59b", "0".repeat(64)), OLD.to_owned()),
            (format!("v1={GOOD}, t=1700000000"), OLD.to_owned()),
        ] {
            assert!(is_signed(&header, &secrets, BODY), "{header} {secrets}");
        }
    }

    #[test]
    fn no_other_signature_is_good() {
        let good = format!("t=1700000000,v1={GOOD}");
        assert!(!is_signed(&good, NEW, BODY));
        assert!(!is_signed(&good, OLD, br#"{"id": "evt_2"}"#));
        for header in [
            format!("t=1700000001,v1={GOOD}"),
            format!("t=01700000000,v1={GOOD}"),
            format!("t=1700000000,v0={GOOD}"),
            format!("t=1700000000,v1={}", &GOOD[..63]),
            format!("t=1700000000,v1={}0", &GOOD),
            format!("v1={GOOD}"),
            "t=1700000000,v1=".to_owned(),
            "t=1700000000".to_owned(),
            String::new(),
        ] {
            assert!(!is_signed(&header, OLD, BODY), "{header}");
        }
    }

    #[test]
    fn a_secret_that_is_none_is_refused_and_not_shown() {
        for wrong in ["hunter2", "we_1hunter2hunter2hunter2", "whsec_hunter2", "whsec_0123456789abcde\u{e9}hunter2"] {
            let Err(told) = parse(wrong) else { panic!("{wrong} is taken") };
            assert!(told.starts_with("must be the signing secret") && !told.contains("hunter2"), "{told}");
        }
        assert!(parse(&[OLD; 4].join(" ")).is_err_and(|told| told == "has 4 secrets, but may have at most 3"));
        assert!(parse("").is_ok_and(|secrets| secrets.is_none()));
    }
}
