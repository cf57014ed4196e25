//! The queue of callers in every order that its threads' steps can have: the source of `src/engine` and
//! `src/cancel.rs`, with the locks of the model checker loom. A lost wake-up, a deadlock or a lead that nobody has is
//! found in whatever order it happens.
//!
//! Orders in which a thread is interrupted more than a few times are left out: there are too many of them. A model that
//! is done has tried all others, and says how many.

// What is not used here is used by the engine.
#![allow(dead_code, unused_imports)]

use qmagface::{chip, error, network};

#[path = "../src/engine/batch/mod.rs"]
mod batch;
#[path = "../src/cancel.rs"]
mod cancel;
#[path = "../src/engine/seat.rs"]
mod seat;
#[path = "queue_model/sync.rs"]
mod sync;

use batch::{Batcher, tests};
use cancel::Cancel;
use chip::Chip;
use error::{ErrorKind, Result};
use loom::thread;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

static CHIPS: LazyLock<Vec<Chip>> = LazyLock::new(|| (0..16).map(tests::chip).collect());

/// With the fake network of the queue's own tests, in which others may come while a caller is inside.
fn batcher(shared: bool, size: usize, wait: Duration, leaders: usize) -> Arc<Batcher> {
    let (network, _) = tests::network(shared, thread::yield_now);
    Arc::new(Batcher::new(network, size, wait, leaders))
}

fn embed(batcher: &Batcher, value: usize, count: usize, cancel: Option<&Cancel>) -> Result<Vec<Vec<f32>>> {
    batcher.embed(&vec![&CHIPS[value]; count], cancel)
}

fn expected(value: usize, count: usize) -> Vec<Vec<f32>> {
    vec![vec![value as f32]; count]
}

/// A caller of its own thread, whose result must be its own.
fn caller(batcher: &Arc<Batcher>, value: usize, count: usize) -> thread::JoinHandle<()> {
    let batcher = batcher.clone();
    thread::spawn(move || assert_eq!(embed(&batcher, value, count, None), Ok(expected(value, count))))
}

/// Whoever comes now is served: no lead was lost, no place in the line is taken.
fn still_works(batcher: &Batcher) {
    tests::assert_idle(batcher);
    assert_eq!(embed(batcher, 5, 1, None), Ok(expected(5, 1)));
    tests::assert_idle(batcher);
}

fn callers_share_one_network() {
    let batcher = batcher(false, 4, Duration::ZERO, 1);
    let others = [1, 2].map(|value| caller(&batcher, value, 1));
    assert_eq!(embed(&batcher, 3, 2, None), Ok(expected(3, 2)));
    others.into_iter().for_each(|other| other.join().unwrap());
    still_works(&batcher);
}

fn callers_lead_side_by_side() {
    let batcher = batcher(true, 4, Duration::ZERO, 2);
    let others = [1, 2].map(|value| caller(&batcher, value, 1));
    assert_eq!(embed(&batcher, 3, 1, None), Ok(expected(3, 1)));
    others.into_iter().for_each(|other| other.join().unwrap());
    still_works(&batcher);
}

/// A leader waits for those that were there a moment ago, and they come or don't.
fn a_leader_waits_for_the_others() {
    let batcher = batcher(false, 2, Duration::from_secs(1), 1);
    // So that a batch has been run, by which the next one knows whom to expect.
    still_works(&batcher);
    let others = [1, 2].map(|value| caller(&batcher, value, 1));
    others.into_iter().for_each(|other| other.join().unwrap());
    still_works(&batcher);
}

fn an_error_is_its_callers_alone() {
    let batcher = batcher(false, 4, Duration::ZERO, 1);
    let other = caller(&batcher, 1, 1);
    let refused = embed(&batcher, 13, 1, None).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Backend);
    other.join().unwrap();
    still_works(&batcher);
}

/// Three callers of whom two fill the line: one waits outside for room.
fn one_waits_for_room() {
    let batcher = batcher(false, 1, Duration::ZERO, 1);
    let others = [1, 2].map(|value| caller(&batcher, value, 64));
    assert_eq!(embed(&batcher, 3, 64, None), Ok(expected(3, 64)));
    others.into_iter().for_each(|other| other.join().unwrap());
    still_works(&batcher);
}

/// A caller that is cancelled at any time leaves or has its result, and the other always has its own.
fn a_caller_is_cancelled(shared: bool) {
    let batcher = batcher(shared, 2, Duration::ZERO, 2);
    let cancel = Cancel::new();
    let other = caller(&batcher, 1, 1);
    let canceller = {
        let cancel = cancel.clone();
        thread::spawn(move || cancel.cancel())
    };
    match embed(&batcher, 2, 1, Some(&cancel)) {
        Ok(found) => assert_eq!(found, expected(2, 1)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled),
    }
    canceller.join().unwrap();
    other.join().unwrap();
    still_works(&batcher);
    assert_eq!(
        embed(&batcher, 2, 1, Some(&cancel)).unwrap_err().kind(),
        ErrorKind::Cancelled
    );
    still_works(&batcher);
}

/// The caller that waits for room is cancelled.
fn one_that_waits_for_room_is_cancelled() {
    let batcher = batcher(false, 1, Duration::ZERO, 1);
    let cancel = Cancel::new();
    let others = [1, 2].map(|value| caller(&batcher, value, 64));
    let cancelled = {
        let (batcher, cancel) = (batcher.clone(), cancel.clone());
        thread::spawn(move || match embed(&batcher, 3, 64, Some(&cancel)) {
            Ok(found) => assert_eq!(found, expected(3, 64)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled),
        })
    };
    cancel.cancel();
    cancelled.join().unwrap();
    others.into_iter().for_each(|other| other.join().unwrap());
    still_works(&batcher);
}

type Model = (&'static str, usize, fn());

/// With how often a thread may be interrupted.
const MODELS: [Model; 8] = [
    ("callers_share_one_network", 4, callers_share_one_network),
    ("callers_lead_side_by_side", 3, callers_lead_side_by_side),
    ("a_leader_waits_for_the_others", 5, a_leader_waits_for_the_others),
    ("an_error_is_its_callers_alone", 8, an_error_is_its_callers_alone),
    ("one_waits_for_room", 4, one_waits_for_room),
    ("a_caller_is_cancelled", 5, || a_caller_is_cancelled(false)),
    ("a_caller_is_cancelled_where_several_lead", 4, || {
        a_caller_is_cancelled(true)
    }),
    (
        "one_that_waits_for_room_is_cancelled",
        3,
        one_that_waits_for_room_is_cancelled,
    ),
];

/// The test runner's part: a harness would run the tests that the sources bring along, with a model's locks outside a
/// model.
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let list = std::env::args().any(|word| word == "--list");
    let mut run = 0;
    for (name, interruptions, model) in MODELS {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        if list {
            println!("{name}: test");
            continue;
        }
        let tried = Arc::new(AtomicUsize::new(0));
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(interruptions);
        builder.max_branches = 100_000;
        let (count, started) = (tried.clone(), Instant::now());
        builder.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            model();
        });
        let tried = tried.load(Ordering::Relaxed);
        println!(
            "test {name} ... ok ({tried} orders in {:.1} s)",
            started.elapsed().as_secs_f64()
        );
        assert!(tried > 10, "{name}: only {tried} orders");
        run += 1;
    }
    println!("\ntest result: ok. {run} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}
