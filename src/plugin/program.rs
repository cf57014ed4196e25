//! A network over there.

use super::{OnDevice, call};
use crate::chip::Chip;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Log, LogLevel};
use crate::network::{FeatureMap, Precision};
use qmagface_backend::{Folded, Handle, Image, Settings, Sink, Table, level, precision, status};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::slice;
use std::sync::Arc;

/// A network on a back end's device. Usable by many threads at once.
pub(super) struct Program {
    handle: Handle,
    table: &'static Table,
    /// Where its warnings go; the other side has a pointer to it.
    _log: Arc<Log>,
}

// SAFETY: the interface says that any thread may use a program, several at a time.
unsafe impl Send for Program {}
// SAFETY: as above.
unsafe impl Sync for Program {}

/// How pixels go in: `(pixel - offset) * scale`.
#[derive(Clone, Copy)]
pub(super) struct Normalisation {
    pub offset: f32,
    pub scale: f32,
}

/// Images of one size, packed, BGR.
pub(super) struct Pixels<'a> {
    pub data: Data<'a>,
    pub count: usize,
    pub height: usize,
    pub width: usize,
}

/// What pixels are made of.
#[derive(Clone, Copy)]
pub(super) enum Data<'a> {
    Bytes(&'a [u8]),
    Floats(&'a [f32]),
}

impl Program {
    /// Puts a network on the device; `embedding` is the place of the embedding among its outputs, if it has one. The network
    /// is taken whole, so that its weights are in memory only once while they are sent.
    pub fn new(
        on: &OnDevice,
        network: Folded,
        normalisation: Normalisation,
        precision: Precision,
        embedding: Option<usize>,
    ) -> Result<Program> {
        let log = Arc::new(on.log.clone());
        let settings = Settings {
            device: on.number,
            precision: match precision {
                Precision::F32 => precision::F32,
                Precision::Tf32 => precision::TF32,
                Precision::F16 => precision::F16,
                Precision::Bf16 => precision::BF16,
            },
            offset: normalisation.offset,
            scale: normalisation.scale,
            embedding: embedding.unwrap_or(usize::MAX),
            log: qmagface_backend::Log {
                user: Arc::as_ptr(&log).cast_mut().cast(),
                write,
            },
        };
        let bytes = network.to_bytes();
        // It has the size of the weights, and the other side is about to make its own.
        drop(network);
        let mut handle = null_mut();
        // SAFETY: so many bytes, live settings, room for a handle; the log lives as long as the program.
        call(|report| unsafe { (on.table.program_new)(bytes.as_ptr(), bytes.len(), &settings, &mut handle, report) })?;
        Ok(Program {
            handle,
            table: on.table,
            _log: log,
        })
    }

    /// The embeddings of chips, `length` floats each.
    pub fn embed(&self, chips: &[&Chip], length: usize) -> Result<Vec<Vec<f32>>> {
        let pointers: Vec<*const u8> = chips.iter().map(|chip| chip.bgr().as_ptr()).collect();
        let mut made = vec![0f32; chips.len() * length];
        // SAFETY: so many pointers to whole chips, and room for so many floats.
        call(|report| unsafe {
            let embeddings = made.as_mut_ptr();
            (self.table.embed)(
                self.handle,
                pointers.as_ptr(),
                pointers.len(),
                embeddings,
                length,
                report,
            )
        })?;
        Ok(made.chunks_exact(length.max(1)).map(<[f32]>::to_vec).collect())
    }

    /// What the network gives for images, one for each of its inputs: the outputs of these places, rows of numbers as maps
    /// of one place.
    pub fn run(&self, images: &[Pixels], outputs: &[usize]) -> Result<Vec<FeatureMap>> {
        let images = images.iter().map(Pixels::as_image).collect::<Result<Vec<Image>>>()?;
        let mut taken = Taken {
            made: Vec::with_capacity(outputs.len()),
            panicked: false,
        };
        let sink = Sink {
            user: (&raw mut taken).cast(),
            take,
        };
        // SAFETY: so many images, whose pixels are as many as they say, and places; the sink lives through the call.
        let done = call(|report| unsafe {
            (self.table.run)(
                self.handle,
                images.as_ptr(),
                images.len(),
                outputs.as_ptr(),
                outputs.len(),
                &sink,
                report,
            )
        });
        if taken.panicked {
            return Err(Error::new(ErrorKind::Internal, "taking what a network gave panicked"));
        }
        done?;
        if taken.made.len() != outputs.len() {
            let what = format!(
                "the GPU back end gave {} outputs in place of {}",
                taken.made.len(),
                outputs.len()
            );
            return Err(Error::new(ErrorKind::Internal, what));
        }
        Ok(taken.made)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: this program's handle, which nobody uses any more. The log is dropped behind it.
        unsafe { (self.table.program_free)(self.handle) };
    }
}

impl Pixels<'_> {
    fn as_image(&self) -> Result<Image> {
        let (pixels, floats, length) = match self.data {
            Data::Bytes(bytes) => (bytes.as_ptr().cast::<c_void>(), 0, bytes.len()),
            Data::Floats(floats) => (floats.as_ptr().cast(), 1, floats.len()),
        };
        if length != self.count * self.height * self.width * 3 {
            return Err(Error::new(
                ErrorKind::Internal,
                "an image has other pixels than it says",
            ));
        }
        Ok(Image {
            pixels,
            floats,
            count: self.count,
            height: self.height,
            width: self.width,
        })
    }
}

/// What a run gave so far.
struct Taken {
    made: Vec<FeatureMap>,
    panicked: bool,
}

/// The interface's `Sink::take`, for a [`Taken`].
unsafe extern "C" fn take(user: *mut c_void, number: usize, shape: *const [usize; 4], values: *const f32) -> i32 {
    // SAFETY: the `Taken` of the call that is going on, in whose thread this is called.
    let taken = unsafe { &mut *user.cast::<Taken>() };
    let work = || {
        // SAFETY: the interface says that the shape is there.
        let shape = unsafe { *shape };
        let count = shape.iter().try_fold(1, |count: usize, &side| count.checked_mul(side));
        let Some(count) = count.filter(|&count| number == taken.made.len() && count <= isize::MAX as usize / 4) else {
            return status::BROKEN;
        };
        let data = match count {
            0 => Vec::new(),
            // SAFETY: as many values as the shape says.
            _ => unsafe { slice::from_raw_parts(values, count) }.to_vec(),
        };
        taken.made.push(FeatureMap { shape, data });
        status::OK
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(status) => status,
        Err(_) => {
            taken.panicked = true;
            status::PANICKED
        }
    }
}

/// The interface's `Log::write`, for a [`Log`] of this library. What the receiver throws stays inside.
unsafe extern "C" fn write(user: *mut c_void, level: u32, text: *const u8, length: usize) {
    // SAFETY: the log of a program that lives.
    let log = unsafe { &*user.cast::<Log>() };
    let level = match level {
        level::ERROR => LogLevel::Error,
        level::WARNING => LogLevel::Warning,
        _ => LogLevel::Debug,
    };
    let message = || match length {
        0 => String::new(),
        // SAFETY: the interface says that so many bytes are there.
        _ => String::from_utf8_lossy(unsafe { slice::from_raw_parts(text, length) }).into_owned(),
    };
    // A receiver that panics has its own words printed by its panic hook; the network goes on.
    let _ = catch_unwind(AssertUnwindSafe(|| log.write(level, message)));
}
