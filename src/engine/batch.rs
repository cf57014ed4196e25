//! One network for many callers: while one caller's chips run, the others' wait and then go through it together.
//!
//! There is no thread of its own: a caller that finds the network free runs what is waiting, its own chips among it.

use crate::align::Chip;
use crate::error::{Error, ErrorKind, Result};
use crate::network::EmbeddingNetwork;
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// A network that merges the chips of concurrent callers into batches.
pub(super) struct Batcher {
    // libtorch's tensors may be used by one thread at a time. Only the caller that set `running` takes this lock.
    network: Mutex<Box<dyn EmbeddingNetwork>>,
    state: Mutex<State>,
    /// A caller came, or a batch is done.
    changed: Condvar,
    size: usize,
    wait: Duration,
}

#[derive(Default)]
struct State {
    /// Whether a caller is running the network.
    running: bool,
    /// What waits, first come first. A caller waits here for its own, so there are never more than callers.
    waiting: Vec<Job>,
    done: HashMap<u64, Result<Vec<Vec<f32>>>>,
    next: u64,
}

/// One caller's chips.
struct Job {
    number: u64,
    chips: Vec<Chip>,
}

impl Batcher {
    /// Batches of up to `size` chips, each waiting up to `wait` to fill. With a size of 1 nothing is merged.
    pub(super) fn new(network: Box<dyn EmbeddingNetwork>, size: usize, wait: Duration) -> Batcher {
        Batcher {
            network: Mutex::new(network),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
            size,
            wait,
        }
    }

    /// The embeddings of one caller's chips, in order.
    ///
    /// # Errors
    /// As [`EmbeddingNetwork::forward`], for this caller's chips only.
    pub(super) fn embed(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        if chips.len() >= self.size {
            return self.network.lock().forward(chips);
        }
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.push(Job {
            number,
            chips: chips.iter().map(|&chip| chip.clone()).collect(),
        });
        self.changed.notify_all();
        loop {
            if let Some(result) = state.done.remove(&number) {
                return result;
            }
            if state.running {
                self.changed.wait(&mut state);
                continue;
            }
            state.running = true;
            self.fill(&mut state);
            let batch = self.take(&mut state);
            drop(state);
            let results = self.run(&batch);
            state = self.state.lock();
            state.done.extend(batch.iter().map(|job| job.number).zip(results));
            state.running = false;
            self.changed.notify_all();
        }
    }

    /// Waits until a batch is full, or long enough.
    fn fill(&self, state: &mut parking_lot::MutexGuard<State>) {
        let Some(end) = (!self.wait.is_zero()).then(|| Instant::now() + self.wait) else {
            return;
        };
        let count = |state: &State| state.waiting.iter().map(|job| job.chips.len()).sum::<usize>();
        while count(state) < self.size && !self.changed.wait_until(state, end).timed_out() {}
    }

    /// The first waiting jobs that fit one batch; at least one.
    fn take(&self, state: &mut State) -> Vec<Job> {
        let mut chips = 0;
        let fitting = state.waiting.iter().take_while(|job| {
            chips += job.chips.len();
            chips <= self.size
        });
        let fitting = fitting.count().max(1).min(state.waiting.len());
        state.waiting.drain(..fitting).collect()
    }

