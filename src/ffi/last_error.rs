//! The text of a thread's last failure, for the caller.

use super::memory::put_text;
use super::status::{QMF_OK, guard, last_error, qmf_status};
use std::os::raw::c_char;

/// Copies the text of this thread's last failure, NUL-terminated, in UTF-8, into `buffer` of `capacity` bytes.
///
/// `length` (may be NULL) gets the text's length without the NUL. A text that doesn't fit is cut at a whole character;
/// `length` then is larger than `capacity - 1`, and nothing else is wrong. `buffer` may be NULL if `capacity` is 0.
/// The text is empty when no call of this thread has failed, and stays until the next failure of this thread.
///
/// # Safety
/// `buffer` points to `capacity` writable bytes, `length` to a writable `size_t` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_last_error(buffer: *mut c_char, capacity: usize, length: *mut usize) -> qmf_status {
    let text = last_error();
    // SAFETY: promised by the caller.
    guard(|| unsafe { put_text(&text, buffer, capacity, length) }.map(|()| QMF_OK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    fn copied(capacity: usize) -> (String, usize) {
        let mut buffer = vec![b'#'; capacity + 4];
        let mut length = usize::MAX;
        // SAFETY: the buffer is longer than `capacity`.
        let status = unsafe { qmf_last_error(buffer.as_mut_ptr().cast(), capacity, &mut length) };
        assert_eq!(status, QMF_OK);
        assert_eq!(buffer[capacity..], *b"####", "wrote past the capacity");
        let end = buffer.iter().position(|&byte| byte == 0 || byte == b'#').unwrap();
        (String::from_utf8(buffer[..end].to_vec()).unwrap(), length)
    }

    #[test]
    fn a_short_buffer_gets_whole_characters_and_the_full_length() {
        guard(|| Err(Error::new(ErrorKind::Io, "aéz").into()));
        assert_eq!(copied(100), ("aéz".into(), 4));
        assert_eq!(copied(5), ("aéz".into(), 4));
        assert_eq!(copied(4), ("aé".into(), 4));
        assert_eq!(copied(3), ("a".into(), 4));
        assert_eq!(copied(1), ("".into(), 4));
        assert_eq!(copied(0), ("".into(), 4));
    }
}
