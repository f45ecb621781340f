//! What processes and threads have used, as far as the system tells: by `/proc` (`man 5 proc`).

use std::path::Path;

const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) memory_bytes: u64,
}

impl Usage {
    /// What a process has used so far; nothing where the system is not Linux.
    pub(crate) fn of_process(id: u32) -> Usage {
        let folder = format!("/proc/{id}");
        let folder = Path::new(&folder);
        let cpu_seconds = cpu_seconds(folder).unwrap_or_default();
        Usage { cpu_seconds, memory_bytes: memory_bytes(folder).unwrap_or_default() }
    }

    /// What was used since an earlier look.
    pub(crate) fn since(self, before: Usage) -> Usage {
        Usage { cpu_seconds: self.cpu_seconds - before.cpu_seconds, ..self }
    }
}

/// CPU time of this process's threads of that name.
pub(super) fn cpu_seconds_of_threads(name: &str) -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let threads = threads.map(|thread| thread.path()).filter(|thread| {
        std::fs::read_to_string(thread.join("comm")).is_ok_and(|found| found.trim_end() == name)
    });
    threads.filter_map(|thread| cpu_seconds(&thread)).sum()
}

/// From `stat`, times in hundredths of a second.
fn cpu_seconds(of: &Path) -> Option<f64> {
    let stat = std::fs::read_to_string(of.join("stat")).ok()?;
    // Behind the name, which may hold anything: user time is the 12th field, system time the 13th.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let ticks = times.next()?.ok()? + times.next()?.ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// From `status`, memory in kB.
fn memory_bytes(of: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(of.join("status")).ok()?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = memory.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
