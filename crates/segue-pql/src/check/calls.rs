//! Methods and functions: whether they are there, and what they are given.

use crate::diagnostic::{Diagnostic, Span, code};
use crate::expression::{Comparison, Expr, ExprKind, Function, Literal, Quantifier, TextRelation};
use crate::limits::{PATTERN_BYTES_MAX, PATTERNS_MAX};
use crate::pattern;
use crate::syntax::{Name, Node, NodeKind};
use crate::vocabulary::{
    self, CURRENT, DATE, EXISTS, FUNCTIONS, IF, IN_SEGMENT, METHODS, Method, Type, is_method,
    suggestion,
};

use super::{Checker, Typed};

/// Functions.
impl Checker<'_> {
    pub(super) fn function(
        &mut self,
        span: Span,
        name: &Name,
        arguments: &[Node],
    ) -> Option<Typed> {
        if let Some((_, function)) = CURRENT.iter().find(|(known, _)| *known == name.text) {
            self.takes_nothing(name, arguments)?;
            let kind = ExprKind::Call { function: *function, arguments: Vec::new() };
            return Some(Typed::new(kind, span, Type::Number));
        }
        match name.text.as_str() {
            EXISTS => self.exists_of(span, arguments),
            IN_SEGMENT => self.in_segment(span, name, arguments),
            DATE => self.date(span, arguments),
            word if word.eq_ignore_ascii_case(IF) => self.if_else(span, arguments),
            word => {
                let message = format!("there is no function `{word}`");
                let help = if is_method(word) {
                    format!("write the value before it: value.{word}(…)")
                } else {
                    suggestion(word, &FUNCTIONS)
                };
                self.refuse(code::UNKNOWN_NAME, name.span, &message, &help)
            }
        }
    }

    /// `exists(field)`
    fn exists_of(&mut self, span: Span, arguments: &[Node]) -> Option<Typed> {
        let [value] = arguments else {
            let help = "write exists(field), or array.exists(condition)";
            return self.refuse(code::ARGUMENTS, span, "exists takes one field", help);
        };
        let value = self.plain(value)?;
        self.presence(span, value, false)
    }

    fn in_segment(&mut self, span: Span, name: &Name, arguments: &[Node]) -> Option<Typed> {
        if self.scope.items > 0 {
            let message = "membership of an audience is no property of an event";
            let help = "join it outside with `and`: inSegment(\"…\") and CHAIN(…)";
            return self.refuse(code::OUT_OF_PLACE, name.span, message, help);
        }
        match arguments {
            [Node { kind: NodeKind::Literal(Literal::Text(id)), .. }] if !id.is_empty() => {
                Some(Typed::new(ExprKind::Member(id.clone()), span, Type::Condition))
            }
            _ => {
                let help = r#"write inSegment("audience id")"#;
                self.refuse(code::ARGUMENTS, span, "inSegment takes an audience's id", help)
            }
        }
    }

    /// `if(condition, value, value)`, or three conditions.
    fn if_else(&mut self, span: Span, arguments: &[Node]) -> Option<Typed> {
        let [condition, then, otherwise] = arguments else {
            let help = "write if(person.age < 18, \"minor\", \"adult\")";
            let message = "if takes a condition and two values";
            return self.refuse(code::ARGUMENTS, span, message, help);
        };
        let condition = self.condition(condition);
        let (then, otherwise) = (self.branch(then), self.branch(otherwise));
        let (then, otherwise) = (then?, otherwise?);
        let is_condition = |value: &Typed| value.of == Type::Condition;
        if is_condition(&then) != is_condition(&otherwise) {
            let message = "one of these is a condition, the other a value";
            let help = "write two values, or two conditions";
            let place = then.span().to(otherwise.span());
            return self.refuse(code::ARGUMENTS, place, message, help);
        }
        let of = if then.of == otherwise.of { then.of } else { Type::Unknown };
        let kind = ExprKind::If {
            condition: Box::new(condition?),
            then: Box::new(then.expr),
            otherwise: Box::new(otherwise.expr),
        };
        Some(Typed::new(kind, span, of))
    }

    fn branch(&mut self, node: &Node) -> Option<Typed> {
        let value = self.value(node)?;
        if value.of != Type::Moment {
            return Some(value);
        }
        let help = "write the comparison into it: if(…, field < now, field < today)";
        self.refuse(code::OUT_OF_PLACE, value.span(), "a moment can only be compared", help)
    }
}

