//! Many chips through a network in batches of bounded size, which shrink when the device's memory doesn't do.

use crate::log::Messages;
use crate::{CHIP_BYTES, Error, Result};
use qmagface_backend::status;

/// A chip: 112 x 112 pixels, BGR.
pub(crate) type Chip = [u8; CHIP_BYTES];

/// What runs batches. Two are on their way at a time: while one computes, the next is brought to the device.
pub(crate) trait Runner {
    /// A batch on its way.
    type Started;

    /// How many of `rest` waiting chips the next batch takes, from 1 to the lesser of `rest` and `most`.
    fn take(&self, rest: usize, most: usize) -> usize;

    /// Sends a batch on its way. The one before it may not be finished yet, those before that are.
    fn start(&mut self, chips: &[&Chip]) -> Result<Self::Started>;

    /// The embeddings of a batch, one for each of its chips.
    fn finish(&mut self, started: Self::Started) -> Result<Vec<Vec<f32>>>;

    /// Forgets what is on its way, and gives back memory that is only kept for later.
    fn release(&mut self);
}

/// Runs all chips, at most `most` at a time. When the memory doesn't do for a batch, `most` is halved, for later calls
/// too, and what is not done is run again.
///
/// # Errors
/// The runner's; [`status::FAILED`] saying so when the memory doesn't do for one chip.
pub(crate) fn run<R: Runner>(
    runner: &mut R,
    most: &mut usize,
    chips: &[&Chip],
    log: Messages,
) -> Result<Vec<Vec<f32>>> {
    let mut done: Vec<Vec<f32>> = Vec::with_capacity(chips.len());
    let mut started = 0;
    let mut before: Option<R::Started> = None;
    while done.len() < chips.len() {
        let rest = &chips[started..];
        let batch = &rest[..runner.take(rest.len(), *most).min(rest.len())];
        let step = (|| {
            let next = match batch.is_empty() {
                true => None,
                false => Some(runner.start(batch)?),
            };
            started += batch.len();
            if let Some(before) = std::mem::replace(&mut before, next) {
                done.extend(runner.finish(before)?);
            }
            Ok(())
        })();
        let Err(error) = step else { continue };
        before = None;
        runner.release();
        if !is_out_of_memory(&error) {
            return Err(error);
        }
        // What was being run when it happened is at most this many, whatever was allowed.
        let tried = (*most).min(chips.len() - done.len());
        if tried <= 1 {
            return Err(Error::failed(format!(
                "the device has no memory left for even one face at a time ({})",
                error.message()
            )));
        }
        *most = tried.div_ceil(2);
        log.warn(&format!(
            "the device has no memory for {tried} faces at once; from now on {} go through together ({})",
            *most,
            error.message()
        ));
        started = done.len();
    }
    Ok(done)
}

