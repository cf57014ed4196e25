//! Where a face is in an image.

/// Five points in image pixels, each `[x, y]`: left eye, right eye, nose tip, left and right mouth corner, as seen in
/// the image.
pub type Landmarks = [[f32; 2]; 5];

/// A detected face, in pixels of the image it was found in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Left, top, right, bottom; may reach outside the image.
    pub bbox: [f32; 4],
    /// The last stage's confidence, 0..1.
    pub score: f32,
    /// The five landmarks.
    pub landmarks: Landmarks,
}

impl Face {
    /// Area of the box in square pixels.
    pub fn area(&self) -> f32 {
        let [x1, y1, x2, y2] = self.bbox;
        (x2 - x1 + 1.0).max(0.0) * (y2 - y1 + 1.0).max(0.0)
    }
}
