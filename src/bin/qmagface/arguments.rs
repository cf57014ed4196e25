//! Options that every command shares, and the engine they make.

use clap::Args;
use qmagface::model::DEFAULT_EMBEDDER;
use qmagface::{DetectorOptions, DeviceChoice, Engine, EngineOptions, FaceChoice, Precision, Result};
use std::thread::available_parallelism;

/// Options of every command.
#[derive(Args)]
pub struct Shared {
    /// Model pack: a name (`qmagface models list`) or the path of a pack's folder or of a bundle file
    #[arg(short, long, global = true, default_value = DEFAULT_EMBEDDER)]
    pub model: String,
    /// Where the networks run: cpu, cuda, cuda:N or auto
    #[arg(long, global = true, default_value = "auto")]
    device: DeviceChoice,
    /// What the embedding network computes in: f32, f16, bf16 or (on a GPU) tf32 [default: f16 on a GPU, else f32]
    #[arg(long, global = true)]
    precision: Option<Precision>,
    /// Threads for the networks on the CPU and for comparing many pairs [default: one per core]
    #[arg(long, global = true)]
    pub threads: Option<usize>,
    /// Print JSON, one line per result
    #[arg(long, global = true)]
    pub json: bool,
}

/// How faces are looked for and chosen.
#[derive(Args)]
pub struct Detection {
    /// Side of the smallest face looked for, in pixels
    #[arg(long, default_value_t = 50.0)]
    min_face: f32,
    /// Least score to pass each of the detector's three stages
    #[arg(long, num_args = 3, value_names = ["P", "R", "O"], default_values_t = [0.6, 0.7, 0.8])]
    thresholds: Vec<f32>,
    /// Ratio of the sides of two levels of the image pyramid
    #[arg(long, default_value_t = 0.709)]
    factor: f32,
}

/// Which of several faces a command goes on with.
#[derive(Args, Default)]
pub struct Choice {
    /// Which of several faces: best (highest score), largest or central
    #[arg(long, default_value = "best")]
    face: FaceChoice,
}

impl Default for Detection {
    fn default() -> Self {
        let options = DetectorOptions::default();
        Detection {
            min_face: options.minimum_face,
            thresholds: options.thresholds.to_vec(),
            factor: options.factor,
        }
    }
}

impl Shared {
    /// How many threads work on many images: half as many again as the engine has, because some of them wait for it
    /// (benches/folder.rs: 7 % more on two cores).
    pub fn workers(&self) -> usize {
        let cores = || available_parallelism().map_or(1, usize::from);
        let threads = self.threads.unwrap_or_else(cores).max(1);
        threads + threads / 2
    }

    /// The engine these options describe.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn engine(&self, detection: &Detection, choice: Option<&Choice>) -> Result<Engine> {
        self.engine_of(&self.model, detection, choice)
    }

    /// The engine these options describe, of another model.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn engine_of(&self, model: &str, detection: &Detection, choice: Option<&Choice>) -> Result<Engine> {
        let mut thresholds = DetectorOptions::default().thresholds;
        thresholds.copy_from_slice(&detection.thresholds); // clap takes exactly three
        let options = EngineOptions {
            device: self.device,
            precision: self.precision,
            threads: self.threads,
            detector: DetectorOptions {
                minimum_face: detection.min_face,
                thresholds,
                factor: detection.factor,
            },
            face: choice.map(|choice| choice.face).unwrap_or_default(),
            ..Default::default()
        };
        Engine::open(model, &options)
    }
}
