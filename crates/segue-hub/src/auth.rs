//! Who may do what: keys, tokens and the rights that they carry.
//!
//! A connection begins with no rights. It earns them with a key (SASL PLAIN) or with tokens signed
//! with one (`$cbs`), each a [`Grant`]. A grant of a token covers its audience's path and what is
//! below it, until the token expires; a key covers everything for as long as the connection
//! lasts. Links are checked when they attach and again when a token runs out.

use segue_amqp::sas::{SasError, SasToken};

use crate::config::{AuthorizationRule, HubConfig, Right};
use crate::refusal::Refusal;

/// Tokens that one connection may hold at a time; SDKs hold one per link.
const GRANTS_MAX: usize = 4096;

const MILLIS_PER_SECOND: i64 = 1000;

/// What an operation needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Claim {
    /// To publish.
    Send,
    /// To read.
    Listen,
    /// To ask about a hub: any right will do.
    Any,
}

impl Claim {
    /// The claim's name in the refusal that asks for it.
    fn name(self) -> &'static str {
        match self {
            Claim::Send => "Send",
            Claim::Listen => "Listen",
            Claim::Any => "Manage,Send,Listen",
        }
    }

    fn is_met_by(self, rights: &[Right]) -> bool {
        rights.iter().any(|right| match self {
            Claim::Send => matches!(right, Right::Send | Right::Manage),
            Claim::Listen => matches!(right, Right::Listen | Right::Manage),
            Claim::Any => true,
        })
    }
}

/// A right that a client has earned.
#[derive(Debug)]
pub(crate) struct Grant {
    rights: Vec<Right>,
    /// The token that it stands on; a key needs none, and covers everything.
    token: Option<SasToken>,
}

impl Grant {
    /// Checks a policy's name and key, as SASL PLAIN sends them.
    pub(crate) fn of_key(config: &HubConfig, name: &str, key: &str) -> Option<Grant> {
        let rule = rule(config, name)?;
        // Signing with both keys compares them in the constant time of a signature.
        let proof = segue_amqp::sas::sign(name, name, key, u64::MAX);
        SasToken::parse(&proof).ok()?.verify(&rule.key, 0).ok()?;
        Some(Grant { rights: rule.rights.clone(), token: None })
    }

    /// Checks a shared access signature.
    ///
    /// # Errors
    /// 401, with a text that does not tell whether the policy exists.
    pub(crate) fn of_token(config: &HubConfig, token: &str, now_ms: i64) -> Result<Grant, Refusal> {
        let token = SasToken::parse(token)
            .map_err(|error| Refusal::unauthorized(format!("MalformedToken: {error}.")))?;
        let invalid = || {
            Refusal::unauthorized(
                "InvalidSignature: The token has an invalid signature.".to_owned(),
            )
        };
        let rule = rule(config, token.policy()).ok_or_else(invalid)?;
        let now_s = u64::try_from(now_ms / MILLIS_PER_SECOND).unwrap_or(0);
        token.verify(&rule.key, now_s).map_err(|error| match error {
            SasError::Expired { .. } => Refusal::unauthorized(format!("ExpiredToken: {error}.")),
            _ => invalid(),
        })?;
        Ok(Grant { rights: rule.rights.clone(), token: Some(token) })
    }

    /// Whether it reaches this path.
    pub(crate) fn covers(&self, path: &str) -> bool {
        self.token.as_ref().is_none_or(|token| token.covers(path))
    }

    fn audience(&self) -> Option<&str> {
        self.token.as_ref().map(SasToken::audience)
    }

    /// The moment from which on it is void.
    fn ends_at_ms(&self) -> Option<i64> {
        let last_second = self.token.as_ref()?.expiry_s();
        let end = i64::try_from(last_second).ok()?.checked_add(1)?;
        end.checked_mul(MILLIS_PER_SECOND)
    }

    fn is_void_at(&self, now_ms: i64) -> bool {
        self.ends_at_ms().is_some_and(|end| end <= now_ms)
    }
}

fn rule<'a>(config: &'a HubConfig, name: &str) -> Option<&'a AuthorizationRule> {
    config.authorization_rules.iter().find(|rule| rule.name == name)
}

/// What one connection has earned.
#[derive(Debug, Default)]
pub(crate) struct Grants(Vec<Grant>);

impl Grants {
    /// Adds a grant; a newer token replaces the one for the same audience.
    ///
    /// # Errors
    /// When the connection holds too many.
    pub(crate) fn add(&mut self, grant: Grant, now_ms: i64) -> Result<(), Refusal> {
        self.drop_void(now_ms);
        self.0.retain(|held| held.audience() != grant.audience());
        if self.0.len() >= GRANTS_MAX {
            let text = format!("A connection holds at most {GRANTS_MAX} tokens.");
            return Err(Refusal::limit_exceeded(text));
        }
        self.0.push(grant);
        Ok(())
    }

    /// Whether an operation on this path is allowed.
    ///
    /// # Errors
    /// The refusal that names the claim that is missing.
    pub(crate) fn check(&self, claim: Claim, path: &str, now_ms: i64) -> Result<(), Refusal> {
        let meets = |grant: &Grant| {
            !grant.is_void_at(now_ms) && claim.is_met_by(&grant.rights) && grant.covers(path)
        };
        if self.0.iter().any(meets) {
            return Ok(());
        }
        Err(Refusal::claim_required(claim.name(), path))
    }

