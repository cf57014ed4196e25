//! The floating-point format a network computes in.

use crate::device::Device;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// The format of a network's convolutions and rectifiers. The head that makes the embedding computes in f32 always, so
/// that the magnitude, which is the quality, loses least.
///
/// Written and parsed as `f32`, `tf32`, `f16` and `bf16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit: the reference's.
    F32,
    /// 32-bit, but a product's factors are rounded to 11 bits of precision: on a CUDA device only.
    Tf32,
    /// 16-bit with 11 bits of precision.
    F16,
    /// 16-bit with 8 bits of precision and the range of f32.
    Bf16,
}

impl Precision {
    /// Every precision, most exact first.
    pub const ALL: [Precision; 4] = [Precision::F32, Precision::Tf32, Precision::F16, Precision::Bf16];

    /// What a network on `device` computes in: what is asked for, else f16 on a GPU and f32 on the CPU.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for TF32 anywhere but on a CUDA device.
    pub fn choose(asked: Option<Precision>, device: Device) -> Result<Precision> {
        match asked {
            Some(Precision::Tf32) if !device.is_cuda() => Err(Error::new(
                ErrorKind::InvalidArgument,
                "precision tf32 is of CUDA devices only: on the CPU ask for f32, f16 or bf16",
            )),
            Some(asked) => Ok(asked),
            None if device.is_cuda() => Ok(Precision::F16),
            None => Ok(Precision::F32),
        }
    }

    /// The name that [`Precision::from_str`] takes.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Tf32 => "tf32",
            Precision::F16 => "f16",
            Precision::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Precision::ALL
            .into_iter()
            .find(|precision| precision.name() == text)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("precision {text:?} is none of f32, tf32, f16 and bf16"),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_others_are_refused() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        for text in ["", "F32", "f64", "fp16", "tf32 "] {
            let error = text.parse::<Precision>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn a_device_has_its_own_default_and_tf32_is_of_cuda() {
        let (cpu, cuda) = (Device::Cpu, Device::Cuda(1));
        assert_eq!(Precision::choose(None, cpu), Ok(Precision::F32));
        assert_eq!(Precision::choose(None, cuda), Ok(Precision::F16));
        for asked in Precision::ALL {
            assert_eq!(Precision::choose(Some(asked), cuda), Ok(asked));
            match Precision::choose(Some(asked), cpu) {
                Ok(given) => assert_eq!(given, asked),
                Err(error) => {
                    assert_eq!((asked, error.kind()), (Precision::Tf32, ErrorKind::InvalidArgument));
                    assert!(error.message().contains("CUDA"), "{error}");
                }
            }
        }
    }
}
