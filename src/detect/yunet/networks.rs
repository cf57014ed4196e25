//! What YuNet asks of its two networks, wherever they run.

use super::describe::STRIDES;
use crate::buffers::Buffers;
use crate::detect::Face;
use crate::detect::mtcnn::CropScores;
use crate::error::Result;
use crate::image::{BgrImage, Crop, resize_u8_into};

/// YuNet and MTCNN's O-Net. Usable by many threads at once.
///
/// Each fails with [`crate::ErrorKind::Backend`] when the device fails (out of memory).
pub(crate) trait Networks: Send + Sync {
    /// YuNet on a canvas: all faces of at least this score, in the canvas' pixels, overlapping ones among them.
    fn find(&self, canvas: &Canvas, threshold: f32) -> Result<Vec<Face>>;

    /// O-Net on crops.
    fn place(&self, crops: &[Crop]) -> Result<CropScores>;
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
        let buffers = image.buffers;
        let (from, halvings) = image.towards((width, height));
        let whole = |length: usize| (length + 2 * margin).next_multiple_of(STRIDES[STRIDES.len() - 1]);
        let (rows, columns) = (whole(height), whole(width));
        let mut pixels = buffers.take(rows * columns * 3);
        if (rows, columns) != (height, width) {
            pixels.fill(0);
        }
        let inside = &mut pixels[(margin * columns + margin) * 3..];
        resize_u8_into(&Crop::whole(from), (width, height), inside, columns * 3);
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
    buffers: &'a Buffers<u8>,
}

impl<'a> Halved<'a> {
    /// Halves are made of these buffers.
    pub fn new(image: &'a BgrImage, buffers: &'a Buffers<u8>) -> Self {
        Halved {
            image,
            smaller: None,
            buffers,
        }
    }

    /// The image halved until it has less than twice this size (width, height) on one side, and how often it was; an odd row
    /// or column at the end is left out. Later sizes must not be larger: they go on from here.
    fn towards(&mut self, (width, height): (usize, usize)) -> (&BgrImage, u32) {
        while let Some(half) = self.half((width, height)) {
            let before = self.smaller.replace(half);
            self.give(before);
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
        let mut pixels = self.buffers.take(half.0 * half.1 * 3);
        resize_u8_into(&even, half, &mut pixels, half.0 * 3);
        // So many pixels are made.
        let image = BgrImage::new(half.0, half.1, pixels).ok()?;
        Some((image, halvings + 1))
    }

    fn give(&self, smaller: Option<(BgrImage, u32)>) {
        if let Some((image, _)) = smaller {
            self.buffers.give(image.into_data());
        }
    }
}

impl Drop for Halved<'_> {
    fn drop(&mut self) {
        let smaller = self.smaller.take();
        self.give(smaller);
    }
}
