//! Back ends that are missing, wrong, broken or panicking, and a small one that works, each as a table of functions.

use super::*;
use crate::ErrorKind;
use crate::chip::Chip;
use crate::compare::QualityParameters;
use crate::message::LogLevel;
use parking_lot::Mutex;
use qmagface_backend::{
    Folded, GalleryRows, Handle, Image, Parameters, Settings, Sink, VERSION, guard, level, place, status,
};
use std::fs;
use std::sync::Arc;

/// How the fake back end behaves; its tables differ in nothing else.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// It makes an embedding of each chip's first bytes, and hands out as a map what it is given.
    Good,
    /// Its device fails.
    Failing,
    /// It panics.
    Panicking,
    /// It hands out other things than it was asked for.
    Odd,
}

/// What a program of the fake keeps.
struct Program {
    kind: Kind,
    settings: Settings,
}

macro_rules! table {
    ($kind:expr) => {{
        unsafe extern "C" fn program_new(
            network: *const u8,
            length: usize,
            settings: *const Settings,
            program: *mut Handle,
            report: *mut Report,
        ) -> i32 {
            // SAFETY: the interface's promise.
            let (bytes, settings) = unsafe { (std::slice::from_raw_parts(network, length), *settings) };
            // SAFETY: as above.
            guard(unsafe { &mut *report }, || {
                Folded::from_bytes(bytes).map_err(|wrong| Failure::new(status::BROKEN, wrong))?;
                let made = Box::new(Program { kind: $kind, settings });
                // SAFETY: room for a handle.
                unsafe { *program = Box::into_raw(made).cast() };
                Ok(())
            })
        }
        static TABLE: Table = Table {
            size: size_of::<Table>(),
            version: VERSION,
            name: c"fake 1.0".as_ptr().cast(),
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
        };
        &TABLE
    }};
}

unsafe extern "C" fn open(device: i32, report: *mut Report) -> i32 {
    // SAFETY: the interface's promise.
    guard(unsafe { &mut *report }, || match device {
        qmagface_backend::CPU | 0 => Ok(()),
        _ => Err(Failure::new(status::DEVICE, "only one device")),
    })
}

unsafe extern "C" fn check_graphs(report: *mut Report) -> i32 {
    // SAFETY: the interface's promise.
    guard(unsafe { &mut *report }, || {
        Err(Failure::new(status::DEVICE, "no capture_begin"))
    })
}

unsafe extern "C" fn memory(_device: i32, bytes: *mut [u64; 5], _report: *mut Report) -> i32 {
    // SAFETY: the interface's promise.
    unsafe { *bytes = [1, 2, 3, 4, 5] };
    status::OK
}

unsafe extern "C" fn program_free(program: Handle) {
    // SAFETY: made by `program_new`.
    drop(unsafe { Box::from_raw(program.cast::<Program>()) });
}

