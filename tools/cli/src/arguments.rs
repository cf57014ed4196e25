//! Options that several commands share, and the engine they make.

use clap::Args;
use qmagface::model::DEFAULT_EMBEDDER;
use qmagface::{
    BgrImage, Calibration, DecodeLimits, DetectorOptions, DeviceChoice, Engine, EngineOptions, Error, ErrorKind,
    FaceChoice, Precision, Result, Rotation, image,
};
use std::path::Path;
use std::thread::available_parallelism;

/// Options of every command.
#[derive(Args)]
pub struct Shared {
    /// Print JSON, one line per result
    #[arg(long, global = true)]
    pub json: bool,
}

/// The model of a command.
#[derive(Args)]
pub struct Model {
    /// Model pack: a name (`qmagface models list`) or the path of a pack's folder or of a bundle file
    #[arg(id = "model", short, long, value_name = "MODEL", default_value = DEFAULT_EMBEDDER)]
    pub name: String,
}

/// What the networks run on.
#[derive(Args)]
pub struct Machine {
    /// Where the networks run: cpu, cuda, cuda:N or auto
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Threads for the networks on the CPU and for comparing many pairs [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl Machine {
    /// How many threads work on many images: half as many again as the engine has, because some of them wait for it
    /// (benches/folder.rs: 7 % more on two cores).
    pub fn workers(&self) -> usize {
        let cores = || available_parallelism().map_or(1, usize::from);
        let threads = self.threads.unwrap_or_else(cores).max(1);
        threads + threads / 2
    }
}

/// What the embedding network computes in.
#[derive(Args)]
pub struct Computing {
    /// What the embedding network computes in: f32, f16, bf16 or (on a GPU) tf32 [default: f16 on a GPU, else f32]
    #[arg(long)]
    pub precision: Option<Precision>,
}

/// The options of commands that find and embed faces in photos: those of [`Detection`], [`Reading`], [`Choice`] and
/// [`Computing`], and the device. Embeddings that are there already have no use for them; the detector's name is theirs too.
pub const OF_PHOTOS: [&str; 10] = [
    "min_face",
    "min_score",
    "thresholds",
    "factor",
    "turned",
    "rotate",
    "max_pixels",
    "face",
    "precision",
    "device",
];
/// Those of them that have no use for chips.
pub const OF_DETECTION: [&str; 6] = ["min_face", "min_score", "thresholds", "factor", "turned", "face"];

/// How images are read.
#[derive(Args, Default, Clone, Copy)]
pub struct Reading {
    /// Turn each image clockwise by 90, 180 or 270 degrees first, after what its EXIF data says
    #[arg(long, value_name = "DEGREES", value_parser = rotation, default_value = "0", hide_default_value = true)]
    pub rotate: Rotation,
    /// Most pixels of an image: a larger one is refused before its pixels take memory [default: 100000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_pixels: Option<u64>,
}

fn rotation(text: &str) -> Result<Rotation, String> {
    let degrees = text
        .parse()
        .map_err(|_| "a number of degrees: 90, 180 or 270".to_owned())?;
    Rotation::from_degrees(degrees).map_err(|error| error.to_string())
}

impl Reading {
    /// The limits of the images.
    pub fn limits(&self) -> DecodeLimits {
        let limits = DecodeLimits::default();
        DecodeLimits {
            pixels: self.max_pixels.unwrap_or(limits.pixels),
            ..limits
        }
    }

    /// Reads an image file and turns it.
    ///
    /// # Errors
    /// As [`image::read`], with what to do about an image that is too large.
    pub fn read(&self, path: &Path) -> Result<BgrImage> {
        let image = image::read(path, &self.limits()).map_err(|error| self.advise(error))?;
        Ok(image.rotated(self.rotate))
    }

    /// Decodes an image and turns it.
    ///
    /// # Errors
    /// As [`image::decode`], with what to do about an image that is too large.
    pub fn decode(&self, bytes: &[u8]) -> Result<BgrImage> {
        let image = image::decode(bytes, &self.limits()).map_err(|error| self.advise(error))?;
        Ok(image.rotated(self.rotate))
    }

    fn advise(&self, error: Error) -> Error {
        // The limit of a file's bytes is another.
        match error.kind() == ErrorKind::Limit && error.message().contains("pixels") {
            true => Error::new(error.kind(), format!("{error} (--max-pixels sets it)")),
            false => error,
        }
    }
}

/// How faces are looked for.
#[derive(Args, Default)]
pub struct Detection {
    /// Detector pack: yunet or mtcnn [default: the one the model belongs to]
    #[arg(long, value_name = "NAME")]
    detector: Option<String>,
    /// Side of the smallest face looked for, in pixels [default: yunet 40, less in small photos; mtcnn 50]
    #[arg(long, value_name = "N")]
    min_face: Option<f32>,
    /// Least score of a face, 0..1 [default: yunet 0.6, mtcnn 0.8]
    #[arg(long, value_name = "S")]
    min_score: Option<f32>,
    /// Least score to pass each of mtcnn's three stages [default: 0.6 0.7 0.8]
    #[arg(long, num_args = 3, value_names = ["P", "R", "O"], conflicts_with = "min_score")]
    thresholds: Option<Vec<f32>>,
    /// Ratio of the sides of two levels of mtcnn's image pyramid [default: 0.709]
    #[arg(long)]
    factor: Option<f32>,
    /// Look at a photo in which no face is found for sure turned by 90, 180 and 270 degrees as well
    #[arg(long)]
    turned: bool,
}

impl Detection {
    fn options(&self) -> DetectorOptions {
        let thresholds = match self.thresholds.as_deref() {
            Some(&[p, r, o]) => [Some(p), Some(r), Some(o)],
            _ => [None, None, self.min_score],
        };
        DetectorOptions {
            minimum_face: self.min_face,
            thresholds,
            factor: self.factor,
            turned: self.turned,
        }
    }
}

/// Which of several faces a command goes on with.
#[derive(Args, Default)]
pub struct Choice {
    /// Which of several faces: best (highest score), largest, central or prominent (large and near the centre) [default: best
    /// with a model of mtcnn's, else prominent]
    #[arg(long)]
    face: Option<FaceChoice>,
}

/// Options of commands that find faces.
#[derive(Args)]
pub struct Finding {
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub machine: Machine,
    #[command(flatten)]
    detection: Detection,
    #[command(flatten)]
    pub reading: Reading,
}

/// Options of commands that embed faces.
#[derive(Args)]
pub struct Embedding {
    #[command(flatten)]
    pub finding: Finding,
    #[command(flatten)]
    computing: Computing,
    #[command(flatten)]
    choice: Choice,
}

/// What an engine is made of.
pub struct EngineParts<'a> {
    pub model: &'a str,
    pub machine: &'a Machine,
    pub precision: Option<Precision>,
    pub detection: &'a Detection,
    pub reading: &'a Reading,
    pub choice: &'a Choice,
}

impl EngineParts<'_> {
    /// Opens the engine.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open(&self) -> Result<Engine> {
        let options = EngineOptions {
            device: self.machine.device,
            precision: self.precision,
            threads: self.machine.threads,
            detector_pack: self.detection.detector.clone(),
            detector: self.detection.options(),
            face: self.choice.face,
            limits: self.reading.limits(),
            ..Default::default()
        };
        Engine::open(self.model, &options)
    }
}