    /// A result for each job. It doesn't unwind: others wait for theirs.
    fn run(&self, batch: &[Job]) -> Vec<Result<Vec<Vec<f32>>>> {
        let network = self.network.lock();
        let forward = |jobs: &[Job]| {
            let chips: Vec<&Chip> = jobs.iter().flat_map(|job| &job.chips).collect();
            // A network holds no state between calls: one that panicked can be used again.
            catch_unwind(AssertUnwindSafe(|| network.forward(&chips))).unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Internal,
                    "the network panicked, please report it",
                ))
            })
        };
        match forward(batch) {
            Ok(embeddings) => {
                let mut rest = embeddings.into_iter();
                let mut of = |job: &Job| Ok(rest.by_ref().take(job.chips.len()).collect());
                batch.iter().map(&mut of).collect()
            }
            Err(error) if batch.len() == 1 => vec![Err(error)],
            // One caller's error must not be another's: each by itself.
            Err(_) => batch.iter().map(|job| forward(std::slice::from_ref(job))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::FeatureMap;
    use crate::network::spec::Network;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};

    /// A network whose embedding is the chip's first value, that counts its runs, refuses 13 and panics at 99.
    struct Fake {
        runs: Arc<AtomicUsize>,
        largest: Arc<AtomicUsize>,
    }

    impl EmbeddingNetwork for Fake {
        fn network(&self) -> Network {
            Network::SFace
        }

        fn device(&self) -> tch::Device {
            tch::Device::Cpu
        }

        fn forward_stages(&self, _: &[&Chip]) -> Result<Vec<FeatureMap>> {
            Ok(Vec::new())
        }

        fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
            self.runs.fetch_add(1, Ordering::Relaxed);
            self.largest.fetch_max(chips.len(), Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(2));
            let values: Vec<u8> = chips.iter().map(|chip| chip.bgr()[0]).collect();
            assert!(!values.contains(&99), "broken at 99");
            match values.contains(&13) {
                true => Err(Error::new(ErrorKind::Backend, "no room for 13")),
                false => Ok(values.iter().map(|&v| vec![f32::from(v)]).collect()),
            }
        }
    }

    fn fake(size: usize, wait: Duration) -> (Batcher, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (runs, largest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let network = Fake {
            runs: runs.clone(),
            largest: largest.clone(),
        };
        (Batcher::new(Box::new(network), size, wait), runs, largest)
    }

    fn chip(value: u8) -> Chip {
        Chip::from_bgr(vec![value; Chip::SIZE * Chip::SIZE * 3]).unwrap()
    }

    #[test]
    fn callers_share_batches_and_get_their_own() {
        let (batcher, runs, largest) = fake(8, Duration::from_millis(20));
        let start = Barrier::new(12);
        std::thread::scope(|scope| {
            for thread in 0..12u8 {
                let (batcher, start) = (&batcher, &start);
                scope.spawn(move || {
                    start.wait();
                    for call in 0..20u8 {
                        let values = [100 + thread, 120 + call];
                        let [a, b] = values.map(chip);
                        assert_eq!(batcher.embed(&[&a, &b]).unwrap(), values.map(|v| [f32::from(v)]));
                    }
                });
            }
        });
        let runs = runs.load(Ordering::Relaxed);
        assert!(runs < 240, "{runs} runs for 240 calls: nothing was merged");
        let largest = largest.load(Ordering::Relaxed);
        assert!((3..=8).contains(&largest), "a batch of {largest}");
    }

    #[test]
    fn an_error_is_its_callers_alone() {
        let (batcher, ..) = fake(16, Duration::from_millis(30));
        let start = Barrier::new(6);
        std::thread::scope(|scope| {
            for value in 10..16u8 {
                let (batcher, start) = (&batcher, &start);
                scope.spawn(move || {
                    start.wait();
                    let given = batcher.embed(&[&chip(value)]);
                    match value {
                        13 => assert_eq!(given.unwrap_err().kind(), ErrorKind::Backend),
                        _ => assert_eq!(given.unwrap(), [[f32::from(value)]]),
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_is_its_callers_alone() {
        let (batcher, ..) = fake(4, Duration::from_millis(30));
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            let bad = scope.spawn(|| {
                start.wait();
                batcher.embed(&[&chip(99)])
            });
            start.wait();
            assert_eq!(batcher.embed(&[&chip(5)]).unwrap(), [[5.0]]);
            assert_eq!(bad.join().unwrap().unwrap_err().kind(), ErrorKind::Internal);
        });
        assert_eq!(batcher.embed(&[&chip(7)]).unwrap(), [[7.0]]);
        let state = batcher.state.lock();
        assert!(state.done.is_empty() && state.waiting.is_empty());
    }

    #[test]
    fn one_caller_alone_waits_no_longer_than_asked() {
        let (batcher, runs, _) = fake(8, Duration::ZERO);
        for value in 0..5 {
            assert_eq!(batcher.embed(&[&chip(value)]).unwrap(), [[f32::from(value)]]);
        }
        assert_eq!(runs.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn no_chip_is_no_embedding() {
        let (batcher, ..) = fake(8, Duration::ZERO);
        assert!(batcher.embed(&[]).unwrap().is_empty());
    }
}
