//! The C ABI's own unsafe code, called from Rust: pointers, sizes, handles and structs of several releases, without an engine.
//! It is small so that Miri can run it, which sees every wrong access: `make miri`.

use qmagface::ffi::*;
use qmagface::model::Fingerprint;
use qmagface::{Scalar, Template};
use std::mem::{MaybeUninit, offset_of};
use std::ptr::{null, null_mut};

const LENGTH: usize = 4;

fn template(values: [f32; LENGTH]) -> *mut qmf_template {
    let made = Template::from_embedding("m", Fingerprint([1; 32]), &values).unwrap();
    let bytes = made.to_bytes(Scalar::F32);
    let mut handle = null_mut();
    // SAFETY: all of the bytes, and a place for the handle.
    let status = unsafe { qmf_template_parse(bytes.as_ptr(), bytes.len(), &mut handle) };
    assert_eq!(status, QMF_OK);
    handle
}

fn last_error() -> String {
    let (mut text, mut length) = (vec![1u8; 8], 0);
    // SAFETY: as many bytes as are said, first fewer than needed.
    unsafe {
        assert_eq!(
            qmf_last_error(text.as_mut_ptr().cast(), text.len(), &mut length),
            QMF_OK
        );
        text.resize(length + 1, 1);
        assert_eq!(qmf_last_error(text.as_mut_ptr().cast(), text.len(), null_mut()), QMF_OK);
    }
    assert_eq!(text.pop(), Some(0));
    String::from_utf8(text).unwrap()
}

#[test]
fn templates_are_made_read_and_destroyed() {
    let one = template([3.0, 0.0, 4.0, 0.0]);
    let (mut other, mut fused) = (null_mut(), null_mut());
    // SAFETY: live handles, and memory of the sizes that are said.
    unsafe {
        let note = b"who";
        assert_eq!(
            qmf_template_with_metadata(one, note.as_ptr(), note.len(), &mut other),
            QMF_OK
        );
        let both = [one.cast_const(), other.cast_const()];
        assert_eq!(
            qmf_template_fuse(both.as_ptr(), 2, QMF_FUSION_QUALITY, &mut fused),
            QMF_OK
        );

        let (mut values, mut count) = ([f32::NAN; LENGTH], 0);
        assert_eq!(
            qmf_template_get_embedding(one, values.as_mut_ptr(), LENGTH, &mut count),
            QMF_OK
        );
        assert!(count == LENGTH && (values[0] - 3.0).abs() < 1e-5 && (values[2] - 4.0).abs() < 1e-5);
        let few = qmf_template_get_embedding(one, values.as_mut_ptr(), LENGTH - 1, &mut count);
        assert_eq!((few, count), (QMF_ERROR_BUFFER_TOO_SMALL, LENGTH));
        assert_eq!(
            qmf_template_get_embedding(one, null_mut(), 0, &mut count),
            QMF_ERROR_BUFFER_TOO_SMALL
        );

        let mut size = 0;
        assert_eq!(
            qmf_template_serialize(other, QMF_SCALAR_I8, null_mut(), 0, &mut size),
            QMF_ERROR_BUFFER_TOO_SMALL
        );
        let mut bytes: Vec<MaybeUninit<u8>> = vec![MaybeUninit::uninit(); size];
        assert_eq!(
            qmf_template_serialize(other, QMF_SCALAR_I8, bytes.as_mut_ptr().cast(), size, &mut size),
            QMF_OK
        );
        for length in 0..size {
            let mut none = null_mut();
            assert_ne!(qmf_template_parse(bytes.as_ptr().cast(), length, &mut none), QMF_OK);
            assert!(none.is_null());
        }
        [one, other, fused]
            .into_iter()
            .for_each(|handle| qmf_template_destroy(handle));
        qmf_template_destroy(null_mut());
    }
}

/// A struct as a later release would have it.
#[repr(C)]
struct Later<T> {
    known: T,
    rest: [u8; 24],
}

