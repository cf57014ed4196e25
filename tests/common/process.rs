//! What a process takes of memory, and how it is kept from taking more. Linux only.
#![allow(dead_code)] // each program uses a part of it

/// A number of /proc/self/status that is given in kB, in bytes.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    let kilobytes: u64 = line
        .trim_start_matches(':')
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse()
        .unwrap();
    kilobytes * 1024
}

/// Bytes that lie in memory now.
pub fn resident() -> u64 {
    status("VmRSS")
}

/// The most bytes that lay in memory at a time.
pub fn peak_resident() -> u64 {
    status("VmHWM")
}

/// Bytes of private memory that may be written, touched or not.
pub fn data() -> u64 {
    status("VmData")
}

/// From now on this process gets no memory that would make [`data`] more than `bytes`.
pub fn limit_data(bytes: u64) {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the struct is whole and outlives the call.
    let done = unsafe { libc::setrlimit(libc::RLIMIT_DATA, &limit) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// Gives memory that the allocator keeps back to the system, so that [`resident`] is what is in use.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim has no preconditions.
    unsafe {
        libc::malloc_trim(0);
    }
}
