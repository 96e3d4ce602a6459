//! Writes Unicode's tables for canonical equivalence as short as `src/normal_form.rs` needs them: 20 KB of a component,
//! where ICU's own, which are made for speed and for other uses, take 60 KB with their code.

use icu_normalizer::properties::{
    CanonicalCombiningClassMapBorrowed, CanonicalCompositionBorrowed, CanonicalDecompositionBorrowed, Decomposed,
};

/// Hangul syllables are computed.
const HANGUL: std::ops::RangeInclusive<char> = '\u{ac00}'..='\u{d7a3}';

/// Most characters of one run, as three bits count them.
const RUN: u32 = 8;

/// The tables, as Rust's statics.
pub(crate) fn tables() -> String {
    let (composites, pairs) = composites();
    format!(
        "static COMPOSITES: [u64; {}] = {composites:?};\nstatic PAIRS: [u16; {}] = {pairs:?};\n{}",
        composites.len(),
        pairs.len(),
        combining()
    )
}

/// Each character that stands for one or two others, and the places of those that two others are composed to.
fn composites() -> (Vec<u64>, Vec<u16>) {
    let decomposition = CanonicalDecompositionBorrowed::new();
    let composition = CanonicalCompositionBorrowed::new();
    let (mut composites, mut pairs) = (Vec::new(), Vec::new());
    for character in ('\0'..=char::MAX).filter(|character| !HANGUL.contains(character)) {
        let (first, second) = match decomposition.decompose(character) {
            Decomposed::Default => continue,
            Decomposed::Singleton(one) => (one, '\0'),
            Decomposed::Expansion(first, second) => (first, second),
        };
        if composition.compose(first, second) == Some(character) {
            let at = u16::try_from(composites.len()).expect("there are 2,000 of them");
            pairs.push((first, second, at));
        }
        composites.push(u64::from(character) << 42 | u64::from(first) << 21 | u64::from(second));
    }
    pairs.sort();
    (composites, pairs.into_iter().map(|(_, _, at)| at).collect())
}

/// The combining classes: runs of characters of one class.
fn combining() -> String {
    let class = CanonicalCombiningClassMapBorrowed::new();
    let mut runs: Vec<(u32, u32, u32)> = Vec::new();
    for character in '\0'..=char::MAX {
        let (at, class) = (u32::from(character), u32::from(class.get_u8(character)));
        match runs.last_mut() {
            _ if class == 0 => {}
            Some((start, length, same)) if *start + *length == at && *same == class && *length < RUN => *length += 1,
            _ => runs.push((at, 1, class)),
        }
    }
    let runs: Vec<u32> =
        runs.into_iter().map(|(start, length, class)| start << 11 | (length - 1) << 8 | class).collect();
    format!("static COMBINING: [u32; {}] = {runs:?};\n", runs.len())
}
