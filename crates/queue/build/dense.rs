//! Packs a text into LZ4's block format as small as it gets, which lz4_flex's own compressor, made for speed, misses by
//! a fifth. The format: <https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>.

use std::collections::HashMap;

/// The shortest match that the format knows.
const LEAST: usize = 4;

/// The format's end: no match begins in the last bytes, and none reaches into the very last.
const LAST_BEGINS: usize = 12;
const LAST_LITERALS: usize = 5;

/// How far back a match may lie.
const REACH: usize = 65_535;

/// What a length takes that doesn't fit its four bits.
const FITS: usize = 15;

/// The bytes after `dictionary`, packed. Whoever unpacks them needs the dictionary.
pub(crate) fn packed(text: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let all = [dictionary, text].concat();
    let chosen = choose(&all, dictionary.len(), &longest_matches(&all, dictionary.len()));
    let (mut packed, mut at, mut literals) = (Vec::new(), dictionary.len(), dictionary.len());
    while at < all.len() {
        let Some((offset, length)) = chosen[at - dictionary.len()] else {
            at += 1;
            continue;
        };
        write(&mut packed, &all[literals..at], Some((offset, length)));
        at += length;
        literals = at;
    }
    write(&mut packed, &all[literals..], None);
    packed
}

/// For each byte from `begin` the longest earlier text that goes on like it: how far back, and how long.
fn longest_matches(all: &[u8], begin: usize) -> Vec<Option<(usize, usize)>> {
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let mut matches = vec![None; all.len() - begin];
    for at in 0..all.len().saturating_sub(LAST_BEGINS) {
        let known = places.entry(&all[at..at + LEAST]).or_default();
        if at >= begin {
            let most = all.len() - LAST_LITERALS - at;
            let length = |from: usize| (0..most).take_while(|n| all[from + n] == all[at + n]).count();
            let best = known.iter().filter(|from| at - **from <= REACH).max_by_key(|from| length(**from));
            matches[at - begin] = best.map(|from| (at - from, length(*from)));
        }
        known.push(at);
    }
    matches
}

/// The matches, each perhaps cut short, with which the rest takes the fewest bytes, from the end on.
fn choose(all: &[u8], begin: usize, matches: &[Option<(usize, usize)>]) -> Vec<Option<(usize, usize)>> {
    let count = all.len() - begin;
    let (mut costs, mut chosen) = (vec![0; count + 1], vec![None; count]);
    for at in (0..count).rev() {
        costs[at] = costs[at + 1] + 1;
        let Some((offset, longest)) = matches[at] else { continue };
        for length in LEAST..=longest {
            let cost = costs[at + length] + 3 + more(length - LEAST).len();
            if cost < costs[at] {
                (costs[at], chosen[at]) = (cost, Some((offset, length)));
            }
        }
    }
    chosen
}

/// Literals, and the match behind them. The last literals have none.
fn write(packed: &mut Vec<u8>, literals: &[u8], then: Option<(usize, usize)>) {
    let length = then.map_or(0, |(_, length)| length - LEAST);
    packed.push((literals.len().min(FITS) << 4 | length.min(FITS)) as u8);
    packed.extend(more(literals.len()));
    packed.extend(literals);
    if let Some((offset, _)) = then {
        packed.extend((offset as u16).to_le_bytes());
        packed.extend(more(length));
    }
}

/// The bytes of a length that doesn't fit.
fn more(length: usize) -> Vec<u8> {
    let Some(rest) = length.checked_sub(FITS) else { return Vec::new() };
    let mut bytes = vec![u8::MAX; rest / 255];
    bytes.push((rest % 255) as u8);
    bytes
}
