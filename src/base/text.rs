//! What may be shown of a text from elsewhere, and what a field of a request may hold.

/// Longest text of a field, in bytes: a grant token has about 70, a refresh token of any server under 2 000.
pub const FIELD_MAX: usize = 4096;

/// Whether `c` shows as itself: no control character, and none that is unseen or turns the text around it.
pub fn is_shown(c: char) -> bool {
    let is_unseen = matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !is_unseen
}

/// What is wrong with the text of a field, half a sentence that quotes none of it; `None` where it can be one.
pub fn flaw_of_field(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("is empty"),
        _ if text.len() > FIELD_MAX => Some("is over 4096 bytes long"),
        _ if text.chars().any(char::is_control) => Some("has control characters in it"),
        _ if !text.bytes().all(|b| b.is_ascii_graphic()) => {
            Some("has a space or a letter outside ASCII in it")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_holds_one_word_of_ascii() {
        assert_eq!(flaw_of_field("1000.a-b_c"), None);
        for (text, flaw) in [
            ("", "is empty"),
            ("a\u{1b}", "has control characters in it"),
            ("a b", "has a space or a letter outside ASCII in it"),
            ("\u{e4}", "has a space or a letter outside ASCII in it"),
            (&*"a".repeat(FIELD_MAX + 1), "is over 4096 bytes long"),
        ] {
            assert_eq!(flaw_of_field(text), Some(flaw));
        }
    }

    #[test]
    fn what_is_unseen_or_turns_a_text_around_is_not_shown() {
        for c in [
            '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{1b}', '\n',
        ] {
            assert!(!is_shown(c), "{c:?}");
        }
        assert!("Zoho \u{e4}\u{2026}\u{4e2d}".chars().all(is_shown));
    }
}
