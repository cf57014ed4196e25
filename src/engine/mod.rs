//! The thread-safe handle: one detector and one embedder on one device, and the whole pipeline on top of them.

mod options;

pub use options::{EngineInfo, EngineOptions};

use crate::align::{self, Chip};
use crate::compare::{self, Comparison, QualityParameters, UnifiedQuality};
use crate::detect::{Face, Landmarks, Mtcnn};
use crate::device;
use crate::error::{Error, ErrorKind, Result};
use crate::image::{self, BgrImage, ImageView};
use crate::model::manifest::{Kind, ScoreThreshold};
use crate::model::{Pack, Store};
use crate::network::{self, EmbeddingNetwork};
use parking_lot::Mutex;
use std::path::Path;

/// What one face of an image gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The face that was chosen.
    pub face: Face,
    /// How many faces the image has.
    pub faces: usize,
    /// The aligned face that was embedded.
    pub chip: Chip,
    /// The embedding, not normalised; [`EngineInfo::embedding_length`] floats.
    pub embedding: Vec<f32>,
    /// Its magnitude: the face's quality.
    pub quality: f64,
    /// The unified quality score 0..100, where the pack has its constants.
    pub uqs: Option<u8>,
}

/// Owns the networks and the device. Every method takes `&self` and may be called from many threads at once: calls
/// wait for each other at a network, and give the same results as from one thread.
pub struct Engine {
    // libtorch's tensors may be used by one thread at a time, hence a lock each: one caller's detection runs while
    // another embeds.
    detector: Mutex<Mtcnn>,
    network: Mutex<Box<dyn EmbeddingNetwork>>,
    options: EngineOptions,
    parameters: Option<QualityParameters>,
    unified: Option<UnifiedQuality>,
    thresholds: Vec<ScoreThreshold>,
    info: EngineInfo,
}

