//! Idempotency keys.

use crate::fault::Malformed;
use crate::limits;
use crate::text::text_type;

text_type!(
    /// What a shop sends with an order so that sending it again doesn't place it again: 1 to
    /// [`limits::IDEMPOTENCY_KEY_CHARS`] visible ASCII characters (`!` to `~`). Compared byte for byte; quotes around
    /// it are part of it.
    IdempotencyKey, visible(limits::IDEMPOTENCY_KEY_CHARS)
);

fn visible(text: &str, max: usize) -> Result<(), Malformed> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=max).contains(&text.len()) {
        return Ok(());
    }
    Err(Malformed::new(format!("must be 1 to {max} visible ASCII characters, without spaces")))
}