#[test]
fn structs_of_other_releases_are_filled_and_read_as_far_as_they_go() {
    let handle = template([1.0, 2.0, 3.0, 4.0]);
    let mut later = Later {
        known: qmf_template_info::default(),
        rest: [7; 24],
    };
    let size = size_of_val(&later);
    let info = (&raw mut later).cast::<qmf_template_info>();
    // SAFETY: a live handle, and a struct of the size that is said.
    unsafe {
        assert_eq!(qmf_template_info_init(info, size), QMF_OK);
        assert_eq!((*info).struct_size as usize, size);
        assert_eq!((*info.cast::<Later<qmf_template_info>>()).rest, [0; 24]);
        assert_eq!(qmf_template_get_info(handle, info), QMF_OK);
        assert_eq!(((*info).length, (*info).scalar), (LENGTH as u32, QMF_SCALAR_F32));
        assert_eq!(qmf_template_info_init(info, 4), QMF_ERROR_INVALID_ARGUMENT);
        (*info).struct_size = 1 << 20;
        assert_eq!(qmf_template_get_info(handle, info), QMF_ERROR_INVALID_ARGUMENT);
        assert!(last_error().contains("struct_size"), "{}", last_error());
        qmf_template_destroy(handle);

        // What this release doesn't know may not be asked for.
        let mut options = Later {
            known: qmf_engine_options::default(),
            rest: [0; 24],
        };
        let engine = &mut null_mut();
        let pointer = (&raw mut options).cast::<qmf_engine_options>();
        assert_eq!(
            qmf_engine_options_init(pointer, size_of::<Later<qmf_engine_options>>()),
            QMF_OK
        );
        let last = offset_of!(Later<qmf_engine_options>, rest) + 23;
        *pointer.cast::<u8>().add(last) = 1;
        let status = qmf_engine_create_from_memory([0u8; 4].as_ptr(), 4, pointer, engine);
        assert_eq!(status, QMF_ERROR_INVALID_ARGUMENT);
        assert!(last_error().contains("sets an option this version"), "{}", last_error());
    }
}

fn refused(status: qmf_status, part: &str) {
    assert_eq!(status, QMF_ERROR_INVALID_ARGUMENT, "{part}");
    assert!(last_error().contains(part), "{part}: {}", last_error());
}

#[test]
fn wrong_pointers_are_refused() {
    let handle = template([1.0, 0.0, 0.0, 0.0]);
    let mut numbers = [0u64; 4];
    // One byte behind an aligned place, inside the memory.
    let odd = numbers.as_mut_ptr().cast::<u8>().wrapping_add(1);
    let (mut count, mut made) = (0, null_mut());
    // SAFETY: NULL and misaligned pointers are what is tried; the rest is live.
    unsafe {
        refused(qmf_template_get_embedding(null(), null_mut(), 0, &mut count), "NULL");
        refused(
            qmf_template_get_embedding(handle, odd.cast(), 1, &mut count),
            "not aligned",
        );
        refused(qmf_template_get_embedding(handle, null_mut(), 9, &mut count), "NULL");
        refused(
            qmf_template_get_embedding(handle, null_mut(), 0, odd.cast()),
            "not aligned",
        );
        refused(
            qmf_template_parse(odd, usize::MAX, &mut made),
            "more than memory can hold",
        );
        refused(qmf_template_fuse(null(), 2, QMF_FUSION_QUALITY, &mut made), "NULL");
        qmf_template_destroy(handle);
    }
}

