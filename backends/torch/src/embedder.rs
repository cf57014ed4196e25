//! A network on its device, and many chips through it.

use crate::accelerator;
use crate::batches::{self, Chip, Runner};
use crate::device::Device;
use crate::eager::Eager;
use crate::log::Messages;
use crate::overlapped::{Lanes, Overlapped};
use crate::pixels::Normalisation;
use crate::program::{Program, Setting};
use crate::{CHIP_SIDE, Error, Result};
use parking_lot::Mutex;
use qmagface_backend::{Folded, Layer};
use tch::Tensor;

/// Most chips that go through a network at once on a CPU: the throughput no longer grows, the memory does (about 10 MB
/// for each chip in f32).
const MAX_BATCH_CPU: usize = 16;

/// Most chips that go through a network at once on a GPU: fewer where half of the memory that is free when the network
/// is made doesn't do for them, by [`bytes_per_chip`] (an iResNet: 9.6 MB in f32 and TF32, 4.8 MB in f16 and bf16).
const MAX_BATCH_GPU: usize = 256;

/// A network on a device.
pub(crate) struct Network {
    device: Device,
    log: Messages,
    // libtorch's tensors may be used by one thread at a time.
    state: Mutex<State>,
}

struct State {
    body: Body,
    /// What chips need on their way; none on the CPU and for a network without an embedding.
    lanes: Option<Box<Lanes>>,
    /// Most chips at once; less after the memory didn't do.
    most: usize,
    /// Whether chips are on their way; found so by the next call after one that panicked.
    underway: bool,
}

impl Network {
    /// Puts a network on `setting`'s device; `embedding` is the place of the embedding among its outputs, if it has one.
    /// Pixels go in as `(pixel - offset) * scale`.
    ///
    /// # Errors
    /// When libtorch fails (out of memory).
    pub fn new(
        folded: &Folded,
        embedding: Option<usize>,
        (offset, scale): (f32, f32),
        setting: Setting,
        log: Messages,
    ) -> Result<Network> {
        let _no_gradients = tch::no_grad_guard();
        let device = setting.device;
        let make = || Body::new(folded, embedding, (offset, scale), setting);
        let (body, lanes, most) = match embedding.filter(|_| device.is_cuda()) {
            None => (make()?, None, MAX_BATCH_CPU),
            Some(embedding) => {
                let length = folded.outputs[embedding].channels.len();
                let lanes = Box::new(Lanes::new(device, length, log)?);
                // Brought to the device by the stream that computes with it.
                let body = lanes.prepare(make)?;
                let free = accelerator::memory(device)?.map_or(0, |[_, _, _, free, _]| free);
                let chip = bytes_per_chip(folded, setting.kind().elt_size_in_bytes());
                (body, Some(lanes), most_within(free / 2, chip))
            }
        };
        Ok(Network {
            device,
            log,
            state: Mutex::new(State {
                body,
                lanes,
                most,
                underway: false,
            }),
        })
    }

    /// The chips' embeddings, in order.
    ///
    /// # Errors
    /// When libtorch fails; when the memory doesn't do for one chip.
    pub fn embed(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        let _no_gradients = tch::no_grad_guard();
        let State {
            body,
            lanes,
            most,
            underway,
        } = &mut *self.state.lock();
        let left = std::mem::replace(underway, true);
        let made = match lanes {
            None => batches::run(&mut Eager(body), most, chips, self.log),
            Some(lanes) => {
                let mut runner = Overlapped { body, lanes };
                if left {
                    runner.release();
                }
                batches::run(&mut runner, most, chips, self.log)
            }
        };
        *underway = false;
        made
    }

    /// Takes images that `upload` brings to the device through at once, and hands the outputs of these places to `take`:
    /// their number among the places, and the values on the device.
    ///
    /// # Errors
    /// Those of `upload` and `take`; when libtorch fails; for a place that is none.
    pub fn run(
        &self,
        upload: impl FnOnce(Device) -> Result<Vec<Tensor>>,
        outputs: &[usize],
        mut take: impl FnMut(usize, &Tensor) -> Result<()>,
    ) -> Result<()> {
        let _no_gradients = tch::no_grad_guard();
        let state = self.state.lock();
        if outputs.iter().any(|&output| output >= state.body.outputs()) {
            return Err(Error::broken("a network was asked for an output that it hasn't"));
        }
        let images = upload(self.device)?;
        let made = state.body.run(&images, outputs)?;
        made.iter()
            .enumerate()
            .try_for_each(|(number, made)| take(number, made))
    }
}

/// The layers of a network, from pixels on.
pub(crate) struct Body {
    program: Program,
    normalisation: Normalisation,
    /// The embedding's place among the network's outputs, if it has one.
    embedding: Option<usize>,
}

impl Body {
    /// As [`Network::new`].
    pub fn new(
        folded: &Folded,
        embedding: Option<usize>,
        (offset, scale): (f32, f32),
        setting: Setting,
    ) -> Result<Body> {
        Ok(Body {
            program: Program::new(folded, setting)?,
            normalisation: Normalisation::new(offset, scale, setting.kind())?,
            embedding,
        })
    }

    /// n x 112 x 112 x 3, u8, BGR, to n x the embedding's length, f32.
    pub fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let embedding = self.embedding;
        let embedding = embedding.ok_or_else(|| Error::broken("a network without an embedding was asked for one"))?;
        Ok(self.run(std::slice::from_ref(pixels), &[embedding])?.remove(0))
    }

    /// How many outputs there are.
    fn outputs(&self) -> usize {
        self.program.outputs()
    }

    fn run(&self, images: &[Tensor], outputs: &[usize]) -> Result<Vec<Tensor>> {
        let images = images.iter().map(|pixels| self.normalisation.of(pixels));
        self.program.run(images.collect::<Result<_>>()?, outputs)
    }
}

/// The largest power of two of chips, at most [`MAX_BATCH_GPU`] and at least 1, that fit into `bytes`.
fn most_within(bytes: u64, chip: usize) -> usize {
    let mut most = MAX_BATCH_GPU;
    while most > 1 && (most * chip) as u64 > bytes {
        most /= 2;
    }
    most
}

/// Bytes that the maps of one chip take at most while it goes through, in numbers of `element` bytes: the largest map
/// three times, as it goes into a rectifier, comes out of it, and is kept for the block's sum.
fn bytes_per_chip(folded: &Folded, element: usize) -> usize {
    let places = |sides: Option<[usize; 2]>| sides.map_or(CHIP_SIDE * CHIP_SIDE, |[rows, columns]| rows * columns);
    let convs = folded.steps.iter().filter(|step| matches!(step.layer, Layer::Conv(_)));
    let largest = convs.map(|step| step.channels * places(step.sides)).max();
    3 * largest.unwrap_or(0) * element
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::network;

    #[test]
    fn a_batch_fits_half_of_the_free_memory() {
        let chip = bytes_per_chip(&network(), 2);
        assert_eq!(chip, 3 * 2 * 8 * 56 * 56);
        assert_eq!(bytes_per_chip(&network(), 4), 2 * chip);
        // An iResNet's.
        let (chip, gib) = (3 * 2 * 64 * 112 * 112, 1u64 << 30);
        assert_eq!(most_within(80 * gib, chip), MAX_BATCH_GPU);
        assert_eq!(most_within(gib, chip), 128);
        assert_eq!(most_within(chip as u64, chip), 1);
        assert_eq!(most_within(0, chip), 1);
    }
}