impl Finding {
    /// The engine of a command that embeds nothing.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn engine(&self) -> Result<Engine> {
        self.parts(None, &Choice::default()).open()
    }

    fn parts<'a>(&'a self, precision: Option<Precision>, choice: &'a Choice) -> EngineParts<'a> {
        EngineParts {
            model: &self.model.name,
            machine: &self.machine,
            precision,
            detection: &self.detection,
            reading: &self.reading,
            choice,
        }
    }
}

impl Embedding {
    /// The engine these options describe.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn engine(&self) -> Result<Engine> {
        self.parts().open()
    }

    pub fn parts(&self) -> EngineParts<'_> {
        self.finding.parts(self.computing.precision, &self.choice)
    }

    /// Name of the model.
    pub fn model(&self) -> &str {
        &self.finding.model.name
    }

    /// Name of the detector, where it isn't the model's own.
    pub fn detector(&self) -> Option<&str> {
        self.finding.detection.detector.as_deref()
    }

    pub fn machine(&self) -> &Machine {
        &self.finding.machine
    }

    pub fn reading(&self) -> &Reading {
        &self.finding.reading
    }
}

/// Checks that a calibration, read from `path`, is of the engine's model, if it says which model it is of.
///
/// # Errors
/// [`ErrorKind::ModelMismatch`] naming both.
pub fn check_model(calibration: &Calibration, path: &Path, engine: &Engine) -> Result<()> {
    let info = engine.info();
    match (calibration.model(), calibration.fingerprint()) {
        (Some(model), Some(fingerprint)) if fingerprint != info.fingerprint => Err(Error::new(
            ErrorKind::ModelMismatch,
            format!(
                "{} is of {model} ({}), the model in use is {} ({}): scores of one model mean nothing for another",
                path.display(),
                fingerprint.short(),
                info.model,
                info.fingerprint.short()
            ),
        )),
        _ => Ok(()),
    }
}
