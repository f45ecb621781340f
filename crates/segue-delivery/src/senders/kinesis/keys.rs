//! Who signs: a key of the definition, of the environment, or one that is lent for some hours.

use jiff::Timestamp;
use reqwest::Client;
use segue_core::connection::Kinesis;
use segue_core::variables::Lookup;
use tokio::sync::Mutex;

use super::lender::Lender;
use crate::sender::SendError;
use crate::senders::OpenError;

/// An access key.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

/// The keys of one destination.
pub(super) enum Keyring {
    Own(Keys),
    Lent { lender: Lender, client: Client, kept: Mutex<Option<(Keys, Timestamp)>> },
}

impl Keyring {
    /// Looks up the secrets.
    pub(super) fn open(
        kinesis: &Kinesis,
        client: Client,
        lookup: Lookup<'_>,
    ) -> Result<Keyring, OpenError> {
        if let Some(own) = &kinesis.credentials {
            return Ok(Keyring::Own(Keys {
                id: own.access_key_id.clone(),
                secret: own.secret_access_key.reveal(lookup)?,
                token: own.session_token.as_ref().map(|token| token.reveal(lookup)).transpose()?,
            }));
        }
        if let Some(id) = lookup("AWS_ACCESS_KEY_ID") {
            let secret = lookup("AWS_SECRET_ACCESS_KEY").ok_or_else(|| {
                OpenError::Connection(
                    "AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY".to_owned(),
                )
            })?;
            return Ok(Keyring::Own(Keys { id, secret, token: lookup("AWS_SESSION_TOKEN") }));
        }
        let lender = Lender::find(&kinesis.region, lookup)?;
        Ok(Keyring::Lent { lender, client, kept: Mutex::default() })
    }

    /// Keys that are good for a while. One call fetches them, the others wait for it.
    pub(super) async fn keys(&self) -> Result<Keys, SendError> {
        let (lender, client, kept) = match self {
            Keyring::Own(keys) => return Ok(keys.clone()),
            Keyring::Lent { lender, client, kept } => (lender, client, kept),
        };
        let mut kept = kept.lock().await;
        if let Some((keys, until)) = kept.as_ref()
            && Timestamp::now() < *until
        {
            return Ok(keys.clone());
        }
        let lent = lender.lend(client).await;
        let (keys, until) =
            lent.map_err(|problem| SendError::unavailable(format!("no key: {problem}")))?;
        *kept = Some((keys.clone(), until));
        Ok(keys)
    }

    /// The keys are no good any more, whatever was said of them.
    pub(super) async fn forget(&self) {
        if let Keyring::Lent { kept, .. } = self {
            *kept.lock().await = None;
        }
    }
}
