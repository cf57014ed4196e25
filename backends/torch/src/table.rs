//! The C functions that qmagface calls: pointers become references here, and nothing else does.

use crate::batches::Chip;
use crate::device::Device;
use crate::embedder::Network;
use crate::gallery::{Embeddings, Gallery};
use crate::log::Messages;
use crate::program::{Precision, Setting};
use crate::{CHIP_SIDE, Error, LIBTORCH_VERSION, Result, accelerator, pixels};
use once_cell::sync::Lazy;
use qmagface_backend::{
    Folded, GalleryRows, Handle, Image, Parameters, Report, Settings, Sink, Table, Told, VERSION, guard,
};
use tch::Kind;

/// What computes, ending in NUL.
static NAME: Lazy<String> = Lazy::new(|| format!("libtorch {LIBTORCH_VERSION}\0"));

static TABLE: Lazy<Table> = Lazy::new(|| Table {
    size: size_of::<Table>(),
    version: VERSION,
    name: NAME.as_ptr(),
    open,
    check_graphs,
    memory,
    program_new,
    program_free,
    embed,
    run,
    gallery_new,
    gallery_free,
    gallery_scores,
    gallery_best,
});

/// The table that qmagface asks this file for, see [`qmagface_backend::Entry`].
// SAFETY: no other function of the process has this name: qmagface looks it up in this file only.
#[unsafe(no_mangle)]
pub extern "C" fn qmagface_backend() -> *const Table {
    &raw const *TABLE
}

/// Does the work of one function, see [`guard`].
///
/// # Safety
/// `report` is live, as the interface says of every call.
unsafe fn told(report: *mut Report, work: impl FnOnce() -> Result<()>) -> i32 {
    // SAFETY: as the caller promises.
    let report = unsafe { &mut *report };
    guard(report, || Ok(work()?))
}

/// A list of the other side's.
///
/// # Safety
/// As [`std::slice::from_raw_parts`], but for no elements, where the pointer may be anything.
unsafe fn list<'a, T>(start: *const T, count: usize) -> &'a [T] {
    match count {
        0 => &[],
        // SAFETY: as the caller promises.
        _ => unsafe { std::slice::from_raw_parts(start, count) },
    }
}

/// [`list`], to be written.
///
/// # Safety
/// As [`std::slice::from_raw_parts_mut`], but for no elements, where the pointer may be anything.
unsafe fn room<'a, T>(start: *mut T, count: usize) -> &'a mut [T] {
    match count {
        0 => &mut [],
        // SAFETY: as the caller promises.
        _ => unsafe { std::slice::from_raw_parts_mut(start, count) },
    }
}

unsafe extern "C" fn open(device: i32, report: *mut Report) -> i32 {
    // SAFETY: the interface's promise.
    unsafe { told(report, || Device::of(device)?.open()) }
}

unsafe extern "C" fn check_graphs(report: *mut Report) -> i32 {
    // SAFETY: the interface's promise.
    unsafe { told(report, || accelerator::graph_functions().map(drop)) }
}

unsafe extern "C" fn memory(device: i32, bytes: *mut [u64; 5], report: *mut Report) -> i32 {
    // SAFETY: the interface's promise: `bytes` is room for five numbers.
    unsafe {
        told(report, || {
            *bytes = accelerator::memory(Device::of(device)?)?.unwrap_or_default();
            Ok(())
        })
    }
}

unsafe extern "C" fn program_new(
    network: *const u8,
    length: usize,
    settings: *const Settings,
    program: *mut Handle,
    report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise: `length` bytes, live settings, room for a handle; the log lives until
    // `program_free`, which ends the last user of these messages.
    unsafe {
        told(report, || {
            let folded = Folded::from_bytes(list(network, length)).map_err(Error::broken)?;
            let settings = &*settings;
            let setting = Setting {
                device: Device::of(settings.device)?,
                precision: Precision::of(settings.precision)?,
            };
            let embedding = Some(settings.embedding).filter(|&place| place < folded.outputs.len());
            let pixels = (settings.offset, settings.scale);
            let made = Network::new(&folded, embedding, pixels, setting, Messages::new(settings.log))?;
            *program = Box::into_raw(Box::new(made)).cast();
            Ok(())
        })
    }
}

unsafe extern "C" fn program_free(program: Handle) {
    if !program.is_null() {
        // SAFETY: made by `program_new`, and not used again.
        let program = unsafe { Box::from_raw(program.cast::<Network>()) };
        guard(&mut Report::empty(), || {
            drop(program);
            Ok(())
        });
    }
}

