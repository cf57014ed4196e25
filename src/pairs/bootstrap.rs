//! Drawing people with replacement: how much a figure owes to who happened to be in the set.
//!
//! Pairs that share a person aren't independent, so people are drawn, not pairs. In a replicate a person counts as
//! often as drawn: a genuine pair's weight is its person's multiplicity, an impostor pair's is the product of its two
//! persons' multiplicities (the copies of a person count as different people, who aren't compared with each other).

use crate::error::Result;
use crate::work::Work;

/// How often each person is drawn in replicate number `replicate`: as many draws as people, with replacement.
///
/// The same for the same seed, replicate and number of people, whatever thread asks.
pub fn multiplicities(seed: u64, replicate: u64, people: usize) -> Vec<u32> {
    let mut drawn = vec![0u32; people];
    draw(seed, replicate, &mut drawn);
    drawn
}

/// As [`multiplicities`], into a list of one count for each person.
pub fn draw(seed: u64, replicate: u64, drawn: &mut [u32]) {
    drawn.fill(0);
    let people = drawn.len() as u64;
    // A seed's replicates are far apart in the generator's one long sequence.
    let mut state = mix(mix(seed).wrapping_add(replicate));
    for _ in 0..people {
        state = state.wrapping_add(STEP);
        // The high half of the product is below `people`, uniform to within people / 2^64.
        let person = (u128::from(mix(state)) * u128::from(people)) >> 64;
        drawn[person as usize] += 1;
    }
}

/// Runs `measure` on every replicate's multiplicities and gives the results in the order of the replicates. `measure`
/// gets the multiplicities and a scratch value of its thread. The work's progress counts replicates.
///
/// # Errors
/// [`crate::ErrorKind::Cancelled`].
pub fn replicates<S: Default + Send, T: Send>(
    seed: u64,
    count: usize,
    people: usize,
    work: &Work,
    measure: impl Fn(&[u32], &mut S) -> T + Sync,
) -> Result<Vec<T>> {
    let states = work.each(
        count,
        count as u64,
        || (vec![0u32; people], S::default(), Vec::new()),
        |(drawn, scratch, results), replicate| {
            draw(seed, replicate as u64, drawn);
            results.push((replicate, measure(drawn, scratch)));
            1
        },
    )?;
    let mut results: Vec<_> = states.into_iter().flat_map(|(_, _, results)| results).collect();
    results.sort_unstable_by_key(|&(replicate, _)| replicate);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// The interval that holds the share `confidence` (between 0 and 1) of the replicates' values: what lies between the
/// percentiles at both ends, interpolated between neighbours. `None` without a value, or where one isn't a number.
pub fn interval(values: &mut [f64], confidence: f64) -> Option<(f64, f64)> {
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
        if low == high {
            low
        } else {
            low + (high - low) * place.fract()
        }
    };
    let tail = (1.0 - confidence) / 2.0;
    Some((at(tail), at(1.0 - tail)))
}

/// The step of splitmix64 (Steele, Lea and Flood 2014), an odd number.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// splitmix64's finaliser.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;

    #[test]
    fn as_many_draws_as_people_and_each_replicate_its_own() {
        for people in [1, 2, 7, 1000] {
            let drawn = multiplicities(1, 0, people);
            assert_eq!(drawn.iter().sum::<u32>() as usize, people);
        }
        assert!(multiplicities(1, 0, 0).is_empty());
        assert_eq!(multiplicities(5, 3, 100), multiplicities(5, 3, 100));
        assert_ne!(multiplicities(5, 3, 100), multiplicities(5, 4, 100));
        assert_ne!(multiplicities(5, 3, 100), multiplicities(6, 3, 100));
    }

    #[test]
    fn people_are_drawn_evenly() {
        let mut total = [0u32; 20];
        for replicate in 0..5000 {
            for (total, drawn) in total.iter_mut().zip(multiplicities(7, replicate, 20)) {
                *total += drawn;
            }
        }
        // Binomial of 100,000 draws: standard deviation 69.
        assert!(total.iter().all(|&n| n.abs_diff(5000) < 350), "{total:?}");
    }

    #[test]
    fn replicates_are_the_same_for_any_number_of_threads() {
        let sum = |drawn: &[u32], _: &mut ()| (0u64..).zip(drawn).map(|(i, &n)| i * u64::from(n)).sum::<u64>();
        let on = |threads| Work {
            threads: Some(threads),
            ..Work::default()
        };
        let one = replicates(3, 50, 30, &on(1), sum).unwrap();
        for threads in [2, 5, 64] {
            assert_eq!(replicates(3, 50, 30, &on(threads), sum).unwrap(), one);
        }
        assert!(replicates(3, 0, 30, &on(2), sum).unwrap().is_empty());
        let stop = Cancel::new();
        stop.cancel();
        let stopped = Work {
            cancel: Some(&stop),
            ..on(2)
        };
        let error = replicates(3, 50, 30, &stopped, sum).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Cancelled);
    }

    #[test]
    fn intervals_are_percentiles() {
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let (low, high) = interval(&mut values, 0.9).unwrap();
        assert!((low - 5.0).abs() < 1e-9 && (high - 95.0).abs() < 1e-9);
        assert_eq!(interval(&mut [2.0], 0.95), Some((2.0, 2.0)));
        assert_eq!(interval(&mut [0.0, 1.0], 0.5), Some((0.25, 0.75)));
        assert_eq!(interval(&mut [], 0.95), None);
        assert_eq!(interval(&mut [1.0, f64::NAN], 0.95), None);
        assert_eq!(
            interval(&mut [f64::INFINITY; 3], 0.95),
            Some((f64::INFINITY, f64::INFINITY))
        );
    }
}
