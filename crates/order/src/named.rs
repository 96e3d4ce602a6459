//! What a person names an article, a parcel or an order by. Two names that look the same must be the same.
//!
//! These rules hold for what comes in from outside. Messages, records and stock that are kept already are read as they
//! are.

use crate::fault::Malformed;
use crate::normal_form;
use crate::text::Sku;

impl Sku {
    /// The SKU that a person means by a text. A letter with an accent may be written as one character or as two, and is
    /// the same article: the text is put into Unicode's normalisation form C.
    ///
    /// # Errors
    /// [`Malformed`] if it is no SKU, or has a character that can't be seen; it names the character.
    pub fn named(text: &str) -> Result<Self, Malformed> {
        seen(text)?;
        if text.is_ascii() { text.parse() } else { normal_form::composed(text).parse() }
    }
}

/// Checks that all of a text can be seen. What can't would make two names of one that people see.
///
/// # Errors
/// Names the first character that can't be seen, or that can't be told from a space.
pub(crate) fn seen(text: &str) -> Result<(), Malformed> {
    if let Some(unseen) = text.chars().find(|&character| !is_seen(character)) {
        let unseen = u32::from(unseen);
        return Err(Malformed::new(format!(
            "must not contain the character U+{unseen:04X}, which can't be seen or can't be told from a space"
        )));
    }
    if text.contains("  ") {
        return Err(Malformed::new("must not contain two spaces one after the other"));
    }
    Ok(())
}

/// Whether a character leaves a mark of its own that every font is sure to have.
fn is_seen(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    let is_blank = matches!(character,
        // Combining grapheme joiner, fillers, inherent vowels and selectors: letters and marks without a look.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180d}' | '\u{180f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{16fe4}' | '\u{e0100}'..='\u{e01ef}'
        // A Braille pattern and a note head without dots or ink.
        | '\u{2800}' | '\u{1d159}');
    !is_blank && is_printable(character)
}

/// Whether Rust prints a character as it is: no control, format character, separator, surrogate, private or unassigned
/// one. An accent is printed behind a letter.
fn is_printable(character: char) -> bool {
    let mut behind_a_letter = String::from("x");
    behind_a_letter.push(character);
    behind_a_letter.escape_debug().nth(1) == Some(character)
}
