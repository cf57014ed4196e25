//! The C table.

use std::ffi::{CStr, c_void};

/// The version of this interface: of every structure here and of a network's bytes. Both sides must have the same.
pub const VERSION: u32 = 2;

/// The name of the one function that a plug-in exports, an [`Entry`].
pub const ENTRY: &CStr = c"qmagface_backend";

/// Hands out the plug-in's table, which stays for as long as the process lives.
pub type Entry = unsafe extern "C" fn() -> *const Table;

/// The device number that means the CPU; CUDA devices are 0, 1, ...
pub const CPU: i32 = -1;

/// What the functions return.
pub mod status {
    /// It is done.
    pub const OK: i32 = 0;
    /// The device can't be had.
    pub const DEVICE: i32 = 1;
    /// The device or the library that drives it failed (out of memory).
    pub const FAILED: i32 = 2;
    /// The other side broke its word: a programming error.
    pub const BROKEN: i32 = 3;
    /// The function panicked; nothing is known of what it was given.
    pub const PANICKED: i32 = 4;
}

/// The formats that a network computes in.
pub mod precision {
    /// 32-bit.
    pub const F32: u32 = 0;
    /// 32-bit, a product's factors rounded to 11 bits of precision.
    pub const TF32: u32 = 1;
    /// 16-bit with 11 bits of precision.
    pub const F16: u32 = 2;
    /// 16-bit with 8 bits of precision.
    pub const BF16: u32 = 3;
}

/// How grave a message is.
pub mod level {
    /// Something failed.
    pub const ERROR: u32 = 0;
    /// Something works, but not as asked.
    pub const WARNING: u32 = 1;
    /// What is of interest to those who look into it.
    pub const DEBUG: u32 = 3;
}

/// Room for the reason of a failure.
#[repr(C)]
pub struct Report {
    /// Bytes of `text` that are used.
    pub length: usize,
    /// UTF-8, one line.
    pub text: [u8; 1000],
}

/// Where messages go.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Log {
    /// Handed back with each message.
    pub user: *mut c_void,
    /// Takes a message of a [`level`]: `length` bytes of UTF-8. May be called by any thread, several at a time; it doesn't
    /// keep the text and doesn't unwind.
    pub write: unsafe extern "C" fn(user: *mut c_void, level: u32, text: *const u8, length: usize),
}

/// How a program is to run.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Settings {
    /// [`CPU`] or a CUDA device's index, which was opened before.
    pub device: i32,
    /// One of [`precision`].
    pub precision: u32,
    /// A pixel goes in as `(pixel - offset) * scale`.
    pub offset: f32,
    /// See `offset`.
    pub scale: f32,
    /// The place, among the network's outputs, of the one that [`Table::embed`] hands out; any other number: there is none.
    pub embedding: usize,
    /// Where warnings go, until the program is freed.
    pub log: Log,
}

/// Images of one size.
#[repr(C)]
pub struct Image {
    /// `count` x `height` x `width` x 3 pixels, BGR, packed: u8, or f32 where `floats` is not 0.
    pub pixels: *const c_void,
    /// See `pixels`.
    pub floats: u32,
    /// Images.
    pub count: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Takes what a program hands out.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Sink {
    /// Handed back with each output.
    pub user: *mut c_void,
    /// Takes one output: `number` is its place among those asked for; `shape` is images, channels, rows and columns, of which
    /// the last two are 1 for a row of numbers; the values are row-major and are not kept. Returns a [`status`].
    pub take:
        unsafe extern "C" fn(user: *mut c_void, number: usize, shape: *const [usize; 4], values: *const f32) -> i32,
}

/// Embeddings as they are compared.
#[repr(C)]
pub struct GalleryRows {
    /// `count` x `length`: directions of Euclidean length 1.
    pub directions: *const f32,
    /// `count`: the embeddings' lengths.
    pub qualities: *const f32,
    /// Embeddings.
    pub count: usize,
    /// Floats of an embedding.
    pub length: usize,
}

/// The parameters of the quality-aware score.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Parameters {
    /// The score is `cosine + min(beta * cosine - alpha, 0) * min(quality, quality)`.
    pub alpha: f64,
    /// See `alpha`.
    pub beta: f64,
}

