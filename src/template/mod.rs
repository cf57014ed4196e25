//! Templates: what is stored of a face. An immutable value of direction and quality with its provenance, its binary
//! form, and the fusion of several into one.
//!
//! ```
//! use qmagface::model::Fingerprint;
//! use qmagface::{Scalar, Template};
//!
//! let template = Template::from_embedding("sface", Fingerprint([7; 32]), &[3.0, 4.0])?.with_metadata(b"badge 17")?;
//! assert_eq!((template.direction(), template.quality()), (&[0.6, 0.8][..], 5.0));
//! let bytes = template.to_bytes(Scalar::F32);
//! assert_eq!(Template::from_bytes(&bytes)?, template);
//! # Ok::<(), qmagface::Error>(())
//! ```

mod format;
mod fuse;
mod magic;
mod review;
mod scalar;
#[cfg_attr(not(feature = "seal"), path = "not_sealed.rs")]
mod sealed;

pub use fuse::Fusion;
pub use review::{FusedPart, FusionReview};
pub use scalar::Scalar;

use crate::compare;
use crate::error::{Error, ErrorKind, Result};
use crate::face::Face;
use crate::identity::{Fingerprint, NAME_RULE, is_pack_name};
use crate::wiped::Wiped;
use std::fmt;
use std::ops::RangeInclusive;

/// What is stored of one face, or of several images of one person.
///
/// The embedding is kept as its direction (what is compared) and its magnitude (the face's quality). A *failed*
/// template stands for an image no face could be extracted from: it has neither, and matches nothing.
///
/// Direction and metadata are overwritten before their memory is given back, and [`fmt::Debug`] shows neither
/// (docs/privacy.md).
#[derive(Clone, PartialEq)]
pub struct Template {
    model: String,
    fingerprint: Fingerprint,
    length: usize,
    scalar: Scalar,
    features: Option<Features>,
    face: Option<TemplateFace>,
    uqs: Option<u8>,
    metadata: Wiped<u8>,
}

/// What a template has that isn't failed.
#[derive(Clone, PartialEq)]
struct Features {
    /// Euclidean length 1 within [`Scalar::length_tolerance`] of [`Scalar::F32`].
    direction: Wiped<f32>,
    /// Within [`Template::QUALITIES`].
    quality: f64,
    /// At least 1.
    images: u32,
}

/// Where in its image the face of a template was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemplateFace {
    /// Box, score and landmarks, in pixels of that image; all finite.
    pub face: Face,
    /// How many faces the image had; 0 where nobody counted.
    pub faces: u32,
}

impl Template {
    /// Most floats of an embedding.
    pub const MAX_LENGTH: usize = 16_384;

    /// Most bytes of metadata.
    pub const MAX_METADATA: usize = 65_536;

    /// Bytes of a key of [`Template::seal`].
    pub const KEY_SIZE: usize = 32;

    /// The qualities a template can have: far beyond any network's, and safe to square and sum.
    pub const QUALITIES: RangeInclusive<f64> = 1e-30..=1e30;

    /// Makes a template of one embedding of the model with this pack name and fingerprint. One of length 1 makes a
    /// template too, though it is likely to have been normalised: [`Template::has_unit_length`] tells.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a name that can't be a pack's, an embedding of more than
    /// [`Template::MAX_LENGTH`] floats, a magnitude outside [`Template::QUALITIES`], or as [`compare::magnitude`].
    pub fn from_embedding(model: &str, fingerprint: Fingerprint, embedding: &[f32]) -> Result<Template> {
        Template::with_magnitude(model, fingerprint, embedding, compare::magnitude(embedding)?)
    }

    /// As [`Template::from_embedding`], of an embedding whose magnitude is known.
    pub(crate) fn with_magnitude(
        model: &str,
        fingerprint: Fingerprint,
        embedding: &[f32],
        quality: f64,
    ) -> Result<Template> {
        let direction: Vec<f32> = embedding.iter().map(|&v| (f64::from(v) / quality) as f32).collect();
        Template::of(
            model,
            fingerprint,
            embedding.len(),
            Scalar::F32,
            Some(Features {
                direction: direction.into(),
                quality,
                images: 1,
            }),
        )
    }

    /// Makes the template of an image no face could be extracted from, of a model with `length` floats per embedding.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a name that can't be a pack's, or a length outside
    /// 1..=[`Template::MAX_LENGTH`].
    pub fn failed(model: &str, fingerprint: Fingerprint, length: usize) -> Result<Template> {
        Template::of(model, fingerprint, length, Scalar::F32, None)
    }

