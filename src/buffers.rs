//! Buffers that are used again.

use parking_lot::{Mutex, MutexGuard};

/// How often a thread looks whether another is done with the free buffers, which takes a few instructions.
const LOOKS: usize = 1000;

/// Buffers that are used again: memory fresh from the system costs more than filling it.
///
/// What a buffer held stays in it until it is used again.
#[derive(Debug)]
pub(crate) struct Buffers<T>(Mutex<Vec<Vec<T>>>);

impl<T> Default for Buffers<T> {
    fn default() -> Self {
        Buffers(Mutex::default())
    }
}

impl<T: Copy + Default> Buffers<T> {
    /// A buffer of `length` values, whatever they are.
    pub fn take(&self, length: usize) -> Vec<T> {
        let mut buffer = match self.free() {
            Some(mut free) => {
                // The smallest that is large enough, else the largest.
                let best = (0..free.len()).min_by_key(|&at| {
                    let room = free[at].capacity();
                    (room < length, if room < length { usize::MAX - room } else { room })
                });
                best.map(|at| free.swap_remove(at)).unwrap_or_default()
            }
            None => Vec::new(),
        };
        buffer.resize(length, T::default());
        buffer
    }

    /// Takes a buffer back.
    pub fn give(&self, buffer: Vec<T>) {
        if let Some(mut free) = self.free() {
            free.push(buffer);
        }
    }

    /// The free buffers; `None` where another thread has them for long: it was stopped in between, or a child of `fork`
    /// asks and the thread is its parent's. One can do without them.
    fn free(&self) -> Option<MutexGuard<'_, Vec<Vec<T>>>> {
        (0..LOOKS).find_map(|_| {
            let free = self.0.try_lock();
            if free.is_none() {
                std::hint::spin_loop();
            }
            free
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_and_done_without_where_a_thread_keeps_them() {
        let buffers = Buffers::<u8>::default();
        let buffer = buffers.take(100);
        let place = buffer.as_ptr();
        buffers.give(buffer);
        let again = buffers.take(50);
        assert_eq!((again.len(), again.as_ptr()), (50, place));
        buffers.give(again);

        // As in a child of fork whose parent had another thread here.
        let kept = buffers.0.lock();
        let other = buffers.take(10);
        assert_eq!(other, [0; 10]);
        assert_ne!(other.as_ptr(), place);
        buffers.give(other);
        drop(kept);
        let again = buffers.take(50);
        assert_eq!(again.as_ptr(), place);
    }
}
