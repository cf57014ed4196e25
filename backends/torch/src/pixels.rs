//! Images as tensors.

use crate::device::Device;
use crate::{Error, Result};
use qmagface_backend::Image;
use tch::{Kind, Tensor};

/// How pixels go into a network: `(pixel - offset) * scale`, in the format that its maps have.
#[derive(Debug)]
pub(crate) struct Normalisation {
    offset: f64,
    /// One number of no dimension.
    scale: Tensor,
    kind: Kind,
}

impl Normalisation {
    /// For maps of `kind`.
    pub fn new(offset: f32, scale: f32, kind: Kind) -> Result<Normalisation> {
        Ok(Normalisation {
            offset: offset.into(),
            scale: Tensor::from(scale).f_to_kind(kind)?,
            kind,
        })
    }

    /// n x height x width x 3 to n x 3 x height x width.
    pub fn of(&self, pixels: &Tensor) -> Result<Tensor> {
        let pixels = pixels.f_permute([0, 3, 1, 2])?;
        if self.offset == 0.0 && pixels.kind() == Kind::Uint8 {
            // One pass: a whole number times a number of no dimension takes that one's format.
            return Ok(pixels.f_mul(&self.scale)?);
        }
        let moved = pixels.f_to_kind(Kind::Float)?.f_sub_scalar(self.offset)?;
        Ok(moved.f_mul(&self.scale)?.f_to_kind(self.kind)?)
    }
}

/// Images on a device: n x height x width x 3, u8 or f32.
///
/// # Safety
/// `image` says what lies at its pointer.
pub(crate) unsafe fn upload(image: &Image, device: Device) -> Result<Tensor> {
    let shape = [image.count, image.height, image.width, 3];
    let (kind, bytes) = match image.floats {
        0 => (Kind::Uint8, 1),
        _ => (Kind::Float, 4),
    };
    let size = shape
        .iter()
        .try_fold(bytes, |size: usize, &side| size.checked_mul(side));
    let size = size.filter(|&size| size <= isize::MAX as usize && (size == 0 || !image.pixels.is_null()));
    let size = size.ok_or_else(|| Error::broken("an image of an impossible size"))?;
    let data: &[u8] = match size {
        0 => &[],
        // SAFETY: not NULL, and so many bytes as the caller promises.
        _ => unsafe { std::slice::from_raw_parts(image.pixels.cast(), size) },
    };
    let tensor = Tensor::f_from_data_size(data, &shape.map(|side| side as i64), kind)?;
    Ok(tensor.f_to_device(device.in_torch())?)
}
