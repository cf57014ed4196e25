//! A picture that is made of tiles (ISO/IEC 23008-12, clause 6.6.2.3).

use super::{Coded, DecodeLimits, Items, Numbers, RgbImage, wrong};
use crate::error::Result;

/// The least side of a tile (ISO/IEC 23000-22, clause 7.3.11.4.2): without it a file of many small ones is long work.
const LEAST_SIDE: usize = 64;

/// Its size, and its tiles row by row.
pub(super) struct Grid {
    pub width: usize,
    pub height: usize,
    columns: usize,
    tiles: Vec<u32>,
}

impl Grid {
    /// An item's. `left` as for [`Items::data`].
    pub fn of(items: &Items, item: u32, left: &mut usize) -> Result<Self> {
        let data = items.data(item, left)?;
        let said = said(&data).ok_or_else(|| wrong("what it says of its tiles ends early"))?;
        let [rows, columns, width, height] = said;
        let tiles = items.made_of(item)?;
        match tiles.len() == rows * columns && width > 0 && height > 0 {
            true => Ok(Grid {
                width,
                height,
                columns,
                tiles,
            }),
            false => Err(wrong("it has another number of tiles than it says")),
        }
    }

    /// Tile by tile, so that one at a time takes memory. `left` as for [`Items::data`].
    pub fn decode(&self, items: &Items, left: &mut usize, limits: &DecodeLimits) -> Result<RgbImage> {
        let mut whole = Vec::new();
        let mut size = None;
        for (at, &item) in self.tiles.iter().enumerate() {
            if items.kind_of(item) != Some(*b"hvc1") {
                return Err(wrong("a tile of it isn't HEVC"));
            }
            let tile = Coded::of(items, item, left)?;
            let (width, height) = tile.shown();
            let same = (width, height, tile.coded);
            if *size.get_or_insert(same) != same {
                return Err(wrong("its tiles have different sizes"));
            }
            let rows = self.tiles.len() / self.columns;
            // Of one column or row a tile may be larger than the picture.
            let [coded_width, coded_height] = tile.coded.map(u64::from);
            crate::image::check_pixels(coded_width * self.columns as u64, coded_height * rows as u64, limits)?;
            let covers = |side: usize, tiles: usize, whole: usize| side * tiles >= whole && side * (tiles - 1) < whole;
            if !covers(width, self.columns, self.width) || !covers(height, rows, self.height) {
                return Err(wrong("its tiles don't cover its picture"));
            }
            if self.tiles.len() > 1 && width.min(height) < LEAST_SIDE {
                return Err(wrong("its tiles are smaller than they may be"));
            }
            // Only now: it is known that the picture needs no more than its tiles have.
            whole.resize(self.width * self.height * 3, 0);
            let (left, top) = (at % self.columns * width, at / self.columns * height);
            let shown = width.min(self.width - left);
            let tile = tile.decode()?;
            let lines = whole.chunks_exact_mut(self.width * 3).skip(top);
            for (to, from) in lines.zip(tile.as_raw().chunks_exact(width * 3)) {
                to[left * 3..(left + shown) * 3].copy_from_slice(&from[..shown * 3]);
            }
        }
        RgbImage::from_raw(self.width as u32, self.height as u32, whole).ok_or_else(|| wrong("it has no tiles"))
    }
}

/// Rows and columns of tiles, width and height of the picture.
fn said(data: &[u8]) -> Option<[usize; 4]> {
    let mut numbers = Numbers(data);
    let (_, flags) = (numbers.u8()?, numbers.u8()?);
    let (rows, columns) = (numbers.u8()?, numbers.u8()?);
    let bytes = if flags & 1 == 1 { 4 } else { 2 };
    let mut side = || numbers.number(bytes).and_then(|side| usize::try_from(side).ok());
    Some([usize::from(rows) + 1, usize::from(columns) + 1, side()?, side()?])
}