    /// Forgets tokens that have run out; whether there were any.
    pub(crate) fn drop_void(&mut self, now_ms: i64) -> bool {
        let held = self.0.len();
        self.0.retain(|grant| !grant.is_void_at(now_ms));
        self.0.len() < held
    }

    /// When the next token runs out.
    pub(crate) fn next_end_ms(&self) -> Option<i64> {
        self.0.iter().filter_map(Grant::ends_at_ms).min()
    }
}

#[cfg(test)]
mod tests {
    use segue_amqp::sas::sign;

    use super::*;

    const NOW_S: u64 = 1_700_000_000;
    const NOW_MS: i64 = 1_700_000_000_000;

    fn config() -> HubConfig {
        let rule = |name: &str, rights: &[Right]| AuthorizationRule {
            name: name.into(),
            key: format!("{name}-key"),
            rights: rights.to_vec(),
        };
        HubConfig {
            authorization_rules: vec![
                rule("all", &[Right::Manage]),
                rule("writer", &[Right::Send]),
                rule("reader", &[Right::Listen]),
            ],
            ..HubConfig::default()
        }
    }

    fn token(audience: &str, policy: &str, key: &str) -> String {
        sign(audience, policy, key, NOW_S + 60)
    }

    fn granted(policy: &str, audience: &str) -> Grants {
        let token = token(audience, policy, &format!("{policy}-key"));
        let mut grants = Grants::default();
        grants.add(Grant::of_token(&config(), &token, NOW_MS).unwrap(), NOW_MS).unwrap();
        grants
    }

    #[test]
    fn rights_and_paths() {
        let allowed = |policy, audience, claim, path| {
            granted(policy, audience).check(claim, path, NOW_MS).is_ok()
        };
        let (hub, deep) = ("sb://h:1/eh1", "EH1/ConsumerGroups/$Default/Partitions/0");
        assert!(allowed("all", hub, Claim::Send, "eh1"));
        assert!(allowed("all", hub, Claim::Listen, deep));
        assert!(allowed("writer", hub, Claim::Send, "eh1/Partitions/0"));
        assert!(!allowed("writer", hub, Claim::Listen, deep));
        assert!(allowed("reader", "amqps://h/eh1/ConsumerGroups/$Default", Claim::Listen, deep));
        assert!(!allowed("reader", hub, Claim::Send, "eh1"));
        assert!(allowed("reader", hub, Claim::Any, "eh1/$management"));
        assert!(allowed("writer", "ns.servicebus.windows.net", Claim::Send, "eh1"));
        assert!(!allowed("all", hub, Claim::Send, "eh10"));
        assert!(!allowed("all", "sb://h/eh1/Partitions/0", Claim::Send, "eh1"));
    }

    #[test]
    fn the_missing_claim_is_named() {
        let refusal = Grants::default().check(Claim::Send, "eh1", NOW_MS).unwrap_err();
        assert_eq!((refusal.condition, refusal.status), ("amqp:unauthorized-access", 401));
        assert!(refusal.description.contains("'Send' claim(s)"), "{refusal}");
        assert!(refusal.description.contains("sb://localhost/eh1"), "{refusal}");
    }

    #[test]
    fn a_token_that_does_not_hold() {
        let refused = |token: &str| {
            let refusal = Grant::of_token(&config(), token, NOW_MS).unwrap_err();
            assert_eq!(refusal.status, 401);
            refusal.description
        };
        let invalid = refused(&token("sb://h/eh1", "all", "wrong"));
        assert!(invalid.starts_with("InvalidSignature"), "{invalid}");
        assert_eq!(refused(&token("sb://h/eh1", "nobody", "wrong")), invalid, "tells nothing");
        let expired = refused(&sign("sb://h/eh1", "all", "all-key", NOW_S - 1));
        assert!(expired.starts_with("ExpiredToken"), "{expired}");
        assert!(refused("Bearer x").starts_with("MalformedToken"));
    }

    #[test]
    fn a_token_ends_and_a_newer_one_goes_on() {
        let mut grants = granted("all", "sb://h/eh1");
        let end = NOW_MS + 61_000;
        assert_eq!(grants.next_end_ms(), Some(end));
        assert!(grants.check(Claim::Send, "eh1", end - 1).is_ok());
        assert!(grants.check(Claim::Send, "eh1", end).is_err());
        let newer = sign("sb://h/eh1", "all", "all-key", NOW_S + 120);
        grants.add(Grant::of_token(&config(), &newer, NOW_MS).unwrap(), NOW_MS).unwrap();
        assert_eq!(grants.0.len(), 1);
        assert!(grants.check(Claim::Send, "eh1", end).is_ok());
        assert!(!grants.drop_void(end));
        assert!(grants.drop_void(end + 60_000));
    }

    #[test]
    fn a_key_covers_everything_for_ever() {
        let mut grants = Grants::default();
        grants.add(Grant::of_key(&config(), "writer", "writer-key").unwrap(), NOW_MS).unwrap();
        assert!(grants.check(Claim::Send, "any/Partitions/1", i64::MAX).is_ok());
        assert!(grants.check(Claim::Listen, "any", NOW_MS).is_err());
        assert!(Grant::of_key(&config(), "writer", "reader-key").is_none());
        assert!(Grant::of_key(&config(), "nobody", "").is_none());
    }
}
