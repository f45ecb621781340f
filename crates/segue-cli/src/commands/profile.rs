//! `segue profile`: one person, by any of their identities.

use clap::{Args, Subcommand};
use segue_xdm::Identity;
use serde_json::Value;

use crate::api::{self, Client, Server};
use crate::commands::erasure::{self, Manner};
use crate::terminal::{self, Format};

const EXAMPLES: &str = "Examples:
  segue profile get ECID:36281682065781928820739672071812090802
  segue profile get email:kim@example.com -o json
  segue profile delete email:kim@example.com
  segue profile delete email:kim@example.com --exit
  segue profile receipt 4711";

/// Look up or erase a profile by any of its identities
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Profile {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Subcommand, Debug)]
enum ProfileCommand {
    /// Show identities, audiences and attributes
    #[command(after_help = EXAMPLES)]
    Get {
        /// NAMESPACE:ID
        identity: Identity,
        /// How to print
        #[arg(short, long, default_value = "table")]
        output: Format,
        #[command(flatten)]
        server: Server,
    },
    /// Erase a profile from the state, the logs and the checkpoint, and show the receipt
    #[command(after_help = EXAMPLES)]
    Delete {
        /// NAMESPACE:ID
        identity: Identity,
        /// Have it exit its audiences first, so that destinations are told
        #[arg(long)]
        exit: bool,
        /// Do not wait until the last trace is gone; print the receipt's id
        #[arg(long)]
        no_wait: bool,
        /// How to print the receipt
        #[arg(short, long, default_value = "table")]
        output: Format,
        #[command(flatten)]
        server: Server,
    },
    /// Show the receipt of an erasure
    #[command(after_help = EXAMPLES)]
    Receipt {
        /// Its id, as `segue profile delete` printed it
        id: u64,
        /// How to print
        #[arg(short, long, default_value = "table")]
        output: Format,
        #[command(flatten)]
        server: Server,
    },
}

impl Profile {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            ProfileCommand::Get { identity, output, server } => {
                let value = Client::new(server).get(&profile_path(&identity)?).await?;
                terminal::document(output, &value, as_text)
            }
            ProfileCommand::Delete { identity, exit, no_wait, output, server } => {
                let client = Client::new(server);
                erasure::delete(&client, &identity, Manner { exit, no_wait }, output).await
            }
            ProfileCommand::Receipt { id, output, server } => {
                erasure::show(&Client::new(server), id, output).await
            }
        }
    }
}

/// The API's path of the profile that holds an identity.
pub(crate) fn profile_path(identity: &Identity) -> anyhow::Result<String> {
    api::path(&["profiles", identity.namespace(), identity.id()])
}

fn as_text(profile: &Value) -> String {
    let mut lines = Vec::new();
    let id = profile.get("profileId").and_then(Value::as_str).unwrap_or_default();
    lines.push(format!("profile {id}"));
    lines.push(String::new());
    lines.push(terminal::table(&["NAMESPACE", "ID"], &identity_rows(profile)));
    lines.push(String::new());
    lines.push(terminal::table(
        &["AUDIENCE", "STATUS", "LAST QUALIFIED", "NAME"],
        &membership_rows(profile),
    ));
    let attributes = profile
        .get("attributes")
        .filter(|value| value.as_object().is_some_and(|map| !map.is_empty()));
    if let Some(attributes) = attributes {
        lines.push(String::new());
        lines.push(format!("attributes {attributes:#}"));
    }
    lines.join("\n")
}

fn identity_rows(profile: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (namespace, ids) in entries(profile, "identityMap") {
        for id in ids.as_array().into_iter().flatten() {
            let id = id.get("id").and_then(Value::as_str).unwrap_or_default();
            rows.push(vec![namespace.clone(), id.to_owned()]);
        }
    }
    rows
}

fn membership_rows(profile: &Value) -> Vec<Vec<String>> {
    let row = |(audience, membership): (&String, &Value)| {
        let text =
            |key: &str| membership.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        vec![audience.clone(), text("status"), text("lastQualificationTime"), text("name")]
    };
    entries(profile, "memberships").map(row).collect()
}

fn entries<'a>(profile: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    profile.get(key).and_then(Value::as_object).into_iter().flatten()
}
