//! Messages to whom a program belongs.

use qmagface_backend::{Log, level};

/// Where a program's messages go.
#[derive(Clone, Copy)]
pub(crate) struct Messages(Log);

// SAFETY: the interface says that any thread may write, several at a time, until the program is freed.
unsafe impl Send for Messages {}
// SAFETY: as above.
unsafe impl Sync for Messages {}

impl Messages {
    /// # Safety
    /// `log` stays what it is until the last message.
    pub unsafe fn new(log: Log) -> Messages {
        Messages(log)
    }

    /// Something failed, and the call goes on.
    pub fn error(self, text: &str) {
        self.write(level::ERROR, text);
    }

    /// Something works, but not as asked.
    pub fn warn(self, text: &str) {
        self.write(level::WARNING, text);
    }

    /// For those who look into it.
    pub fn debug(self, text: &str) {
        self.write(level::DEBUG, text);
    }

    fn write(self, level: u32, text: &str) {
        // SAFETY: as `new` was promised; the text is valid for the call.
        unsafe { (self.0.write)(self.0.user, level, text.as_ptr(), text.len()) }
    }

    /// Nobody's.
    #[cfg(test)]
    pub fn none() -> Messages {
        unsafe extern "C" fn nothing(_: *mut std::ffi::c_void, _: u32, _: *const u8, _: usize) {}
        Messages(Log {
            user: std::ptr::null_mut(),
            write: nothing,
        })
    }
}
