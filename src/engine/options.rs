//! What an engine is made with, and what it tells about itself.

use crate::compare::QualityParameters;
use crate::detect::{DetectorOptions, FaceChoice};
use crate::device::DeviceChoice;
use crate::error::{Error, ErrorKind, Result};
use crate::image::DecodeLimits;
use crate::model::Fingerprint;
use std::path::PathBuf;

/// How an engine is made. The default is the reference pipeline on the best device there is.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineOptions {
    /// Where the networks run. Default: a GPU if one can be used, else the CPU.
    pub device: DeviceChoice,
    /// Threads libtorch uses for one call on the CPU, for the whole process. Default: libtorch's own choice, one per
    /// core.
    pub threads: Option<usize>,
    /// How the detector looks.
    pub detector: DetectorOptions,
    /// Which of several faces is extracted.
    pub face: FaceChoice,
    /// What decoding an image may take.
    pub limits: DecodeLimits,
    /// (alpha, beta) in place of the pack's.
    pub parameters: Option<QualityParameters>,
    /// The folder of the installed packs, in place of the default one.
    pub store: Option<PathBuf>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            device: DeviceChoice::Auto,
            threads: None,
            detector: DetectorOptions::default(),
            face: FaceChoice::default(),
            limits: DecodeLimits::default(),
            parameters: None,
            store: None,
        }
    }
}

impl EngineOptions {
    /// Checks the documented ranges.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the option that is out of range.
    pub fn validate(&self) -> Result<()> {
        self.detector.validate()?;
        if let Some(QualityParameters { alpha, beta }) = self.parameters
            && !(alpha.is_finite() && beta.is_finite())
        {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("(alpha, beta) = ({alpha}, {beta}) are not finite"),
            ));
        }
        Ok(())
    }
}

/// What an engine is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineInfo {
    /// Name of the embedder's pack.
    pub model: String,
    /// Floats per embedding.
    pub embedding_length: usize,
    /// Name of the detector's pack.
    pub detector: String,
    /// Whether the detector refines landmarks with L-Net.
    pub landmark_refinement: bool,
    /// The device in use.
    pub device: tch::Device,
    /// All that decides what an embedding means. Embeddings of different fingerprints can't be compared.
    pub fingerprint: Fingerprint,
    /// (alpha, beta) in use, from the options or the pack.
    pub parameters: Option<QualityParameters>,
    /// Whether the pack has the constants of the unified quality score.
    pub has_uqs: bool,
}
