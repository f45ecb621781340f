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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn cpu_time_is_told_by_the_kind_of_work() {
        let busy = Worker::start("bench-busy", 2).unwrap();
        let idle = Worker::start("bench-idle", 2).unwrap();
        let start = Instant::now();
        let work = async move {
            while cpu_seconds_of_threads("bench-busy") == 0.0 {
                anyhow::ensure!(start.elapsed() < Duration::from_secs(60), "no time was told");
            }
            Ok(())
        };
        busy.run(work).await.unwrap();
        assert!(busy.cpu_seconds() > 0.0);
        assert_eq!(idle.cpu_seconds(), 0.0);
    }
}
