use super::*;
use crate::network::FeatureMap;
use crate::network::spec::Network;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};

/// A network whose embedding is the chip's first value, that counts its runs, refuses 13 and panics at 99; its device
/// is lost at 77, for good.
struct Fake {
    seen: Arc<Seen>,
    /// What happens between going in and coming out.
    pause: Box<dyn Fn() + Send + Sync>,
    /// Whether several may run it at a time.
    shared: bool,
}

#[derive(Default)]
pub struct Seen {
    runs: AtomicUsize,
    chips: AtomicUsize,
    largest: AtomicUsize,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
    lost: AtomicBool,
}

impl EmbeddingNetwork for Fake {
    fn network(&self) -> Network {
        Network::SFace
    }

    fn forward_stages(&self, _: &[&Chip]) -> Result<Vec<FeatureMap>> {
        Ok(Vec::new())
    }

    fn batch_invariant(&self) -> bool {
        self.shared
    }

    fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        let Seen {
            runs,
            chips: all,
            largest,
            inside,
            most_inside,
            lost,
        } = &*self.seen;
        runs.fetch_add(1, Ordering::Relaxed);
        all.fetch_add(chips.len(), Ordering::Relaxed);
        largest.fetch_max(chips.len(), Ordering::Relaxed);
        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
        most_inside.fetch_max(now, Ordering::SeqCst);
        (self.pause)();
        inside.fetch_sub(1, Ordering::SeqCst);
        assert!(self.shared || now == 1, "{now} callers in a network for one");
        let values: Vec<u8> = chips.iter().map(|chip| chip.bgr()[0]).collect();
        assert!(!values.contains(&99), "broken at 99");
        lost.fetch_or(values.contains(&77), Ordering::SeqCst);
        if lost.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Backend, "CUDA error: the device is lost"));
        }
        match values.contains(&13) {
            true => Err(Error::new(ErrorKind::Backend, "no room for 13")),
            false => Ok(values.iter().map(|&v| vec![f32::from(v)]).collect()),
        }
    }
}

const MS: Duration = Duration::from_millis(1);

/// A network, for one caller at a time unless it is `shared`, that pauses so in each run.
pub fn network(shared: bool, pause: impl Fn() + Send + Sync + 'static) -> (Box<dyn EmbeddingNetwork>, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let network = Fake {
        seen: seen.clone(),
        pause: Box::new(pause),
        shared,
    };
    (Box::new(network), seen)
}

fn fake(size: usize, wait: Duration, takes: Duration) -> (Batcher, Arc<Seen>) {
    let (network, seen) = network(false, move || sleep(takes));
    (Batcher::new(network, size, wait, 8), seen)
}

/// As [`fake`], a network for several leaders.
fn shared(size: usize, takes: Duration, leaders: usize) -> (Batcher, Arc<Seen>) {
    let (network, seen) = network(true, move || sleep(takes));
    (Batcher::new(network, size, MS, leaders), seen)
}

pub fn chip(value: u8) -> Chip {
    Chip::from_bgr(vec![value; Chip::BYTES]).unwrap()
}

/// Nobody is left, and nothing of them.
#[track_caller]
pub fn assert_idle(batcher: &Batcher) {
    let state = batcher.state.lock();
    assert_eq!((state.leading, state.chips, state.line.len()), (0, 0, 0));
    assert!(state.outside.is_empty() && state.lingering.is_none());
}

/// Waits until `now` is true of the state.
fn until(batcher: &Batcher, now: impl Fn(&State) -> bool) {
    while !now(&batcher.state.lock()) {
        sleep(MS / 10);
    }
}

#[test]
fn callers_share_batches_and_get_their_own() {
    let (batcher, seen) = fake(8, MS, 2 * MS);
    let start = Barrier::new(12);
    scope(|scope| {
        for thread in 0..12u8 {
            let (batcher, start) = (&batcher, &start);
            scope.spawn(move || {
                start.wait();
                for call in 0..20u8 {
                    let values = [100 + thread, 120 + call];
                    let [a, b] = values.map(chip);
                    assert_eq!(batcher.embed(&[&a, &b], None).unwrap(), values.map(|v| [f32::from(v)]));
                }
            });
        }
    });
    let runs = seen.runs.load(Ordering::Relaxed);
    assert!(runs < 240, "{runs} runs for 240 calls: nothing was merged");
    let largest = seen.largest.load(Ordering::Relaxed);
    assert!((3..=8).contains(&largest), "a batch of {largest}");
    assert_eq!(seen.chips.load(Ordering::Relaxed), 480);
    assert_idle(&batcher);
}