    /// Checks everything but the direction.
    fn of(
        model: &str,
        fingerprint: Fingerprint,
        length: usize,
        scalar: Scalar,
        features: Option<Features>,
    ) -> Result<Template> {
        let wrong = |what: String| Err(Error::new(ErrorKind::InvalidArgument, what));
        if !is_pack_name(model) {
            return wrong(format!("a template's model is {model:?}; it {NAME_RULE}"));
        }
        if !(1..=Self::MAX_LENGTH).contains(&length) {
            return wrong(format!(
                "a template can't have {length} floats, allowed is 1 to {}",
                Self::MAX_LENGTH
            ));
        }
        if let Some(Features { quality, .. }) = features
            && !Self::QUALITIES.contains(&quality)
        {
            let (low, high) = Self::QUALITIES.into_inner();
            return wrong(format!(
                "a template's quality is {quality:e}, allowed is {low:e} to {high:e}"
            ));
        }
        Ok(Template {
            model: model.to_owned(),
            fingerprint,
            length,
            scalar,
            features,
            face: None,
            uqs: None,
            metadata: Wiped::new(),
        })
    }

    /// The same template with the face it is of, found in an image of `faces` faces (0: nobody counted).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when a number of the face isn't finite.
    pub fn with_face(self, face: Face, faces: usize) -> Result<Self> {
        let face = TemplateFace {
            face,
            faces: u32::try_from(faces).unwrap_or(u32::MAX),
        };
        if !face.is_finite() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "a number of the template's face is not finite",
            ));
        }
        Ok(Template {
            face: Some(face),
            ..self
        })
    }

    /// The same template with its unified quality score 0..=100 (more is taken as 100), or without one.
    pub fn with_uqs(self, uqs: Option<u8>) -> Self {
        Template {
            uqs: uqs.map(|uqs| uqs.min(100)),
            ..self
        }
    }

    /// The same template with these bytes of the caller's, which mean nothing to the library.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] for more than [`Template::MAX_METADATA`] bytes.
    pub fn with_metadata(self, metadata: &[u8]) -> Result<Self> {
        if metadata.len() > Self::MAX_METADATA {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "{} bytes of metadata, at most {} fit in a template",
                    metadata.len(),
                    Self::MAX_METADATA
                ),
            ));
        }
        Ok(Template {
            metadata: metadata.to_vec().into(),
            ..self
        })
    }

    /// Name of the pack it was made with. For people: the fingerprint decides what can be compared.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Everything that decides what the embedding means.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Floats of the model's embedding, also of a failed template.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The embedding divided by its magnitude: [`Template::length`] floats of Euclidean length 1; empty if failed.
    pub fn direction(&self) -> &[f32] {
        self.features.as_ref().map_or(&[], |features| &features.direction)
    }

    /// The embedding's magnitude, > 0; 0 if failed.
    pub fn quality(&self) -> f64 {
        self.features.as_ref().map_or(0.0, |features| features.quality)
    }

    /// Whether its quality is 1, see [`compare::has_unit_length`]: it was made of a normalised embedding, and what its
    /// quality is compared for means nothing.
    pub fn has_unit_length(&self) -> bool {
        compare::has_unit_length(self.quality())
    }

    /// The precision its direction was stored with: [`Scalar::F32`] unless it was read from bytes.
    pub fn scalar(&self) -> Scalar {
        self.scalar
    }

    /// Where the face was found, where that is known.
    pub fn face(&self) -> Option<&TemplateFace> {
        self.face.as_ref()
    }

    /// The unified quality score 0..=100, where it is known.
    pub fn uqs(&self) -> Option<u8> {
        self.uqs
    }

    /// How many images it is of: 0 if failed, more than 1 if fused.
    pub fn images(&self) -> u32 {
        self.features.as_ref().map_or(0, |features| features.images)
    }

    /// Whether no face could be extracted: it matches nothing.
    pub fn is_failed(&self) -> bool {
        self.features.is_none()
    }

    /// Whether it is of several images.
    pub fn is_fused(&self) -> bool {
        self.images() > 1
    }

    /// The caller's bytes.
    pub fn metadata(&self) -> &[u8] {
        &self.metadata
    }

    /// Direction times quality: [`Template::length`] floats; empty if failed.
    ///
    /// Of a template just made from an embedding it is that embedding, each element within 1.2e-7 (two roundings to
    /// f32) of its value; elements of less than 1e-37 of the magnitude may differ by that much.
    pub fn embedding(&self) -> Vec<f32> {
        let quality = self.quality();
        self.direction()
            .iter()
            .map(|&v| (f64::from(v) * quality) as f32)
            .collect()
    }

    /// The template in its binary form, its direction in the precision `scalar` (docs/template-format.md has the
    /// format and what the precisions cost).
    pub fn to_bytes(&self, scalar: Scalar) -> Vec<u8> {
        format::write(self, scalar)
    }

    /// Reads what [`Template::to_bytes`] wrote.
    ///
    /// Every byte is checked, and no memory is taken for a size before it is known to be there. Sections of a newer
    /// version that don't change what the template means are skipped.
    ///
    /// # Errors
    /// [`ErrorKind::Template`] saying what is wrong with the bytes; also for a sealed template.
    pub fn from_bytes(bytes: &[u8]) -> Result<Template> {
        format::read(bytes)
    }

    /// The template in its binary form as [`Template::to_bytes`] writes it, encrypted and authenticated with a key
    /// (XChaCha20-Poly1305): without the key nobody reads it, changes it or makes another.
    ///
    /// `context` is what it must be opened with, such as the number of the record it is stored in: a template that was
    /// moved to another record can't be opened there. It isn't stored, and may be empty. The same template gives other
    /// bytes each time. The key is the caller's to make (32 random bytes; a password is none), to keep and to
    /// overwrite. docs/privacy.md says what this protects against and what not.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the system has no random numbers to give.
    pub fn seal(&self, scalar: Scalar, key: &[u8; Self::KEY_SIZE], context: &[u8]) -> Result<Vec<u8>> {
        sealed::seal(self, scalar, key, context)
    }

    /// Opens what [`Template::seal`] made, with the same key and context.
    ///
    /// # Errors
    /// [`ErrorKind::Template`], with one message for another key, another context, bytes that were changed or cut
    /// short, and bytes that were never sealed; and as [`Template::from_bytes`] for what a newer version sealed.
    pub fn unseal(bytes: &[u8], key: &[u8; Self::KEY_SIZE], context: &[u8]) -> Result<Template> {
        sealed::unseal(bytes, key, context)
    }

    /// Fuses templates of one person and one model into one.
    ///
    /// Failed ones are left out; if all are failed, so is the result. Face, unified quality score and metadata belong
    /// to one image and are dropped; the images add up. Fuse the frames of one video first, then the media.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an empty list, or templates that cancel each other out so that no direction
    /// is left; [`ErrorKind::ModelMismatch`] naming both models for templates of two.
    pub fn fuse(templates: &[&Template], fusion: Fusion) -> Result<Template> {
        fuse::fuse(templates, fusion)
    }

    /// What each of some templates has to do with the others, before or after they are fused: how well it fits them,
    /// how good it is, how much it counts. Fusing leaves nothing out but failed ones; a photo of somebody else, or a
    /// tiny or blank one, is for the caller to find and to leave out.
    ///
    /// With two people half and half, all fit badly and none is the one that is wrong.
    ///
    /// # Errors
    /// As [`Template::fuse`], but for templates that cancel each other out: a part whose others do has no cosine.
    pub fn review_fusion(templates: &[&Template], fusion: Fusion) -> Result<FusionReview> {
        review::review(templates, fusion)
    }

    /// The model and the start of its fingerprint, for messages.
    pub(crate) fn origin(&self) -> String {
        describe_model(&self.model, self.fingerprint)
    }
}

/// Sizes and where it is from; nothing of the face.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("model", &self.model)
            .field("fingerprint", &format_args!("{}", self.fingerprint.short()))
            .field("length", &self.length)
            .field("scalar", &self.scalar)
            .field("images", &self.images())
            .field("metadata", &format_args!("{} bytes", self.metadata.len()))
            .finish_non_exhaustive()
    }
}

impl TemplateFace {
    fn is_finite(&self) -> bool {
        let Face { bbox, score, landmarks } = &self.face;
        score.is_finite() && bbox.iter().chain(landmarks.as_flattened()).all(|v| v.is_finite())
    }
}

/// A model as messages name it.
pub(crate) fn describe_model(model: &str, fingerprint: Fingerprint) -> String {
    format!("model {model} ({})", fingerprint.short())
}

#[cfg(test)]
mod tests;
