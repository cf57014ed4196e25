//! The thread-safe handle: one detector and one embedder on one device, and the whole pipeline on top of them.

mod batch;
mod choice;
mod options;
mod seat;

pub use crate::message::{Log, LogLevel};
pub use options::{EngineInfo, EngineOptions, MAX_BATCH_SIZE, MAX_BATCH_WAIT, MAX_THREADS};

use crate::align;
use crate::backend::Backend;
use crate::calibrate::Calibration;
use crate::cancel::{self, Cancel};
use crate::capture::{self, Measured};
use crate::chip::Chip;
use crate::compare::{self, Comparison, UnifiedQuality};
use crate::cpu::Workers;
use crate::detect::{Detector, Face, Landmarks};
use crate::device::{DeviceChoice, DeviceMemory};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{self, BgrImage, ImageView};
use crate::model::{Bundle, Fingerprint, PackOf, Store};
use crate::network::Precision;
use crate::process::Homebound;
use crate::sync;
use crate::template::{Fusion, Template};
use batch::Batcher;
use choice::Opened;
use std::fmt;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Instant;
use zeroize::Zeroize;

/// What one face of an image gives.
///
/// The embedding is the caller's, who alone knows when it is done with: `zeroize::Zeroizing::new(extraction)`
/// overwrites it at its end. The chip overwrites itself.
#[derive(Clone, PartialEq)]
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
    /// The unified quality score: the same on a scale of 0 to 100, see [`Engine::uqs`].
    pub uqs: Option<u8>,
}

/// Sizes; no pixel, no number of the embedding.
impl fmt::Debug for Extraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction")
            .field("faces", &self.faces)
            .field("embedding", &format_args!("{} values", self.embedding.len()))
            .finish_non_exhaustive()
    }
}

/// Overwrites and empties the embedding.
impl Zeroize for Extraction {
    fn zeroize(&mut self) {
        self.embedding.zeroize();
    }
}

/// Owns the networks and the device. Every method takes `&self` and may be called from many threads at once. The faces
/// of concurrent callers go through the embedding network together ([`EngineOptions::batch_size`]); what each gets is
/// what it would get alone, to the last bit where [`EngineInfo::batch_invariant`] says so, else up to rounding.
///
/// Its threads are in the process that made it. In a child of `fork` every method that detects, aligns, embeds or makes
/// a template fails at once with [`ErrorKind::Forked`], unless it was made with [`EngineOptions::inline`]; what only
/// tells or calculates ([`Engine::info`], [`Engine::options`], [`Engine::quality`], [`Engine::uqs`],
/// [`Engine::compare`], [`Engine::calibration`]) works. Dropped in a child it is left as it is: its memory goes with
/// the child.
pub struct Engine {
    parts: Homebound<Parts>,
}

/// What an engine is made of.
struct Parts {
    backend: Box<dyn Backend>,
    detector: Detector,
    network: Batcher,
    options: EngineOptions,
    calibration: Option<Calibration>,
    unified: Option<UnifiedQuality>,
    info: EngineInfo,
}

impl Engine {
    /// Opens the pack `model` (a name like `sface`, or the path of a pack's folder) and its detector, which is the one it
    /// belongs to unless the options name another, or both from a bundle file, whose path `model` is.
    ///
    /// # Errors
    /// [`ErrorKind::ModelNotInstalled`] with the command that installs it, [`ErrorKind::Model`] for an unknown name or
    /// a pack that embeds nothing, [`ErrorKind::Weights`] for damaged weights, [`ErrorKind::Device`] when the device
    /// can't be had, [`ErrorKind::InvalidArgument`] for an option out of range.
    pub fn open(model: &str, options: &EngineOptions) -> Result<Engine> {
        options.validate()?;
        if Bundle::is_path(model) {
            // No store is needed: a machine may have none.
            let bundle = Bundle::open(Path::new(model))?;
            return Self::of_bundle(&bundle, options);
        }
        let store = match &options.store {
            Some(folder) => Store::new(folder),
            None => Store::default_location()?,
        };
        let (pack, detector) = store.open_with_detector(model, options.detector_pack.as_deref())?;
        Self::from_packs(&pack, &detector, options)
    }