#[test]
fn two_that_come_again_and_again_are_merged() {
    // Without waiting for each other, each would always find the other one running.
    let (batcher, seen) = fake(8, Duration::from_secs(1), 20 * MS);
    scope(|scope| {
        for value in 0..2u8 {
            let batcher = &batcher;
            scope.spawn(move || {
                for _ in 0..10 {
                    assert_eq!(batcher.embed(&[&chip(value)], None).unwrap(), [[f32::from(value)]]);
                }
            });
        }
    });
    let runs = seen.runs.load(Ordering::Relaxed);
    assert!(runs < 20, "{runs} runs of 20 chips");
    assert_idle(&batcher);
}

#[test]
fn with_a_size_of_one_nothing_is_merged() {
    let (batcher, seen) = fake(1, MS, MS);
    scope(|scope| {
        for value in 0..4u8 {
            let batcher = &batcher;
            scope.spawn(move || {
                for _ in 0..5 {
                    assert_eq!(batcher.embed(&[&chip(value)], None).unwrap(), [[f32::from(value)]]);
                }
            });
        }
    });
    assert_eq!(seen.runs.load(Ordering::Relaxed), 20);
}

#[test]
fn a_call_over_the_line_s_limit_goes_through_in_parts() {
    let (batcher, seen) = fake(4, MS, Duration::ZERO);
    let chips: Vec<Chip> = (0..1000).map(|index| chip((index % 90) as u8 + 100)).collect();
    let made = batcher.embed(&chips.iter().collect::<Vec<_>>(), None).unwrap();
    let wanted: Vec<Vec<f32>> = chips.iter().map(|chip| vec![f32::from(chip.bgr()[0])]).collect();
    assert_eq!(made, wanted);
    assert_eq!(seen.largest.load(Ordering::Relaxed), batcher.part);
    assert!(batcher.part < 1000);
    assert_idle(&batcher);
}

#[test]
fn callers_over_the_limit_wait_outside() {
    let (batcher, seen) = fake(8, MS, 5 * MS);
    let (part, room) = (batcher.part, batcher.room);
    scope(|scope| {
        for thread in 0..6u8 {
            let batcher = &batcher;
            scope.spawn(move || {
                let one = chip(thread);
                let made = batcher.embed(&vec![&one; part], None).unwrap();
                assert_eq!(made, vec![[f32::from(thread)]; part]);
            });
        }
        let (mut most, mut waited) = (0, false);
        while seen.chips.load(Ordering::Relaxed) < 6 * part {
            let state = batcher.state.lock();
            most = most.max(state.chips);
            waited |= !state.outside.is_empty();
        }
        assert!(waited && most <= room, "{most} chips in a line for {room}");
    });
    assert_idle(&batcher);
}

#[test]
fn an_error_is_its_callers_alone() {
    let (batcher, _) = fake(16, 30 * MS, 2 * MS);
    let start = Barrier::new(6);
    scope(|scope| {
        for value in 10..16u8 {
            let (batcher, start) = (&batcher, &start);
            scope.spawn(move || {
                start.wait();
                let given = batcher.embed(&[&chip(value)], None);
                match value {
                    13 => assert_eq!(given.unwrap_err().kind(), ErrorKind::Backend),
                    _ => assert_eq!(given.unwrap(), [[f32::from(value)]]),
                }
            });
        }
    });
    assert_idle(&batcher);
}

#[test]
fn a_panic_is_its_callers_alone() {
    let (batcher, _) = fake(4, 30 * MS, 2 * MS);
    let start = Barrier::new(2);
    scope(|scope| {
        let bad = scope.spawn(|| {
            start.wait();
            batcher.embed(&[&chip(99)], None)
        });
        start.wait();
        assert_eq!(batcher.embed(&[&chip(5)], None).unwrap(), [[5.0]]);
        assert_eq!(bad.join().unwrap().unwrap_err().kind(), ErrorKind::Internal);
    });
    assert_eq!(batcher.embed(&[&chip(7)], None).unwrap(), [[7.0]]);
    assert_idle(&batcher);
}

#[test]
fn a_lost_device_is_an_error_of_each_call_and_nobody_waits() {
    for (batcher, seen) in [fake(4, 5 * MS, MS), shared(4, MS, 3)] {
        let (other, _) = fake(4, 5 * MS, MS);
        let lost = || {
            let error = batcher.embed(&[&chip(5)], None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Backend);
            assert!(error.message().contains("the device is lost"), "{error}");
        };
        let start = Barrier::new(8);
        scope(|scope| {
            for caller in 0..8 {
                let (batcher, other, seen, start, lost) = (&batcher, &other, &seen, &start, &lost);
                scope.spawn(move || {
                    start.wait();
                    for call in 0..10 {
                        if caller == 0 && call == 5 {
                            assert!(batcher.embed(&[&chip(77)], None).is_err());
                        }
                        // Before it is lost each gets its own; afterwards an error, and never a wrong embedding.
                        let gone = seen.lost.load(Ordering::SeqCst);
                        match batcher.embed(&[&chip(call)], None) {
                            Ok(made) => assert_eq!(made, [[f32::from(call)]]),
                            Err(error) => assert!(error.message().contains("the device is lost"), "{error}"),
                        }
                        if gone {
                            lost();
                        }
                        // Another engine of the process, as one on the CPU, goes on.
                        assert_eq!(other.embed(&[&chip(call)], None).unwrap(), [[f32::from(call)]]);
                    }
                });
            }
        });
        assert!(seen.lost.load(Ordering::SeqCst));
        lost();
        assert_idle(&batcher);
        assert_idle(&other);
    }
}

