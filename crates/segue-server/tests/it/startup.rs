//! What can be wrong with an address is said at the start, with the setting to change.

use std::net::SocketAddr;

use segue_delivery::{Delivery, DeliveryOptions};
use segue_server::{Server, ServerOptions, TelemetryOptions};

use crate::support::{Activations, runtime};

async fn refusal(addr: SocketAddr) -> String {
    let (runtime, feed, data_dir) = runtime(Activations { disk_full: false }, |_| {});
    let options = ServerOptions { addr, shop: false, telemetry: TelemetryOptions::default() };
    let delivery = Delivery::open(DeliveryOptions::new(data_dir.path())).unwrap();
    match Server::bind(options, runtime, delivery, feed).await {
        Ok(server) => panic!("bound {}", server.local_addr()),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_setting() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let said = refusal(taken).await;
    assert!(said.starts_with(&format!("cannot listen on {taken}: another program does")), "{said}");
    assert!(said.contains("`listen.http` in segue.yaml or --http"), "{said}");
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused() {
    for open in ["0.0.0.0:0", "[::]:0"] {
        let said = refusal(open.parse().unwrap()).await;
        assert!(said.starts_with(&format!("refusing to listen on {open}")), "{said}");
        assert!(said.contains("`listen.http` in segue.yaml or --http"), "{said}");
    }
}
