//! A whole embedding network in libtorch: from pixels to embeddings.

use crate::align::Chip;
use crate::error::Result;
use crate::graph::Folded;
use crate::graph::carry::carry;
use crate::graph::folded::{Layer, PIXEL_SCALE};
use crate::network::describe::EMBEDDING;
use crate::torch::in_torch;
use crate::torch::program::{Program, Setting};
use tch::{Kind, Tensor};

/// The layers of a network on its device.
pub(super) struct Body {
    /// One number, 1 / [`PIXEL_SCALE`], in the format that the maps have.
    scale: Tensor,
    program: Program,
    /// The embedding's place among the network's outputs.
    embedding: Vec<usize>,
    /// The stages' places, and what is added to each one's map to make it the published network's (1 x c x 1 x 1, f32).
    stages: Vec<usize>,
    carried: Vec<Tensor>,
}

impl Body {
    /// Puts the network on its device.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Backend`] when libtorch fails (out of memory).
    pub(super) fn new(mut folded: Folded, setting: Setting) -> Result<Body> {
        let carried = carry(&mut folded)?;
        let weights = folded.first_convs().flat_map(|conv| &mut conv.weight);
        weights.for_each(|weight| *weight *= PIXEL_SCALE);
        let is_embedding = |&output: &usize| folded.outputs[output].name == EMBEDDING;
        let (embedding, stages): (Vec<_>, Vec<_>) = (0..folded.outputs.len()).partition(is_embedding);
        let of_stage = |&stage: &usize| -> Result<Tensor> {
            let carried = Tensor::f_from_slice(&carried[stage])?.f_reshape([1, -1, 1, 1])?;
            Ok(carried.f_to_device(in_torch(setting.device))?)
        };
        Ok(Body {
            scale: Tensor::from(1.0 / PIXEL_SCALE).f_to_kind(setting.kind())?,
            program: Program::new(&folded, setting)?,
            carried: stages.iter().map(of_stage).collect::<Result<_>>()?,
            embedding,
            stages,
        })
    }

    /// n x 112 x 112 x 3, u8, BGR, to n x the embedding's length, f32.
    pub(super) fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        Ok(self.program.run(vec![self.image(pixels)?], &self.embedding)?.remove(0))
    }

    /// What each stage puts out for the same pixels, f32.
    pub(super) fn stages(&self, pixels: &Tensor) -> Result<Vec<Tensor>> {
        let maps = self.program.run(vec![self.image(pixels)?], &self.stages)?;
        let whole = |(map, carried): (&Tensor, &Tensor)| Ok(map.f_to_kind(Kind::Float)?.f_add(carried)?);
        maps.iter().zip(&self.carried).map(whole).collect()
    }

    fn image(&self, pixels: &Tensor) -> Result<Tensor> {
        // One pass: a whole number times a number of no dimension takes that one's format.
        Ok(pixels.f_permute([0, 3, 1, 2])?.f_mul(&self.scale)?)
    }
}

/// Bytes that the maps of one chip take at most while it goes through, in numbers of `element` bytes: the largest map
/// three times, as it goes into a rectifier, comes out of it, and is kept for the block's sum.
pub(super) fn bytes_per_chip(folded: &Folded, element: usize) -> usize {
    let places = |sides: Option<[usize; 2]>| sides.map_or(Chip::SIZE * Chip::SIZE, |[rows, columns]| rows * columns);
    let convs = folded.steps.iter().filter(|step| matches!(step.layer, Layer::Conv(_)));
    let largest = convs.map(|step| step.channels * places(step.sides)).max();
    3 * largest.unwrap_or(0) * element
}