#[test]
fn one_caller_alone_waits_for_nobody() {
    let (batcher, seen) = fake(8, Duration::from_secs(1), Duration::ZERO);
    for value in 0..5 {
        // As after a run that was long enough for a long wait.
        batcher.state.lock().last_run = Duration::from_secs(4000);
        assert_eq!(batcher.embed(&[&chip(value)], None).unwrap(), [[f32::from(value)]]);
        assert_eq!(batcher.state.lock().expected, 1);
    }
    assert_eq!(seen.runs.load(Ordering::Relaxed), 5);
}

#[test]
fn no_chip_is_no_embedding() {
    let (batcher, seen) = fake(8, Duration::ZERO, Duration::ZERO);
    assert!(batcher.embed(&[], None).unwrap().is_empty());
    assert_eq!(seen.runs.load(Ordering::Relaxed), 0);
}

#[test]
fn a_shared_network_is_run_by_several_where_cores_are_left() {
    for (size, leaders, most) in [(8, 1, 1), (8, 3, 3), (1, 1, 6)] {
        let (batcher, seen) = shared(size, 20 * MS, leaders);
        let start = Barrier::new(6);
        scope(|scope| {
            for value in 0..6u8 {
                let (batcher, start) = (&batcher, &start);
                scope.spawn(move || {
                    start.wait();
                    for _ in 0..5 {
                        assert_eq!(batcher.embed(&[&chip(value)], None).unwrap(), [[f32::from(value)]]);
                    }
                });
            }
        });
        let inside = seen.most_inside.load(Ordering::SeqCst);
        assert!(
            inside <= most && (most == 1 || inside > 1),
            "{inside} of {most} at a time"
        );
        assert_idle(&batcher);
    }
}

