//! What the browser shows at the end: one plain page, light or dark as the person has it, without a script.
//!
//! Invariant: every text that is not ours is escaped.

use crate::cli::failure::Failure;

/// Also read by a text browser: the words alone carry the meaning.
const STYLE: &str = "\
:root{color-scheme:light dark;--edge:#0a7d33;--soft:#5a6472}\
@media(prefers-color-scheme:dark){:root{--edge:#4cc26f;--soft:#a3adba}}\
.bad{--edge:#b3261e}\
@media(prefers-color-scheme:dark){.bad{--edge:#f2877f}}\
body{font:1rem/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center}\
main{box-sizing:border-box;width:min(42rem,100%);padding:2rem;border-left:.4rem solid var(--edge)}\
h1{font-size:1.4rem;line-height:1.25;margin:0 0 1rem;color:var(--edge)}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:1rem 0}\
code{font-family:ui-monospace,monospace;font-size:.95em}dt,footer{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}p{overflow-wrap:anywhere}\
footer{margin-top:1.5rem}";

/// The org has its grant.
pub(super) fn enrolled(org: &str, facts: &[(&str, String)]) -> String {
    let rows = facts
        .iter()
        .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value)));
    let rows: String = rows.collect();
    let body =
        format!("<p>zoho-tokend keeps its access token fresh from now on.</p><dl>{rows}</dl>");
    whole("", &format!("{org} is enrolled"), &body)
}

/// It does not.
pub(super) fn failed(failure: &Failure) -> String {
    let body = format!(
        "<p>{}.</p><p><strong>What to do:</strong> {}.</p>",
        told(&sentence(&failure.what)),
        told(&failure.cure)
    );
    whole("bad", &format!("{} was not enrolled", failure.who), &body)
}

/// A redirect that belongs to another login than the one that waits here.
pub(super) fn foreign() -> String {
    waiting("This answer is of another login")
}

/// An error that names no login.
pub(super) fn unclaimed() -> String {
    waiting("This answer does not say which login it is of")
}

/// Neither a code nor an error.
pub(super) fn nothing() -> String {
    waiting("That address has neither a code nor an error in it")
}

/// What changes nothing, and of which the terminal says little or nothing.
fn waiting(title: &str) -> String {
    let body = "<p>Nothing was done with it. A login waits in the terminal: open the address that stands there, or end \
                it there with Ctrl-C.</p>";
    page("bad", title, body, "You can close this page.")
}

fn whole(class: &str, title: &str, body: &str) -> String {
    let footer = "You can close this page. The terminal says the same.";
    page(class, title, body, footer)
}

fn page(class: &str, title: &str, body: &str, footer: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title} · zoho-tokend</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n\
         <body class=\"{class}\">\n<main>\n<h1>{title}</h1>\n{body}\n\
         <footer>{footer}</footer>\n</main>\n</body>\n</html>\n"
    )
}

/// With a capital letter, unless it begins with a code.
fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    if !first.chars().all(char::is_alphabetic) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Escaped, and what stands in backticks as what it is.
fn told(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(number, part)| {
        let part = escaped(part);
        if number % 2 == 1 {
            format!("<code>{part}</code>")
        } else {
            part
        }
    });
    parts.collect()
}

/// Fit for text and for attributes in quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::failure::Exit;

    #[test]
    fn s5_a_text_of_zohos_is_no_markup() {
        let what = "Zoho says <script>alert('x')</script> & \"more\"";
        let page = failed(&Failure::new(Exit::Config, "acme", what, "<b>wait</b>"));
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert!(
            page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;")
        );
        let page = enrolled("acme", &[("scope", "<i>".to_owned())]);
        assert!(page.contains("<dd>&lt;i&gt;</dd>"), "{page}");
    }

    #[test]
    fn a_command_is_shown_as_one_and_a_code_as_it_is_written() {
        let failure = Failure::new(
            Exit::Config,
            "acme",
            "no-refresh-token: Zoho gave none",
            "run `zoho-tokend login acme` again",
        );
        let page = failed(&failure);
        assert!(
            page.contains("<p>no-refresh-token: Zoho gave none.</p>"),
            "{page}"
        );
        assert!(
            page.contains("run <code>zoho-tokend login acme</code> again."),
            "{page}"
        );
        assert_eq!(sentence("consent was refused"), "Consent was refused");
    }

    #[test]
    fn a_page_asks_nobody_for_anything() {
        for page in [enrolled("acme", &[]), foreign(), unclaimed(), nothing()] {
            for word in ["http:", "https:", "<script", "url(", "@import"] {
                assert!(!page.contains(word), "{word}");
            }
        }
    }
}
