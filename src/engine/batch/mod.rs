//! One network for many callers: while one caller's chips run, the others' wait and then go through it together.
//!
//! There is no thread of its own: a caller that finds the network free leads, which means that it runs the network with
//! what is in the line, mostly its own chips among it, and passes the lead on to the first in the line that is left.
//! Callers over the line's limit wait outside until there is room. Chips are shared with their callers, not copied.
//!
//! Where nothing is merged and any number of callers may run the network at a time there is no line, and no lock
//! either: an inline engine works in a child of `fork` whatever other threads were doing.

use super::cancel::{Cancel, cancelled};
use super::seat::{Embeddings, Seat};
use super::sync::{Instant, Mutex, MutexGuard};
use crate::chip::Chip;
use crate::error::{Error, ErrorKind, Result};
use crate::network::EmbeddingNetwork;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A batch waits for callers to come back no longer than this part of what the run before took.
const LINGER: u32 = 4;

/// A network that merges the chips of concurrent callers into batches.
pub(super) struct Batcher {
    network: Box<dyn EmbeddingNetwork>,
    state: Mutex<State>,
    /// Most chips that are merged.
    size: usize,
    /// Most chips that one caller puts into the line at once; more go through in parts of this many.
    part: usize,
    /// Most chips in the line.
    room: usize,
    wait: Duration,
    /// Most callers that lead at a time.
    leaders: usize,
}

#[derive(Default)]
struct State {
    /// Callers that lead or were asked to.
    leading: usize,
    /// What waits for the network, first come first.
    line: VecDeque<Job>,
    /// Chips in the line, and those of admitted callers that are about to join it.
    chips: usize,
    /// Callers that wait for room in the line, with how many chips they come.
    outside: VecDeque<(Arc<Seat>, usize)>,
    /// The leader that waits for its batch to fill.
    lingering: Option<Arc<Seat>>,
    /// How many callers were there when the last batch was done.
    expected: usize,
    /// How long the last run took.
    last_run: Duration,
}

/// One caller's chips.
struct Job {
    seat: Arc<Seat>,
    chips: Vec<Chip>,
    /// Whether its caller was asked to lead.
    asked: bool,
}

impl Batcher {
    /// Batches of up to `size` chips, led by up to `leaders` callers at a time. A batch waits up to `wait` for callers
    /// that were there a moment ago; a caller alone never waits. With a size of 1 nothing is merged.
    pub(super) fn new(network: Box<dyn EmbeddingNetwork>, size: usize, wait: Duration, leaders: usize) -> Batcher {
        // Larger than a batch, so that a network with batches of its own can overlap them; of bounded size, so that no
        // caller keeps the others waiting for long.
        let part = (4 * size).max(64);
        Batcher {
            leaders: match (network.batch_invariant(), size) {
                (false, _) => 1,
                (true, 1) => usize::MAX,
                (true, _) => leaders.max(1),
            },
            network,
            state: Mutex::default(),
            size,
            part,
            room: 2 * part,
            wait,
        }
    }

    /// Whether an embedding is the same to the last bit whatever is in its batch.
    pub(super) fn is_invariant(&self) -> bool {
        self.network.batch_invariant()
    }

    /// The embeddings of one caller's chips, in order.
    ///
    /// # Errors
    /// As [`crate::network::EmbeddingNetwork::forward`], for this caller's chips only; [`ErrorKind::Cancelled`] once
    /// `cancel` is.
    pub(super) fn embed(&self, chips: &[&Chip], cancel: Option<&Cancel>) -> Embeddings {
        // Overwritten where a later part fails.
        let mut embeddings = Zeroizing::new(Vec::with_capacity(chips.len()));
        for part in chips.chunks(self.part) {
            if self.size == 1 && self.leaders == usize::MAX {
                cancel.map_or(Ok(()), Cancel::check)?;
                let go_on = || !cancel.is_some_and(Cancel::is_cancelled);
                embeddings.append(&mut self.forward(part, &go_on)?);
                continue;
            }
            let seat = Arc::new(Seat::default());
            let _watch = cancel.map(|cancel| cancel.watch(&seat));
            embeddings.append(&mut self.embed_part(&seat, part)?);
        }
        Ok(std::mem::take(&mut *embeddings))
    }

    fn embed_part(&self, seat: &Arc<Seat>, chips: &[&Chip]) -> Embeddings {
        self.join(seat, chips)?;
        loop {
            let mut word = seat.wait(|word| word.result.is_some() || word.cancelled || word.lead);
            let (result, leads) = (word.result.take(), word.lead);
            if result.is_none() && !word.cancelled {
                word.lead = false;
                drop(word);
                self.lead(seat);
                continue;
            }
            drop(word);
            if result.is_none() || leads {
                self.leave(seat);
            }
            return result.unwrap_or_else(|| Err(cancelled()));
        }
    }

    /// Puts a caller's chips into the line, once there is room, and lets it lead if nobody does.
    fn join(&self, seat: &Arc<Seat>, chips: &[&Chip]) -> Result<()> {
        let mut state = self.state.lock();
        if state.outside.is_empty() && state.chips + chips.len() <= self.room {
            state.chips += chips.len();
        } else {
            state.outside.push_back((seat.clone(), chips.len()));
            drop(state);
            drop(seat.wait(|word| word.admitted || word.cancelled));
            state = self.state.lock();
            // Asked again under the lock, under which callers are admitted.
            let (admitted, is_cancelled) = {
                let word = seat.word();
                (word.admitted, word.cancelled)
            };
            if is_cancelled {
                match admitted {
                    true => state.chips -= chips.len(),
                    false => state.outside.retain(|(other, _)| !Arc::ptr_eq(other, seat)),
                }
                self.admit(&mut state);
                return Err(cancelled());
            }
        }
        let leads = state.leading < self.leaders;
        state.leading += usize::from(leads);
        state.line.push_back(Job {
            seat: seat.clone(),
            chips: chips.iter().map(|&chip| chip.clone()).collect(),
            asked: leads,
        });
        if leads {
            seat.tell(|word| word.lead = true);
        } else if self.is_ready(&state)
            && let Some(leader) = &state.lingering
        {
            leader.tell(|word| word.nudged = true);
        }
        Ok(())
    }

