//! Digests by which Sluice knows a request again: of its idempotency key, and of its order; and by which it finds an
//! order.

use crate::email::Email;
use crate::idempotency_key::IdempotencyKey;
use crate::new_order::{CanonicalJson, NewOrder};
use crate::text::Reference;
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

impl Email {
    /// A digest by which the customer's orders are found, in whatever case the address was written.
    #[must_use]
    pub fn tag(&self) -> [u8; 8] {
        tag(b"email", &self.without_case())
    }

    /// The address with A to Z in lower case. By the letter of RFC 5321, case counts before the @, but providers don't
    /// count it. Other alphabets keep theirs: their table is a fiftieth of a component.
    #[must_use]
    pub fn without_case(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

impl Reference {
    /// A digest by which the orders with this number are found.
    #[must_use]
    pub fn tag(&self) -> [u8; 8] {
        tag(b"reference", self.as_str())
    }
}

impl NewOrder {
    /// The digests by which the order is found.
    pub fn tags(&self) -> impl Iterator<Item = [u8; 8]> {
        let email = self.customer().map(|customer| customer.email.tag());
        email.into_iter().chain(self.reference().map(Reference::tag))
    }
}

fn tag(kind: &[u8], text: &str) -> [u8; 8] {
    let mut tag = [0; 8];
    tag.copy_from_slice(&digest(&[kind, text.as_bytes()])[..8]);
    tag
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

    /// Redis holds such digests: an order must be found after an update.
    #[test]
    fn the_digests_by_which_an_order_is_found_stay_as_they_are() {
        let email: crate::Email = "Ada@Example.com".parse().unwrap();
        let reference: crate::Reference = "cart-4711".parse().unwrap();
        assert_eq!(u64::from_be_bytes(email.tag()), 0x991f_bdfd_bdac_82d0);
        assert_eq!(u64::from_be_bytes(reference.tag()), 0x8e3b_a363_d986_3f85);
    }

    #[test]
    fn an_address_is_the_same_in_each_case_and_no_reference() {
        let [email, lower]: [crate::Email; 2] = ["äDA@Example.com", "äda@example.com"].map(|it| it.parse().unwrap());
        let reference: crate::Reference = "äda@example.com".parse().unwrap();
        assert_eq!(email.tag(), lower.tag());
        assert_ne!(lower.tag(), reference.tag());
    }

    #[test]
    fn the_same_key_is_another_one_for_each_caller() {
        let key: crate::IdempotencyKey = "cart-4711".parse().unwrap();
        let of = |name: &str| key.digest(Some(&name.parse().unwrap()));
        assert!(of("webshop") != of("outlet") && of("webshop") != key.digest(None));
    }
}
