//! Small batches as CUDA graphs: the whole network is one call to the device instead of some hundred.

use crate::Result;
use crate::accelerator::{Graph, copy};
use crate::embedder::Body;
use crate::log::Messages;
use std::collections::BTreeMap;
use tch::Tensor;

/// The largest batch that goes through as a graph: in larger ones the device is the slower part.
const LARGEST: i64 = 16;

/// A size is recorded after it came so many times: these runs settle libtorch's choice of algorithms, and a process
/// that embeds one face doesn't pay for it.
const RUNS_BEFORE: u32 = 2;

/// The graphs of one network: at most one for each size (1, 2, 4, 8, 16).
#[derive(Default)]
pub(crate) struct Graphs {
    by_size: BTreeMap<i64, Size>,
    off: bool,
}

enum Size {
    /// How often it came.
    Seen(u32),
    Captured(Captured),
}

struct Captured {
    graph: Graph,
    input: Tensor,
    output: Tensor,
}

impl Graphs {
    /// None, for good.
    pub(crate) fn off() -> Graphs {
        Graphs {
            by_size: BTreeMap::new(),
            off: true,
        }
    }

    /// The embeddings of n x 112 x 112 x 3 pixels, in this thread's current stream. The next call may overwrite them,
    /// behind what the stream has been given until then.
    ///
    /// # Errors
    /// Those of [`Body::embed`]; a graph that can't be had is none.
    pub(crate) fn run(&mut self, body: &Body, pixels: &Tensor, log: Messages) -> Result<Tensor> {
        let size = pixels.size()[0];
        if self.off || size > LARGEST {
            return body.embed(pixels);
        }
        let known = self.by_size.entry(size).or_insert(Size::Seen(0));
        if let Size::Seen(times) = known {
            if *times < RUNS_BEFORE {
                *times += 1;
                return body.embed(pixels);
            }
            match Captured::new(body, pixels) {
                Ok(captured) => {
                    log.debug(&format!("batches of {size} are recorded as a CUDA graph"));
                    *known = Size::Captured(captured);
                }
                Err(error) => {
                    log.warn(&format!(
                        "batches of {size} can't be recorded as a CUDA graph, so small batches stay slower ({})",
                        error.message()
                    ));
                    *self = Graphs::off();
                    return body.embed(pixels);
                }
            }
        }
        match self.by_size.get_mut(&size) {
            Some(Size::Captured(captured)) => captured.run(pixels),
            _ => body.embed(pixels),
        }
    }
}

impl Captured {
    fn new(body: &Body, pixels: &Tensor) -> Result<Captured> {
        let input = pixels.f_zeros_like()?;
        let (graph, output) = Graph::capture(|| body.embed(&input))?;
        Ok(Captured { graph, input, output })
    }

    fn run(&mut self, pixels: &Tensor) -> Result<Tensor> {
        copy(&mut self.input, pixels)?;
        self.graph.replay()?;
        Ok(self.output.shallow_clone())
    }
}
