//! How long a file and a function may be.

use super::source::Source;

/// Of a file, its tests included.
const FILE_LINES_MAX: usize = 400;

/// Of a function, from its signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// What nine of ten functions of the program keep to.
pub(crate) const FUNCTION_LINES_P90: usize = 30;

/// A file that is too long, and every function that is.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let too_long = (lines > FILE_LINES_MAX).then(|| {
        let what = format!(
            "the file has {lines} lines, more than {FILE_LINES_MAX}: one idea a file; \
             give its second idea, or its tests, a file of their own"
        );
        source.finding(lines, &what)
    });
    let functions = source.outline.functions.iter();
    let functions = functions.filter(|function| function.lines > FUNCTION_LINES_MAX);
    let functions = functions.map(|function| {
        let what = format!(
            "`{}` has {} lines, more than {FUNCTION_LINES_MAX}: move its loops and its pure parts into functions \
             that have names",
            function.name, function.lines
        );
        source.finding(function.line, &what)
    });
    too_long.into_iter().chain(functions).collect()
}

/// The length that nine of ten functions of the program stay below or at.
pub(crate) fn p90(sources: &[Source]) -> usize {
    let mut lines: Vec<usize> = sources
        .iter()
        .flat_map(|source| {
            source
                .outline
                .functions
                .iter()
                .filter(|function| !source.is_test(function.line))
        })
        .map(|function| function.lines)
        .collect();
    lines.sort_unstable();
    lines.get(lines.len() * 9 / 10).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        findings(&Source::of_text("src/base/a.rs", text))
    }

    #[test]
    fn a_line_too_many_is_found_in_a_file() {
        assert_eq!(of(&"// a\n".repeat(400)).len(), 0);
        let found = of(&"// a\n".repeat(401));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("src/base/a.rs:401: the file has 401 lines"),
            "{found:?}"
        );
    }

    #[test]
    fn a_line_too_many_is_found_in_every_kind_of_function() {
        let body = |lines: usize| format!("fn long() {{\n{}}}", "a();\n".repeat(lines - 2));
        for (before, behind) in [("", ""), ("impl A {\n", "\n}"), ("trait A {\n", "\n}")] {
            assert_eq!(of(&format!("{before}{}{behind}", body(70))).len(), 0);
            let found = of(&format!("{before}{}{behind}", body(71)));
            assert_eq!(found.len(), 1, "{before}");
            assert!(found[0].contains("`long` has 71 lines"), "{found:?}");
        }
    }

    #[test]
    fn a_tenth_of_long_functions_is_not_hidden_by_short_ones_or_by_tests() {
        let source = |long: usize, short: usize| {
            let long = "fn a() {\n\n\n\n\n}\n".repeat(long);
            let text = format!(
                "{long}{}#[test]\nfn t() {{}}\n",
                "fn b() {}\n".repeat(short)
            );
            [Source::of_text("src/base/a.rs", &text)]
        };
        assert_eq!(p90(&source(1, 9)), 6);
        assert_eq!(p90(&source(1, 10)), 1);
    }
}
