//! What is done to a sum before it is stored: bias, rectifier, residual.

use super::kernel::load;
use super::{LANES, Lane};
use crate::machine::{F32s, Machine};
use pulp::Simd;

/// A layer's bias and slopes as panels.
#[derive(Debug)]
pub(crate) struct Epilogue {
    /// For each panel one lane, or nine: one for each kind of place, see [`place`].
    bias: Vec<Lane>,
    kinds: usize,
    /// For each panel the slopes below zero; empty without a rectifier.
    slopes: Vec<Lane>,
}

impl Epilogue {
    /// One bias for each output, and a slope each where there is a rectifier.
    pub fn new(bias: &[f32], slopes: Option<&[f32]>) -> Self {
        Epilogue {
            bias: Lane::panels(bias),
            kinds: 1,
            slopes: slopes.map(Lane::panels).unwrap_or_default(),
        }
    }

    /// A bias for each output and each of the nine kinds of place.
    pub fn by_place(bias: &[Vec<f32>; 9], slopes: Option<&[f32]>) -> Self {
        let by_kind = bias.each_ref().map(|bias| Lane::panels(bias));
        let panels = by_kind[0].len();
        Epilogue {
            bias: (0..panels * 9).map(|at| by_kind[at % 9][at / 9]).collect(),
            kinds: 9,
            slopes: slopes.map(Lane::panels).unwrap_or_default(),
        }
    }

    /// What a panel's epilogue needs.
    pub fn panel(&self, panel: usize) -> Panel<'_> {
        Panel {
            bias: &self.bias[panel * self.kinds..][..self.kinds],
            slopes: self.slopes.get(panel),
        }
    }
}

/// An [`Epilogue`]'s part for one panel.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    bias: &'a [Lane],
    slopes: Option<&'a Lane>,
}

impl<'a> Panel<'a> {
    /// Whether the bias differs from place to place.
    pub fn by_place(&self) -> bool {
        self.bias.len() > 1
    }

    /// The bias at the kind of place `kind`, which counts only where there are nine.
    #[inline(always)]
    pub fn bias(&self, kind: usize) -> &'a Lane {
        match self.by_place() {
            true => &self.bias[kind],
            false => &self.bias[0],
        }
    }

    /// The rectified values, with the residual added.
    #[inline(always)]
    pub fn finish<M: Machine, const V: usize>(
        &self,
        machine: M,
        mut values: [F32s<M>; V],
        residual: Option<&Lane>,
    ) -> [F32s<M>; V] {
        let simd = machine.simd();
        if let Some(slopes) = self.slopes {
            let (zero, slopes) = (simd.splat_f32s(0.0), load::<M, V>(machine, slopes));
            for v in 0..V {
                let above = simd.max_f32s(values[v], zero);
                values[v] = machine.multiply_add(simd.min_f32s(values[v], zero), slopes[v], above);
            }
        }
        if let Some(residual) = residual {
            let residual = load::<M, V>(machine, residual);
            for v in 0..V {
                values[v] = simd.add_f32s(values[v], residual[v]);
            }
        }
        values
    }
}

const _: () = assert!(LANES == 16);