/// Methods.
impl Checker<'_> {
    pub(super) fn method(
        &mut self,
        receiver: Typed,
        name: &Name,
        arguments: &[Node],
        span: Span,
    ) -> Option<Typed> {
        let Some(method) = vocabulary::method(&name.text) else {
            let known: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
            let message = format!("there is no method `{}`", name.text);
            let help = suggestion(&name.text, &known);
            return self.refuse(code::UNKNOWN_NAME, name.span, &message, &help);
        };
        let (kind, of) = match method {
            Method::Exists if arguments.is_empty() => return self.presence(span, receiver, false),
            Method::Presence { negated } => {
                self.takes_nothing(name, arguments)?;
                return self.presence(span, receiver, negated);
            }
            Method::Exists => {
                (self.quantifier(Quantifier::Exists, receiver, name, arguments)?, Type::Condition)
            }
            Method::ForAll => {
                (self.quantifier(Quantifier::ForAll, receiver, name, arguments)?, Type::Condition)
            }
            Method::Text { relation, negated } => {
                (self.text(relation, negated, receiver, name, arguments)?, Type::Condition)
            }
            Method::RegexGroup => (self.regex_group(receiver, name, arguments)?, Type::Text),
            Method::Aggregate(aggregate) => {
                let list = Box::new(self.list(receiver, &name.text)?);
                let each = match arguments {
                    [] => None,
                    [value] => Some(self.lambda(&list, value, Checker::measure)?),
                    _ => return self.wrong_arguments(name, "at most one value", "field"),
                };
                (ExprKind::Aggregate { aggregate, list, each }, Type::Number)
            }
            Method::Filter | Method::Map | Method::GroupBy => {
                (self.list_method(method, receiver, name, arguments)?, Type::List)
            }
            Method::Ranked { top } => (self.ranked(top, receiver, name, arguments)?, Type::List),
            Method::Plain { function, receiver: wanted, argument, result } => {
                let arguments =
                    self.plain_arguments(wanted, argument, receiver, name, arguments)?;
                (ExprKind::Call { function, arguments }, result)
            }
        };
        Some(Typed::new(kind, span, of))
    }

    /// `value.exists()`, `value.isNull()`
    fn presence(&mut self, span: Span, value: Typed, negated: bool) -> Option<Typed> {
        let is_profile = matches!(value.expr.kind, ExprKind::Profile);
        if is_profile || value.is_constant() || matches!(value.of, Type::Condition | Type::Moment) {
            let message = "a field should be here";
            let help = "write a field such as person.name before the operator or the method";
            return self.refuse(code::ARGUMENTS, value.span(), message, help);
        }
        let kind = ExprKind::IsPresent { value: Box::new(value.expr), negated };
        Some(Typed::new(kind, span, Type::Condition))
    }

    fn quantifier(
        &mut self,
        quantifier: Quantifier,
        receiver: Typed,
        name: &Name,
        arguments: &[Node],
    ) -> Option<ExprKind> {
        let [condition] = arguments else {
            let message = format!("{} takes one condition", name.text);
            let help = "join several conditions with `and`";
            return self.refuse(code::ARGUMENTS, name.span, &message, help);
        };
        let list = self.list(receiver, &name.text)?;
        let each = self.lambda(&list, condition, Checker::condition)?;
        Some(ExprKind::Quantified { quantifier, list: Box::new(list), each })
    }

    fn list_method(
        &mut self,
        method: Method,
        receiver: Typed,
        name: &Name,
        arguments: &[Node],
    ) -> Option<ExprKind> {
        let [argument] = arguments else {
            return match method {
                Method::Filter => self.wrong_arguments(name, "one condition", "field = 1"),
                _ => self.wrong_arguments(name, "one value", "field"),
            };
        };
        if let Method::Filter = method {
            return self.filter(receiver, argument, &name.text);
        }
        let list = self.list(receiver, &name.text)?;
        let each = self.lambda(&list, argument, Checker::measure)?;
        let list = Box::new(list);
        Some(match method {
            Method::Map => ExprKind::Map { list, each },
            _ => ExprKind::GroupBy { list, each },
        })
    }

    fn ranked(
        &mut self,
        top: bool,
        receiver: Typed,
        name: &Name,
        arguments: &[Node],
    ) -> Option<ExprKind> {
        let [value, amount] = arguments else {
            return self.wrong_arguments(name, "a value and a number of items", "price, 5");
        };
        let list = self.list(receiver, &name.text)?;
        let each = self.lambda(&list, value, Checker::measure);
        let amount = self.amount(amount, &name.text);
        let (list, amount) = (Box::new(list), Box::new(amount?));
        Some(ExprKind::Ranked { top, list, each: each?, amount })
    }

    /// The receiver and the argument of a method that takes plain values.
    fn plain_arguments(
        &mut self,
        wanted: Type,
        argument: Option<Type>,
        receiver: Typed,
        name: &Name,
        arguments: &[Node],
    ) -> Option<Vec<Expr>> {
        if matches!(receiver.expr.kind, ExprKind::Profile) {
            let help = "name one of its fields: $1.person";
            let message = "the profile as a whole is no value";
            return self.refuse(code::ARGUMENTS, receiver.span(), message, help);
        }
        // A list has items, as a map has values.
        let is_item_of_list = wanted == Type::Object && argument.is_some();
        if !(is_item_of_list && receiver.of == Type::List) {
            self.expect(&receiver, wanted, &name.text)?;
        }
        let mut all = vec![receiver.expr];
        match (argument, arguments) {
            (None, _) => self.takes_nothing(name, arguments)?,
            (Some(wanted), [value]) => {
                let value = self.plain(value)?;
                self.expect(&value, wanted, &name.text)?;
                all.push(value.expr);
            }
            (Some(wanted), _) => {
                let example = if wanted == Type::List { "[\"a\", \"b\"]" } else { "\"a\"" };
                return self.wrong_arguments(name, "one value", example);
            }
        }
        Some(all)
    }

    fn takes_nothing(&mut self, name: &Name, arguments: &[Node]) -> Option<()> {
        if arguments.is_empty() {
            return Some(());
        }
        let message = format!("{} takes nothing", name.text);
        let help = format!("write {}()", name.text);
        self.refuse(code::ARGUMENTS, name.span, &message, &help)
    }

    fn wrong_arguments<T>(&mut self, name: &Name, wanted: &str, example: &str) -> Option<T> {
        let message = format!("{} takes {wanted}", name.text);
        let help = format!("write list.{}({example})", name.text);
        self.refuse(code::ARGUMENTS, name.span, &message, &help)
    }
}

