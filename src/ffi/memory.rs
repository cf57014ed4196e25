//! Crossing from C pointers to Rust references, with every check there is.

use super::status::{Failure, QMF_OK, qmf_status};
use crate::error::{Error, ErrorKind};
use std::ffi::CStr;
use std::os::raw::c_char;

/// The failure for a wrong argument.
pub(super) fn invalid(message: impl Into<String>) -> Failure {
    Error::new(ErrorKind::InvalidArgument, message).into()
}

/// Fails when `pointer` is NULL or misaligned.
pub(super) fn check<T>(pointer: *const T, name: &str) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(invalid(format!("{name} is NULL")));
    }
    if !pointer.is_aligned() {
        return Err(invalid(format!("{name} is not aligned to {} bytes", align_of::<T>())));
    }
    Ok(())
}

/// Fails when a buffer of `capacity` elements is NULL or misaligned; of none it may be. Asked before the work, of which nothing
/// would come.
pub(super) fn check_room<T>(buffer: *const T, capacity: usize, name: &str) -> Result<(), Failure> {
    match capacity {
        0 => Ok(()),
        _ => check(buffer, name),
    }
}

/// Borrows the caller's `*pointer`.
///
/// # Safety
/// A `pointer` that isn't NULL points to an initialised `T` that nobody changes during the call.
pub(super) unsafe fn reference<'a, T>(pointer: *const T, name: &str) -> Result<&'a T, Failure> {
    check(pointer, name)?;
    // SAFETY: not NULL and aligned, checked above; initialised and unchanged, promised by the caller.
    Ok(unsafe { &*pointer })
}

/// Borrows the caller's array of `length` elements.
///
/// # Safety
/// A `pointer` that isn't NULL points to `length` initialised elements that nobody changes during the call.
pub(super) unsafe fn array<'a, T>(pointer: *const T, length: usize, name: &str) -> Result<&'a [T], Failure> {
    check(pointer, name)?;
    if length
        .checked_mul(size_of::<T>())
        .is_none_or(|bytes| bytes > isize::MAX as usize)
    {
        return Err(invalid(format!(
            "{name}: {length} elements are more than memory can hold"
        )));
    }
    // SAFETY: not NULL, aligned and of a possible size, checked above; the rest is promised by the caller.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// As [`array`], for arrays that may be NULL if they are empty.
///
/// # Safety
/// As [`array`].
pub(super) unsafe fn array_or_none<'a, T>(pointer: *const T, length: usize, name: &str) -> Result<&'a [T], Failure> {
    match length {
        0 => Ok(&[]),
        // SAFETY: promised by the caller.
        _ => unsafe { array(pointer, length, name) },
    }
}

/// Borrows the caller's NUL-terminated UTF-8 text.
///
/// # Safety
/// A `pointer` that isn't NULL points to a NUL-terminated string that nobody changes during the call.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Failure> {
    check(pointer, name)?;
    // SAFETY: not NULL, checked above; terminated, promised by the caller.
    unsafe { CStr::from_ptr(pointer) }
        .to_str()
        .map_err(|_| invalid(format!("{name} is not UTF-8")))
}

/// Writes as much of `text` as fits with a NUL into `buffer`, cut at a whole character, and the length of all of it
/// without the NUL into `*length`. A capacity of 0 asks for the length only; a NULL `length` doesn't ask for it.
///
/// # Safety
/// A `buffer` that isn't NULL points to `capacity` writable bytes, a `length` that isn't NULL is writable.
pub(super) unsafe fn put_text(
    text: &str,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Result<(), Failure> {
    if !length.is_null() {
        check(length, "length")?;
    }
    if let Some(room) = capacity.checked_sub(1) {
        check(buffer, "buffer")?;
        let boundary = |&end: &usize| text.is_char_boundary(end);
        let fitting = (0..=room.min(text.len())).rev().find(boundary).unwrap_or(0);
        // SAFETY: fitting + 1 <= capacity bytes are written, which the caller promises; `text` is the library's own.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), fitting);
            *buffer.add(fitting) = 0;
        }
    }
    if !length.is_null() {
        // SAFETY: not NULL and aligned, checked above; writable, promised by the caller.
        unsafe { *length = text.len() };
    }
    Ok(())
}

/// Writes all of `values` into the caller's `buffer` and how many they are into `*count`. If `capacity` is too small,
/// only `*count` is written.
///
/// # Safety
/// A `buffer` that isn't NULL has `capacity` writable elements; `count` was checked by [`check`] and is writable.
pub(super) unsafe fn put<T: Copy>(
    values: &[T],
    buffer: *mut T,
    capacity: usize,
    count: *mut usize,
    name: &str,
) -> Result<qmf_status, Failure> {
    let needed = values.len();
    check_room(buffer, capacity, name)?;
    if capacity >= needed && needed > 0 {
        // SAFETY: `needed` <= `capacity` writable elements, promised by the caller; `values` is the library's own.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), buffer, needed) };
    }
    // SAFETY: promised by the caller.
    unsafe { *count = needed };
    match capacity < needed {
        true => Err(Failure::BufferTooSmall { capacity, needed }),
        false => Ok(QMF_OK),
    }
}

