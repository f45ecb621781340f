//! `segue hub`: only the Event Hubs-compatible broker.

use clap::Args;

use crate::hub_ports::TakenPorts;
use crate::settings::{self, SettingsFlags};
use crate::{system, terminal};

/// Run only the Event Hubs-compatible broker
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  segue hub
  segue hub --data /var/lib/hub --amqp 127.0.0.1:5673
  segue hub -c Config.json        # the official emulator's file, as it is

Connection string of the default settings:
  Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;\
SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;")]
pub(crate) struct Hub {
    #[command(flatten)]
    settings: SettingsFlags,
}

impl Hub {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let settings = self.settings.load(settings::segue_yaml_or_emulator)?;
        let ports = TakenPorts::take(&settings)?;
        let hub = segue_hub::Hub::open(settings.hub_config())?;
        let ports = ports.serve(&hub).await?;
        let names: Vec<String> = hub.event_hubs().iter().map(|hub| hub.name().to_owned()).collect();
        terminal::line(format!("data        {}", settings.data_dir.display()));
        terminal::line(format!("event hubs  {} on {}", names.join(", "), ports.urls()));
        terminal::line("ready; Ctrl-C stops");
        system::stop_signal().await?;
        ports.shutdown().await;
        Ok(())
    }
}
