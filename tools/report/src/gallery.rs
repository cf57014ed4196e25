//! Pairs of faces that people look at.

use serde::Serialize;
use std::fmt;

/// Pairs of faces, such as the worst of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gallery {
    /// What these pairs are.
    pub title: String,
    /// What a reader must know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The pairs, in reading order.
    pub pairs: Vec<Pair>,
}

/// A pair of a [`Gallery`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The two faces.
    pub faces: [Face; 2],
    /// Their cosine.
    pub cosine: f64,
    /// Their quality-aware score, where it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

/// A face of a [`Pair`].
#[derive(Clone, PartialEq, Serialize)]
pub struct Face {
    /// Its image's name.
    pub name: String,
    /// Its quality: the magnitude of its embedding.
    pub quality: f64,
    /// Its chip as a PNG file, where it is at hand; in the page only.
    #[serde(skip)]
    pub chip_png: Option<Vec<u8>>,
}

/// All but the pixels.
impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Face")
            .field("name", &self.name)
            .field("quality", &self.quality)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_face_is_shown() {
        let face = Face {
            name: "face".into(),
            quality: 18.0,
            chip_png: Some(vec![217; 300]),
        };
        for text in [format!("{face:?}"), format!("{face:#?}")] {
            assert!(text.contains("Face") && !text.contains("217"), "{text}");
        }
    }
}
