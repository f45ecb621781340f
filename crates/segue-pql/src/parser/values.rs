//! The values of tokens: texts with their escapes, numbers with their ranges.

use segue_xdm::PATH_INDEX_MAX;

use crate::diagnostic::{Diagnostic, Span, code};
use crate::expression::Literal;
use crate::lexer::TokenKind;

use super::cursor::Parser;

impl Parser<'_, '_> {
    /// A literal, if one comes next.
    pub(super) fn literal(&mut self) -> Option<Literal> {
        match self.kind() {
            TokenKind::True => {
                self.advance();
                Some(Literal::Boolean(true))
            }
            TokenKind::False => {
                self.advance();
                Some(Literal::Boolean(false))
            }
            TokenKind::Text => Some(Literal::Text(self.text_literal())),
            TokenKind::Minus if self.kind_after() == TokenKind::Number => {
                let sign = self.advance();
                Some(self.number_literal(sign, "-"))
            }
            TokenKind::Number => Some(self.number_literal(self.span(), "")),
            _ => None,
        }
    }

    fn number_literal(&mut self, start: Span, sign: &str) -> Literal {
        let text = format!("{sign}{}", self.text());
        let span = start.to(self.advance());
        if let Ok(integer) = text.parse() {
            return Literal::Integer(integer);
        }
        let whole = text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<f64>() {
            Ok(decimal) if decimal.is_finite() && !whole => Literal::Decimal(decimal),
            _ => {
                let message = "this number is too large";
                let help = format!("whole numbers go from {} to {}", i64::MIN, i64::MAX);
                self.report(Diagnostic::new(code::NUMBER, span, message).help(help));
                Literal::Integer(0)
            }
        }
    }

    /// Takes a whole number, as counts, windows and indexes need it.
    pub(super) fn whole_number(&mut self, what: &str) -> Option<(i64, Span)> {
        if self.kind() != TokenKind::Number {
            self.unexpected(what);
            return None;
        }
        let parsed = self.text().parse();
        let span = self.span();
        if parsed.is_err() {
            let message = format!("`{}` is not {what}", self.text());
            let help = format!("write digits only, at most {}", i64::MAX);
            self.report(Diagnostic::new(code::NUMBER, span, message).help(help));
        }
        self.advance();
        Some((parsed.ok()?, span))
    }

    pub(super) fn index(&mut self) -> Option<usize> {
        let (number, span) = self.whole_number("the number of an item")?;
        let index = usize::try_from(number).ok().filter(|&index| index <= PATH_INDEX_MAX);
        if index.is_none() {
            let message = format!("the index {number} is too high");
            let help = format!("at most {PATH_INDEX_MAX} is possible");
            self.report(Diagnostic::new(code::LIMIT, span, message).help(help));
        }
        index
    }

    /// The characters between the quotes, with escapes as in JSON.
    fn text_literal(&mut self) -> String {
        let written = self.text();
        let start = self.span().start;
        let inner = written.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let mut text = String::with_capacity(written.len());
        let mut rest = inner.unwrap_or("");
        while let Some(escape) = rest.find('\\') {
            let (plain, escaped) = rest.split_at(escape);
            text.push_str(plain);
            let (character, length) = unescape(escaped).unwrap_or_else(|| {
                let at = start + written.len() - 1 - escaped.len();
                self.report_escape(at, escaped);
                ('\u{fffd}', escaped.chars().take(2).map(char::len_utf8).sum())
            });
            text.push(character);
            rest = escaped.get(length..).unwrap_or("");
        }
        text.push_str(rest);
        self.advance();
        text
    }

    fn report_escape(&mut self, at: usize, escaped: &str) {
        let escape: String = escaped.chars().take(2).collect();
        let span = Span { start: at, end: at + escape.len() };
        let message = format!("`{escape}` stands for no character");
        let help = r#"escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash"#;
        self.report(Diagnostic::new(code::TEXT, span, message).help(help));
    }
}

/// The character that an escape stands for, and its length in bytes.
fn unescape(escaped: &str) -> Option<(char, usize)> {
    let mark = escaped.chars().nth(1)?;
    let character = match mark {
        '"' | '\\' | '/' => mark,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return unescape_unicode(escaped),
        _ => return None,
    };
    Some((character, 2))
}

/// `\uXXXX`, or two of them that make one character beyond the first 65,536.
fn unescape_unicode(escaped: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = escaped.get(at..at + 6)?.strip_prefix("\\u")?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let first = unit(0)?;
    match char::from_u32(u32::from(first)) {
        Some(character) => Some((character, 6)),
        None => {
            let character = char::decode_utf16([first, unit(6)?]).next()?.ok()?;
            Some((character, 12))
        }
    }
}
