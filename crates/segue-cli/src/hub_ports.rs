//! The ports of the event hubs: plain AMQP, and TLS where the settings have a certificate.

use std::net::{SocketAddr, TcpListener};

use anyhow::bail;
use segue_hub::{Hub, ServerHandle, ServerTls};

use crate::settings::Settings;

/// Ports that are taken and not served yet, so that nothing is opened when one is in use.
pub(crate) struct TakenPorts {
    amqp: TcpListener,
    amqps: Option<(TcpListener, ServerTls)>,
}

/// Ports that are served.
pub(crate) struct HubPorts {
    amqp: ServerHandle,
    amqps: Option<ServerHandle>,
}

impl TakenPorts {
    /// Takes the ports of the settings.
    pub(crate) fn take(settings: &Settings) -> anyhow::Result<Self> {
        let config = settings.hub_config();
        let amqps = match (settings.listen.amqps, &settings.tls) {
            (Some(address), Some(tls)) => {
                let tls = ServerTls::from_files(&tls.certificate, &tls.key)?;
                Some((segue_hub::bind(address, &config)?, tls))
            }
            (Some(_), None) => bail!("listen.amqps needs tls: {{certificate: FILE, key: FILE}}"),
            (None, Some(_)) => bail!("tls is set but nothing uses it: set listen.amqps, too"),
            (None, None) => None,
        };
        Ok(Self { amqp: segue_hub::bind(settings.listen.amqp, &config)?, amqps })
    }

    /// Lets clients in.
    pub(crate) async fn serve(self, hub: &Hub) -> anyhow::Result<HubPorts> {
        let amqps = match self.amqps {
            Some((listener, tls)) => Some(hub.serve_tls(listener, &tls).await?),
            None => None,
        };
        Ok(HubPorts { amqp: hub.serve(self.amqp).await?, amqps })
    }
}

impl HubPorts {
    /// Where clients find the hubs, without TLS.
    pub(crate) fn amqp_address(&self) -> SocketAddr {
        self.amqp.local_addr()
    }

    /// All places, as addresses with their schemes.
    pub(crate) fn urls(&self) -> String {
        let plain = format!("amqp://{}", self.amqp.local_addr());
        match &self.amqps {
            Some(tls) => format!("{plain} and amqps://{}", tls.local_addr()),
            None => plain,
        }
    }

    /// Closes every connection and waits until all are gone.
    pub(crate) async fn shutdown(self) {
        if let Some(tls) = self.amqps {
            tls.shutdown().await;
        }
        self.amqp.shutdown().await;
    }
}
