//! What an engine is made with, and what it tells about itself.

use crate::calibrate::Calibration;
use crate::compare::QualityParameters;
use crate::detect::{DetectorOptions, FaceChoice};
use crate::device::{Device, DeviceChoice};
use crate::error::{Error, ErrorKind, Result};
use crate::image::DecodeLimits;
use crate::message::Log;
use crate::model::Fingerprint;
use crate::network::Precision;
use std::path::PathBuf;
use std::time::Duration;

/// The largest [`EngineOptions::batch_size`].
pub const MAX_BATCH_SIZE: usize = 256;

/// The longest [`EngineOptions::batch_wait`].
pub const MAX_BATCH_WAIT: Duration = Duration::from_secs(1);

/// The batch size on a CPU: the throughput no longer grows with more, the time a caller waits for the others does.
const BATCH_SIZE_CPU: usize = 16;

/// The batch size on a GPU, which is busy only with many faces at once.
const BATCH_SIZE_GPU: usize = 128;

/// The largest [`EngineOptions::threads`].
pub const MAX_THREADS: usize = 1024;

/// The default of [`EngineOptions::batch_wait`]: many threads are back within it, and a batch takes longer.
const BATCH_WAIT: Duration = Duration::from_millis(1);

/// How an engine is made. The default is the reference pipeline on the best device there is.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where the networks run. Default: a GPU if one can be used, else the CPU.
    pub device: DeviceChoice,
    /// What the embedding network computes in; the detector always computes in f32. Default: f16 on a GPU, f32 on the
    /// CPU.
    pub precision: Option<Precision>,
    /// Threads that the engine's networks share on the CPU, 1..=[`MAX_THREADS`]; they end with it. Default: one per core.
    pub threads: Option<usize>,
    /// Most chips of concurrent callers that go through the network together, 1..=[`MAX_BATCH_SIZE`]. With 1 every
    /// call goes by itself. Default: 16 on a CPU, 128 on a GPU, 1 with `inline`.
    pub batch_size: Option<usize>,
    /// How long a batch waits, at most [`MAX_BATCH_WAIT`] and a quarter of what the batch before took, for callers that
    /// were there a moment ago to come back. A caller alone never waits; with 0 only the chips of callers that came
    /// while the network was busy are merged. Default: 1 ms.
    pub batch_wait: Duration,
    /// All work in the calling thread, on the CPU: no thread is started, and the engine can be used after `fork`.
    /// Default: false.
    pub inline: bool,
    /// Name of the pack that detects, in place of the one that the model belongs to: `yunet` or `mtcnn`, or the path of a
    /// pack's folder. The model's calibration is of its own one: with another, measure. A bundle has one detector.
    pub detector_pack: Option<String>,
    /// How the detector looks.
    pub detector: DetectorOptions,
    /// Which of several faces is extracted. Default: with a model whose pack belongs to MTCNN, as the reference's do, the one
    /// with the best score; else the most prominent one.
    pub face: Option<FaceChoice>,
    /// Most bytes that the weight files of the model and its detector may have together, asked for before they are read.
    /// Default: 1 GiB.
    pub model_bytes: u64,
    /// What decoding an image may take; the pixels also count for images that are given as pixels.
    pub limits: DecodeLimits,
    /// (alpha, beta) in place of the pack's, each -100..=100.
    pub parameters: Option<QualityParameters>,
    /// The folder that has the installed packs in `models`, in place of the default one.
    pub store: Option<PathBuf>,
    /// Where messages go. Default: the crate `log`.
    pub log: Log,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            device: DeviceChoice::Auto,
            precision: None,
            threads: None,
            batch_size: None,
            batch_wait: BATCH_WAIT,
            inline: false,
            detector_pack: None,
            detector: DetectorOptions::default(),
            face: None,
            model_bytes: 1 << 30,
            limits: DecodeLimits::default(),
            parameters: None,
            store: None,
            log: Log::default(),
        }
    }
}

impl EngineOptions {
    /// Checks the documented ranges.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the option that is out of range, or those that exclude each other.
    pub fn validate(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
        self.detector.validate()?;
        if let Some(parameters) = self.parameters {
            Calibration::from_parameters(parameters)?;
        }
        if let Some(size) = self.batch_size
            && !(1..=MAX_BATCH_SIZE).contains(&size)
        {
            return invalid(format!("the batch size must be from 1 to {MAX_BATCH_SIZE}, not {size}"));
        }
        if self.batch_wait > MAX_BATCH_WAIT {
            return invalid(format!(
                "a batch can wait {MAX_BATCH_WAIT:?} at most, not {:?}",
                self.batch_wait
            ));
        }
        if let Some(threads) = self.threads
            && !(1..=MAX_THREADS).contains(&threads)
        {
            return invalid(format!(
                "the number of threads must be from 1 to {MAX_THREADS}, not {threads}"
            ));
        }
        if self.inline {
            if let DeviceChoice::Cuda(_) = self.device {
                return invalid("the inline mode runs on the CPU only: a GPU's driver starts threads".into());
            }
            if self.threads.is_some_and(|threads| threads != 1) || self.batch_size.is_some_and(|size| size != 1) {
                return invalid("the inline mode has one thread and a batch size of 1".into());
            }
        }
        Ok(())
    }

    /// The batch size in use on `device`.
    pub(super) fn batch_size_on(&self, device: Device) -> usize {
        let default = match device {
            _ if self.inline => 1,
            Device::Cpu => BATCH_SIZE_CPU,
            _ => BATCH_SIZE_GPU,
        };
        self.batch_size.unwrap_or(default)
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
    /// Which of several faces is extracted.
    pub face: FaceChoice,
    /// Whether the detector refines landmarks with L-Net.
    pub landmark_refinement: bool,
    /// The device in use.
    pub device: Device,
    /// What the embedding network computes in.
    pub precision: Precision,
    /// Most chips of concurrent callers that go through the network together.
    pub batch_size: usize,
    /// Whether an embedding is the same to the last bit whatever else is in its batch; else it differs by rounding.
    pub batch_invariant: bool,
    /// All that decides what an embedding means. Embeddings of different fingerprints can't be compared.
    pub fingerprint: Fingerprint,
    /// (alpha, beta) in use, from the options or the pack.
    pub parameters: Option<QualityParameters>,
    /// Whose constants of the unified quality score the pack has, "ISO/IEC 29794-5", or what they were fitted on; `None`
    /// where it has none.
    pub uqs_basis: Option<String>,
}
