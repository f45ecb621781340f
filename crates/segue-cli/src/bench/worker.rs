//! Threads for one kind of work, so that what it takes of the CPUs can be told apart.

use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use super::usage::cpu_seconds_of_threads;

/// Threads that do one kind of work. What they do ends with this value.
pub(crate) struct Worker {
    name: &'static str,
    threads: Handle,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Worker {
    /// Starts so many threads. The name has 15 letters at most, or the system cuts it.
    pub(crate) fn start(name: &'static str, threads: usize) -> std::io::Result<Worker> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(name)
            .enable_all()
            .build()?;
        Ok(Worker { name, threads: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Begins something on these threads.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.threads.spawn(work)
    }

    /// Does something on these threads, and waits for it.
    ///
    /// # Errors
    /// What it fails with.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.spawn(work).await?
    }

    /// CPU time that they have used so far; nothing where the system is not Linux.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu_seconds_of_threads(self.name)
    }
}

impl Drop for Worker {
    /// Waits for nothing: a thread that serves others may not.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
