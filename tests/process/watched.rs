//! The allocator of this program: it looks at every block that is freed, and counts the large ones that are asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes of what is looked for: 8 floats.
pub const SECRET: usize = 32;

/// Most that can be looked for at a time.
const MOST: usize = 24;

/// The first 8 bytes of each secret, and the rest of it.
static SECRETS: [[AtomicU64; SECRET / 8]; MOST] = [const { [const { AtomicU64::new(0) }; SECRET / 8] }; MOST];
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// A bit for each secret that was found in a freed block.
static FOUND: AtomicU64 = AtomicU64::new(0);

/// How many blocks of [`LARGE`] bytes or more were asked for.
static LARGE_BLOCKS: AtomicUsize = AtomicUsize::new(0);

/// From so many bytes on a block is mapped afresh by the usual allocators, and costs its pages.
pub const LARGE: usize = 128 << 10;

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

// SAFETY: blocks are the system allocator's; they are only read.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // Zeroed, so that every byte of a block can be read when it is freed.
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let count = COUNT.load(Ordering::Acquire);
        if count > 0 && layout.size() >= SECRET {
            for at in 0..=layout.size() - SECRET {
                for (index, secret) in SECRETS[..count].iter().enumerate() {
                    let holds = |(part, wanted): (usize, &AtomicU64)| {
                        // SAFETY: inside the block, which is still the program's.
                        let found = unsafe { pointer.add(at + 8 * part).cast::<u64>().read_unaligned() };
                        found == wanted.load(Ordering::Relaxed)
                    };
                    if secret.iter().enumerate().all(holds) {
                        FOUND.fetch_or(1 << index, Ordering::Relaxed);
                    }
                }
            }
        }
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count(size: usize) {
    if size >= LARGE {
        LARGE_BLOCKS.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many large blocks `work` asked for, on any thread.
pub fn large_blocks(work: impl FnOnce()) -> usize {
    let before = LARGE_BLOCKS.load(Ordering::Relaxed);
    work();
    LARGE_BLOCKS.load(Ordering::Relaxed) - before
}

/// Which of the secrets, named, were left in memory that `work` freed.
pub fn left_behind<'a>(secrets: &[(&'a str, [u8; SECRET])], work: impl FnOnce()) -> Vec<&'a str> {
    for ((_, secret), place) in secrets.iter().zip(&SECRETS) {
        assert!(secret.iter().any(|&byte| byte != 0), "zeros are everywhere");
        for (part, place) in secret.as_chunks::<8>().0.iter().zip(place) {
            place.store(u64::from_ne_bytes(*part), Ordering::Relaxed);
        }
    }
    assert!(secrets.len() <= MOST);
    FOUND.store(0, Ordering::Relaxed);
    COUNT.store(secrets.len(), Ordering::Release);
    work();
    COUNT.store(0, Ordering::Release);
    let found = FOUND.load(Ordering::Relaxed);
    let named = secrets.iter().enumerate().filter(|(index, _)| found >> index & 1 == 1);
    named.map(|(_, &(name, _))| name).collect()
}
