//! Cuts a definition into tokens.
//!
//! Invariants: tokens are in order and do not overlap, what lies between them is white space, and
//! the last one is [`TokenKind::End`]. The lexer never fails: what it cannot read becomes
//! [`TokenKind::Unreadable`], reported once, here. Token values are read from the source when the
//! parser needs them, so that a token is two numbers and a kind.

use crate::diagnostic::{Diagnostic, Findings, Span, code};

/// A piece of the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// What a token is. Words with a fixed place, such as `WHAT`, are plain [`TokenKind::Word`]s that
/// the parser knows where to expect, so that fields may have the same names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TokenKind {
    Word,
    /// A name between backticks.
    QuotedName,
    Text,
    Number,
    And,
    Or,
    Not,
    In,
    NotIn,
    True,
    False,
    OpenGroup,
    CloseGroup,
    OpenList,
    CloseList,
    Comma,
    Colon,
    Dot,
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
    /// `^`: one scope further out.
    Up,
    /// `=>`
    Arrow,
    /// `$1`
    Parameter,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Unreadable,
    End,
}

/// Words that cannot begin a field's name without backticks; in any letter case.
const KEYWORDS: [(&str, TokenKind); 7] = [
    ("and", TokenKind::And),
    ("or", TokenKind::Or),
    ("not", TokenKind::Not),
    ("in", TokenKind::In),
    ("notin", TokenKind::NotIn),
    ("true", TokenKind::True),
    ("false", TokenKind::False),
];

/// Longer symbols before those that they begin with.
const SYMBOLS: [(&str, TokenKind); 21] = [
    ("=>", TokenKind::Arrow),
    ("!=", TokenKind::NotEqual),
    ("<=", TokenKind::LessOrEqual),
    (">=", TokenKind::GreaterOrEqual),
    ("=", TokenKind::Equal),
    ("!", TokenKind::Not),
    ("<", TokenKind::Less),
    (">", TokenKind::Greater),
    ("(", TokenKind::OpenGroup),
    (")", TokenKind::CloseGroup),
    ("[", TokenKind::OpenList),
    ("]", TokenKind::CloseList),
    (",", TokenKind::Comma),
    (":", TokenKind::Colon),
    (".", TokenKind::Dot),
    ("+", TokenKind::Plus),
    ("-", TokenKind::Minus),
    ("*", TokenKind::Times),
    ("/", TokenKind::Divide),
    ("%", TokenKind::Remainder),
    ("^", TokenKind::Up),
];

/// Symbols of other languages and what they are in this one. They are reported and then taken for
/// what they mean, so that reading goes on as if the author had known.
const FOREIGN_SYMBOLS: [(&str, &str, TokenKind); 4] = [
    ("==", "=", TokenKind::Equal),
    ("<>", "!=", TokenKind::NotEqual),
    ("&&", "and", TokenKind::And),
    ("||", "or", TokenKind::Or),
];

/// The tokens of `source`.
pub(crate) fn tokenize(source: &str, findings: &mut Findings) -> Vec<Token> {
    let mut lexer = Lexer { source, position: 0, findings };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next_token();
        tokens.push(token);
        if token.kind == TokenKind::End {
            return tokens;
        }
    }
}

/// What the word is, if it is a keyword.
pub(crate) fn keyword(word: &str) -> Option<TokenKind> {
    let found = KEYWORDS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(word));
    found.map(|(_, kind)| *kind)
}

struct Lexer<'s, 'f> {
    source: &'s str,
    position: usize,
    findings: &'f mut Findings,
}