/// As in a child of fork whose parent had another thread in the queue: an inline engine's calls take no lock.
#[test]
fn where_nothing_is_merged_nobody_waits_for_a_lock() {
    let (batcher, seen) = shared(1, Duration::ZERO, 1);
    let state = batcher.state.lock();
    let chips: Vec<Chip> = (0..150).map(|value| chip(value % 13)).collect();
    let made = batcher
        .embed(&chips.iter().collect::<Vec<_>>(), Some(&Cancel::new()))
        .unwrap();
    assert_eq!(
        made,
        (0..150).map(|value| vec![(value % 13) as f32]).collect::<Vec<_>>()
    );
    assert_eq!(seen.largest.load(Ordering::Relaxed), 64);
    let cancelled = Cancel::new();
    cancelled.cancel();
    let error = batcher.embed(&[&chip(1)], Some(&cancelled)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    // An error and a defect are told as where callers are merged.
    assert_eq!(
        batcher.embed(&[&chip(13)], None).unwrap_err().kind(),
        ErrorKind::Backend
    );
    assert_eq!(
        batcher.embed(&[&chip(99)], None).unwrap_err().kind(),
        ErrorKind::Internal
    );
    drop(state);
    assert_idle(&batcher);
}

/// A network that goes on until nobody wants it to.
struct Endless;

impl EmbeddingNetwork for Endless {
    fn network(&self) -> Network {
        Network::SFace
    }

    fn forward_stages(&self, _: &[&Chip]) -> Result<Vec<FeatureMap>> {
        Ok(Vec::new())
    }

    fn forward(&self, _: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        panic!("it has no end")
    }

    fn forward_while(&self, _: &[&Chip], go_on: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Vec<f32>>> {
        while go_on() {
            sleep(MS);
        }
        Err(cancelled())
    }
}

#[test]
fn a_network_stops_when_nobody_waits_for_it_any_more() {
    for size in [1, 8] {
        let batcher = Batcher::new(Box::new(Endless), size, MS, 1);
        let [first, second] = [Cancel::new(), Cancel::new()];
        scope(|scope| {
            let callers = [&first, &second].map(|cancel| {
                let batcher = &batcher;
                scope.spawn(move || batcher.embed(&[&chip(1)], Some(cancel)))
            });
            sleep(20 * MS);
            // It may run for both, and goes on for the other.
            first.cancel();
            sleep(20 * MS);
            second.cancel();
            for caller in callers {
                let error = caller.join().unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Cancelled);
            }
        });
        assert_idle(&batcher);
    }
}

#[test]
fn a_cancelled_caller_leaves_its_place_to_others() {
    let (batcher, seen) = fake(1, MS, 60 * MS);
    let [first, second] = [Cancel::new(), Cancel::new()];
    first.cancel();
    assert!(first.is_cancelled() && !second.is_cancelled());
    let refused = batcher.embed(&[&chip(1)], Some(&first));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(seen.runs.load(Ordering::Relaxed), 0, "nothing is computed");
    scope(|scope| {
        let running = scope.spawn(|| batcher.embed(&[&chip(2)], None));
        until(&batcher, |state| state.leading == 1 && state.line.is_empty());
        let waiting = scope.spawn(|| batcher.embed(&[&chip(3)], Some(&second)));
        let other = scope.spawn(|| batcher.embed(&[&chip(4)], Some(&Cancel::new())));
        until(&batcher, |state| state.line.len() == 2);
        second.clone().cancel();
        assert_eq!(waiting.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(running.join().unwrap().unwrap(), [[2.0]]);
        assert_eq!(other.join().unwrap().unwrap(), [[4.0]]);
    });
    assert_eq!(
        seen.chips.load(Ordering::Relaxed),
        2,
        "the cancelled chip was not computed"
    );
    assert_idle(&batcher);
}

#[test]
fn a_caller_outside_can_be_cancelled() {
    let (batcher, _) = fake(8, MS, 30 * MS);
    let part = batcher.part;
    let cancel = Cancel::new();
    scope(|scope| {
        let full = || {
            let one = chip(8);
            batcher.embed(&vec![&one; part], None).unwrap().len()
        };
        let inside: Vec<_> = (0..3).map(|_| scope.spawn(full)).collect();
        until(&batcher, |state| state.chips == 2 * part);
        let outside = scope.spawn(|| batcher.embed(&[&chip(1)], Some(&cancel)));
        until(&batcher, |state| !state.outside.is_empty());
        cancel.cancel();
        assert_eq!(outside.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        for caller in inside {
            assert_eq!(caller.join().unwrap(), part);
        }
    });
    assert_idle(&batcher);
}

/// Many callers with calls of every kind: nothing lost, nothing doubled, nobody left.
fn storm(batcher: &Batcher, seed: u64) {
    const CALLERS: u64 = 24;
    let cancels: Vec<Cancel> = (0..CALLERS * 40).map(|_| Cancel::new()).collect();
    scope(|scope| {
        for caller in 0..CALLERS {
            let cancels = &cancels[caller as usize * 40..][..40];
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed * 1000 + caller);
                for cancel in cancels {
                    let count = match random.u8(..20) {
                        0 => 0,
                        1 => random.usize(1..3 * batcher.room),
                        2..6 => random.usize(1..20),
                        _ => 1,
                    };
                    let mut values: Vec<u8> = (0..count).map(|_| random.u8(100..)).collect();
                    let kind = match (count, random.u8(..20)) {
                        (1.., 0) => Some((13, ErrorKind::Backend)),
                        (1.., 1) => Some((99, ErrorKind::Internal)),
                        _ => None,
                    };
                    if let Some((bad, _)) = kind {
                        values[random.usize(..count)] = bad;
                    }
                    let chips: Vec<Chip> = values.iter().copied().map(chip).collect();
                    let given = match random.bool() {
                        true => batcher.embed(&chips.iter().collect::<Vec<_>>(), Some(cancel)),
                        false => batcher.embed(&chips.iter().collect::<Vec<_>>(), None),
                    };
                    match (given, kind) {
                        (Ok(made), None) => {
                            assert!(made.iter().flatten().copied().eq(values.iter().map(|&v| f32::from(v))));
                        }
                        (Ok(_), Some(_)) => panic!("an error was lost"),
                        (Err(error), _) if error.kind() == ErrorKind::Cancelled => assert!(cancel.is_cancelled()),
                        (Err(error), Some((_, kind))) => assert_eq!(error.kind(), kind),
                        (Err(error), None) => panic!("another caller's error: {error}"),
                    }
                }
            });
        }
        let mut random = fastrand::Rng::with_seed(seed);
        let mut order: Vec<usize> = (0..cancels.len()).collect();
        random.shuffle(&mut order);
        for index in &order[..order.len() / 3] {
            cancels[*index].cancel();
            sleep(Duration::from_micros(random.u64(..300)));
        }
    });
    assert_idle(batcher);
}

#[test]
fn nothing_is_lost_or_doubled_in_a_storm_of_callers() {
    for seed in 0..4 {
        for size in [1, 4, 16] {
            storm(&fake(size, MS, Duration::from_micros(50)).0, seed);
            storm(&shared(size, Duration::from_micros(50), 3).0, seed);
        }
    }
}
