//! The floating-point format a network computes in.

use crate::error::{Error, ErrorKind};
use std::fmt;
use std::str::FromStr;
use tch::Kind;

/// The format of a network's convolutions and rectifiers. Batch norms and the head that makes the embedding compute in
/// f32 always, so that the magnitude, which is the quality, loses least.
///
/// Written and parsed as `f32`, `f16` and `bf16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// 32-bit: the reference's.
    #[default]
    F32,
    /// 16-bit with 11 bits of precision.
    F16,
    /// 16-bit with 8 bits of precision and the range of f32.
    Bf16,
}

impl Precision {
    /// libtorch's name of it.
    pub(super) fn kind(self) -> Kind {
        match self {
            Precision::F32 => Kind::Float,
            Precision::F16 => Kind::Half,
            Precision::Bf16 => Kind::BFloat16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
            Precision::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "f32" => Ok(Precision::F32),
            "f16" => Ok(Precision::F16),
            "bf16" => Ok(Precision::Bf16),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("precision {text:?} is none of f32, f16 and bf16"),
            )),
        }
    }
}
