//! Luma and chroma to BGR, by the formulas of ITU-R BT.601-7 and BT.709-6.
//!
//! Each chroma sample holds for the 2 x 2 pixels it covers (4:2:0): no smoothing between them.

/// Which luma and chroma a picture is written in. A camera's frames: mostly [`Yuv::Bt601Limited`]; frames of an HD
/// video: [`Yuv::Bt709Limited`]; of a decoded JPEG: [`Yuv::Bt601Full`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Yuv {
    /// ITU-R BT.601, luma 16..=235, chroma 16..=240.
    #[default]
    Bt601Limited,
    /// ITU-R BT.601, all of 0..=255 used: what JPEG (JFIF) does.
    Bt601Full,
    /// ITU-R BT.709, luma 16..=235, chroma 16..=240.
    Bt709Limited,
    /// ITU-R BT.709, all of 0..=255 used.
    Bt709Full,
}

/// Bits behind the point of the conversion's fixed-point numbers. 255 * 2.2 * 2^16 is far below `i32::MAX`.
const FRACTION: u32 = 16;

/// The conversion's factors in fixed point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conversion {
    luma: i32,
    /// Luma of black.
    black: i32,
    red_by_cr: i32,
    green_by_cb: i32,
    green_by_cr: i32,
    blue_by_cb: i32,
}

impl Yuv {
    /// Weights of red and blue in luma (`Kr`, `Kb`): BT.601-7 section 2.5.1, BT.709-6 item 3.2.
    fn weights(self) -> (f64, f64) {
        match self {
            Yuv::Bt601Limited | Yuv::Bt601Full => (0.299, 0.114),
            Yuv::Bt709Limited | Yuv::Bt709Full => (0.2126, 0.0722),
        }
    }

    /// Luma of black, and the ranges of luma and chroma in steps of 8 bits: BT.601-7 section 2.5.3, BT.709-6 item 3.4.
    fn range(self) -> (i32, f64, f64) {
        match self {
            Yuv::Bt601Limited | Yuv::Bt709Limited => (16, 219.0, 224.0),
            Yuv::Bt601Full | Yuv::Bt709Full => (0, 255.0, 255.0),
        }
    }

    /// Solves `Y = Kr R + Kg G + Kb B`, `Cb = (B - Y) / (2 (1 - Kb))`, `Cr = (R - Y) / (2 (1 - Kr))` for R, G and B.
    pub(super) fn conversion(self) -> Conversion {
        let (kr, kb) = self.weights();
        let kg = 1.0 - kr - kb;
        let (black, luma, chroma) = self.range();
        let fixed = |factor: f64| (factor * f64::from(1 << FRACTION)).round() as i32;
        let chroma = 255.0 / chroma;
        Conversion {
            luma: fixed(255.0 / luma),
            black,
            red_by_cr: fixed(2.0 * (1.0 - kr) * chroma),
            green_by_cb: fixed(-2.0 * (1.0 - kb) * kb / kg * chroma),
            green_by_cr: fixed(-2.0 * (1.0 - kr) * kr / kg * chroma),
            blue_by_cb: fixed(2.0 * (1.0 - kb) * chroma),
        }
    }
}

impl Conversion {
    /// One row: for each two pixels their two lumas and the chroma `(cb, cr)` they share. `bgr` has 3 bytes a pixel.
    pub(super) fn row(&self, luma: &[u8], chroma: impl Iterator<Item = (u8, u8)>, bgr: &mut [u8]) {
        for ((pixels, lumas), (cb, cr)) in bgr.chunks_exact_mut(6).zip(luma.chunks_exact(2)).zip(chroma) {
            let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
            let by_chroma = [
                cb * self.blue_by_cb,
                cb * self.green_by_cb + cr * self.green_by_cr,
                cr * self.red_by_cr,
            ];
            for (pixel, &luma) in pixels.chunks_exact_mut(3).zip(lumas) {
                // With one half, so that cutting the fraction off rounds.
                let grey = (i32::from(luma) - self.black) * self.luma + (1 << (FRACTION - 1));
                for (value, add) in pixel.iter_mut().zip(by_chroma) {
                    *value = ((grey + add) >> FRACTION).clamp(0, 255) as u8;
                }
            }
        }
    }
}
