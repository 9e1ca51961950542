//! "Did you mean": the known name closest to a misspelt one.

/// Names longer than this many characters get no suggestion; the comparison is quadratic.
const NAME_MAX_CHARS: usize = 96;

/// Returns the known name with the fewest edits from `name`, if they are few for its length.
pub(super) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().collect();
    if name.len() > NAME_MAX_CHARS {
        return None;
    }
    let edits_max = name.len() / 4 + 1;
    known
        .into_iter()
        .map(|candidate| (edits(&name, candidate), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Edits from one name to the other: an insertion, a removal, a replacement, or a swap of
/// neighbours ("optimal string alignment"). Three rows of the table are kept.
fn edits(from: &[char], to: &str) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=from.len()).collect();
    let mut previous_char = None;
    for to_char in to.chars() {
        let mut row = Vec::with_capacity(last.len());
        row.push(last[0] + 1);
        for (i, from_char) in from.iter().enumerate() {
            let replaced = last[i] + usize::from(*from_char != to_char);
            let mut fewest = replaced.min(last[i + 1] + 1).min(row[i] + 1);
            let swapped = i > 0 && previous_char == Some(*from_char) && from[i - 1] == to_char;
            if swapped && !before_last.is_empty() {
                fewest = fewest.min(before_last[i - 1] + 1);
            }
            row.push(fewest);
        }
        before_last = std::mem::replace(&mut last, row);
        previous_char = Some(to_char);
    }
    last[from.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_insertions_removals_replacements_and_swaps() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(edits(&chars("kitten"), "sitting"), 3);
        assert_eq!(edits(&chars("dth"), "dht"), 1);
        assert_eq!(edits(&chars("ab"), "ba"), 1);
        assert_eq!(edits(&chars(""), "abc"), 3);
        assert_eq!(edits(&chars("abc"), ""), 3);
        assert_eq!(edits(&chars("same"), "same"), 0);
    }

    #[test]
    fn suggests_the_nearest_name_and_nothing_far_fetched() {
        let known = ["dht.listen", "dht.max_peers", "log.level"];
        assert_eq!(closest("dht.max_pers", known), Some("dht.max_peers"));
        assert_eq!(closest("log.levle", known), Some("log.level"));
        assert_eq!(closest("dht.frobnicate", known), None);
        assert_eq!(closest(&"x".repeat(NAME_MAX_CHARS + 1), known), None);
    }
}