/// What each kind does before its work.
fn begin(program: &Program) -> Result<(), Failure> {
    let log = program.settings.log;
    let text = "the batch is halved";
    // SAFETY: the log lives as long as the program.
    unsafe { (log.write)(log.user, level::WARNING, text.as_ptr(), text.len()) };
    match program.kind {
        Kind::Good | Kind::Odd => Ok(()),
        Kind::Failing => Err(Failure::new(status::FAILED, "out of memory")),
        Kind::Panicking => panic!("the fake's own fault"),
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
    // SAFETY: the interface's promise.
    let program = unsafe { &*program.cast::<Program>() };
    // SAFETY: as above.
    guard(unsafe { &mut *report }, || {
        begin(program)?;
        for chip in 0..count {
            for at in 0..length {
                // SAFETY: so many chips, and room for so many floats.
                unsafe { *embeddings.add(chip * length + at) = f32::from(*(*chips.add(chip)).add(at)) };
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn run(
    program: Handle,
    images: *const Image,
    _image_count: usize,
    _outputs: *const usize,
    output_count: usize,
    sink: *const Sink,
    report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise.
    let (program, image, sink) = unsafe { (&*program.cast::<Program>(), &*images, *sink) };
    // SAFETY: as above.
    guard(unsafe { &mut *report }, || {
        begin(program)?;
        let given = match program.kind {
            Kind::Odd => output_count + 1,
            _ => output_count,
        };
        for number in 0..given {
            let shape = [image.count, 64, 1, 1];
            let values = vec![number as f32; image.count * 64];
            // SAFETY: as many values as the shape says.
            let status = unsafe { (sink.take)(sink.user, number, &shape, values.as_ptr()) };
            if status != status::OK {
                return Err(Failure::new(status, "not taken"));
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn gallery_new(
    rows: *const GalleryRows,
    _device: i32,
    half: u32,
    gallery: *mut Handle,
    report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise.
    guard(unsafe { &mut *report }, || {
        assert_eq!(half, 1, "the test's own");
        // SAFETY: the interface's promise.
        unsafe { *gallery = Box::into_raw(Box::new((*rows).count)).cast() };
        Ok(())
    })
}

unsafe extern "C" fn gallery_free(gallery: Handle) {
    // SAFETY: made by `gallery_new`.
    drop(unsafe { Box::from_raw(gallery.cast::<usize>()) });
}

unsafe extern "C" fn gallery_scores(
    gallery: Handle,
    probes: *const GalleryRows,
    parameters: *const Parameters,
    scores: *mut f32,
    _report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise.
    unsafe {
        let count = *gallery.cast::<usize>();
        for at in 0..(*probes).count * count {
            *scores.add(at) = *(*probes).qualities.add(at / count) + (*parameters).beta as f32 * (at % count) as f32;
        }
    }
    status::OK
}

unsafe extern "C" fn gallery_best(
    _gallery: Handle,
    probes: *const GalleryRows,
    _parameters: *const Parameters,
    count: usize,
    scores: *mut f32,
    indices: *mut u64,
    _report: *mut Report,
) -> i32 {
    // SAFETY: the interface's promise.
    unsafe {
        for at in 0..(*probes).count * count {
            *scores.add(at) = -(at as f32);
            *indices.add(at) = at as u64;
        }
    }
    status::OK
}

fn back_end(kind: Kind) -> GpuBackEnd {
    let table = match kind {
        Kind::Good => table!(Kind::Good),
        Kind::Failing => table!(Kind::Failing),
        Kind::Panicking => table!(Kind::Panicking),
        Kind::Odd => table!(Kind::Odd),
    };
    // SAFETY: a whole table that stays.
    let table = unsafe { load::check(table) }.unwrap();
    GpuBackEnd { table }
}

fn weights() -> TensorMap {
    let mut weights = TensorMap::new();
    for (name, shape) in Network::SFace.tensor_specs() {
        let count = shape.iter().product();
        weights.insert(name, shape, vec![0.0; count]).unwrap();
    }
    weights
}

fn sface(kind: Kind, log: &Log) -> Box<dyn EmbeddingNetwork> {
    let on = back_end(kind).open(Device::Cuda(0), log).unwrap();
    on.network(Network::SFace, &weights(), Precision::Tf32).unwrap()
}

/// What a log was told.
type Kept = Arc<Mutex<Vec<(LogLevel, String)>>>;

/// A log, and what it was told.
fn kept() -> (Log, Kept) {
    let kept = Kept::default();
    let into = kept.clone();
    let log = Log::new(LogLevel::Debug, move |level, text| {
        into.lock().push((level, text.to_owned()))
    });
    (log, kept)
}

fn chip(first: u8) -> Chip {
    let mut bytes = vec![7; Chip::BYTES];
    bytes[0] = first;
    Chip::from_bgr(bytes).unwrap()
}

#[test]
fn a_back_end_is_opened_asked_and_warns_where_the_engine_logs() {
    let back_end = back_end(Kind::Good);
    assert_eq!(back_end.name(), "fake 1.0");
    let (log, told) = kept();
    let on = back_end.open(Device::Cuda(0), &log).unwrap();
    assert_eq!(Backend::device(&on), Device::Cuda(0));
    let memory = on.memory().unwrap().unwrap();
    assert_eq!((memory.allocated, memory.total), (1, 5));
    assert_eq!(back_end.open(Device::Cpu, &log).unwrap().memory(), Ok(None));

    let network = sface(Kind::Good, &log);
    let chips = [chip(1), chip(2)];
    let made = network.forward(&chips.each_ref()).unwrap();
    assert_eq!(made.iter().map(|made| made[0]).collect::<Vec<_>>(), [1.0, 2.0]);
    assert!(made.iter().all(|made| made.len() == 128 && made[1] == 7.0));
    assert!(network.forward(&[]).unwrap().is_empty());
    let maps = network.forward_stages(&[&chips[0]]).unwrap();
    assert_eq!((maps.len(), maps[0].shape), (1, [1, 64, 1, 1]));
    let expected = (LogLevel::Warning, "the batch is halved".to_owned());
    assert_eq!(*told.lock(), [expected.clone(), expected.clone(), expected]);
}

#[test]
fn failures_over_there_are_errors_here() {
    let error = back_end(Kind::Good).open(Device::Cuda(3), &Log::default()).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Device, "only one device"));
    let error = back_end(Kind::Good).check_graphs().unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Device, "no capture_begin"));

    let chip = chip(1);
    for (kind, expected, words) in [
        (Kind::Failing, ErrorKind::Backend, "out of memory"),
        (
            Kind::Panicking,
            ErrorKind::Internal,
            "the GPU back end panicked: the fake's own fault",
        ),
    ] {
        let network = sface(kind, &kept().0);
        for error in [
            network.forward(&[&chip]).unwrap_err(),
            network.forward_stages(&[&chip]).unwrap_err(),
        ] {
            assert_eq!(error.kind(), expected);
            assert!(error.message().starts_with(words), "{error}");
        }
    }
    let error = sface(Kind::Odd, &kept().0).forward_stages(&[&chip]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[test]
fn a_receiver_of_messages_that_panics_spoils_nothing() {
    let log = Log::new(LogLevel::Debug, |_, _| panic!("the receiver's own fault"));
    let network = sface(Kind::Good, &log);
    assert_eq!(network.forward(&[&chip(9)]).unwrap()[0][0], 9.0);
}

#[test]
fn what_is_wrong_with_the_weights_is_told_before_anything_is_sent() {
    let on = back_end(Kind::Panicking)
        .open(Device::Cuda(0), &Log::default())
        .unwrap();
    let refusal = on.network(Network::SFace, &TensorMap::new(), Precision::F32);
    assert_eq!(refusal.err().unwrap().kind(), ErrorKind::Weights);
    let on = back_end(Kind::Good).open(Device::Cpu, &Log::default()).unwrap();
    let refusal = on.network(Network::SFace, &weights(), Precision::Tf32);
    assert_eq!(refusal.err().unwrap().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn galleries_go_over_as_directions_and_lengths() {
    let on = back_end(Kind::Good).open(Device::Cuda(0), &Log::default()).unwrap();
    let parameters = QualityParameters { alpha: 0.0, beta: 0.5 };
    let gallery = on.gallery(&[3.0, 4.0, 0.0, 2.0], 2, true).unwrap();
    assert_eq!((gallery.len(), gallery.is_empty()), (2, false));
    assert_eq!(gallery.scores(&[6.0, 8.0], &parameters).unwrap(), [10.0, 10.5]);
    let best = gallery.best(&[6.0, 8.0], &parameters, 5).unwrap();
    assert_eq!(best.len(), 1);
    assert_eq!(best[0].iter().map(|best| best.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(gallery.best(&[6.0, 8.0], &parameters, 0).unwrap(), [Vec::new()]);
    assert!(gallery.scores(&[], &parameters).unwrap().is_empty());

    for (probes, words) in [
        (&[1.0f32, 2.0, 3.0][..], "3 values are no embeddings of 2"),
        (&[1.0, 2.0, f32::NAN, 1.0], "probe 1"),
    ] {
        let error = gallery.scores(probes, &parameters).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().starts_with(words), "{error}");
    }
    let error = on.gallery(&[0.0, 0.0], 2, true).unwrap_err();
    assert!(error.message().starts_with("gallery 0"), "{error}");
    // The test's own panic over there, which is where an unexpected `half` goes.
    assert_eq!(
        on.gallery(&[3.0, 4.0], 2, false).unwrap_err().kind(),
        ErrorKind::Internal
    );
}

#[test]
fn another_version_size_or_nothing_is_refused() {
    let table = |size, version| {
        // SAFETY: a table is numbers and addresses; this one is never called.
        let mut table: Table = unsafe { std::ptr::read(back_end(Kind::Good).table) };
        (table.size, table.version) = (size, version);
        // SAFETY: as `check` wants it.
        unsafe { load::check(Box::leak(Box::new(table))) }.err().unwrap()
    };
    let right = size_of::<Table>();
    assert!(table(right, VERSION + 1).contains(&format!("version {}", VERSION + 1)));
    assert!(table(right, 0).contains("the same release"));
    assert!(table(right - 8, VERSION).contains("bytes of functions"));
    // SAFETY: NULL is allowed.
    assert!(unsafe { load::check(std::ptr::null()) }.is_err());
    assert_eq!(place(0, 0, 2, 2), 0, "what both sides count with is linked once");
}

#[test]
fn a_file_that_is_no_back_end_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.so");
    fs::write(&garbage, "no library".repeat(1000)).unwrap();
    let missing = folder.path().join("missing.so");
    // Any library without the function: what this program is linked to.
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let other = maps
        .lines()
        .find_map(|line| line.split_whitespace().find(|word| word.contains("/libc.so.6")));
    let mut cases = vec![(garbage.as_path(), "does not load: /"), (&missing, "No such file")];
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        cases.push((other.expect("a C library").as_ref(), "exports no qmagface_backend"));
    }
    for (file, words) in cases {
        let error = load::load(file).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Device);
        let message = error.message();
        assert!(
            message.starts_with(&file.display().to_string()) && message.contains(words),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}