/// Something of the plug-in's: a program or a gallery. Usable by any thread, by several at a time.
pub type Handle = *mut c_void;

/// A plug-in's functions. Each returns a [`status`] and, where that is not OK, says in `report` why. None unwinds.
///
/// A later version may only be told from this one by `version`: both sides refuse another.
#[repr(C)]
pub struct Table {
    /// Bytes of this structure.
    pub size: usize,
    /// [`VERSION`] of the side that made it.
    pub version: u32,
    /// What computes, with its version ("libtorch 2.11.0"): UTF-8, ending in NUL.
    pub name: *const u8,
    /// Makes a device ready: [`CPU`] or a CUDA device's index. Must come before anything else with it.
    pub open: unsafe extern "C" fn(device: i32, report: *mut Report) -> i32,
    /// Whether small batches can be recorded and given to the device in one call (CUDA graphs).
    pub check_graphs: unsafe extern "C" fn(report: *mut Report) -> i32,
    /// Bytes: in use by this process's programs and galleries, held by the back end, in use at most so far, free on the
    /// device, of the device. All 0 on the CPU.
    pub memory: unsafe extern "C" fn(device: i32, bytes: *mut [u64; 5], report: *mut Report) -> i32,

    /// Puts a network ([`crate::Folded::to_bytes`], `length` bytes) on a device. The bytes are not kept.
    pub program_new: unsafe extern "C" fn(
        network: *const u8,
        length: usize,
        settings: *const Settings,
        program: *mut Handle,
        report: *mut Report,
    ) -> i32,
    /// Ends it; NULL is nothing.
    pub program_free: unsafe extern "C" fn(program: Handle),
    /// Takes `count` chips (each 112 x 112 x 3 bytes, BGR) through in batches of a size that fits the device's memory, and
    /// writes their embeddings, `length` floats each, in order. `length` is that of the network's output.
    pub embed: unsafe extern "C" fn(
        program: Handle,
        chips: *const *const u8,
        count: usize,
        embeddings: *mut f32,
        length: usize,
        report: *mut Report,
    ) -> i32,
    /// Takes images, one for each input of the network in the order in which it takes them, through at once, and hands the
    /// outputs of these places to `sink`, in order.
    pub run: unsafe extern "C" fn(
        program: Handle,
        images: *const Image,
        image_count: usize,
        outputs: *const usize,
        output_count: usize,
        sink: *const Sink,
        report: *mut Report,
    ) -> i32,

    /// Puts a gallery on a device; where `half` is not 0, its directions in f16.
    pub gallery_new: unsafe extern "C" fn(
        rows: *const GalleryRows,
        device: i32,
        half: u32,
        gallery: *mut Handle,
        report: *mut Report,
    ) -> i32,
    /// Ends it; NULL is nothing.
    pub gallery_free: unsafe extern "C" fn(gallery: Handle),
    /// The score of each probe with each of the gallery: probes x gallery, row-major.
    pub gallery_scores: unsafe extern "C" fn(
        gallery: Handle,
        probes: *const GalleryRows,
        parameters: *const Parameters,
        scores: *mut f32,
        report: *mut Report,
    ) -> i32,
    /// The `count` best of the gallery for each probe, best first; of equals, the first. `count` is at least 1 and at most
    /// the gallery's. Both outputs are probes x count, row-major.
    pub gallery_best: unsafe extern "C" fn(
        gallery: Handle,
        probes: *const GalleryRows,
        parameters: *const Parameters,
        count: usize,
        scores: *mut f32,
        indices: *mut u64,
        report: *mut Report,
    ) -> i32,
}

// SAFETY: a table is constant: functions, numbers and a constant text.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}