/// Whether libtorch failed for want of memory, its own or that of a library it calls.
fn is_out_of_memory(error: &Error) -> bool {
    let message = error.message().to_ascii_lowercase();
    error.0.status == status::FAILED
        && [
            "out of memory",
            "not enough memory",
            "can't allocate memory",
            "alloc_failed",
            "allocation_failed",
            "bad_alloc",
            // oneDNN, which says no more. It keeps what failed and fails for this size of batch again, so that another
            // size is needed anyway.
            "could not create a primitive",
        ]
        .iter()
        .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmagface_backend::Failure;

    /// Memory for so many chips at once; embeds a chip as its first value. 200 makes it fail for another reason.
    struct Fake {
        room: usize,
        on_their_way: usize,
        batches: Vec<usize>,
        released: usize,
        /// Whether the memory is found wanting at the end, as on a device that computes on its own.
        late: bool,
    }

    impl Fake {
        fn new(room: usize, late: bool) -> Fake {
            Fake {
                room,
                on_their_way: 0,
                batches: Vec::new(),
                released: 0,
                late,
            }
        }

        fn check(&self, count: usize) -> Result<()> {
            if count > self.room {
                let why = "libtorch: CUDA out of memory. Tried to allocate 2.00 GiB";
                return Err(Error::failed(why));
            }
            Ok(())
        }
    }

    impl Runner for Fake {
        type Started = Vec<u8>;

        fn take(&self, rest: usize, most: usize) -> usize {
            rest.min(most)
        }

        fn start(&mut self, chips: &[&Chip]) -> Result<Vec<u8>> {
            assert!(self.on_their_way < 2, "a third batch before the first is finished");
            if !self.late {
                self.check(chips.len())?;
            }
            self.on_their_way += 1;
            self.batches.push(chips.len());
            Ok(chips.iter().map(|chip| chip[0]).collect())
        }

        fn finish(&mut self, started: Vec<u8>) -> Result<Vec<Vec<f32>>> {
            self.on_their_way -= 1;
            self.check(started.len())?;
            if started.contains(&200) {
                return Err(Error::failed("libtorch: misaligned address"));
            }
            Ok(started.iter().map(|&value| vec![f32::from(value)]).collect())
        }

        fn release(&mut self) {
            self.on_their_way = 0;
            self.released += 1;
        }
    }

    fn chips(count: u8) -> Vec<Chip> {
        (0..count).map(|value| [value; CHIP_BYTES]).collect()
    }

    fn run_on(fake: &mut Fake, most: &mut usize, count: u8) -> Result<Vec<Vec<f32>>> {
        let chips = chips(count);
        run(fake, most, &chips.iter().collect::<Vec<_>>(), Messages::none())
    }

    fn in_order(count: u8) -> Vec<Vec<f32>> {
        (0..count).map(|value| vec![f32::from(value)]).collect()
    }

    #[test]
    fn every_chip_gets_its_embedding_in_order_whatever_fits() {
        for late in [false, true] {
            for room in 1..=9 {
                for count in [0, 1, 2, 7, 8, 9, 40] {
                    let (mut fake, mut most) = (Fake::new(room, late), 8);
                    let got = run_on(&mut fake, &mut most, count).unwrap();
                    assert_eq!(got, in_order(count), "{count} chips, room for {room}, late: {late}");
                    assert_eq!(fake.on_their_way, 0);
                    assert!(most <= 8 && (most <= room || usize::from(count) <= room));
                }
            }
        }
    }

    #[test]
    fn the_batch_is_halved_and_stays_so() {
        let (mut fake, mut most) = (Fake::new(20, false), 64);
        assert_eq!(run_on(&mut fake, &mut most, 100).unwrap(), in_order(100));
        assert_eq!((most, fake.released), (16, 2));
        assert_eq!(fake.batches, [16, 16, 16, 16, 16, 16, 4]);
        assert_eq!(run_on(&mut fake, &mut most, 32).unwrap(), in_order(32));
        assert_eq!((most, fake.released), (16, 2), "nothing failed the second time");
    }

    #[test]
    fn a_small_batch_that_fails_halves_itself_not_what_was_allowed() {
        let (mut fake, mut most) = (Fake::new(2, false), 64);
        assert_eq!(run_on(&mut fake, &mut most, 4).unwrap(), in_order(4));
        assert_eq!(most, 2);
    }

    #[test]
    fn no_memory_for_one_chip_is_an_error_that_says_so() {
        for late in [false, true] {
            let (mut fake, mut most) = (Fake::new(0, late), 8);
            let error = run_on(&mut fake, &mut most, 5).unwrap_err();
            assert_eq!((error.0.status, most), (status::FAILED, 1));
            let message = error.message();
            assert!(
                message.contains("one face") && message.contains("2.00 GiB"),
                "{message}"
            );
        }
    }

    #[test]
    fn another_failure_is_handed_on_at_once() {
        let (mut fake, mut most) = (Fake::new(100, false), 32);
        let error = run_on(&mut fake, &mut most, 210).unwrap_err();
        assert_eq!(error.message(), "libtorch: misaligned address");
        assert_eq!((most, fake.released, fake.on_their_way), (32, 1, 0));
    }

    #[test]
    fn the_call_after_a_failure_is_as_if_there_had_been_none() {
        // Failures of both kinds, at both places, each with another batch on its way; then good calls again.
        for late in [false, true] {
            let (mut fake, mut most) = (Fake::new(8, late), 8);
            for _ in 0..3 {
                assert_eq!(run_on(&mut fake, &mut most, 30).unwrap(), in_order(30));
                assert!(
                    run_on(&mut fake, &mut most, 210).is_err(),
                    "200 fails for another reason"
                );
                assert_eq!(fake.on_their_way, 0, "nothing is left on its way");
            }
            fake.room = 3; // another process takes the device's memory
            assert_eq!(run_on(&mut fake, &mut most, 30).unwrap(), in_order(30));
            assert!(most <= 3);
            fake.room = 0; // all of it
            assert!(run_on(&mut fake, &mut most, 30).is_err());
            fake.room = 8;
            assert_eq!(run_on(&mut fake, &mut most, 30).unwrap(), in_order(30));
        }
    }

    #[test]
    fn the_words_of_libtorch_and_its_libraries_are_known() {
        for (status, message, expected) in [
            (status::FAILED, "libtorch: CUDA out of memory. Tried to allocate", true),
            (status::FAILED, "libtorch: CUDA error: out of memory", true),
            (status::FAILED, "libtorch: cuDNN error: CUDNN_STATUS_ALLOC_FAILED", true),
            (
                status::FAILED,
                "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`",
                true,
            ),
            (
                status::FAILED,
                "DefaultCPUAllocator: can't allocate memory: you tried",
                true,
            ),
            (status::FAILED, "libtorch: could not create a primitive", true),
            (status::FAILED, "libtorch: std::bad_alloc", true),
            (
                status::FAILED,
                "libtorch: CUDA error: an illegal memory access was encountered",
                false,
            ),
            (status::DEVICE, "out of memory", false),
        ] {
            assert_eq!(
                is_out_of_memory(&Error(Failure::new(status, message))),
                expected,
                "{message}"
            );
        }
    }
}