impl Engine {
    /// Opens the pack `model` (a name like `sface`, or the path of a pack's folder) and the detector it belongs to.
    ///
    /// # Errors
    /// [`ErrorKind::ModelNotInstalled`] with the command that installs it, [`ErrorKind::Model`] for an unknown name or
    /// a pack that embeds nothing, [`ErrorKind::Weights`] for damaged weights, [`ErrorKind::Device`] when the device
    /// can't be had, [`ErrorKind::InvalidArgument`] for an option out of range.
    pub fn open(model: &str, options: &EngineOptions) -> Result<Engine> {
        options.validate()?;
        let store = match &options.store {
            Some(folder) => Store::new(folder),
            None => Store::default_location()?,
        };
        let pack = store.open(model)?;
        let manifest = pack.manifest();
        let detector_pack = match &manifest.detector {
            Some(name) if manifest.kind == Kind::Embedder => store.open(name)?,
            _ => {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!("model {} is a detector: open an embedder such as sface", pack.name()),
                ));
            }
        };
        Self::from_packs(&pack, &detector_pack, options)
    }

    /// Makes an engine of an embedder and a detector pack.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn from_packs(pack: &Pack, detector: &Pack, options: &EngineOptions) -> Result<Engine> {
        options.validate()?;
        let fingerprint = pack.fingerprint_with(Some(detector))?;
        let device = device::resolve(options.device)?;
        let lnet = detector.load_lnet()?;
        let mtcnn = Mtcnn::new(&detector.load_weights()?, lnet.as_ref(), device)?;
        let network = network::build(pack.network(), &pack.load_weights()?, device)?;
        let manifest = pack.manifest();
        let from_pack = manifest.calibration.as_ref().map(|c| QualityParameters {
            alpha: c.alpha,
            beta: c.beta,
        });
        let parameters = options.parameters.or(from_pack);
        // The pack's thresholds are of scores with the pack's own parameters.
        let thresholds = match (&options.parameters, &manifest.calibration) {
            (None, Some(calibration)) => calibration.thresholds.clone(),
            _ => Vec::new(),
        };
        let unified = manifest.uqs.as_ref().map(|uqs| UnifiedQuality {
            centre: uqs.centre,
            scale: uqs.scale,
        });
        let info = EngineInfo {
            model: pack.name().to_owned(),
            embedding_length: pack.network().embedding_length().unwrap_or_default(),
            detector: detector.name().to_owned(),
            landmark_refinement: lnet.is_some(),
            device,
            fingerprint,
            parameters,
            has_uqs: unified.is_some(),
        };
        // Last: it is of the whole process, and an engine that can't be made must not change it.
        if let Some(threads) = options.threads {
            device::set_threads(threads)?;
        }
        Ok(Engine {
            detector: Mutex::new(mtcnn),
            network: Mutex::new(network),
            options: options.clone(),
            parameters,
            unified,
            thresholds,
            info,
        })
    }

    /// What this engine is made of.
    pub fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// The options it was made with.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// All faces of an image, best score first; none is an empty list.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when libtorch fails (out of memory).
    pub fn detect(&self, image: &BgrImage) -> Result<Vec<Face>> {
        self.detector.lock().detect(image, &self.options.detector)
    }

    /// The chip of the face with these landmarks, which may come from anywhere.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the landmarks don't span a face.
    pub fn align(&self, image: &BgrImage, landmarks: &Landmarks) -> Result<Chip> {
        align::align(image, landmarks)
    }

    /// The embeddings of aligned chips, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when libtorch fails (out of memory).
    pub fn embed(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        self.network.lock().forward(chips)
    }

    /// The quality of an embedding: its magnitude.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for another length than this model's, or as [`compare::magnitude`].
    pub fn quality(&self, embedding: &[f32]) -> Result<f64> {
        self.check_length(embedding)?;
        compare::magnitude(embedding)
    }

    /// The unified quality score 0..100 of a magnitude; `None` where the pack has no constants for it.
    pub fn uqs(&self, quality: f64) -> Option<u8> {
        self.unified.map(|unified| unified.score(quality))
    }

    /// Compares two embeddings of this model with the quality-aware score.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] as [`Engine::quality`], [`ErrorKind::Model`] when the pack has no (alpha, beta)
    /// and the options gave none.
    pub fn compare(&self, a: &[f32], b: &[f32]) -> Result<Comparison> {
        self.check_length(a)?;
        self.check_length(b)?;
        let parameters = self.parameters.ok_or_else(|| {
            Error::new(
                ErrorKind::Model,
                format!(
                    "model {} has no (alpha, beta) for the quality-aware score: give them in the engine's options",
                    self.info.model
                ),
            )
        })?;
        compare::compare(a, b, &parameters)
    }

    /// Scores that few impostor pairs reach, by falling FMR, as the pack's makers measured them; empty where they
    /// didn't, and where the options replace the pack's (alpha, beta).
    pub fn thresholds(&self) -> &[ScoreThreshold] {
        &self.thresholds
    }

    /// Detects, chooses one face ([`EngineOptions::face`]), aligns and embeds it. `None`: the image has no face.
    ///
    /// # Errors
    /// As [`Engine::detect`] and [`Engine::embed`].
    pub fn extract(&self, image: &BgrImage) -> Result<Option<Extraction>> {
        let faces = self.detect(image)?;
        let Some(face) = self.options.face.choose(&faces, image.width(), image.height()) else {
            return Ok(None);
        };
        self.extract_face(image, face, faces.len()).map(Some)
    }

    /// As [`Engine::extract`], for every face of the image, best score first.
    ///
    /// # Errors
    /// As [`Engine::extract`].
    pub fn extract_all(&self, image: &BgrImage) -> Result<Vec<Extraction>> {
        let faces = self.detect(image)?;
        faces
            .iter()
            .map(|&face| self.extract_face(image, face, faces.len()))
            .collect()
    }

    /// As [`Engine::extract`], from borrowed pixels.
    ///
    /// # Errors
    /// As [`Engine::extract`].
    pub fn extract_pixels(&self, view: &ImageView) -> Result<Option<Extraction>> {
        self.extract(&view.to_bgr())
    }

    /// As [`Engine::extract`], from an encoded image (JPEG, PNG, BMP, TIFF, WebP).
    ///
    /// # Errors
    /// As [`Engine::extract`] and [`image::decode`].
    pub fn extract_encoded(&self, bytes: &[u8]) -> Result<Option<Extraction>> {
        self.extract(&image::decode(bytes, &self.options.limits)?)
    }

    /// As [`Engine::extract`], from an image file.
    ///
    /// # Errors
    /// As [`Engine::extract`] and [`image::read`].
    pub fn extract_file(&self, path: &Path) -> Result<Option<Extraction>> {
        self.extract(&image::read(path, &self.options.limits)?)
    }

    fn extract_face(&self, image: &BgrImage, face: Face, faces: usize) -> Result<Extraction> {
        let chip = self.align(image, &face.landmarks)?;
        let embedding = self
            .embed(&[&chip])?
            .pop()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the network gave no embedding for a chip"))?;
        let quality = compare::magnitude(&embedding)?;
        Ok(Extraction {
            face,
            faces,
            chip,
            embedding,
            quality,
            uqs: self.uqs(quality),
        })
    }

    fn check_length(&self, embedding: &[f32]) -> Result<()> {
        if embedding.len() == self.info.embedding_length {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "an embedding of model {} has {} floats, {} were given",
                self.info.model,
                self.info.embedding_length,
                embedding.len()
            ),
        ))
    }
}

// The C ABI hands one engine to many threads.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
};
