//! Unicode's normalisation form C (UAX #15): texts that mean the same letters become the same text.

// `COMPOSITES`: a character, and the one or two that it stands for, each in 21 bits; sorted.
// `PAIRS`: the places in `COMPOSITES` of those that a pair is composed to, sorted by pair.
// `COMBINING`: runs of characters that combine with the one before: start, length less 1 (3 bits) and class (8 bits).
include!(concat!(env!("OUT_DIR"), "/normal_form.rs"));

/// Letters with their accents in one character, where there is such a one.
pub(crate) fn composed(text: &str) -> String {
    let mut composed: Vec<char> = Vec::new();
    // The last character that others may combine with, and the class of the one before the next.
    let (mut starter, mut before) = (None, 0);
    for (class, character) in characters(text) {
        let is_next = starter.is_some_and(|at| at + 1 == composed.len());
        if let Some(at) = starter
            && (is_next || before < class)
            && let Some(both) = compose(composed[at], character)
        {
            composed[at] = both;
            continue;
        }
        if class == 0 {
            starter = Some(composed.len());
        }
        before = class;
        composed.push(character);
    }
    composed.into_iter().collect()
}

/// The characters of a text, each as those that it stands for, with its combining class and in canonical order.
fn characters(text: &str) -> Vec<(u8, char)> {
    let mut characters = Vec::with_capacity(text.len());
    for character in text.chars() {
        decompose(character, &mut characters);
    }
    for marks in characters.chunk_by_mut(|(before, _), (after, _)| (*before == 0) == (*after == 0)) {
        // Stable: marks of one class keep their order.
        marks.sort_by_key(|(class, _)| *class);
    }
    characters
}

fn decompose(character: char, into: &mut Vec<(u8, char)>) {
    if let Some(jamo) = hangul::decompose(character) {
        into.extend(jamo.into_iter().flatten().map(|jamo| (0, jamo)));
        return;
    }
    match COMPOSITES.binary_search_by_key(&u32::from(character), |composite| (composite >> 42) as u32) {
        Ok(at) => {
            let (first, second) = parts(at);
            decompose(first, into);
            if second != '\0' {
                decompose(second, into);
            }
        }
        Err(_) => into.push((class(character), character)),
    }
}

/// The character that two others are composed to.
fn compose(first: char, second: char) -> Option<char> {
    if let Some(syllable) = hangul::compose(first, second) {
        return Some(syllable);
    }
    let at = PAIRS.binary_search_by_key(&(first, second), |at| parts(usize::from(*at))).ok()?;
    Some(character(COMPOSITES[usize::from(PAIRS[at])] >> 42))
}

fn parts(at: usize) -> (char, char) {
    (character(COMPOSITES[at] >> 21), character(COMPOSITES[at]))
}

/// The character in the lowest 21 bits.
fn character(bits: u64) -> char {
    char::from_u32(bits as u32 & 0x1f_ffff).expect("the tables hold characters")
}

/// 0 for one that doesn't combine with the one before.
fn class(character: char) -> u8 {
    let code = u32::from(character);
    let after = COMBINING.partition_point(|run| run >> 11 <= code);
    let Some(run) = after.checked_sub(1).map(|at| COMBINING[at]) else { return 0 };
    let (start, more) = (run >> 11, run >> 8 & 7);
    if code <= start + more { run as u8 } else { 0 }
}

/// Korean syllables, which follow from their parts (The Unicode Standard, section 3.12).
mod hangul {
    const SYLLABLE: u32 = 0xac00;
    const LEADING: u32 = 0x1100;
    const VOWEL: u32 = 0x1161;
    /// One before the first of them, which stands for none.
    const TRAILING: u32 = 0x11a7;
    const LEADINGS: u32 = 19;
    const VOWELS: u32 = 21;
    const TRAILINGS: u32 = 28;

    pub(super) fn decompose(character: char) -> Option<[Option<char>; 3]> {
        let syllable = index(character, SYLLABLE, LEADINGS * VOWELS * TRAILINGS)?;
        let trailing = syllable % TRAILINGS;
        Some([
            char::from_u32(LEADING + syllable / (VOWELS * TRAILINGS)),
            char::from_u32(VOWEL + syllable / TRAILINGS % VOWELS),
            char::from_u32(TRAILING + trailing).filter(|_| trailing > 0),
        ])
    }

    pub(super) fn compose(first: char, second: char) -> Option<char> {
        if let (Some(leading), Some(vowel)) = (index(first, LEADING, LEADINGS), index(second, VOWEL, VOWELS)) {
            return char::from_u32(SYLLABLE + (leading * VOWELS + vowel) * TRAILINGS);
        }
        let syllable = index(first, SYLLABLE, LEADINGS * VOWELS * TRAILINGS)?;
        let trailing = index(second, TRAILING, TRAILINGS).filter(|trailing| *trailing > 0)?;
        (syllable % TRAILINGS == 0).then(|| char::from_u32(SYLLABLE + syllable + trailing)).flatten()
    }

    fn index(character: char, start: u32, length: u32) -> Option<u32> {
        u32::from(character).checked_sub(start).filter(|index| *index < length)
    }
}

#[cfg(test)]
mod tests {
    use icu_normalizer::ComposingNormalizerBorrowed;
    use proptest::prelude::*;

    use super::composed;

    fn check(text: &str) {
        assert_eq!(composed(text), ComposingNormalizerBorrowed::new_nfc().normalize(text), "{text:?}");
    }

    #[test]
    fn every_character_has_the_form_that_unicode_says() {
        for character in '\0'..=char::MAX {
            check(&format!("e{character}\u{301}"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_text_has_the_form_that_unicode_says(
            text in "([a-eA-E\u{915}\u{f40}\u{1100}-\u{1112}\u{1161}-\u{1175}\u{11a7}-\u{11c2}가각]|\\p{M}|\\PC){0,12}"
        ) {
            check(&text);
        }
    }
}
