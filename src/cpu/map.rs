//! Maps of features in memory, and the buffers they are made of.

use parking_lot::{Mutex, MutexGuard};

/// Channels that lie side by side.
pub(crate) const LANES: usize = 16;

/// One place's values in [`LANES`] channels, on a cache line of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lane(pub [f32; LANES]);

impl Lane {
    /// Zero everywhere: what lies outside a map.
    pub const ZERO: Lane = Lane([0.0; LANES]);

    /// Numbers for each channel as panels, filled up with zeros.
    pub fn panels(values: &[f32]) -> Vec<Lane> {
        values
            .chunks(LANES)
            .map(|chunk| {
                let mut lane = Lane::ZERO;
                lane.0[..chunk.len()].copy_from_slice(chunk);
                lane
            })
            .collect()
    }
}

/// Features of some images: by panel of channels, then image, then row, then column.
#[derive(Debug, Default)]
pub(crate) struct Map {
    /// Panels of [`LANES`] channels.
    pub panels: usize,
    /// Images.
    pub images: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The values.
    pub data: Vec<Lane>,
}

impl Map {
    /// A map with whatever values `scratch`'s buffer has: to be written as a whole.
    pub fn taken(scratch: &Scratch, [panels, images, height, width]: [usize; 4]) -> Map {
        Map {
            panels,
            images,
            height,
            width,
            data: scratch.take(panels * images * height * width),
        }
    }

    /// Places of one image.
    pub fn places(&self) -> usize {
        self.height * self.width
    }

    /// One panel of one image, row by row.
    pub fn plane(&self, panel: usize, image: usize) -> &[Lane] {
        let places = self.places();
        &self.data[(panel * self.images + image) * places..][..places]
    }

    /// Gives the buffer back.
    pub fn release(self, scratch: &Scratch) {
        scratch.give(self.data);
    }
}

/// How often a thread looks whether another is done with the free buffers, which takes a few instructions.
const LOOKS: usize = 1000;

/// Buffers that are used again: memory fresh from the system costs more than filling it.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Mutex<Vec<Vec<Lane>>>);

impl Scratch {
    /// A buffer of `length` lanes of any values.
    pub fn take(&self, length: usize) -> Vec<Lane> {
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
        buffer.resize(length, Lane::ZERO);
        buffer
    }

    /// Takes a buffer back.
    pub fn give(&self, buffer: Vec<Lane>) {
        if let Some(mut free) = self.free() {
            free.push(buffer);
        }
    }

    /// The free buffers; `None` where another thread has them for long: it was stopped in between, or a child of `fork`
    /// asks and the thread is its parent's. One can do without them.
    fn free(&self) -> Option<MutexGuard<'_, Vec<Vec<Lane>>>> {
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
        let scratch = Scratch::default();
        let buffer = scratch.take(100);
        let place = buffer.as_ptr();
        scratch.give(buffer);
        let again = scratch.take(50);
        assert_eq!((again.len(), again.as_ptr()), (50, place));
        scratch.give(again);

        // As in a child of fork whose parent had another thread here.
        let kept = scratch.0.lock();
        let other = scratch.take(10);
        assert_eq!(other, vec![Lane::ZERO; 10]);
        assert_ne!(other.as_ptr(), place);
        scratch.give(other);
        drop(kept);
        let again = scratch.take(50);
        assert_eq!(again.as_ptr(), place);
    }
}