unsafe extern "C" fn embed(
    program: Handle,
    chips: *const *const u8,
    count: usize,
    embeddings: *mut f32,
    length: usize,
    report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise: a program, so many pointers to chips, room for so many floats.
    unsafe {
        told(report, || {
            let chips: Vec<&Chip> = list(chips, count).iter().map(|&chip| &*chip.cast::<Chip>()).collect();
            let made = (*program.cast::<Network>()).embed(&chips)?;
            let places = room(embeddings, count * length).chunks_exact_mut(length.max(1));
            for (place, made) in places.zip(&made) {
                if made.len() != length {
                    let what = format!("an embedding has {} elements, not {length}", made.len());
                    return Err(Error::broken(what));
                }
                place.copy_from_slice(made);
            }
            Ok(())
        })
    }
}

unsafe extern "C" fn run(
    program: Handle,
    images: *const Image,
    image_count: usize,
    outputs: *const usize,
    output_count: usize,
    sink: *const Sink,
    report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise: a program, so many images and places, a live sink.
    unsafe {
        told(report, || {
            let (images, outputs, sink) = (list(images, image_count), list(outputs, output_count), *sink);
            let upload = |device| images.iter().map(|image| pixels::upload(image, device)).collect();
            (*program.cast::<Network>()).run(upload, outputs, |number, made| {
                let made = made.f_to_device(tch::Device::Cpu)?.f_to_kind(Kind::Float)?;
                let mut shape = [1; 4];
                for (side, made) in shape.iter_mut().zip(made.size()) {
                    *side = made as usize;
                }
                let values = Vec::<f32>::try_from(&made.f_contiguous()?.f_view([-1])?)?;
                let status = (sink.take)(sink.user, number, &shape, values.as_ptr());
                let mut said = Report::empty();
                said.write("the caller did not take what a network gave");
                status.told(&said).map_err(Error)
            })
        })
    }
}

/// # Safety
/// `rows` is live and says what lies at its pointers.
unsafe fn embeddings<'a>(rows: *const GalleryRows) -> Result<Embeddings<'a>> {
    // SAFETY: as the caller promises.
    let rows = unsafe { &*rows };
    let size = rows.count.checked_mul(rows.length);
    let size = size.ok_or_else(|| Error::broken("embeddings of an impossible size"))?;
    Ok(Embeddings {
        // SAFETY: as the caller promises.
        directions: unsafe { list(rows.directions, size) },
        // SAFETY: as the caller promises.
        qualities: unsafe { list(rows.qualities, rows.count) },
        length: rows.length,
    })
}

unsafe extern "C" fn gallery_new(
    rows: *const GalleryRows,
    device: i32,
    half: u32,
    gallery: *mut Handle,
    report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise: live rows, room for a handle.
    unsafe {
        told(report, || {
            let made = Gallery::new(embeddings(rows)?, Device::of(device)?, half != 0)?;
            *gallery = Box::into_raw(Box::new(made)).cast();
            Ok(())
        })
    }
}

unsafe extern "C" fn gallery_free(gallery: Handle) {
    if !gallery.is_null() {
        // SAFETY: made by `gallery_new`, and not used again.
        let gallery = unsafe { Box::from_raw(gallery.cast::<Gallery>()) };
        guard(&mut Report::empty(), || {
            drop(gallery);
            Ok(())
        });
    }
}

unsafe extern "C" fn gallery_scores(
    gallery: Handle,
    probes: *const GalleryRows,
    parameters: *const Parameters,
    scores: *mut f32,
    report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise: a gallery, live probes and parameters, room for probes x gallery floats.
    unsafe {
        told(report, || {
            let (gallery, probes) = (&*gallery.cast::<Gallery>(), embeddings(probes)?);
            let scores = room(scores, probes.qualities.len() * gallery.count());
            gallery.scores(probes, *parameters, scores)
        })
    }
}

unsafe extern "C" fn gallery_best(
    gallery: Handle,
    probes: *const GalleryRows,
    parameters: *const Parameters,
    count: usize,
    scores: *mut f32,
    indices: *mut u64,
    report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise: a gallery, live probes and parameters, room for probes x count of each.
    unsafe {
        told(report, || {
            let (gallery, probes) = (&*gallery.cast::<Gallery>(), embeddings(probes)?);
            if !(1..=gallery.count()).contains(&count) {
                return Err(Error::broken(format!(
                    "the best {count} of {} were asked for",
                    gallery.count()
                )));
            }
            let size = probes.qualities.len() * count;
            gallery.best(probes, *parameters, count, (room(scores, size), room(indices, size)))
        })
    }
}

const _: () = assert!(CHIP_SIDE == 112, "the interface says so");
