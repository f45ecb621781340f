//! JSON as people write it in `host.json` and `local.settings.json`: a byte order mark, comments
//! and trailing commas are fine, as they are to Azure's own tools.

use serde_json::Value;

/// Parses `text`; line and column of an error are those of `text`.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(&blank_extras(text.trim_start_matches('\u{feff}')))
}

/// Replaces comments and trailing commas by blanks, so that every other character stays in place.
fn blank_extras(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut pending_comma: Option<usize> = None;
    while let Some(c) = rest.next() {
        match (c, rest.peek().copied()) {
            ('"', _) => {
                pending_comma = None;
                out.push(c);
                copy_string(&mut rest, &mut out);
            }
            ('/', Some('/')) => {
                out.push(' ');
                while let Some(c) = rest.next_if(|c| *c != '\n') {
                    out.extend(std::iter::repeat_n(' ', c.len_utf8()));
                }
            }
            ('/', Some('*')) => {
                out.push_str("  ");
                blank_block_comment(&mut rest, &mut out);
            }
            (',', _) => {
                pending_comma = Some(out.len());
                out.push(c);
            }
            ('}' | ']', _) => {
                if let Some(comma) = pending_comma.take() {
                    out.replace_range(comma..=comma, " ");
                }
                out.push(c);
            }
            _ => {
                if !c.is_whitespace() {
                    pending_comma = None;
                }
                out.push(c);
            }
        }
    }
    out
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn copy_string(rest: &mut Characters<'_>, out: &mut String) {
    while let Some(c) = rest.next() {
        out.push(c);
        match c {
            '"' => return,
            '\\' => out.extend(rest.next()),
            _ => {}
        }
    }
}

fn blank_block_comment(rest: &mut Characters<'_>, out: &mut String) {
    let mut previous = ' ';
    for c in rest.by_ref().skip(1) {
        out.push(if c == '\n' { c } else { ' ' });
        if previous == '*' && c == '/' {
            return;
        }
        previous = c;
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    #[test]
    fn comments_marks_and_trailing_commas_are_fine() {
        let text =
            "\u{feff}{ // first\n \"a\": [1, 2, /* three */], \"b\": \"// no, /* text */\",\n}";
        assert_eq!(parse(text).unwrap(), json!({"a": [1, 2], "b": "// no, /* text */"}));
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_string() {
        assert_eq!(parse(r#"{"a": "\"//,}"}"#).unwrap(), json!({"a": "\"//,}"}));
    }

    #[test]
    fn errors_keep_their_line() {
        let error = parse("{ // first\n /* second */\n \"a\" 1 }").unwrap_err();
        assert_eq!(error.line(), 3);
    }
}
