//! What YuNet asks of its two networks, wherever they run.

use super::describe::STRIDES;
use crate::detect::mtcnn::CropScores;
use crate::error::Result;
use crate::image::{BgrImage, Crop, resize_u8};

/// YuNet and MTCNN's O-Net. Usable by many threads at once.
///
/// Each fails with [`crate::ErrorKind::Backend`] when the device fails (out of memory).
pub(crate) trait Networks: Send + Sync {
    /// YuNet's maps of a canvas, one for each stride.
    fn find(&self, canvas: &Canvas) -> Result<Vec<Maps>>;

    /// O-Net on crops.
    fn place(&self, crops: &[Crop]) -> Result<CropScores>;
}

/// One stride's maps, row by row of cells: planes of one number a cell, one after the other.
pub(crate) struct Maps {
    pub stride: usize,
    pub rows: usize,
    pub columns: usize,
    /// Whether a face is there, and how well the box fits, each 0..1.
    pub class: Vec<f32>,
    pub object: Vec<f32>,
    /// Of the box: its centre from the cell, and the logarithms of its sides, all in strides.
    pub bbox: Vec<f32>,
    /// Of the five landmarks: x and y from the cell, in strides.
    pub landmarks: Vec<f32>,
}

/// What the network sees: an image at another size, black around it.
pub(crate) struct Canvas {
    /// Whole cells of the coarsest map.
    pub rows: usize,
    pub columns: usize,
    /// Three bytes a pixel: blue, green, red.
    pub pixels: Vec<u8>,
    /// Black rows above and columns to the left of the image.
    margin: usize,
    /// Pixels of the image to one of the canvas, across and down.
    scale: [f64; 2],
}

impl Canvas {
    /// The image at this size (width, height; at least 1 each) with `margin` black rows and columns on each side.
    pub fn new(image: &mut Halved, (width, height): (usize, usize), margin: usize) -> Self {
        let (from, halvings) = image.towards((width, height));
        let resized = resize_u8(&Crop::whole(from), (width, height));
        let whole = |length: usize| (length + 2 * margin).next_multiple_of(STRIDES[STRIDES.len() - 1]);
        let (rows, columns) = (whole(height), whole(width));
        let pixels = match (rows, columns) == (height, width) {
            true => resized,
            false => {
                let mut pixels = vec![0; rows * columns * 3];
                let lines = pixels.chunks_exact_mut(columns * 3).skip(margin);
                for (to, from) in lines.zip(resized.chunks_exact(width * 3)) {
                    to[margin * 3..(margin + width) * 3].copy_from_slice(from);
                }
                pixels
            }
        };
        let scale = |source: usize, target: usize| (source << halvings) as f64 / target as f64;
        Canvas {
            rows,
            columns,
            pixels,
            margin,
            scale: [scale(from.width(), width), scale(from.height(), height)],
        }
    }

    /// Where a point of the canvas is in the image.
    pub fn in_image(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let back = |at: f32, scale: f64| ((f64::from(at) - self.margin as f64) * scale) as f32;
        [back(x, self.scale[0]), back(y, self.scale[1])]
    }
}

/// An image that is halved as long as it is twice as large as it is looked at, or more, so that each of its pixels counts:
/// resizing alone looks at four of them for each one that it makes.
pub(crate) struct Halved<'a> {
    image: &'a BgrImage,
    /// The image halved, and how often.
    smaller: Option<(BgrImage, u32)>,
}

impl<'a> Halved<'a> {
    pub fn new(image: &'a BgrImage) -> Self {
        Halved { image, smaller: None }
    }

    /// The image halved until it has less than twice this size (width, height) on one side, and how often it was; an odd row
    /// or column at the end is left out. Later sizes must not be larger: they go on from here.
    fn towards(&mut self, (width, height): (usize, usize)) -> (&BgrImage, u32) {
        while let Some(half) = self.half((width, height)) {
            self.smaller = Some(half);
        }
        match &self.smaller {
            Some((image, halvings)) => (image, *halvings),
            None => (self.image, 0),
        }
    }

    /// Half of what there is; `None` where that is less than this size on one side.
    fn half(&self, (width, height): (usize, usize)) -> Option<(BgrImage, u32)> {
        let (from, halvings) = self
            .smaller
            .as_ref()
            .map_or((self.image, 0), |(image, count)| (image, *count));
        let half = (from.width() / 2, from.height() / 2);
        if half.0 < width || half.1 < height {
            return None;
        }
        let even = Crop {
            width: 2 * half.0,
            height: 2 * half.1,
            ..Crop::whole(from)
        };
        // So many pixels are made.
        let image = BgrImage::new(half.0, half.1, resize_u8(&even, half)).ok()?;
        Some((image, halvings + 1))
    }
}
