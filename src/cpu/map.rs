//! Maps of features in memory.

use crate::buffers::Buffers;

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

impl Default for Lane {
    fn default() -> Self {
        Lane::ZERO
    }
}

/// What maps are made of.
pub(crate) type Scratch = Buffers<Lane>;

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
