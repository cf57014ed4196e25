//! How long comparing and fitting take.

use super::task::Task;
use crate::results::{Runtime, SetSummary, Timing};
use crate::score::invalid;
use qmagface::Work;
use qmagface::error::Result;
use qmagface::pairs::Prepared;
use std::time::Instant;

/// Runs each task `repeats` times (1 to 1000), after one run that doesn't count; in turn, so that a machine that slows
/// down does so for all. The plain cosine of the same pairs is measured with every task and comes first in the result.
///
/// # Errors
/// [`qmagface::ErrorKind::InvalidArgument`] for repeats outside their range or no task; what a task fails with;
/// [`qmagface::ErrorKind::Cancelled`].
pub fn runtime(set: &Prepared, tasks: &[Task], repeats: u32, work: &Work) -> Result<Runtime> {
    if !(1..=1000).contains(&repeats) {
        return Err(invalid(format!(
            "{repeats} repeats were asked for, there are 1 to 1000"
        )));
    }
    let all = with_baselines(tasks)?;
    // The tasks' own progress would begin anew each time.
    let quiet = Work {
        progress: None,
        ..*work
    };
    let mut seconds = vec![Vec::with_capacity(repeats as usize); all.len()];
    let total = u64::from(repeats + 1) * all.len() as u64;
    let mut done = 0;
    for round in 0..=repeats {
        for (task, seconds) in all.iter().zip(&mut seconds) {
            let start = Instant::now();
            task.run(set, &quiet)?;
            if round > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
            done += 1;
            if let Some(progress) = work.progress {
                progress(done, total);
            }
        }
    }
    seconds
        .iter_mut()
        .for_each(|seconds| seconds.sort_unstable_by(f64::total_cmp));
    let median = |seconds: &[f64]| seconds[seconds.len() / 2];
    let cosine = |task: &Task| {
        let name = task.baseline().name();
        let at = all.iter().position(|task| task.name() == name).unwrap_or(0);
        median(&seconds[at])
    };
    let timing = |(task, seconds): (&Task, &Vec<f64>)| Timing {
        task: task.name(),
        pairs: task.pairs(set),
        seconds: median(seconds),
        least: seconds[0],
        most: seconds[seconds.len() - 1],
        against_cosine: median(seconds) / cosine(task).max(f64::MIN_POSITIVE),
    };
    Ok(Runtime {
        set: SetSummary::of(set),
        threads: work.thread_count() as u64,
        repeats: u64::from(repeats),
        tasks: all.iter().zip(&seconds).map(timing).collect(),
    })
}

/// The tasks with the plain cosines of their pairs in front.
pub(super) fn with_baselines<'a>(tasks: &'a [Task<'a>]) -> Result<Vec<Task<'a>>> {
    if tasks.is_empty() {
        return Err(invalid("no task was asked for"));
    }
    let mut all: Vec<Task> = Vec::new();
    for task in tasks.iter().map(Task::baseline).chain(tasks.iter().copied()) {
        if all.iter().all(|known| known.name() != task.name()) {
            all.push(task);
        }
    }
    Ok(all)
}