    /// Makes an engine of a bundle in memory, see [`Bundle`]. Nothing of `bytes` is kept.
    ///
    /// # Errors
    /// As [`Engine::open`] and [`Bundle::parse`].
    pub fn from_bundle(bytes: &[u8], options: &EngineOptions) -> Result<Engine> {
        options.validate()?;
        let bundle = Bundle::parse(bytes)?;
        Self::of_bundle(&bundle, options)
    }

    fn of_bundle(bundle: &Bundle, options: &EngineOptions) -> Result<Engine> {
        bundle.check_detector(options.detector_pack.as_deref())?;
        Self::from_packs(bundle.embedder(), bundle.detector(), options)
    }

    /// Makes an engine of an embedder and a detector pack, whatever detector the options name.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn from_packs(pack: &PackOf, detector: &PackOf, options: &EngineOptions) -> Result<Engine> {
        options.validate()?;
        let started = Instant::now();
        check_size(pack, detector, options.model_bytes)?;
        let fingerprint = pack.fingerprint_with(Some(detector))?;
        let engine = Self::build(pack, detector, options, fingerprint)?;
        let info = engine.info();
        let own = pack.manifest().detector.as_deref();
        if options.parameters.is_none() && own.is_some_and(|own| own != detector.name()) && info.parameters.is_some() {
            options.log.write(LogLevel::Warning, || {
                format!(
                    "the calibration of model {} was fitted with its own detector, {}, and is used with {}: measure its thresholds \
                     before you rely on them",
                    info.model,
                    own.unwrap_or_default(),
                    info.detector
                )
            });
        }
        options.log.write(LogLevel::Info, || {
            format!(
                "model {} with detector {} on {} in {}, fingerprint {}, opened in {:.0} ms",
                info.model,
                info.detector,
                info.device,
                info.precision,
                info.fingerprint.short(),
                started.elapsed().as_secs_f64() * 1e3
            )
        });
        Ok(engine)
    }

    fn build(pack: &PackOf, detector: &PackOf, options: &EngineOptions, fingerprint: Fingerprint) -> Result<Engine> {
        let (device, workers) = match options.inline {
            true => (DeviceChoice::Cpu, Workers::inline()),
            false => (options.device, Workers::new(options.threads)?),
        };
        let Opened { backend, no_gpu } = choice::open(device, &workers, &options.log)?;
        if let Some(why) = no_gpu {
            options
                .log
                .write(LogLevel::Info, || format!("running on the CPU, because {why}"));
        }
        let device = backend.device();
        let precision = Precision::choose(options.precision, device)?;
        let kind = detector.detector_kind()?;
        options.detector.check_for(kind)?;
        let lnet = detector.load_lnet()?;
        let finds = backend.detector(kind, &detector.load_weights()?, lnet.as_ref())?;
        let network = backend.network(pack.network(), &pack.load_weights()?, precision)?;
        let manifest = pack.manifest();
        let calibration = match (options.parameters, &manifest.calibration) {
            // The pack's thresholds are of scores with the pack's own parameters.
            (Some(parameters), _) => Some(Calibration::from_parameters(parameters)?),
            (None, Some(fitted)) => Some(Calibration::from_pack(pack.name(), fingerprint, fitted)),
            (None, None) => None,
        };
        let unified = manifest.uqs.as_ref().map(|uqs| UnifiedQuality {
            centre: uqs.centre,
            scale: uqs.scale,
        });
        let cores = available_parallelism().map_or(1, usize::from);
        let threads = match options.inline {
            true => 1,
            false => options.threads.unwrap_or(cores),
        };
        let batch_size = options.batch_size_on(device);
        // Where a call uses only some of the cores, several may go through the network at a time.
        let leaders = cores / threads.max(1);
        let network = Batcher::new(network, batch_size, options.batch_wait, leaders);
        let face = options.face.unwrap_or_else(|| pack.face_choice());
        let info = EngineInfo {
            model: pack.name().to_owned(),
            embedding_length: pack.network().embedding_length().unwrap_or_default(),
            detector: detector.name().to_owned(),
            face,
            landmark_refinement: lnet.is_some(),
            device,
            precision,
            batch_size,
            batch_invariant: network.is_invariant(),
            fingerprint,
            parameters: calibration.as_ref().map(Calibration::parameters),
            uqs_basis: manifest.uqs.as_ref().map(|uqs| uqs.basis.clone()),
        };
        let parts = Parts {
            backend,
            detector: finds,
            network,
            options: options.clone(),
            calibration,
            unified,
            info,
        };
        Ok(Engine {
            parts: Homebound::new(parts, options.inline),
        })
    }

    /// The parts, where they can be used.
    fn here(&self) -> Result<&Parts> {
        self.parts.here(
            "the engine",
            "make an engine in this process, after the fork, or make it in the inline mode, which works in children",
        )
    }

    /// # Errors
    /// [`ErrorKind::Forked`] in a child of the process that made it, unless it is inline.
    pub(crate) fn check_process(&self) -> Result<()> {
        self.here().map(drop)
    }

    /// What this engine is made of.
    pub fn info(&self) -> &EngineInfo {
        &self.parts.info
    }

    /// What the engine's GPU's memory is used for, by this process and others; `None` on the CPU.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when the device can't say.
    pub fn device_memory(&self) -> Result<Option<DeviceMemory>> {
        self.here()?.backend.memory()
    }

    /// The options it was made with.
    pub fn options(&self) -> &EngineOptions {
        &self.parts.options
    }

    /// All faces of an image, best score first; none is an empty list.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when the device fails (out of memory).
    pub fn detect(&self, image: &BgrImage) -> Result<Vec<Face>> {
        self.detect_until(image, None)
    }

    /// As [`Engine::detect`], until `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Engine::detect`]; [`ErrorKind::Cancelled`].
    pub fn detect_cancellable(&self, image: &BgrImage, cancel: &Cancel) -> Result<Vec<Face>> {
        self.detect_until(image, Some(cancel))
    }

    pub(crate) fn detect_until(&self, image: &BgrImage, cancel: Option<&Cancel>) -> Result<Vec<Face>> {
        let parts = self.here()?;
        self.logged(
            || parts.detector.detect_until(image, &parts.options.detector, cancel),
            |faces| format!("{} faces in {} x {} pixels", faces.len(), image.width(), image.height()),
        )
    }

    /// The one of an image's faces that [`Engine::extract`] goes on with ([`EngineInfo::face`]); `None` where there is none.
    pub fn choose(&self, image: &BgrImage, faces: &[Face]) -> Option<Face> {
        self.info().face.choose(faces, image.width(), image.height())
    }

    /// Why the face of a photo is good or poor: finds the faces, chooses one ([`EngineOptions::face`]) and measures it
    /// ([`capture::measure`]). `None`: the image has no face.
    ///
    /// # Errors
    /// As [`Engine::detect`].
    pub fn measure_capture(&self, image: &BgrImage) -> Result<Option<(Face, Vec<Measured>)>> {
        self.measure_capture_until(image, None)
    }

    pub(crate) fn measure_capture_until(
        &self,
        image: &BgrImage,
        cancel: Option<&Cancel>,
    ) -> Result<Option<(Face, Vec<Measured>)>> {
        let faces = self.detect_until(image, cancel)?;
        cancel::check(cancel)?;
        let chosen = self.choose(image, &faces);
        let measured = |face| Ok((face, capture::measure(image, &face, &faces)?));
        chosen.map(measured).transpose()
    }

    /// The chip of the face with these landmarks, which may come from anywhere.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the landmarks don't span a face.
    pub fn align(&self, image: &BgrImage, landmarks: &Landmarks) -> Result<Chip> {
        self.check_process()?;
        align::align(image, landmarks)
    }

    /// The embeddings of aligned chips, in order.
    ///
    /// # Errors
    /// As [`crate::network::EmbeddingNetwork::forward`], for these chips only.
    pub fn embed(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        self.embed_until(chips, None)
    }

    /// As [`Engine::embed`], until `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Engine::embed`]; [`ErrorKind::Cancelled`].
    pub fn embed_cancellable(&self, chips: &[&Chip], cancel: &Cancel) -> Result<Vec<Vec<f32>>> {
        self.embed_until(chips, Some(cancel))
    }

    pub(crate) fn embed_until(&self, chips: &[&Chip], cancel: Option<&Cancel>) -> Result<Vec<Vec<f32>>> {
        let parts = self.here()?;
        self.logged(
            || parts.network.embed(chips, cancel),
            |made| format!("{} faces embedded", made.len()),
        )
    }

    /// The quality of an embedding: its magnitude.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for another length than this model's, or as [`compare::magnitude`].
    pub fn quality(&self, embedding: &[f32]) -> Result<f64> {
        self.check_length(embedding)?;
        compare::magnitude(embedding)
    }

    /// The unified quality score of a magnitude: the quality on a scale of 0 to 100, rising with it. `None` where the pack
    /// has no constants for it.
    ///
    /// `magface-iresnet50` has those of ISO/IEC 29794-5. `sface` has constants of this library, fitted on measured utility:
    /// of photos with this magnitude about so many in a hundred match a good photo of the same person at a false match rate
    /// of 1e-5 (LFW, degraded in 27 ways, plain cosine; docs/quality.md). [`EngineInfo::uqs_basis`] says which.
    pub fn uqs(&self, quality: f64) -> Option<u8> {
        self.parts.unified.map(|unified| unified.score(quality))
    }

    /// Compares two embeddings of this model with the quality-aware score.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] as [`Engine::quality`], [`ErrorKind::Model`] when the pack has no (alpha, beta)
    /// and the options gave none.
    pub fn compare(&self, a: &[f32], b: &[f32]) -> Result<Comparison> {
        self.check_length(a)?;
        self.check_length(b)?;
        compare::compare(a, b, &self.calibration()?.parameters())
    }

    /// (alpha, beta) in use, and what scores mean: the pack's, or from the options, which then know no thresholds.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] when the pack has no (alpha, beta) and the options gave none.
    pub fn calibration(&self) -> Result<&Calibration> {
        self.parts.calibration.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Model,
                format!(
                    "model {} has no (alpha, beta) for the quality-aware score: give them in the engine's options",
                    self.info().model
                ),
            )
        })
    }

    /// Detects, chooses one face ([`EngineOptions::face`]), aligns and embeds it. `None`: the image has no face.
    ///
    /// # Errors
    /// As [`Engine::detect`] and [`Engine::embed`].
    pub fn extract(&self, image: &BgrImage) -> Result<Option<Extraction>> {
        self.extract_until(image, None)
    }

    /// As [`Engine::extract`], until `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Engine::extract`]; [`ErrorKind::Cancelled`].
    pub fn extract_cancellable(&self, image: &BgrImage, cancel: &Cancel) -> Result<Option<Extraction>> {
        self.extract_until(image, Some(cancel))
    }

    pub(crate) fn extract_until(&self, image: &BgrImage, cancel: Option<&Cancel>) -> Result<Option<Extraction>> {
        let faces = self.detect_until(image, cancel)?;
        cancel::check(cancel)?;
        let Some(face) = self.choose(image, &faces) else {
            return Ok(None);
        };
        Ok(self.embed_faces(image, &[face], faces.len(), cancel)?.pop())
    }

    /// As [`Engine::extract`], for every face of the image, best score first.
    ///
    /// # Errors
    /// As [`Engine::extract`].
    pub fn extract_all(&self, image: &BgrImage) -> Result<Vec<Extraction>> {
        let faces = self.detect(image)?;
        self.extract_faces(image, &faces)
    }

    /// As [`Engine::extract_all`], until `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Engine::extract_all`]; [`ErrorKind::Cancelled`].
    pub fn extract_all_cancellable(&self, image: &BgrImage, cancel: &Cancel) -> Result<Vec<Extraction>> {
        let faces = self.detect_cancellable(image, cancel)?;
        self.extract_faces_cancellable(image, &faces, cancel)
    }

    /// Aligns and embeds faces of an image that [`Engine::detect`] found there.
    ///
    /// # Errors
    /// As [`Engine::align`] and [`Engine::embed`].
    pub fn extract_faces(&self, image: &BgrImage, faces: &[Face]) -> Result<Vec<Extraction>> {
        self.extract_faces_until(image, faces, None)
    }

    /// As [`Engine::extract_faces`], until `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Engine::extract_faces`]; [`ErrorKind::Cancelled`].
    pub fn extract_faces_cancellable(
        &self,
        image: &BgrImage,
        faces: &[Face],
        cancel: &Cancel,
    ) -> Result<Vec<Extraction>> {
        self.extract_faces_until(image, faces, Some(cancel))
    }

    pub(crate) fn extract_faces_until(
        &self,
        image: &BgrImage,
        faces: &[Face],
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Extraction>> {
        self.check_process()?;
        let together = match self.info().batch_invariant {
            true => faces.len().max(1),
            // One by one: the last bits of an embedding depend on how many go through the network at once.
            false => 1,
        };
        let mut found = Vec::with_capacity(faces.len());
        for some in faces.chunks(together) {
            found.append(&mut self.embed_faces(image, some, faces.len(), cancel)?);
        }
        Ok(found)
    }

    /// One template of several of one person, with its unified quality score; see [`Template::fuse`].
    ///
    /// # Errors
    /// As [`Template::fuse`].
    pub fn fuse(&self, templates: &[&Template], fusion: Fusion) -> Result<Template> {
        self.check_process()?;
        let fused = Template::fuse(templates, fusion)?;
        let uqs = match fused.is_failed() {
            true => None,
            false => self.uqs(fused.quality()),
        };
        Ok(fused.with_uqs(uqs))
    }

    /// The template of an extraction of this engine.
    ///
    /// # Errors
    /// As [`Engine::template_of`].
    pub fn template(&self, found: &Extraction) -> Result<Template> {
        self.template_of(&found.embedding)?.with_face(found.face, found.faces)
    }

    /// As [`Engine::template`], of an extraction that nobody has changed since: its quality is its embedding's magnitude.
    pub(crate) fn template_as_made(&self, found: &Extraction) -> Result<Template> {
        self.check_process()?;
        let template = self.template_with(&found.embedding, found.quality)?;
        template.with_face(found.face, found.faces)
    }

    /// The template of an embedding of this engine's model. One that was normalised to length 1 makes a template too,
    /// and a warning in the log ([`Template::has_unit_length`]).
    ///
    /// # Errors
    /// As [`Engine::quality`].
    pub fn template_of(&self, embedding: &[f32]) -> Result<Template> {
        self.check_process()?;
        self.template_with(embedding, self.quality(embedding)?)
    }

    /// The template of an embedding of this quality.
    fn template_with(&self, embedding: &[f32], quality: f64) -> Result<Template> {
        if compare::has_unit_length(quality) {
            self.options().log.write(LogLevel::Warning, || {
                "a template was made of an embedding of length 1: it was normalised, and its quality is lost; keep \
                 embeddings as the network makes them"
                    .into()
            });
        }
        let info = self.info();
        let template = Template::with_magnitude(&info.model, info.fingerprint, embedding, quality)?;
        Ok(template.with_uqs(self.uqs(quality)))
    }

    /// What stands for a face that could not be extracted: it matches nothing.
    ///
    /// # Errors
    /// As [`Template::failed`].
    pub fn failed_template(&self) -> Result<Template> {
        self.check_process()?;
        Template::failed(
            &self.info().model,
            self.info().fingerprint,
            self.info().embedding_length,
        )
    }

    /// As [`Engine::extract`], from borrowed pixels.
    ///
    /// # Errors
    /// As [`Engine::extract`], and [`ErrorKind::Limit`] for an image over the options' limit of pixels.
    pub fn extract_pixels(&self, view: &ImageView) -> Result<Option<Extraction>> {
        self.check_process()?;
        view.check_limit(&self.options().limits)?;
        self.extract(&view.to_bgr())
    }

    /// As [`Engine::extract`], from an image file in memory, of any kind that [`image::decode`] reads.
    ///
    /// # Errors
    /// As [`Engine::extract`] and [`image::decode`].
    pub fn extract_encoded(&self, bytes: &[u8]) -> Result<Option<Extraction>> {
        self.check_process()?;
        self.extract(&image::decode(bytes, &self.options().limits)?)
    }

    /// As [`Engine::extract`], from an image file.
    ///
    /// # Errors
    /// As [`Engine::extract`] and [`image::read`].
    pub fn extract_file(&self, path: &Path) -> Result<Option<Extraction>> {
        self.check_process()?;
        self.extract(&image::read(path, &self.options().limits)?)
    }

    /// Aligns and embeds some of an image's `count` faces, in one call of the network.
    fn embed_faces(
        &self,
        image: &BgrImage,
        faces: &[Face],
        count: usize,
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Extraction>> {
        let chips = faces
            .iter()
            .map(|face| self.align(image, &face.landmarks))
            .collect::<Result<Vec<_>>>()?;
        let embeddings = self.embed_until(&chips.iter().collect::<Vec<_>>(), cancel)?;
        let parts = faces.iter().zip(chips).zip(embeddings);
        parts
            .map(|((&face, chip), embedding)| {
                let quality = compare::magnitude(&embedding)?;
                Ok(Extraction {
                    face,
                    faces: count,
                    chip,
                    embedding,
                    quality,
                    uqs: self.uqs(quality),
                })
            })
            .collect()
    }

    /// Runs `work` and writes to the log what it did. A failure is the caller's to log.
    fn logged<T>(&self, work: impl FnOnce() -> Result<T>, describe: impl FnOnce(&T) -> String) -> Result<T> {
        let started = Instant::now();
        let value = work()?;
        self.options().log.write(LogLevel::Debug, || {
            format!(
                "{} in {:.1} ms",
                describe(&value),
                started.elapsed().as_secs_f64() * 1e3
            )
        });
        Ok(value)
    }

    fn check_length(&self, embedding: &[f32]) -> Result<()> {
        if embedding.len() == self.info().embedding_length {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "an embedding of model {} has {} floats, {} were given",
                self.info().model,
                self.info().embedding_length,
                embedding.len()
            ),
        ))
    }
}

/// Fails where the weight files of a model have more than `most` bytes.
fn check_size(pack: &PackOf, detector: &PackOf, most: u64) -> Result<()> {
    let bytes = pack.weight_bytes()?.saturating_add(detector.weight_bytes()?);
    if bytes <= most {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Limit,
        format!(
            "model {} with detector {} has {bytes} bytes of weight files, allowed are {most} (option model_bytes, maximum_model_bytes in C)",
            pack.name(),
            detector.name()
        ),
    ))
}

// The C ABI hands one engine to many threads.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
};
