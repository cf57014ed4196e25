//! The precisions in which a direction can be stored.

use crate::wiped::Wiped;
use half::f16;

/// How a direction is stored, from exact to small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scalar {
    /// Four bytes a value: bit for bit what the template holds.
    #[default]
    F32,
    /// Two bytes a value: IEEE 754 binary16, renormalised when read.
    F16,
    /// One byte a value: the direction scaled so that its largest value is 127, rounded; renormalised when read.
    I8,
}

impl Scalar {
    /// Every precision.
    pub const ALL: [Scalar; 3] = [Scalar::F32, Scalar::F16, Scalar::I8];

    /// Bytes of one value.
    pub fn size(self) -> usize {
        match self {
            Scalar::F32 => 4,
            Scalar::F16 => 2,
            Scalar::I8 => 1,
        }
    }

    /// Its number in the binary form.
    pub(super) fn code(self) -> u8 {
        match self {
            Scalar::F32 => 0,
            Scalar::F16 => 1,
            Scalar::I8 => 2,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Scalar> {
        Scalar::ALL.into_iter().find(|scalar| scalar.code() == code)
    }

    /// How far from 1 the length of stored values may be: several times what rounding a unit vector does. Of I8 only
    /// the proportions count.
    pub(super) fn length_tolerance(self) -> f64 {
        match self {
            Scalar::F32 => 1e-5,
            Scalar::F16 => 1e-3,
            Scalar::I8 => f64::INFINITY,
        }
    }

    /// Appends a direction's stored form.
    pub(super) fn write(self, direction: &[f32], bytes: &mut Vec<u8>) {
        match self {
            Scalar::F32 => direction.iter().for_each(|v| bytes.extend(v.to_le_bytes())),
            Scalar::F16 => direction
                .iter()
                .for_each(|&v| bytes.extend(f16::from_f32(v).to_le_bytes())),
            Scalar::I8 => {
                let largest = direction.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
                // The product is exact, so that a tie is one and rounds away from zero.
                let scaled = |v: f32| f64::from(v) * I8_LARGEST / f64::from(largest);
                bytes.extend(direction.iter().map(|&v| scaled(v).round() as i8 as u8));
            }
        }
    }

    /// Reads a direction from `bytes`, whole values of this precision. Says what is wrong with them otherwise.
    pub(super) fn read(self, bytes: &[u8]) -> Result<Wiped<f32>, &'static str> {
        let values: Vec<f32> = match self {
            Scalar::F32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            Scalar::F16 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| f16::from_le_bytes(b).to_f32())
                .collect(),
            Scalar::I8 => bytes.iter().map(|&b| f32::from(b as i8)).collect(),
        };
        let mut values = Wiped::from(values);
        if values.iter().any(|v| !v.is_finite()) {
            return Err("its direction has a value that is not finite");
        }
        if self == Scalar::I8
            && values
                .iter()
                .fold(0.0f64, |largest, &v| largest.max(f64::from(v).abs()))
                != I8_LARGEST
        {
            return Err("its direction's largest value is not 127");
        }
        let length = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        if (length - 1.0).abs() > self.length_tolerance() {
            return Err("its direction's length is not 1");
        }
        if self != Scalar::F32 {
            values.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
        }
        Ok(values)
    }
}

/// The largest value of a direction in [`Scalar::I8`]. -128 isn't used: the range is symmetric.
const I8_LARGEST: f64 = 127.0;
