//! Digests by which Sluice knows a request again: of its idempotency key, and of its order.

use crate::idempotency_key::IdempotencyKey;
use crate::new_order::CanonicalJson;
use access::CallerName;
use sha2::{Digest, Sha256};

impl IdempotencyKey {
    /// 128 bits of SHA-256 that stand for the key. The same key is another one for each caller.
    #[must_use]
    pub fn digest(&self, caller: Option<&CallerName>) -> [u8; 16] {
        let key = self.as_str().as_bytes();
        match caller {
            Some(caller) => digest(&[b"key", caller.as_str().as_bytes(), key]),
            None => digest(&[b"key", key]),
        }
    }
}

impl CanonicalJson {
    /// 128 bits of SHA-256 that stand for the order. Bodies that say the same have the same digest.
    #[must_use]
    pub fn digest(&self) -> [u8; 16] {
        digest(&[b"order", self.as_bytes()])
    }
}

/// The digest of the parts, each with its length, so that no two lists of parts are the same bytes.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn lists_of_parts_that_join_to_the_same_bytes_have_digests_of_their_own() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }

    /// Redis holds such digests: a shop's repeated request must be known again after an update.
    #[test]
    fn the_digest_of_a_key_stays_as_it_is() {
        let key: crate::IdempotencyKey = "cart-4711".parse().unwrap();
        let hex: String = key.digest(None).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "fdbc62865a67874c4a466c4af3f49c09");
    }

    #[test]
    fn the_same_key_is_another_one_for_each_caller() {
        let key: crate::IdempotencyKey = "cart-4711".parse().unwrap();
        let of = |name: &str| key.digest(Some(&name.parse().unwrap()));
        assert!(of("webshop") != of("outlet") && of("webshop") != key.digest(None));
    }
}
