//! Calls of the C ABI in any order, with any numbers, sizes and handles, NULL among them: no crash, no leak, nothing
//! written past what was given.
//!
//! What C code must promise (live handles, readable memory of the size that is said) is kept; everything else is any value.
#![no_main]

#[path = "../memory.rs"]
mod memory;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use memory::{Guarded, Handles};
use qmagface::ffi::*;
use qmagface::model::Fingerprint;
use qmagface::{Scalar, Template};
use std::ffi::CString;
use std::ptr::{null, null_mut};

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    /// Of a sound template: seldom found by chance.
    Template {
        model: bool,
        values: [i8; 4],
        scalar: u8,
        failed: bool,
    },
    ParseTemplate {
        data: &'a [u8],
    },
    TemplateInfo {
        at: u8,
    },
    Embedding {
        at: u8,
        capacity: u8,
    },
    Metadata {
        at: u8,
        capacity: u8,
    },
    WithMetadata {
        at: u8,
        data: &'a [u8],
    },
    Serialize {
        at: u8,
        scalar: u32,
        capacity: u16,
    },
    Seal {
        at: u8,
        scalar: u32,
        key: u8,
        key_size: u8,
        capacity: u16,
        /// Where a bit is turned before it is opened again.
        turned: Option<u16>,
    },
    Unseal {
        data: &'a [u8],
    },
    Fuse {
        at: [u8; 3],
        count: u8,
        fusion: u32,
    },
    DestroyTemplate {
        at: u8,
    },
    Calibration {
        alpha: f64,
        beta: f64,
    },
    ParseCalibration {
        data: &'a [u8],
    },
    CalibrationInfo {
        at: u8,
    },
    SerializeCalibration {
        at: u8,
        capacity: u16,
    },
    Threshold {
        at: u8,
        index: usize,
        fmr: f64,
        score: f64,
    },
    Gate {
        at: u8,
        gate: f64,
    },
    Fit {
        values: &'a [u8],
        count: u8,
        length: u8,
        procedure: u32,
        fmrs: [f64; 2],
        counts: [u8; 3],
    },
    DestroyCalibration {
        at: u8,
    },
    Compare {
        calibration: u8,
        a: u8,
        b: u8,
    },
    CompareEmbeddings {
        calibration: u8,
        values: [[f32; 5]; 2],
        length: u8,
    },
    Matrix {
        calibration: u8,
        at: [u8; 4],
        probes: u8,
        capacity: u8,
    },
    Gallery {
        scalar: u32,
    },
    Add {
        gallery: u8,
        at: [u8; 4],
        count: u8,
    },
    Remove {
        gallery: u8,
        indices: [usize; 3],
        count: u8,
    },
    Score {
        gallery: u8,
        calibration: u8,
        at: [u8; 2],
        count: u8,
        threads: u8,
        capacity: u8,
    },
    Search {
        gallery: u8,
        calibration: u8,
        at: [u8; 2],
        count: u8,
        most: u64,
        least: f64,
        threads: u8,
        capacity: u8,
    },
    GalleryInfo {
        at: u8,
    },
    DestroyGallery {
        at: u8,
    },
    LastError {
        capacity: u8,
    },
}

const MARK: f32 = 12345.0;

fuzz_target!(|calls: Vec<Call>| {
    let mut templates: Handles<qmf_template> = Handles(Vec::new());
    let mut calibrations: Handles<qmf_calibration> = Handles(Vec::new());
    let mut galleries: Handles<qmf_gallery> = Handles(Vec::new());
    for call in calls.iter().take(64) {
        // SAFETY: handles are those kept and live, or NULL; every size is that of the memory behind the pointer.
        unsafe { one(call, &mut templates, &mut calibrations, &mut galleries) };
    }
    // SAFETY: live, each once.
    unsafe {
        templates.0.drain(..).for_each(|handle| qmf_template_destroy(handle));
        calibrations
            .0
            .drain(..)
            .for_each(|handle| qmf_calibration_destroy(handle));
        galleries.0.drain(..).for_each(|handle| qmf_gallery_destroy(handle));
    }
    assert_eq!(
        (qmf_live_templates(), qmf_live_calibrations(), qmf_live_galleries()),
        (0, 0, 0)
    );
});