    /// Takes a caller that goes out of the line, and passes its lead on if it has one.
    fn leave(&self, seat: &Arc<Seat>) {
        let mut state = self.state.lock();
        if let Some(index) = state.line.iter().position(|job| Arc::ptr_eq(&job.seat, seat)) {
            let job = state.line.remove(index);
            state.chips -= job.map_or(0, |job| job.chips.len());
            self.admit(&mut state);
        }
        // After it left the line nobody asks it any more.
        if std::mem::take(&mut seat.word().lead) {
            self.pass_on(&mut state);
        }
    }

    /// Admits callers from outside as far as there is room.
    fn admit(&self, state: &mut State) {
        while let Some((seat, chips)) = state.outside.front()
            && state.chips + chips <= self.room
        {
            seat.tell(|word| word.admitted = true);
            state.chips += chips;
            state.outside.pop_front();
        }
    }

    /// Asks the first in the line to lead that nobody asked yet; without one there is a leader less.
    fn pass_on(&self, state: &mut State) {
        match state.line.iter_mut().find(|job| !job.asked) {
            Some(job) => {
                job.asked = true;
                job.seat.tell(|word| word.lead = true);
            }
            None => state.leading -= 1,
        }
    }

    /// Runs one batch as the caller at `seat`, and passes the lead on.
    fn lead(&self, seat: &Arc<Seat>) {
        let mut state = self.state.lock();
        self.linger(&mut state, seat);
        if let Some(own) = state.line.iter_mut().find(|job| Arc::ptr_eq(&job.seat, seat)) {
            // It leads now: should it still be in the line afterwards, it can be asked again.
            own.asked = false;
        }
        if seat.word().cancelled {
            return self.pass_on(&mut state);
        }
        let batch = state.take(self.size);
        self.admit(&mut state);
        if batch.is_empty() {
            // Another leader took it all meanwhile.
            return self.pass_on(&mut state);
        }
        drop(state);
        let started = Instant::now();
        let results = self.run(&batch);
        let mut state = self.state.lock();
        state.last_run = started.elapsed();
        state.expected = batch.len() + state.line.len();
        // Before the results: the network should not wait for their callers to wake.
        self.pass_on(&mut state);
        drop(state);
        for (job, result) in batch.iter().zip(results) {
            job.seat.tell(|word| word.result = Some(result));
        }
    }

    /// Waits until the batch is full or everyone is back that was there a moment ago, or long enough.
    fn linger(&self, state: &mut MutexGuard<State>, seat: &Arc<Seat>) {
        let wait = self.wait.min(state.last_run / LINGER);
        // Where several lead, one that waits would only keep its place from others.
        if self.leaders > 1 || self.size == 1 || wait.is_zero() || self.is_ready(state) {
            return;
        }
        let end = Instant::now() + wait;
        seat.word().nudged = false;
        state.lingering = Some(seat.clone());
        MutexGuard::unlocked(state, || seat.wait_until(end, |word| word.nudged || word.cancelled));
        state.lingering = None;
    }

    /// Whether a batch need not wait for more.
    fn is_ready(&self, state: &State) -> bool {
        state.line.len() >= state.expected || state.line.iter().map(|job| job.chips.len()).sum::<usize>() >= self.size
    }

    /// A result for each job. It doesn't unwind: others wait for theirs.
    fn run(&self, batch: &[Job]) -> Vec<Embeddings> {
        let forward = |jobs: &[Job]| {
            let chips: Vec<&Chip> = jobs.iter().flat_map(|job| &job.chips).collect();
            // As long as anybody waits for it.
            self.forward(&chips, &|| jobs.iter().any(|job| !job.seat.word().cancelled))
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

    /// As many embeddings as chips. It doesn't unwind: a network holds no state between calls, and one that panicked
    /// can be used again.
    fn forward(&self, chips: &[&Chip], go_on: &(dyn Fn() -> bool + Sync)) -> Embeddings {
        let made = catch_unwind(AssertUnwindSafe(|| self.network.forward_while(chips, go_on)));
        let defect = |what| Err(Error::new(ErrorKind::Internal, what));
        match made {
            Ok(Ok(made)) if made.len() != chips.len() => defect("the network gave another number of embeddings"),
            Ok(result) => result,
            Err(_) => defect("the network panicked, please report it"),
        }
    }
}

impl State {
    /// The first job of the line, and those behind it that fit into one batch with it.
    fn take(&mut self, size: usize) -> Vec<Job> {
        let (mut batch, mut chips) = (Vec::new(), 0);
        for job in std::mem::take(&mut self.line) {
            if batch.is_empty() || chips + job.chips.len() <= size {
                chips += job.chips.len();
                batch.push(job);
            } else {
                self.line.push_back(job);
            }
        }
        self.chips -= chips;
        batch
    }
}

#[cfg(test)]
pub(super) mod tests;
