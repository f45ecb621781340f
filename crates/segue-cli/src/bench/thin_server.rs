//! A server that takes requests as `segue serve` does, over axum and hyper, and does nothing with
//! them: it reads a body whole, looks at none of it, and answers with a few bytes.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use super::Worker;

/// A running one, on threads of its own, which ends with this value.
pub(super) struct ThinServer {
    pub(super) url: String,
    _worker: Worker,
}

impl ThinServer {
    /// Starts it with as many threads as `segue serve` has.
    pub(super) async fn start() -> anyhow::Result<ThinServer> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let worker = Worker::start("bench-thin", threads)?;
        let listener = worker.run(async { Ok(TcpListener::bind(("127.0.0.1", 0)).await?) }).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let router = Router::new().route("/api/events", post(take));
        worker.spawn(async move { axum::serve(listener, router).await });
        Ok(ThinServer { url, _worker: worker })
    }
}

async fn take(_body: Bytes) -> &'static str {
    "{}"
}
