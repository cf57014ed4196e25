//! The back end in libtorch: any [`Folded`] network on CUDA devices in every precision, and on the CPU.

mod batches;
mod body;
mod eager;
mod graphs;
mod overlapped;

use super::accelerator;
use crate::align::Chip;
use crate::device::Device;
use crate::error::Result;
use crate::graph::Folded;
use crate::network::spec::Network;
use crate::network::{EmbeddingNetwork, FeatureMap, Precision, check_finite, check_inspected};
use crate::torch::in_torch;
use crate::torch::program::Setting;
use body::{Body, bytes_per_chip};
use eager::{Eager, pixels};
use overlapped::Overlapped;
use parking_lot::Mutex;
use tch::{Kind, Tensor};

/// Most chips that go through a network at once on a CPU: the throughput no longer grows, the memory does (about 10 MB
/// for each chip in f32).
const MAX_BATCH_CPU: usize = 16;

/// Most chips that go through a network at once on a GPU: fewer where half of the memory that is free when the network
/// is made doesn't do for them, by [`bytes_per_chip`] (an iResNet: 9.6 MB in f32 and TF32, 4.8 MB in f16 and bf16).
const MAX_BATCH_GPU: usize = 256;

/// A network in libtorch.
pub(super) struct Torch {
    network: Network,
    device: Device,
    // libtorch's tensors may be used by one thread at a time.
    state: Mutex<State>,
}

struct State {
    runner: Machine,
    /// Most chips at once; less after the memory didn't do.
    most: usize,
}

/// How batches are run.
enum Machine {
    Eager(Eager),
    Overlapped(Box<Overlapped>),
}

impl Machine {
    fn body(&self) -> &Body {
        match self {
            Machine::Eager(eager) => &eager.0,
            Machine::Overlapped(overlapped) => overlapped.body(),
        }
    }
}

impl Torch {
    /// Puts `folded` on `device`, to compute in `precision`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Backend`] when libtorch fails (out of memory).
    pub(super) fn new(network: Network, folded: Folded, device: Device, precision: Precision) -> Result<Torch> {
        let _no_gradients = tch::no_grad_guard();
        let setting = Setting { device, precision };
        let chip = bytes_per_chip(&folded, setting.kind().elt_size_in_bytes());
        let (runner, most) = match device.is_cuda() {
            false => (Machine::Eager(Eager(Body::new(folded, setting)?)), MAX_BATCH_CPU),
            true => {
                let overlapped = Box::new(Overlapped::new(folded, setting)?);
                let free = accelerator::memory(device)?.map_or(0, |memory| memory.free);
                (Machine::Overlapped(overlapped), most_within(free / 2, chip))
            }
        };
        Ok(Torch {
            network,
            device,
            state: Mutex::new(State { runner, most }),
        })
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

impl EmbeddingNetwork for Torch {
    fn network(&self) -> Network {
        self.network
    }

    fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        let _no_gradients = tch::no_grad_guard();
        let State { runner, most } = &mut *self.state.lock();
        check_finite(match runner {
            Machine::Eager(eager) => batches::run(eager, most, chips)?,
            Machine::Overlapped(overlapped) => batches::run(overlapped.as_mut(), most, chips)?,
        })
    }

    fn forward_stages(&self, chips: &[&Chip]) -> Result<Vec<FeatureMap>> {
        check_inspected(chips)?;
        let _no_gradients = tch::no_grad_guard();
        let state = self.state.lock();
        let maps = state
            .runner
            .body()
            .stages(&pixels(chips)?.f_to_device(in_torch(self.device))?)?;
        maps.iter().map(feature_map).collect()
    }
}

fn feature_map(x: &Tensor) -> Result<FeatureMap> {
    let (n, c, h, w) = x.size4()?;
    Ok(FeatureMap {
        shape: [n as usize, c as usize, h as usize, w as usize],
        data: Vec::try_from(
            &x.f_to_device(tch::Device::Cpu)?
                .f_to_kind(Kind::Float)?
                .f_contiguous()?
                .f_flatten(0, -1)?,
        )?,
    })
}

#[cfg(test)]
mod tests;
