//! API keys, and what is kept of them.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// A key as a caller sends it: `sluice_`, 32 random characters and 6 that are a checksum of all before them, each a
/// letter or a digit. Nobody can guess one. Whoever finds one, in a log or in a public repository, can tell that it is
/// a key, and whether it is whole, without asking anybody.
pub struct ApiKey(String);

/// SHA-256 of a key as it is sent. It is all that Sluice is told of a key, so whoever reads Sluice's settings can't
/// call with it. (A key has 190 random bits, so it needs no slow hash.)
#[derive(Clone, Copy, Debug)]
pub struct KeyDigest([u8; 32]);

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be the SHA-256 of a key, 64 hexadecimal digits")]
pub struct NotADigest;

const PREFIX: &str = "sluice_";
const RANDOM: usize = 32;
const CHECKSUM: usize = 6;
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl ApiKey {
    /// Makes a key. `byte` gives a random byte, from a source that nobody can predict.
    pub fn new(mut byte: impl FnMut() -> u8) -> Self {
        let mut key = PREFIX.to_owned();
        while key.len() < PREFIX.len() + RANDOM {
            // The letters are no divisor of 256, so the last bytes would make the first letters likelier.
            let byte = usize::from(byte());
            if byte < 256 / LETTERS.len() * LETTERS.len() {
                key.push(char::from(LETTERS[byte % LETTERS.len()]));
            }
        }
        let checksum = checksum(&key);
        Self(key + &checksum)
    }

    /// Whether this is a key that was cut short, or mistyped: it begins as one, and its checksum is not right.
    #[must_use]
    pub fn is_damaged(text: &str) -> bool {
        let Some(rest) = text.strip_prefix(PREFIX) else { return false };
        let is_plain = rest.len() == RANDOM + CHECKSUM && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        !is_plain || !text.ends_with(&checksum(&text[..PREFIX.len() + RANDOM]))
    }

    /// The text to send.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first 32 bits of SHA-256, in the letters of a key.
fn checksum(text: &str) -> String {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(text));
    let mut number = u32::from_be_bytes([a, b, c, d]) as usize;
    let mut letters = [0; CHECKSUM];
    for letter in letters.iter_mut().rev() {
        *letter = LETTERS[number % LETTERS.len()];
        number /= LETTERS.len();
    }
    letters.map(char::from).iter().collect()
}

impl KeyDigest {
    /// The digest of a key, whole or not.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Whether it is the digest of the same key. Takes as long wherever the first difference is.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl FromStr for KeyDigest {
    type Err = NotADigest;

    fn from_str(hex: &str) -> Result<Self, NotADigest> {
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotADigest);
        }
        let mut digest = [0; 32];
        for (at, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).map_err(|_| NotADigest)?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiKey, KeyDigest};

    /// Keys that are in use must stay keys after an update.
    const KEY: &str = "sluice_000000000000000000000000000000000VDFT3";

    #[test]
    fn a_key_has_a_prefix_random_letters_and_a_checksum() {
        assert_eq!(ApiKey::new(|| 0).as_str(), KEY);
        let mut next = 0_u8;
        let key = ApiKey::new(|| {
            next = next.wrapping_add(29);
            next
        });
        assert!(!ApiKey::is_damaged(key.as_str()), "{}", key.as_str());
        assert_eq!(key.as_str().len(), 45);
    }

    #[test]
    fn each_letter_is_as_likely_as_the_others() {
        let mut bytes = (0..=u8::MAX).cycle();
        let mut counts = [0; 256];
        for _ in 0..62 {
            let key = ApiKey::new(|| bytes.next().unwrap());
            for byte in key.as_str()[7..39].bytes() {
                counts[usize::from(byte)] += 1;
            }
        }
        assert!(counts.iter().all(|&count| count == 0 || count == 32), "{counts:?}");
    }

    #[test]
    fn a_key_with_a_slip_is_told_from_a_whole_one() {
        assert!(!ApiKey::is_damaged(KEY));
        let longer = format!("{KEY}0");
        for slip in
            [&KEY[..44], &longer, &format!("{}0", &KEY[..44]), &KEY.replacen('0', "1", 1), "sluice_", "sluice_é"]
        {
            assert!(ApiKey::is_damaged(slip), "{slip}");
        }
        assert!(!ApiKey::is_damaged("0123456789abcdef"), "this is another kind of key");
    }

    #[test]
    fn a_digest_is_that_of_sha256sum() {
        // printf %s 0123456789abcdef | sha256sum
        let hex = "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f";
        assert_eq!(KeyDigest::of("0123456789abcdef").to_string(), hex);
        let upper: KeyDigest = hex.to_uppercase().parse().unwrap();
        assert!(upper.is(&KeyDigest::of("0123456789abcdef")) && !upper.is(&KeyDigest::of("0123456789abcdeg")));
        let odd = format!("+{}", &hex[1..]);
        for bad in ["", "0123456789abcdef", &hex[1..], &hex.replace('f', "g"), &odd] {
            assert!(bad.parse::<KeyDigest>().is_err(), "{bad}");
        }
    }
}
