//! Starting the worker's process and taking its call: the host listens on a loopback port, the
//! child gets that port and a one-time token in its environment and connects back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::frame::{self, MAX_HELLO_BYTES};
use super::message::FromWorker;
use crate::error::StartError;
use crate::observer::{FunctionEvent, FunctionObserver};

/// From starting the process to its hello; generous, for a machine under load.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

const LOOPBACK: &str = "127.0.0.1";

/// From the connection to the hello, which comes at once. Whoever is silent is not the worker.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// All that is needed to start a worker, again and again.
pub(crate) struct Launch {
    pub(crate) node: PathBuf,
    pub(crate) script: PathBuf,
    pub(crate) app_dir: PathBuf,
    /// Variables on top of the host's own.
    pub(crate) environment: BTreeMap<String, String>,
    /// Flags for Node, before the script.
    pub(crate) node_arguments: Vec<String>,
    /// Open Node's inspector on this port, or on a free one when it is taken.
    pub(crate) inspect: Option<u16>,
    /// Load no user code before a debugger is attached.
    pub(crate) break_on_start: bool,
}

/// A worker that has connected and shown its token.
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) stream: TcpStream,
    pub(super) hello: Hello,
}

/// What a worker says about itself.
pub(super) struct Hello {
    pub(super) pid: u32,
    /// Node's version.
    pub(super) node: String,
    /// Where a debugger attaches.
    pub(super) inspector: Option<String>,
}

pub(super) async fn start(
    launch: &Launch,
    observer: &Arc<dyn FunctionObserver>,
) -> Result<Started, StartError> {
    let failed = |message: String| StartError::Worker { message };
    let listener = TcpListener::bind((LOOPBACK, 0)).await;
    let listener = listener.map_err(|error| failed(format!("no loopback port: {error}")))?;
    let port = listener.local_addr().map_err(|error| failed(error.to_string()))?.port();
    let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());

    let mut command = command(launch, observer);
    command.env("SEGUE_WORKER_PORT", port.to_string()).env("SEGUE_WORKER_TOKEN", &token);
    let mut child = command
        .spawn()
        .map_err(|error| failed(format!("{} does not run: {error}", launch.node.display())))?;
    tokio::select! {
        connected = tokio::time::timeout(CONNECT_TIMEOUT, accept(&listener, &token)) => {
            match connected {
                Ok(Ok((stream, hello))) => Ok(Started { child, stream, hello }),
                Ok(Err(error)) => Err(failed(error.to_string())),
                Err(_) => Err(failed(format!("it did not connect within {CONNECT_TIMEOUT:?}"))),
            }
        }
        status = child.wait() => {
            let status = status.map_or_else(|error| error.to_string(), |s| s.to_string());
            let output = last_words(&mut child).await;
            Err(failed(format!("it ended with {status} before it connected: {output}")))
        }
    }
}

fn command(launch: &Launch, observer: &Arc<dyn FunctionObserver>) -> Command {
    let mut command = Command::new(&launch.node);
    command.arg("--enable-source-maps").args(&launch.node_arguments);
    if let Some(wanted) = launch.inspect {
        let port = free_inspector_port(wanted, observer);
        command.arg(format!("--inspect={LOOPBACK}:{port}"));
    }
    command
        .arg(&launch.script)
        .current_dir(&launch.app_dir)
        .envs(&launch.environment)
        .env("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
        .env("FUNCTIONS_APPLICATION_DIRECTORY", &launch.app_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A ctrl-c at the terminal is for the host alone; it ends the worker in good order.
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// Port 0 lets Node choose.
fn free_inspector_port(wanted: u16, observer: &Arc<dyn FunctionObserver>) -> u16 {
    match std::net::TcpListener::bind((LOOPBACK, wanted)) {
        Ok(_) => wanted,
        Err(_) => {
            observer.observe(&FunctionEvent::InspectorPortTaken { port: wanted });
            0
        }
    }
}

/// Waits for the child: whoever connects without the token is turned away.
async fn accept(listener: &TcpListener, token: &str) -> std::io::Result<(TcpStream, Hello)> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let first = frame::read(&mut stream, MAX_HELLO_BYTES);
        let first = tokio::time::timeout(HELLO_TIMEOUT, first).await;
        if let Ok(Ok(Some(FromWorker::Hello { token: shown, pid, node, inspector }))) = first
            && shown == token
        {
            return Ok((stream, Hello { pid, node, inspector }));
        }
        tracing::warn!("somebody else connected to the worker's port and was turned away");
    }
}

/// What a process that ended at once has written to stderr.
async fn last_words(child: &mut Child) -> String {
    let mut output = Vec::new();
    if let Some(stderr) = &mut child.stderr {
        let read = tokio::io::AsyncReadExt::read_to_end(stderr, &mut output);
        let _ = tokio::time::timeout(Duration::from_secs(1), read).await;
    }
    let output = String::from_utf8_lossy(&output).trim().to_owned();
    if output.is_empty() { "it wrote nothing".to_owned() } else { output }
}