/// A struct of the ABI that begins with `uint32_t struct_size`, so that it can grow.
///
/// # Safety
/// `#[repr(C)]`, the first field is a `u32`, and every bit pattern of all fields is valid.
pub(super) unsafe trait Sized32: Copy + Default {
    /// Bytes of the struct's first release: a caller can't have a smaller one.
    const LEAST: usize;
}

/// Reads a caller's struct, which may be an older (shorter) or a newer (longer) one than ours: what an older one lacks
/// has its default; what a newer one has beyond ours must be zero, for this library can't honour it.
///
/// # Safety
/// `pointer` is NULL or points to a readable `uint32_t` that says how many initialised bytes are there.
pub(super) unsafe fn read_sized<T: Sized32>(pointer: *const T, name: &str) -> Result<T, Failure> {
    // SAFETY: promised by the caller.
    let size = unsafe { struct_size(pointer, name)? };
    let mut value = T::default();
    // SAFETY: `size` readable bytes, promised by the caller; at most size_of::<T>() are written into `value`, for
    // which every bit pattern is valid (Sized32).
    unsafe {
        std::ptr::copy_nonoverlapping(
            pointer.cast::<u8>(),
            (&raw mut value).cast::<u8>(),
            size.min(size_of::<T>()),
        );
    }
    if size > size_of::<T>() {
        // SAFETY: the tail lies inside the `size` bytes the caller promises.
        let tail =
            unsafe { std::slice::from_raw_parts(pointer.cast::<u8>().add(size_of::<T>()), size - size_of::<T>()) };
        if tail.iter().any(|&byte| byte != 0) {
            return Err(invalid(format!(
                "{name} sets an option this version of the library doesn't have"
            )));
        }
    }
    Ok(value)
}

/// Checks that a caller's struct can be written to, before the work: it must say its size.
///
/// # Safety
/// As [`read_sized`].
pub(super) unsafe fn check_sized<T: Sized32>(pointer: *const T, name: &str) -> Result<(), Failure> {
    // SAFETY: as promised by the caller.
    unsafe { struct_size(pointer, name) }.map(|_| ())
}

/// Writes as much of `value` as the caller's struct holds, and leaves its `struct_size`.
///
/// # Safety
/// `pointer` was checked by [`check_sized`], and as many bytes as its `struct_size` says can be written.
pub(super) unsafe fn write_sized<T: Sized32>(pointer: *mut T, value: &T) {
    const OFFSET: usize = size_of::<u32>();
    // SAFETY: both are #[repr(C)] with a u32 in front; no more bytes than the caller's size and ours are touched.
    unsafe {
        let size = *pointer.cast::<u32>() as usize;
        let (from, to) = (
            (&raw const *value).cast::<u8>().add(OFFSET),
            pointer.cast::<u8>().add(OFFSET),
        );
        match size >= size_of::<T>() {
            // A size that the compiler knows: of a struct of two doublewords, a tenth of the time of a comparison.
            true => std::ptr::copy_nonoverlapping(from, to, size_of::<T>() - OFFSET),
            false => std::ptr::copy_nonoverlapping(from, to, size - OFFSET),
        }
    }
}

/// Fills a caller's struct of `size` bytes with the defaults: what the `qmf_*_init` functions do.
///
/// # Safety
/// `pointer` is NULL or points to `size` writable bytes.
pub(super) unsafe fn init_sized<T: Sized32>(pointer: *mut T, size: usize, name: &str) -> Result<(), Failure> {
    check(pointer, name)?;
    let size32 = u32::try_from(size).ok().filter(|_| (T::LEAST..=MOST).contains(&size));
    let size32 = size32.ok_or_else(|| {
        invalid(format!(
            "{name} can't have {size} bytes: pass sizeof of the struct (at least {})",
            T::LEAST
        ))
    })?;
    // SAFETY: `size` writable bytes, promised by the caller; the copy stays inside them.
    unsafe {
        std::ptr::write_bytes(pointer.cast::<u8>(), 0, size);
        *pointer.cast::<u32>() = size32;
        write_sized(pointer, &T::default());
    }
    Ok(())
}

/// No struct of any release is larger: a size beyond it is garbage.
const MOST: usize = 4096;

/// # Safety
/// As [`read_sized`].
unsafe fn struct_size<T: Sized32>(pointer: *const T, name: &str) -> Result<usize, Failure> {
    check(pointer, name)?;
    // SAFETY: not NULL and aligned, checked above; a readable u32, promised by the caller.
    let size = unsafe { *pointer.cast::<u32>() } as usize;
    if !(T::LEAST..=MOST).contains(&size) {
        return Err(invalid(format!(
            "{name}: struct_size is {size}, not the struct's size (at least {}): fill it with its qmf_*_init first",
            T::LEAST
        )));
    }
    Ok(size)
}
