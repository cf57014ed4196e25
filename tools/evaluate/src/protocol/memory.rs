//! How much memory comparing and fitting take.

use super::runtime::with_baselines;
use super::task::Task;
use crate::results::{Memory, MemoryUse, SetSummary};
use qmagface::Work;
use qmagface::error::Result;
use qmagface::pairs::Prepared;

/// Runs each task once and measures by how much the process's resident memory peaks above where the task began. The plain
/// cosine of the same pairs is measured as well and comes first.
///
/// The system tells this on Linux alone; elsewhere there are no figures. It is the whole process's: run nothing else in
/// it meanwhile.
///
/// # Errors
/// [`qmagface::ErrorKind::InvalidArgument`] for no task; what a task fails with; [`qmagface::ErrorKind::Cancelled`].
pub fn memory(set: &Prepared, tasks: &[Task], work: &Work) -> Result<Memory> {
    let all = with_baselines(tasks)?;
    let mut peaks = Vec::with_capacity(all.len());
    for task in &all {
        let before = resident::begin();
        task.run(set, work)?;
        peaks.push(before.and_then(resident::peak_above));
    }
    let cosine = |task: &Task| {
        let name = task.baseline().name();
        let at = all.iter().position(|task| task.name() == name)?;
        peaks[at].filter(|&bytes| bytes > 0)
    };
    let measured = |(task, &peak): (&Task, &Option<u64>)| MemoryUse {
        task: task.name(),
        pairs: task.pairs(set),
        peak,
        against_cosine: peak.zip(cosine(task)).map(|(peak, cosine)| peak as f64 / cosine as f64),
    };
    Ok(Memory {
        set: SetSummary::of(set),
        embeddings: set.len() as u64 * set.length() as u64 * 4,
        tasks: all.iter().zip(&peaks).map(measured).collect(),
    })
}

#[cfg(target_os = "linux")]
mod resident {
    /// Gives freed memory back, forgets the peak, and says how much is resident, in bytes.
    pub fn begin() -> Option<u64> {
        #[cfg(target_env = "gnu")]
        // SAFETY: malloc_trim has no preconditions.
        unsafe {
            libc::malloc_trim(0);
        }
        // Resets this process's own peak (proc(5)).
        std::fs::write("/proc/self/clear_refs", "5").ok()?;
        status("VmRSS:")
    }

    /// The peak above `before` since [`begin`].
    pub fn peak_above(before: u64) -> Option<u64> {
        Some(status("VmHWM:")?.saturating_sub(before))
    }

    fn status(field: &str) -> Option<u64> {
        let text = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes * 1024)
    }
}

#[cfg(not(target_os = "linux"))]
mod resident {
    pub fn begin() -> Option<u64> {
        None
    }

    pub fn peak_above(_: u64) -> Option<u64> {
        None
    }
}
