//! Moving over the tokens, skipping what cannot be read, and reporting it.

use crate::diagnostic::{Diagnostic, Findings, Span, code, line_and_column};
use crate::lexer::{Token, TokenKind, is_word_start, tokenize};
use crate::syntax::{Name, Node};

/// How much of a token a message repeats.
const QUOTED_CHARS_MAX: usize = 40;

pub(super) struct Parser<'s, 'f> {
    pub(super) source: &'s str,
    tokens: Vec<Token>,
    position: usize,
    /// How many groups are open.
    pub(super) depth: usize,
    /// A limit is exceeded, or too much is wrong: only the end is seen from here on, and nothing
    /// more is reported.
    gave_up: bool,
    findings: &'f mut Findings,
}

impl<'s, 'f> Parser<'s, 'f> {
    pub(super) fn new(source: &'s str, findings: &'f mut Findings) -> Parser<'s, 'f> {
        let tokens = tokenize(source, findings);
        Parser { source, tokens, position: 0, depth: 0, gave_up: false, findings }
    }

    pub(super) fn kind(&self) -> TokenKind {
        self.token_at(self.position).kind
    }

    pub(super) fn kind_after(&self) -> TokenKind {
        self.kind_ahead(1)
    }

    pub(super) fn kind_ahead(&self, distance: usize) -> TokenKind {
        self.token_at(self.position + distance).kind
    }

    /// Whether the token so far ahead is this word, in any letter case.
    pub(super) fn is_word_ahead(&self, distance: usize, words: &[&str]) -> bool {
        let token = self.token_at(self.position + distance);
        let text = self.text_at(token.span);
        token.kind == TokenKind::Word && words.iter().any(|word| word.eq_ignore_ascii_case(text))
    }

    pub(super) fn span(&self) -> Span {
        self.token_at(self.position).span
    }

    pub(super) fn previous_span(&self) -> Span {
        self.token_at(self.position.saturating_sub(1)).span
    }

    /// The token as it was written.
    pub(super) fn text(&self) -> &'s str {
        self.text_at(self.span())
    }

    fn text_at(&self, span: Span) -> &'s str {
        self.source.get(span.start..span.end).unwrap_or("")
    }

    fn token_at(&self, position: usize) -> Token {
        let length = self.source.len();
        let end = Token { kind: TokenKind::End, span: Span { start: length, end: length } };
        if self.gave_up { end } else { self.tokens.get(position).copied().unwrap_or(end) }
    }

    /// Takes the token, and says where it was.
    pub(super) fn advance(&mut self) -> Span {
        let span = self.span();
        self.position += 1;
        span
    }

    pub(super) fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.is_word_ahead(0, &[word])
    }

    /// Takes the word if it comes next.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes a word that has its fixed place here, in any letter case; reports its absence.
    pub(super) fn expect_word(&mut self, word: &str) -> Option<()> {
        let found = self.eat_word(word);
        if !found {
            self.unexpected(&format!("`{word}`"));
        }
        found.then_some(())
    }

    pub(super) fn expect(&mut self, kind: TokenKind, symbol: &str) -> Option<Span> {
        if self.kind() != kind {
            self.unexpected(&format!("`{symbol}`"));
            return None;
        }
        Some(self.advance())
    }

    /// A name, with or without backticks; keywords are names too where only a name can stand.
    pub(super) fn name(&mut self, expected: &str) -> Option<Name> {
        let text = self.text();
        let quoted = text.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
        let text = match quoted {
            Some(inner) if self.kind() == TokenKind::QuotedName => inner.replace("``", "`"),
            _ if text.starts_with(is_word_start) => text.to_owned(),
            _ => {
                self.unexpected(expected);
                return None;
            }
        };
        Some(Name { text, span: self.advance() })
    }

    /// Takes the bracket that closes the one at `open`; skips what stands before it.
    pub(super) fn close(&mut self, kind: TokenKind, open: Span) -> Span {
        if self.kind() != kind {
            let (opening, closing) =
                if kind == TokenKind::CloseGroup { ("(", ")") } else { ("[", "]") };
            let (line, column) = line_and_column(self.source, open.start);
            let help = format!("`{opening}` of line {line}, column {column} is still open");
            let diagnostic = self.mismatch(&format!("an operator or `{closing}`"));
            self.report(diagnostic.help(help));
            self.skip_until(|_| false);
        }
        if self.kind() == kind { self.advance() } else { self.previous_span() }
    }

    /// Skips to where reading can go on within the same group.
    pub(super) fn skip_operand(&mut self) {
        self.skip_until(|kind| matches!(kind, TokenKind::And | TokenKind::Or | TokenKind::Comma));
    }

    /// Skips to the first token of the same group that `stop` wants, or to the group's end.
    pub(super) fn skip_until(&mut self, stop: impl Fn(TokenKind) -> bool) {
        let mut open = 0_usize;
        loop {
            match self.kind() {
                TokenKind::End => return,
                TokenKind::OpenGroup | TokenKind::OpenList => open += 1,
                TokenKind::CloseGroup | TokenKind::CloseList if open == 0 => return,
                TokenKind::CloseGroup | TokenKind::CloseList => open -= 1,
                kind if open == 0 && stop(kind) => return,
                _ => {}
            }
            self.advance();
        }
    }

    /// Reports that something else was expected here, and skips the operand.
    pub(super) fn unreadable(&mut self, expected: &str) -> Node {
        let span = self.span();
        self.unexpected(expected);
        self.skip_operand();
        Node::unreadable(span)
    }

    pub(super) fn unexpected(&mut self, expected: &str) {
        let diagnostic = self.mismatch(expected);
        self.report(diagnostic);
    }

    /// The diagnostic that something else was expected here.
    pub(super) fn mismatch(&self, expected: &str) -> Diagnostic {
        let found = match self.kind() {
            TokenKind::End => "the end of the definition".to_owned(),
            _ => format!("`{}`", self.text().chars().take(QUOTED_CHARS_MAX).collect::<String>()),
        };
        let message = format!("found {found} where {expected} should be");
        Diagnostic::new(code::SYNTAX, self.span(), message)
    }

    /// Reports that a limit is exceeded and reads no further.
    pub(super) fn give_up(&mut self, span: Span, message: String, help: &str) {
        self.report(Diagnostic::new(code::LIMIT, span, message).help(help));
        self.gave_up = true;
    }

    /// Adds the diagnostic, unless nothing is known any more; gives up when there are too many.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if !self.gave_up {
            self.findings.add(diagnostic);
            self.gave_up = self.findings.is_full();
        }
    }
}