/// Texts.
impl Checker<'_> {
    fn text(
        &mut self,
        relation: TextRelation,
        negated: bool,
        receiver: Typed,
        name: &Name,
        arguments: &[Node],
    ) -> Option<ExprKind> {
        let literal = |place: usize| match arguments.get(place).map(|argument| &argument.kind) {
            Some(NodeKind::Literal(literal)) => Some(literal),
            _ => None,
        };
        let (is_short, flag) = match (arguments.len(), literal(1)) {
            (1, _) => (true, true),
            (2, Some(Literal::Boolean(flag))) if relation != TextRelation::Matches => {
                (false, *flag)
            }
            _ => return self.wrong_text_arguments(name, arguments),
        };
        let takes_any = relation == TextRelation::Equals && is_short;
        if !takes_any && literal(0).is_some_and(|literal| !matches!(literal, Literal::Text(_))) {
            return self.wrong_text_arguments(name, arguments);
        }
        if !takes_any || receiver.of != Type::Number {
            self.expect(&receiver, Type::Text, &name.text)?;
        }
        let text = self.plain(arguments.first()?)?;
        if relation == TextRelation::Matches {
            self.pattern(&text, pattern::whole)?;
        }
        if relation == TextRelation::Equals && flag {
            let comparison = if negated { Comparison::NotEqual } else { Comparison::Equal };
            let (left, right) = (Box::new(receiver.expr), Box::new(text.expr));
            return Some(ExprKind::Compare { comparison, left, right });
        }
        self.expect(&text, Type::Text, &name.text)?;
        let (value, text) = (Box::new(receiver.expr), Box::new(text.expr));
        Some(ExprKind::Resembles { value, relation, text, case_sensitive: flag, negated })
    }

    fn wrong_text_arguments<T>(&mut self, name: &Name, arguments: &[Node]) -> Option<T> {
        if arguments.iter().any(Node::is_unreadable) {
            return None;
        }
        let name_text = &name.text;
        let (message, help) = match name_text.as_str() {
            "matches" => (
                "matches takes a regular expression".to_owned(),
                "write field.matches(\"[A-Z]+\"), with (?i) where case does not matter".to_owned(),
            ),
            _ => (
                format!("{name_text} takes a text, and whether case matters"),
                format!("write field.{name_text}(\"a\") or field.{name_text}(\"a\", false)"),
            ),
        };
        self.refuse(code::ARGUMENTS, name.span, &message, &help)
    }

    /// `text.regexGroup("@(.+)", 1)`; the first group where none is named.
    fn regex_group(
        &mut self,
        receiver: Typed,
        name: &Name,
        arguments: &[Node],
    ) -> Option<ExprKind> {
        let (pattern, group) = match arguments {
            [pattern] => (pattern, 1),
            [pattern, Node { kind: NodeKind::Literal(Literal::Integer(group)), .. }] => {
                (pattern, *group)
            }
            _ => {
                let message = "regexGroup takes a regular expression and the number of a group";
                let help = "write field.regexGroup(\"@(.+)\", 1)";
                return self.refuse(code::ARGUMENTS, name.span, message, help);
            }
        };
        self.expect(&receiver, Type::Text, &name.text)?;
        let pattern = self.plain(pattern)?;
        let groups = self.pattern(&pattern, pattern::searching)?.captures_len();
        if usize::try_from(group).ok().is_none_or(|group| group >= groups) {
            let message = format!("this regular expression has no group {group}");
            let help = "each pair of parentheses is a group; 0 is the whole";
            return self.refuse(code::NUMBER, pattern.span(), &message, help);
        }
        let span = pattern.span();
        let group = Expr { kind: ExprKind::Literal(Literal::Integer(group)), span };
        let arguments = vec![receiver.expr, pattern.expr, group];
        Some(ExprKind::Call { function: Function::RegexGroup, arguments })
    }

    /// Compiles a regular expression, to see that it is one.
    fn pattern(
        &mut self,
        pattern: &Typed,
        compile: fn(&str) -> Result<regex::Regex, pattern::PatternError>,
    ) -> Option<regex::Regex> {
        let span = pattern.span();
        let Some(Literal::Text(text)) = pattern.literal() else {
            let message = "a regular expression is written out";
            let help = "write a text in double quotes: \"[A-Z]+\"";
            return self.refuse(code::ARGUMENTS, span, message, help);
        };
        self.patterns += 1;
        if self.patterns > PATTERNS_MAX + 1 {
            // The first one too many was reported.
            return None;
        }
        if self.patterns > PATTERNS_MAX || text.len() > PATTERN_BYTES_MAX {
            let message = format!(
                "there are more than {PATTERNS_MAX} regular expressions, or this is one of more \
                 than {PATTERN_BYTES_MAX} bytes"
            );
            let help = "write field in [\"a\", \"b\"], or divide it into two audiences";
            return self.refuse(code::LIMIT, span, &message, help);
        }
        match compile(text) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let (code, help) = if error.is_too_large {
                    (code::LIMIT, "write smaller numbers of repetitions")
                } else {
                    (code::TEXT, "look-around and back-references are not possible")
                };
                self.findings.add(Diagnostic::new(code, span, error.message).help(help));
                None
            }
        }
    }
}
