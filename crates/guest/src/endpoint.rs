//! An endpoint, and the signatures of what is sent there.

use http::Uri;
use queue::Subscription;
use standardwebhooks::Webhook;

/// An endpoint that receives events.
pub struct Endpoint {
    /// Names its lane and its dead letters.
    pub name: String,
    /// Its address.
    pub url: Uri,
    /// The event types that it subscribed to. `None`: all.
    pub(crate) events: Option<Vec<String>>,
    /// Each signs every event that is sent there.
    pub(crate) signers: Vec<Webhook>,
}

impl Endpoint {
    /// What it subscribed to.
    pub fn subscription(&self) -> Subscription<'_> {
        Subscription { lane: &self.name, topics: self.events.as_deref() }
    }

    /// The value of the header `webhook-signature`: a signature with each secret, so that the receiver may know any of
    /// them. An error is a payload that is no UTF-8.
    pub fn sign(&self, id: &str, seconds: u64, payload: &[u8]) -> Result<String, String> {
        let signatures = self.signers.iter().map(|signer| signer.sign(id, seconds as i64, payload));
        let signatures: Result<Vec<_>, _> = signatures.collect();
        signatures.map(|signatures| signatures.join(" ")).map_err(|error| error.to_string())
    }
}