impl<'s> Lexer<'s, '_> {
    fn next_token(&mut self) -> Token {
        self.skip_while(char::is_whitespace);
        let start = self.position;
        let kind = match self.rest().chars().next() {
            None => TokenKind::End,
            Some('"') => self.text(),
            Some('`') => self.quoted_name(),
            Some(first) if first.is_ascii_digit() => self.number(),
            Some('$') => self.parameter(),
            Some(first) if is_word_start(first) => {
                self.skip_while(is_word);
                self.source.get(start..self.position).and_then(keyword).unwrap_or(TokenKind::Word)
            }
            Some(first) => self.symbol(first),
        };
        Token { kind, span: self.span_from(start) }
    }

    /// `$1`; the parser knows which numbers there are.
    fn parameter(&mut self) -> TokenKind {
        let start = self.position;
        self.position += 1;
        self.skip_while(|character| character.is_ascii_digit());
        if self.position > start + 1 {
            return TokenKind::Parameter;
        }
        let help = "write $1 for the profile";
        self.report(code::CHARACTER, start, "`$` has no meaning here", help);
        TokenKind::Unreadable
    }

    fn symbol(&mut self, first: char) -> TokenKind {
        let start = self.position;
        for (foreign, ours, kind) in FOREIGN_SYMBOLS {
            if self.eat(foreign) {
                let message = format!("`{foreign}` is no operator here");
                self.report(code::CHARACTER, start, message, &format!("write `{ours}`"));
                return kind;
            }
        }
        for (symbol, kind) in SYMBOLS {
            if self.eat(symbol) {
                return kind;
            }
        }
        self.position += first.len_utf8();
        let help = if "'‘’“”„«»".contains(first) {
            self.skip_while(|character| !"'‘’“”„«»\n".contains(character));
            self.skip_while(|character| "'‘’“”„«»".contains(character));
            "write texts between straight double quotes: \"Sports\""
        } else {
            "remove it, or put the name that holds it between backticks"
        };
        let message = format!("`{first}` has no meaning here");
        self.report(code::CHARACTER, start, message, help);
        TokenKind::Unreadable
    }

    /// A text ends at the next quote that no backslash precedes. What follows a backslash is
    /// checked when the parser reads the text's value.
    fn text(&mut self) -> TokenKind {
        let start = self.position;
        self.position += 1;
        loop {
            self.skip_while(|character| !matches!(character, '"' | '\\' | '\n'));
            if self.eat("\"") {
                return TokenKind::Text;
            }
            if !self.eat("\\") {
                let help = "close it with a double quote on the same line; \\n makes a new line";
                self.report(code::TEXT, start, "this text has no end", help);
                return TokenKind::Unreadable;
            }
            self.position += self.rest().chars().next().map_or(0, char::len_utf8);
        }
    }

    /// A name ends at the next backtick; two of them stand for one within the name.
    fn quoted_name(&mut self) -> TokenKind {
        let start = self.position;
        self.position += 1;
        loop {
            self.skip_while(|character| !matches!(character, '`' | '\n'));
            if !self.eat("`") {
                let help = "close it with a backtick on the same line";
                self.report(code::TEXT, start, "this name has no end", help);
                return TokenKind::Unreadable;
            }
            if !self.eat("`") {
                return TokenKind::QuotedName;
            }
        }
    }

    /// `12`, `1.5`, `1e-3`. A sign is a token of its own.
    fn number(&mut self) -> TokenKind {
        let digit = |character: char| character.is_ascii_digit();
        self.skip_while(digit);
        let mut ahead = self.rest().chars();
        if ahead.next() == Some('.') && ahead.next().is_some_and(digit) {
            self.position += 1;
            self.skip_while(digit);
        }
        let exponent = self.rest().trim_start_matches(['e', 'E']);
        let exponent = exponent.trim_start_matches(['+', '-']);
        let marks = self.rest().len() - exponent.len();
        if (1..=2).contains(&marks)
            && self.rest().starts_with(['e', 'E'])
            && exponent.starts_with(digit)
        {
            self.position += marks;
            self.skip_while(digit);
        }
        TokenKind::Number
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.position..).unwrap_or("")
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.position += symbol.len();
        }
        found
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.position += rest.find(|character| !wanted(character)).unwrap_or(rest.len());
    }

    fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.position }
    }

    fn report(&mut self, code: &'static str, start: usize, message: impl Into<String>, help: &str) {
        let span = self.span_from(start);
        self.findings.add(Diagnostic::new(code, span, message).help(help));
    }
}

pub(crate) fn is_word_start(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '_' | '@')
}

pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '@')
}
