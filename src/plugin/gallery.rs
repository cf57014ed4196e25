//! Many embeddings on a back end's device, to be compared with.

use super::{OnDevice, call};
use crate::compare::{QualityParameters, magnitude};
use crate::error::{Error, ErrorKind, Result};
use qmagface_backend::{GalleryRows, Handle, Parameters, Table};
use std::fmt;
use std::ptr::null_mut;

/// Embeddings of one model on a device, to be compared with probes. Usable by many threads at once.
pub struct DeviceGallery {
    handle: Handle,
    table: &'static Table,
    count: usize,
    length: usize,
}

// SAFETY: the interface says that any thread may use a gallery, several at a time.
unsafe impl Send for DeviceGallery {}
// SAFETY: as above.
unsafe impl Sync for DeviceGallery {}

/// One of a probe's best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its place in the gallery.
    pub index: usize,
    /// The quality-aware score.
    pub score: f32,
}

/// Sizes; nothing of the faces.
impl fmt::Debug for DeviceGallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceGallery")
            .field("count", &self.count)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl OnDevice {
    /// Puts embeddings (not normalised, `length` floats each, one behind the other) on the device. With `half` the
    /// directions are kept and multiplied in f16: half the memory, and scores within 1e-3 (times the quality, where the
    /// quality counts) of those in f32.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a part of an embedding, or as [`magnitude`], naming the place;
    /// [`ErrorKind::Backend`] when the device fails (out of memory).
    pub fn gallery(&self, embeddings: &[f32], length: usize, half: bool) -> Result<DeviceGallery> {
        let rows = Rows::new(embeddings, length, "gallery")?;
        let mut handle = null_mut();
        // SAFETY: the rows are as long as they say, and there is room for a handle.
        call(|report| unsafe {
            (self.table.gallery_new)(&rows.as_seen(), self.number, u32::from(half), &mut handle, report)
        })?;
        Ok(DeviceGallery {
            handle,
            table: self.table,
            count: rows.qualities.len(),
            length,
        })
    }
}

impl DeviceGallery {
    /// How many embeddings it holds.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The quality-aware score of each probe with each embedding of the gallery: probes x gallery, row-major. Probes lie one
    /// behind the other, and are of the gallery's length each.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a part of an embedding, or as [`magnitude`], naming the probe;
    /// [`ErrorKind::Backend`] when the device fails (out of memory).
    pub fn scores(&self, probes: &[f32], parameters: &QualityParameters) -> Result<Vec<f32>> {
        let rows = Rows::new(probes, self.length, "probe")?;
        let mut scores = vec![0f32; rows.qualities.len() * self.count];
        // SAFETY: the rows are as long as they say, and there is room for a score of each with each.
        call(|report| unsafe {
            let (seen, parameters) = (rows.as_seen(), seen(parameters));
            (self.table.gallery_scores)(self.handle, &seen, &parameters, scores.as_mut_ptr(), report)
        })?;
        Ok(scores)
    }

    /// The `count` best of the gallery for each probe (fewer where it holds fewer), best first; of equals, the first.
    ///
    /// # Errors
    /// As [`DeviceGallery::scores`].
    pub fn best(&self, probes: &[f32], parameters: &QualityParameters, count: usize) -> Result<Vec<Vec<Candidate>>> {
        let rows = Rows::new(probes, self.length, "probe")?;
        let count = count.min(self.count);
        if count == 0 {
            return Ok(vec![Vec::new(); rows.qualities.len()]);
        }
        let size = rows.qualities.len() * count;
        let (mut scores, mut indices) = (vec![0f32; size], vec![0u64; size]);
        // SAFETY: the rows are as long as they say, `count` is from 1 to the gallery's, and there is room for so many.
        call(|report| unsafe {
            let (seen, parameters) = (rows.as_seen(), seen(parameters));
            let (scores, indices) = (scores.as_mut_ptr(), indices.as_mut_ptr());
            (self.table.gallery_best)(self.handle, &seen, &parameters, count, scores, indices, report)
        })?;
        let candidates = scores.iter().zip(&indices).map(|(&score, &index)| Candidate {
            index: index as usize,
            score,
        });
        let candidates: Vec<Candidate> = candidates.collect();
        Ok(candidates.chunks_exact(count).map(<[Candidate]>::to_vec).collect())
    }
}

impl Drop for DeviceGallery {
    fn drop(&mut self) {
        // SAFETY: this gallery's handle, which nobody uses any more.
        unsafe { (self.table.gallery_free)(self.handle) };
    }
}

/// Embeddings as they are compared: directions of length 1, and the lengths.
struct Rows {
    directions: Vec<f32>,
    qualities: Vec<f32>,
    length: usize,
}

impl Rows {
    /// Divides each embedding by its length, in f64.
    fn new(embeddings: &[f32], length: usize, side: &str) -> Result<Rows> {
        if length == 0 || !embeddings.len().is_multiple_of(length) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{} values are no embeddings of {length} each", embeddings.len()),
            ));
        }
        let mut rows = Rows {
            directions: Vec::with_capacity(embeddings.len()),
            qualities: Vec::with_capacity(embeddings.len() / length),
            length,
        };
        for (index, row) in embeddings.chunks_exact(length).enumerate() {
            let size = magnitude(row).map_err(|error| error.at(format!("{side} {index}")))?;
            rows.qualities.push(size as f32);
            rows.directions
                .extend(row.iter().map(|&value| (f64::from(value) / size) as f32));
        }
        Ok(rows)
    }

    fn as_seen(&self) -> GalleryRows {
        GalleryRows {
            directions: self.directions.as_ptr(),
            qualities: self.qualities.as_ptr(),
            count: self.qualities.len(),
            length: self.length,
        }
    }
}

/// The parameters as the interface has them.
fn seen(parameters: &QualityParameters) -> Parameters {
    Parameters {
        alpha: parameters.alpha,
        beta: parameters.beta,
    }
}