unsafe fn one(
    call: &Call,
    templates: &mut Handles<qmf_template>,
    calibrations: &mut Handles<qmf_calibration>,
    galleries: &mut Handles<qmf_gallery>,
) {
    unsafe {
        match call {
            Call::Template {
                model,
                values,
                scalar,
                failed,
            } => {
                let fingerprint = Fingerprint([u8::from(*model); 32]);
                let embedding: Vec<f32> = values.iter().map(|&value| f32::from(value)).collect();
                let made = match failed {
                    true => Template::failed("m", fingerprint, 4),
                    false => Template::from_embedding("m", fingerprint, &embedding),
                };
                if let Ok(made) = made {
                    let scalar = [Scalar::F32, Scalar::F16, Scalar::I8][usize::from(scalar % 3)];
                    let bytes = made.to_bytes(scalar);
                    let mut result = null_mut();
                    let status = qmf_template_parse(bytes.as_ptr(), bytes.len(), &mut result);
                    assert_eq!(status, QMF_OK);
                    templates.keep(status, result);
                }
            }
            Call::ParseTemplate { data } => {
                let mut result = null_mut();
                let status = qmf_template_parse(data.as_ptr(), data.len(), &mut result);
                templates.keep(status, result);
            }
            Call::TemplateInfo { at } => {
                let mut info = std::mem::zeroed::<qmf_template_info>();
                qmf_template_info_init(&mut info, size_of_val(&info));
                qmf_template_get_info(templates.at(*at), &mut info);
            }
            Call::Embedding { at, capacity } => {
                let mut buffer = Guarded::new((*capacity).into(), MARK);
                let mut length = 0;
                qmf_template_get_embedding(templates.at(*at), buffer.0.as_mut_ptr(), buffer.1, &mut length);
                buffer.check(MARK);
            }
            Call::Metadata { at, capacity } => {
                let mut buffer = Guarded::new((*capacity).into(), 0xa5u8);
                let mut size = 0;
                qmf_template_get_metadata(templates.at(*at), buffer.0.as_mut_ptr(), buffer.1, &mut size);
                buffer.check(0xa5);
            }
            Call::WithMetadata { at, data } => {
                let mut result = null_mut();
                let status = qmf_template_with_metadata(templates.at(*at), data.as_ptr(), data.len(), &mut result);
                templates.keep(status, result);
            }
            Call::Serialize { at, scalar, capacity } => {
                let mut buffer = Guarded::new((*capacity).into(), 0xa5u8);
                let mut size = 0;
                let scalar = *scalar as _;
                qmf_template_serialize(templates.at(*at), scalar, buffer.0.as_mut_ptr(), buffer.1, &mut size);
                buffer.check(0xa5);
            }
            Call::Seal {
                at,
                scalar,
                key,
                key_size,
                capacity,
                turned,
            } => {
                let (scalar, key) = (*scalar as _, [*key; 33]);
                // Mostly the right size.
                let key_size = if *key_size < 250 {
                    32
                } else {
                    usize::from(*key_size % 34)
                };
                let mut buffer = Guarded::new(usize::from(*capacity) * 2, 0xa5u8);
                let (data, capacity, mut size) = (buffer.0.as_mut_ptr(), buffer.1, 0);
                let handle = templates.at(*at);
                let sealed = qmf_template_seal(
                    handle,
                    scalar,
                    key.as_ptr(),
                    key_size,
                    null(),
                    0,
                    data,
                    capacity,
                    &mut size,
                );
                buffer.check(0xa5);
                if sealed == QMF_OK {
                    if let Some(turned) = turned {
                        buffer.0[usize::from(*turned) / 8 % size] ^= 1 << (turned % 8);
                    }
                    let mut result = null_mut();
                    let data = buffer.0.as_ptr();
                    let status = qmf_template_unseal(data, size, key.as_ptr(), key_size, null(), 0, &mut result);
                    assert_eq!(
                        status == QMF_OK,
                        turned.is_none(),
                        "opened what was changed, or not what wasn't"
                    );
                    templates.keep(status, result);
                }
            }
            Call::Unseal { data } => {
                let (key, mut result) = ([1u8; 32], null_mut());
                let status = qmf_template_unseal(data.as_ptr(), data.len(), key.as_ptr(), 32, null(), 0, &mut result);
                templates.keep(status, result);
            }
            Call::Fuse { at, count, fusion } => {
                let of = at.map(|at| templates.at(at).cast_const());
                let mut result = null_mut();
                let count = usize::from(*count) % (of.len() + 1);
                let status = qmf_template_fuse(of.as_ptr(), count, *fusion as _, &mut result);
                templates.keep(status, result);
            }
            Call::DestroyTemplate { at } => qmf_template_destroy(templates.take(*at)),
            Call::Calibration { alpha, beta } => {
                let mut result = null_mut();
                let status = qmf_calibration_create(*alpha, *beta, &mut result);
                calibrations.keep(status, result);
            }
            Call::ParseCalibration { data } => {
                let mut result = null_mut();
                let status = qmf_calibration_parse(data.as_ptr(), data.len(), &mut result);
                calibrations.keep(status, result);
            }
            Call::CalibrationInfo { at } => {
                let mut info = std::mem::zeroed::<qmf_calibration_info>();
                qmf_calibration_info_init(&mut info, size_of_val(&info));
                qmf_calibration_get_info(calibrations.at(*at), &mut info);
            }
            Call::SerializeCalibration { at, capacity } => {
                let mut buffer = Guarded::new((*capacity).into(), 0xa5u8);
                let mut size = 0;
                qmf_calibration_serialize(calibrations.at(*at), buffer.0.as_mut_ptr(), buffer.1, &mut size);
                buffer.check(0xa5);
            }
            Call::Threshold { at, index, fmr, score } => {
                let handle = calibrations.at(*at);
                let mut threshold = std::mem::zeroed::<qmf_threshold>();
                qmf_threshold_init(&mut threshold, size_of_val(&threshold));
                qmf_calibration_get_threshold(handle, *index, &mut threshold);
                let (mut value, mut flags) = (0.0, 0);
                qmf_calibration_threshold(handle, *fmr, &mut value);
                qmf_calibration_fmr(handle, *score, &mut value, &mut flags);
            }
            Call::Gate { at, gate } => {
                let mut result = null_mut();
                let status = qmf_calibration_with_quality_gate(calibrations.at(*at), *gate, &mut result);
                calibrations.keep(status, result);
            }
            Call::Fit {
                values,
                count,
                length,
                procedure,
                fmrs,
                counts,
            } => {
                let (count, length) = (usize::from(*count) % 12, usize::from(*length) % 6);
                let mut numbers = values
                    .iter()
                    .map(|&byte| f32::from(byte as i8))
                    .chain(std::iter::repeat(1.0));
                let embeddings: Vec<f32> = numbers.by_ref().take(count * length).collect();
                let people: Vec<u32> = numbers.take(count).map(|value| value.abs() as u32 % 4).collect();
                let mut options = std::mem::zeroed::<qmf_fit_options>();
                qmf_fit_options_init(&mut options, size_of_val(&options));
                options.procedure = *procedure as _;
                [options.least_fmr, options.greatest_fmr] = *fmrs;
                [options.fmr_count, options.weight_count, options.replicates] = counts.map(u32::from);
                let data = CString::new("fuzz").expect("no NUL");
                let (mut result, mut warnings) = (null_mut(), 0);
                let status = qmf_calibration_fit(
                    null(),
                    embeddings.as_ptr(),
                    count,
                    length,
                    people.as_ptr(),
                    &options,
                    data.as_ptr(),
                    null(),
                    &mut result,
                    &mut warnings,
                );
                calibrations.keep(status, result);
            }
            Call::DestroyCalibration { at } => qmf_calibration_destroy(calibrations.take(*at)),
            Call::Compare { calibration, a, b } => {
                let mut comparison = qmf_comparison::default();
                let (a, b) = (templates.at(*a), templates.at(*b));
                if qmf_compare(calibrations.at(*calibration), a, b, &mut comparison) == QMF_OK {
                    assert!(!comparison.score.is_nan() && comparison.score <= 1.0 + 1e-6);
                }
            }
            Call::CompareEmbeddings {
                calibration,
                values,
                length,
            } => {
                let mut comparison = qmf_comparison::default();
                let length = usize::from(*length) % 6;
                let [a, b] = values.each_ref().map(|values| values.as_ptr());
                let calibration = calibrations.at(*calibration);
                if qmf_compare_embeddings(calibration, a, b, length, &mut comparison) == QMF_OK {
                    assert!(!comparison.score.is_nan() && comparison.score <= 1.0 + 1e-6);
                }
            }
            Call::Matrix {
                calibration,
                at,
                probes,
                capacity,
            } => {
                let of = at.map(|at| templates.at(at).cast_const());
                let (probes, gallery) = of.split_at(usize::from(*probes) % (of.len() + 1));
                let mut scores = Guarded::new(usize::from(*capacity) % 8, MARK);
                qmf_score_matrix(
                    calibrations.at(*calibration),
                    probes.as_ptr(),
                    probes.len(),
                    gallery.as_ptr(),
                    gallery.len(),
                    null(),
                    scores.0.as_mut_ptr(),
                    scores.1,
                );
                scores.check(MARK);
            }
            Call::Gallery { scalar } => {
                let mut result = null_mut();
                let status = qmf_gallery_create(*scalar as _, &mut result);
                galleries.keep(status, result);
            }
            Call::Add { gallery, at, count } => {
                let of = at.map(|at| templates.at(at).cast_const());
                let mut first = 0;
                qmf_gallery_add(
                    galleries.at(*gallery),
                    of.as_ptr(),
                    usize::from(*count) % (of.len() + 1),
                    &mut first,
                );
            }
            Call::Remove {
                gallery,
                indices,
                count,
            } => {
                qmf_gallery_remove(galleries.at(*gallery), indices.as_ptr(), usize::from(*count) % 4);
            }
            Call::Score {
                gallery,
                calibration,
                at,
                count,
                threads,
                capacity,
            } => {
                let of = at.map(|at| templates.at(at).cast_const());
                let mut scores = Guarded::new((*capacity).into(), MARK);
                let mut made = 0;
                qmf_gallery_score(
                    galleries.at(*gallery),
                    calibrations.at(*calibration),
                    of.as_ptr(),
                    usize::from(*count) % 3,
                    u32::from(*threads % 3),
                    null(),
                    scores.0.as_mut_ptr(),
                    scores.1,
                    &mut made,
                );
                scores.check(MARK);
            }
            Call::Search {
                gallery,
                calibration,
                at,
                count,
                most,
                least,
                threads,
                capacity,
            } => {
                let of = at.map(|at| templates.at(at).cast_const());
                let capacity = usize::from(*capacity) % 16;
                let mut matches: Vec<qmf_match> = (0..capacity + 1).map(|_| std::mem::zeroed()).collect();
                matches[capacity].score = MARK.into();
                let mut counts = [0; 2];
                let mut options = std::mem::zeroed::<qmf_search_options>();
                qmf_search_options_init(&mut options, size_of_val(&options));
                options.most = *most;
                options.least_score = *least;
                options.threads = u32::from(*threads % 3);
                qmf_gallery_search(
                    galleries.at(*gallery),
                    calibrations.at(*calibration),
                    of.as_ptr(),
                    usize::from(*count) % 3,
                    &options,
                    null(),
                    matches.as_mut_ptr(),
                    capacity,
                    counts.as_mut_ptr(),
                );
                assert_eq!(matches[capacity].score, f64::from(MARK));
            }
            Call::GalleryInfo { at } => {
                let mut info = std::mem::zeroed::<qmf_gallery_info>();
                qmf_gallery_info_init(&mut info, size_of_val(&info));
                qmf_gallery_get_info(galleries.at(*at), &mut info);
            }
            Call::DestroyGallery { at } => qmf_gallery_destroy(galleries.take(*at)),
            Call::LastError { capacity } => {
                let mut buffer = Guarded::new((*capacity).into(), 0x25);
                let mut length = 0;
                qmf_last_error(buffer.0.as_mut_ptr(), buffer.1, &mut length);
                buffer.check(0x25);
            }
        }
    }
}
