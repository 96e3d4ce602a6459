//! The payment provider's word that something became of a payment, signed as Standard Webhooks says with a secret of
//! the variable `payment_event_secret`.

use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};
use subtle::{Choice, ConstantTimeEq};

use crate::request::Request;
use crate::runtime::now_ms;
use crate::settings::{SettingError, Settings};
use crate::webhook_secret::{MOST_SECRETS, signer};

/// How far the sender's clock may be from ours, in seconds: what Standard Webhooks proposes.
pub(crate) const TOLERANCE_S: u64 = 300;

/// The secrets of which one must have signed a word.
pub struct WordSigners(Vec<Webhook>);

/// What a request says of its signature.
pub struct WordSignature {
    id: String,
    seconds: u64,
    signatures: String,
}

impl Settings {
    /// The secrets of the provider's words, with white space between them; `None` if there are none, and nobody's word
    /// is heard. An error never shows a secret.
    pub async fn word_signers(&self) -> Result<Option<WordSigners>, SettingError> {
        const VARIABLE: &str = "payment_event_secret";
        let secrets = self.text(VARIABLE).await?;
        let signers: Result<Vec<_>, _> = secrets.split_whitespace().map(signer).collect();
        let signers = signers.map_err(|fault| self.error(VARIABLE, fault))?;
        if signers.len() > MOST_SECRETS {
            let fault = format!("has {} secrets, but may have at most {MOST_SECRETS}", signers.len());
            return Err(self.error(VARIABLE, fault));
        }
        Ok(Some(signers).filter(|signers| !signers.is_empty()).map(WordSigners))
    }
}

impl WordSigners {
    /// The headers of a word of ours: its id, the present time, and the signature with the first secret.
    pub fn headers(&self, id: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        let seconds = now_ms() / 1000;
        let signature = self.0.first().and_then(|signer| signer.sign(id, seconds as i64, body).ok());
        vec![
            ("content-type", "application/json".to_owned()),
            (HEADER_WEBHOOK_ID, id.to_owned()),
            (HEADER_WEBHOOK_TIMESTAMP, seconds.to_string()),
            (HEADER_WEBHOOK_SIGNATURE, signature.unwrap_or_default()),
        ]
    }
}

impl WordSignature {
    /// Reads the headers of a request; `None` if one is missing, or is none.
    pub fn of(request: &Request) -> Option<Self> {
        let header = |name| request.header(name).map(str::to_owned);
        Some(Self {
            id: header(HEADER_WEBHOOK_ID)?,
            seconds: header(HEADER_WEBHOOK_TIMESTAMP)?.parse().ok()?,
            signatures: header(HEADER_WEBHOOK_SIGNATURE)?,
        })
    }

    /// Whether one of the secrets has signed this body within the last minutes.
    pub fn is_good(&self, signers: &WordSigners, body: &[u8]) -> bool {
        self.seconds.abs_diff(now_ms() / 1000) <= TOLERANCE_S && self.is_signed(signers, body)
    }

    fn is_signed(&self, WordSigners(signers): &WordSigners, body: &[u8]) -> bool {
        let expected = signers.iter().filter_map(|signer| signer.sign(&self.id, self.seconds as i64, body).ok());
        is_one_of(self.signatures.split(' '), expected)
    }
}

/// Whether one of the signatures that were sent is one of those `expected`. It takes as long wherever the first wrong
/// character is.
pub(crate) fn is_one_of<'s>(
    sent: impl Iterator<Item = &'s str> + Clone,
    expected: impl Iterator<Item = String>,
) -> bool {
    let is_good = expected.fold(Choice::from(0), |is_good, expected| {
        let equal = sent.clone().map(|sent| sent.as_bytes().ct_eq(expected.as_bytes()));
        equal.fold(is_good, |is_good, equal| is_good | equal)
    });
    is_good.into()
}

#[cfg(test)]
mod tests {
    use super::{WordSignature, WordSigners};
    use crate::webhook_secret::signer;

    const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NEW: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl5plJ3nmy";
    const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    /// Says whether a body is taken that `signed` have signed, of which `known` are known.
    fn is_signed(signed: &[&str], known: &[&str]) -> bool {
        let signatures = signed.iter().map(|secret| signer(secret).unwrap().sign("msg_1", 7, b"{}").unwrap());
        let signatures = signatures.collect::<Vec<_>>().join(" ");
        let signers = WordSigners(known.iter().map(|secret| signer(secret).unwrap()).collect());
        WordSignature { id: "msg_1".to_owned(), seconds: 7, signatures }.is_signed(&signers, b"{}")
    }

    #[test]
    fn any_signature_with_any_secret_is_good() {
        for (signed, known) in
            [(&[OLD][..], &[OLD][..]), (&[OLD], &[NEW, OLD]), (&[OTHER, NEW], &[NEW]), (&[NEW, OLD], &[OLD, NEW])]
        {
            assert!(is_signed(signed, known), "{signed:?} {known:?}");
        }
    }

    #[test]
    fn no_other_signature_is_good() {
        assert!(!is_signed(&[OTHER], &[OLD, NEW]));
        assert!(!is_signed(&[], &[OLD]));
        let signers = WordSigners(vec![signer(OLD).unwrap()]);
        let good = signer(OLD).unwrap().sign("msg_1", 7, b"{}").unwrap();
        let sent = |id: &str, seconds, signatures: &str| {
            WordSignature { id: id.to_owned(), seconds, signatures: signatures.to_owned() }.is_signed(&signers, b"{}")
        };
        assert!(sent("msg_1", 7, &good));
        for (id, seconds, signatures) in [
            ("msg_2", 7, &*good),
            ("msg_1", 8, &good),
            ("msg_1", 7, &good[..good.len() - 1]),
            ("msg_1", 7, good.trim_start_matches("v1,")),
            ("msg_1", 7, ""),
        ] {
            assert!(!sent(id, seconds, signatures), "{id} {seconds} {signatures}");
        }
    }
}
