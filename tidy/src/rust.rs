//! As much understanding of Rust as the rules need: what is code, and where functions are.

use std::ops::RangeInclusive;

/// The text with comments and the insides of literals blanked out, line for line the same.
pub fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = skipped_length(rest, code.chars().next_back());
        let taken = length.unwrap_or(first.len_utf8());
        let (part, after) = rest.split_at(taken);
        match length {
            Some(_) => code.extend(part.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
            None => code.push(first),
        }
        rest = after;
    }
    code
}

/// Length of the comment or literal at the start of `text`, if there is one.
fn skipped_length(text: &str, before: Option<char>) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment_length(text));
    }
    let is_in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if let Some(length) = raw_string_length(text).filter(|_| !is_in_word) {
        return Some(length);
    }
    if text.starts_with('"') {
        return Some(quoted_length(text, '"'));
    }
    // 'a' and '\n' are characters, 'a in <'a> is a lifetime.
    let mut inside = text.strip_prefix('\'')?.chars();
    let (first, second) = (inside.next()?, inside.next()?);
    (first == '\\' || second == '\'').then(|| quoted_length(text, '\''))
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut position = 0;
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            position += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            position += 2;
        } else {
            position += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    position
}

/// `r"…"`, `r#"…"#`, `br"…"` and so on.
fn raw_string_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let body = body.trim_start_matches('#').strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |position| start + position + end.len()))
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return position + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The lines of each function with a body, from `fn` to its last brace. Lines count from 1.
pub fn functions(code: &str) -> Vec<RangeInclusive<usize>> {
    let is_boundary = |c: char| !(c.is_alphanumeric() || c == '_');
    let starts = code.match_indices("fn ").filter(|(start, _)| {
        code.get(..*start).and_then(|before| before.chars().next_back()).is_none_or(is_boundary)
    });
    starts.filter_map(|(start, _)| function_lines(code, start)).collect()
}

/// The lines of the function that begins at byte `start`; `None` without a body.
fn function_lines(code: &str, start: usize) -> Option<RangeInclusive<usize>> {
    let line = |position| code.get(..position).unwrap_or_default().matches('\n').count() + 1;
    let mut depth = 0_usize;
    for (distance, c) in code.get(start..)?.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                // A closing brace that was not opened here: `fn` was a type within something.
                depth = depth.checked_sub(1)?;
                if depth == 0 && c == '}' {
                    return Some(line(start)..=line(start + distance));
                }
            }
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// For each line, whether it belongs to the tests of a source file.
pub fn test_lines(code: &str) -> impl Iterator<Item = bool> {
    let tests = code.lines().position(|line| line.trim() == "#[cfg(test)]");
    let first = tests.unwrap_or(usize::MAX);
    (0..code.lines().count()).map(move |index| index >= first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_code(text: &str, expected: &str) {
        assert_eq!(code_only(text), expected);
    }

    #[test]
    fn comments_and_literals_are_blank() {
        check_code("a // b\nc", "a     \nc");
        check_code("a /* b /* c */ \n */ d", "a              \n    d");
        check_code(r#"f("x \" {", 1)"#, "f(        , 1)");
        check_code(r##"f(r#"a " b"#)"##, "f(          )");
        check_code(r"f('{', '\'', b'x')", "f(   ,     , b   )");
    }

    #[test]
    fn lifetimes_and_words_in_r_are_code() {
        check_code("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)");
        check_code("for\"x\"", "for   ");
    }

    #[track_caller]
    fn check_functions(text: &str, expected: &[RangeInclusive<usize>]) {
        assert_eq!(functions(&code_only(text)), expected);
    }

    #[test]
    fn functions_are_found_with_their_braces() {
        check_functions("fn a() {\n    if b {\n    }\n}\nfn c(x: [u8; 2]) { }", &[1..=4, 5..=5]);
        check_functions(
            "\npub(crate) async fn a<T>(\n    x: T,\n) -> T\nwhere\n    T: B,\n{\n}",
            &[2..=8],
        );
    }

    #[test]
    fn functions_within_functions_count_for_both() {
        check_functions("fn a() {\n    fn b() {\n    }\n}", &[1..=4, 2..=3]);
    }

    #[test]
    fn what_only_looks_like_a_function_is_none() {
        check_functions("trait T { fn a(&self); }\ntype F = fn (u8) -> u8;", &[]);
        check_functions("my_fn (x); // fn b() { }\nlet s = \"fn c() { }\";", &[]);
    }

    #[test]
    fn tests_begin_at_their_attribute() {
        let lines: Vec<bool> = test_lines("a\nb\n#[cfg(test)]\nmod tests {\n}").collect();
        assert_eq!(lines, [false, false, true, true, true]);
    }
}