#[test]
fn faces_are_compared_and_searched() {
    let faces = [[1.0, 0.0, 0.0, 2.0], [0.0, 3.0, 0.0, 0.0], [1.0, 0.1, 0.0, 2.0]].map(template);
    let of = faces.map(|face| face.cast_const());
    let (mut calibration, mut gallery) = (null_mut(), null_mut());
    // SAFETY: live handles, and memory of the sizes that are said.
    unsafe {
        assert_eq!(qmf_calibration_create(0.08, 0.12, &mut calibration), QMF_OK);
        let mut same = qmf_comparison::default();
        assert_eq!(qmf_compare(calibration, of[0], of[2], &mut same), QMF_OK);
        let mut scores = [f32::NAN; 9];
        assert_eq!(
            qmf_score_matrix(
                calibration,
                of.as_ptr(),
                3,
                of.as_ptr(),
                3,
                null(),
                scores.as_mut_ptr(),
                9
            ),
            QMF_OK
        );
        assert!((f64::from(scores[2]) - same.score).abs() < 1e-5 && scores.iter().all(|score| score.is_finite()));

        assert_eq!(qmf_gallery_create(QMF_SCALAR_F16, &mut gallery), QMF_OK);
        let mut first = 9;
        assert_eq!(qmf_gallery_add(gallery, of.as_ptr(), 3, &mut first), QMF_OK);
        assert_eq!(first, 0);
        let (mut made, mut row) = (0, [f32::NAN; 3]);
        assert_eq!(
            qmf_gallery_score(
                gallery,
                calibration,
                of.as_ptr(),
                1,
                1,
                null(),
                row.as_mut_ptr(),
                3,
                &mut made
            ),
            QMF_OK
        );
        assert!((row[2] - scores[2]).abs() < 1e-3, "{row:?}, {scores:?}");
        assert_eq!(qmf_gallery_remove(gallery, [1usize].as_ptr(), 1), QMF_OK);

        let mut size = 0;
        assert_eq!(
            qmf_calibration_serialize(calibration, null_mut(), 0, &mut size),
            QMF_ERROR_BUFFER_TOO_SMALL
        );
        let mut bytes = vec![0u8; size];
        assert_eq!(
            qmf_calibration_serialize(calibration, bytes.as_mut_ptr(), size, &mut size),
            QMF_OK
        );
        qmf_calibration_destroy(calibration);
        assert_eq!(qmf_calibration_parse(bytes.as_ptr(), size, &mut calibration), QMF_OK);
        qmf_calibration_destroy(calibration);
        qmf_gallery_destroy(gallery);
        faces.into_iter().for_each(|face| qmf_template_destroy(face));
    }
}

/// Handles as several threads of a C program have them.
struct Handles {
    gallery: *mut qmf_gallery,
    calibration: *mut qmf_calibration,
    faces: [*const qmf_template; 2],
}

// SAFETY: these handles may be used by any thread, several at once.
unsafe impl Sync for Handles {}

/// Miri finds what two threads do to one place without a lock.
#[test]
fn several_threads_add_search_and_fuse() {
    let made = [[1.0, 0.0, 0.0, 2.0], [0.0, 3.0, 0.0, 1.0]].map(template);
    let mut handles = Handles {
        gallery: null_mut(),
        calibration: null_mut(),
        faces: made.map(|face| face.cast_const()),
    };
    // SAFETY: live handles, destroyed when no thread has them any more, and memory of the sizes that are said.
    unsafe {
        assert_eq!(qmf_calibration_create(0.08, 0.12, &mut handles.calibration), QMF_OK);
        assert_eq!(qmf_gallery_create(QMF_SCALAR_F32, &mut handles.gallery), QMF_OK);
        let (shared, faces) = (&handles, handles.faces.len());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(move || {
                    let (mut first, mut fused, mut scores) = (0, null_mut(), [0.0; 8]);
                    let of = shared.faces.as_ptr();
                    assert_eq!(qmf_gallery_add(shared.gallery, of, faces, &mut first), QMF_OK);
                    let mut count = 0;
                    let (gallery, calibration, room) = (shared.gallery, shared.calibration, scores.len());
                    let status = qmf_gallery_score(
                        gallery,
                        calibration,
                        of,
                        1,
                        1,
                        null(),
                        scores.as_mut_ptr(),
                        room,
                        &mut count,
                    );
                    assert!(status == QMF_OK && (faces..=2 * faces).contains(&count));
                    assert_eq!(qmf_template_fuse(of, faces, QMF_FUSION_QUALITY, &mut fused), QMF_OK);
                    qmf_template_destroy(fused);
                    // The last error is each thread's own.
                    refused(qmf_template_fuse(null(), 2, QMF_FUSION_QUALITY, &mut fused), "NULL");
                });
            }
        });
        qmf_gallery_destroy(handles.gallery);
        qmf_calibration_destroy(handles.calibration);
        made.into_iter().for_each(|face| qmf_template_destroy(face));
    }
}
