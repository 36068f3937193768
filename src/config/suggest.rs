//! The word that was probably meant.

/// The one of `known` that is nearest to `word`, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let reach = (word.chars().count() / 3).clamp(1, 3);
    let rated = known
        .into_iter()
        .map(|other| (distance(word, other), other));
    let near = rated.filter(|(steps, _)| *steps <= reach);
    near.min_by_key(|(steps, _)| *steps).map(|(_, other)| other)
}

/// `; did you mean …?`, or `otherwise` if nothing is near.
pub(super) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    otherwise: &str,
) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}

/// Letters to insert, drop, replace or swap with their neighbour (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().map(|c| c.to_ascii_lowercase()).collect();
    let to: Vec<char> = to.chars().map(|c| c.to_ascii_lowercase()).collect();
    let (mut before, mut above): (Vec<usize>, Vec<usize>) = (vec![], (0..=to.len()).collect());
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = above[j] + usize::from(a != b);
            let mut steps = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                steps = steps.min(before[j - 1] + 1);
            }
            row.push(steps);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        let keys = ["socket", "state", "seal_key", "tokens_dir", "path"];
        for (typed, meant) in [
            ("sokcet", "socket"),
            ("seal-key", "seal_key"),
            ("ptah", "path"),
            ("State", "state"),
            ("token_dir", "tokens_dir"),
        ] {
            assert_eq!(nearest(typed, keys), Some(meant), "{typed}");
        }
    }

    #[test]
    fn a_word_like_no_other_suggests_nothing() {
        assert_eq!(nearest("margin", ["socket", "state"]), None);
        assert_eq!(nearest("x", ["socket"]), None);
        assert_eq!(nearest("", ["ca"]), None);
    }
}
