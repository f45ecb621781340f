//! The visitor of the demo: sends what the shop's pages send, through the real ingest API.

use segue_xdm::Identity;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::Client;

/// The digits of an Experience Cloud ID.
const ECID_DIGITS: u32 = 38;

/// One person in one browser window.
pub(super) struct Visitor {
    ecid: String,
    login: Option<Login>,
}

/// What the login form asks for.
struct Login {
    email: String,
    phone: String,
}

impl Visitor {
    /// A fresh private window: a new ECID, nobody logged in.
    pub(super) fn new() -> Self {
        let number = Uuid::new_v4().as_u128() % 10_u128.pow(ECID_DIGITS);
        Self { ecid: format!("{number:0width$}", width = ECID_DIGITS as usize), login: None }
    }

    /// The identity that names this window's profile.
    pub(super) fn identity(&self) -> Identity {
        Identity::new("ECID", self.ecid.clone())
    }

    /// Opens a page.
    pub(super) async fn visits(&self, api: &Client, page: &str) -> anyhow::Result<()> {
        self.send(api, "web.webpagedetails.pageViews", page).await
    }

    /// Fills in the login form, and sends it.
    pub(super) async fn logs_in(
        &mut self,
        api: &Client,
        email: &str,
        phone: &str,
    ) -> anyhow::Result<()> {
        self.login = Some(Login { email: email.to_owned(), phone: phone.to_owned() });
        self.send(api, "userAccount.login", "Login").await
    }

    async fn send(&self, api: &Client, event_type: &str, page: &str) -> anyhow::Result<()> {
        let event = json!({
            "_id": Uuid::new_v4().to_string(),
            "timestamp": jiff::Timestamp::now().to_string(),
            "eventType": event_type,
            "identityMap": self.identity_map(),
            "web": {"webPageDetails": {"name": page}},
        });
        api.post("/api/events", &event).await.map(drop)
    }

    fn identity_map(&self) -> Value {
        let mut map = Map::new();
        map.insert("ECID".to_owned(), json!([{"id": self.ecid, "primary": true}]));
        if let Some(Login { email, phone }) = &self.login {
            let hash = Sha256::digest(email.trim().to_lowercase());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            map.insert("Email".to_owned(), json!([{"id": email}]));
            map.insert("Email_LC_SHA256".to_owned(), json!([{"id": hash}]));
            map.insert("Phone".to_owned(), json!([{"id": phone}]));
        }
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_adds_three_identities() {
        let mut visitor = Visitor::new();
        assert_eq!(visitor.ecid.len(), 38);
        visitor.login = Some(Login { email: " Kim@Example.com".into(), phone: "+321".into() });
        let map = visitor.identity_map();
        let keys: Vec<_> = map.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["ECID", "Email", "Email_LC_SHA256", "Phone"]);
        let hash = map["Email_LC_SHA256"][0]["id"].as_str().unwrap();
        assert!(hash.starts_with("5d9a0087"), "sha256 of kim@example.com, not {hash}");
    }
}
