//! Idempotency keys.

use crate::fault::Malformed;
use crate::limits;
use crate::text::text_type;

text_type!(
    /// What a shop sends with an order so that sending it again doesn't place it again: 1 to
    /// [`limits::IDEMPOTENCY_KEY_BYTES`] visible ASCII characters (`!` to `~`). Compared byte for byte; quotes around it
    /// are part of it.
    IdempotencyKey, check
);

impl TryFrom<&[u8]> for IdempotencyKey {
    type Error = Malformed;

    /// Takes the value of a header.
    fn try_from(value: &[u8]) -> Result<Self, Malformed> {
        str::from_utf8(value).map_err(|_| malformed())?.parse()
    }
}

fn check(text: &str) -> Result<(), Malformed> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=limits::IDEMPOTENCY_KEY_BYTES).contains(&text.len()) { Ok(()) } else { Err(malformed()) }
}

fn malformed() -> Malformed {
    Malformed::new(format!("must be 1 to {} visible ASCII characters, without spaces", limits::IDEMPOTENCY_KEY_BYTES))
}
