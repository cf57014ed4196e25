//! Calibrations as TOML: a few lines that a person can read and keep beside the model.

use super::at_quality::Functions;
use super::canonical;
use super::evidence::check_text;
use super::fitted::ScoreThreshold;
use super::{
    CalibratedModel, Calibration, Evidence, QualityModel, Status, ThresholdEvidence, check_gate, check_parameters,
};
use crate::compare::QualityParameters;
use crate::error::{Error, ErrorKind, Result};
use crate::identity::{Fingerprint, NAME_RULE, is_pack_name};
use crate::replace::replace;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// The versions of the file's format: without and with a model of quality. A file is written in the oldest that holds it.
const FORMAT: u32 = 1;
const FORMAT_WITH_QUALITY: u32 = 2;

/// Longest file that is read, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// The file as it stands there.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    alpha: f64,
    beta: f64,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    procedure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fitted_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_gate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subjects: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    genuine_pairs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impostor_pairs: Option<u64>,
    /// Of everything else, see [`Fields::hash`].
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    thresholds: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_quality: Option<QualityModel>,
}

/// A threshold as it stands there.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    fmr: f64,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    score_low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score_high: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fnmr: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fnmr_low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fnmr_high: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impostors_above: Option<u64>,
}

impl Calibration {
    /// Reads a calibration from the TOML of its file.
    ///
    /// `format`, `alpha`, `beta` and `status` must be there, the rest may; `model` and `fingerprint` come together. `format`
    /// is 1, or 2 with `at_quality` ([`QualityModel`]).
    ///
    /// ```
    /// let calibration = qmagface::Calibration::parse(br#"
    /// format = 1
    /// model = "sface"
    /// fingerprint = "0707070707070707070707070707070707070707070707070707070707070707"
    /// alpha = 0.167905
    /// beta = 0.277515
    /// status = "own" # or published, provisional, given
    /// procedure = "published QMagFace fit"
    /// fitted_on = "the badge photos of 2025"
    /// quality_gate = 10.0 # comparisons with a quality below it are marked
    /// thresholds = [ # by falling FMR; between them, scores are linear in log10(FMR)
    ///     { fmr = 1e-2, score = -0.70 },
    ///     { fmr = 1e-4, score = -0.18 },
    /// ]
    /// "#)?;
    /// assert!((calibration.threshold(1e-3)? - -0.44).abs() < 1e-9);
    /// # Ok::<(), qmagface::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] for more than 1 MiB; [`ErrorKind::Calibration`] naming the field when it isn't TOML, has an
    /// unknown or missing field, a field is outside its range, or a `sha256` is not that of the rest.
    pub fn parse(toml: &[u8]) -> Result<Self> {
        if toml.len() > MAX_BYTES {
            return Err(too_long());
        }
        let text = std::str::from_utf8(toml).map_err(|_| wrong("the calibration is not UTF-8 text"))?;
        // The format first: a newer one may have fields that this version doesn't know.
        let table: toml::Table = toml::from_str(text).map_err(|error| not_toml(&error))?;
        match table.get("format") {
            Some(toml::Value::Integer(format)) if ![FORMAT, FORMAT_WITH_QUALITY].map(i64::from).contains(format) => {
                return Err(wrong(format!(
                    "the calibration is of format {format}, this library reads {FORMAT} and {FORMAT_WITH_QUALITY}: update qmagface"
                )));
            }
            _ => {}
        }
        let mut fields: Fields = toml::from_str(text).map_err(|error| not_toml(&error))?;
        let unchanged = fields.check_hash();
        let calibration = fields
            .check()
            .map_err(|what| wrong(format!("the calibration's {what}")))?;
        unchanged.map(|()| calibration)
    }

    /// The calibration as TOML.
    ///
    /// # Errors
    /// [`ErrorKind::Calibration`] naming the field when one is outside its range, as only one made from an unchecked
    /// manifest can be.
    pub fn to_toml(&self) -> Result<String> {
        let mut fields = Fields {
            format: match self.quality_model {
                Some(_) => FORMAT_WITH_QUALITY,
                None => FORMAT,
            },
            model: self.model.as_ref().map(|model| model.name.clone()),
            fingerprint: self.model.as_ref().map(|model| model.fingerprint.to_string()),
            alpha: self.parameters.alpha,
            beta: self.parameters.beta,
            status: self.status,
            procedure: self.procedure.clone(),
            fitted_on: self.fitted_on.clone(),
            quality_gate: self.quality_gate,
            data: self.evidence.data.clone(),
            date: self.evidence.date.clone(),
            pairs: self.evidence.pairs.clone(),
            subjects: self.evidence.subjects,
            images: self.evidence.images,
            genuine_pairs: self.evidence.genuine_pairs,
            impostor_pairs: self.evidence.impostor_pairs,
            sha256: None,
            thresholds: self.thresholds.iter().zip(&self.measured).map(Row::new).collect(),
            at_quality: self.quality_model.clone(),
        };
        // What someone measured is protected; a few lines of someone's own may be edited.
        if self.evidence != Evidence::default() {
            fields.sha256 = Some(fields.hash()?);
        }
        let text = toml::to_string(&fields)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("calibration: {error}")))?;
        Calibration::parse(text.as_bytes())?;
        Ok(text)
    }

    /// Reads a calibration file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], or as [`Calibration::parse`], with the file's name in front.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Error::io(path, "read", &error);
        let mut bytes = Vec::new();
        // One byte more than allowed tells that there is too much.
        File::open(path)
            .map_err(failed)?
            .take(MAX_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        Calibration::parse(&bytes).map_err(|error| error.at(path.display()))
    }

    /// Writes the calibration to a file, whole or not at all.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], or as [`Calibration::to_toml`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = self.to_toml()?;
        replace(path, |mut file| {
            file.write_all(text.as_bytes())
                .map_err(|error| Error::io(path, "write", &error))
        })
    }
}

impl Fields {
    /// Checks every field's range. Says which field is wrong otherwise.
    fn check(self) -> Result<Calibration, String> {
        let model = match (self.model, self.fingerprint) {
            (None, None) => None,
            (Some(name), Some(text)) => {
                if !is_pack_name(&name) {
                    return Err(format!("model {NAME_RULE}"));
                }
                let mut fingerprint = Fingerprint([0; 32]);
                hex::decode_to_slice(&text, &mut fingerprint.0)
                    .map_err(|_| "fingerprint must be 64 hexadecimal digits".to_owned())?;
                Some(CalibratedModel { name, fingerprint })
            }
            _ => return Err("model and fingerprint must be given together, or neither".into()),
        };
        let parameters = QualityParameters {
            alpha: self.alpha,
            beta: self.beta,
        };
        check_parameters(&parameters)?;
        check_text("procedure", &self.procedure)?;
        check_text("fitted_on", &self.fitted_on)?;
        check_gate(self.quality_gate)?;
        let threshold = |row: &Row| ScoreThreshold {
            fmr: row.fmr,
            score: row.score,
        };
        let thresholds: Vec<ScoreThreshold> = self.thresholds.iter().map(threshold).collect();
        ScoreThreshold::check(&thresholds).map_err(|what| format!("thresholds {what}"))?;
        let measured: Result<Vec<_>, String> = self.thresholds.iter().map(Row::evidence).collect();
        let measured = measured.map_err(|what| format!("thresholds {what}"))?;
        let evidence = Evidence {
            data: self.data,
            date: self.date,
            pairs: self.pairs,
            subjects: self.subjects,
            images: self.images,
            genuine_pairs: self.genuine_pairs,
            impostor_pairs: self.impostor_pairs,
        };
        evidence.check()?;
        match (self.format, &self.at_quality) {
            (FORMAT, Some(_)) => return Err(format!("at_quality takes format {FORMAT_WITH_QUALITY}")),
            (_, Some(model)) => model.check().map_err(|what| format!("at_quality.{what}"))?,
            (_, None) => {}
        }
        Ok(Calibration {
            model,
            parameters,
            status: self.status,
            procedure: self.procedure,
            fitted_on: self.fitted_on,
            quality_gate: self.quality_gate,
            logs: super::thresholds::logs(&thresholds),
            thresholds,
            functions: self.at_quality.as_ref().map(Functions::new),
            quality_model: self.at_quality,
            evidence,
            measured,
        })
    }

    /// The canonical hash of the fields without `sha256`.
    fn hash(&self) -> Result<String> {
        let fields = serde_json::to_value(self)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("calibration: {error}")))?;
        Ok(canonical::hash(&fields))
    }

    /// Takes the hash out, and checks it.
    fn check_hash(&mut self) -> Result<()> {
        match self.sha256.take() {
            Some(stated) if stated != self.hash()? => Err(wrong(
                "the calibration was changed since it was written: its sha256 is of something else. If the change is \
                 yours, delete the line with sha256",
            )),
            _ => Ok(()),
        }
    }
}

impl Row {
    fn new((threshold, measured): (&ScoreThreshold, &ThresholdEvidence)) -> Self {
        Row {
            fmr: threshold.fmr,
            score: threshold.score,
            score_low: measured.score_interval.map(|(low, _)| low),
            score_high: measured.score_interval.map(|(_, high)| high),
            fnmr: measured.fnmr,
            fnmr_low: measured.fnmr_interval.map(|(low, _)| low),
            fnmr_high: measured.fnmr_interval.map(|(_, high)| high),
            impostors_above: measured.impostors_above,
        }
    }

    fn evidence(&self) -> Result<ThresholdEvidence, String> {
        let interval = |name: &str, low: Option<f64>, high: Option<f64>| match (low, high) {
            (None, None) => Ok(None),
            (Some(low), Some(high)) => Ok(Some((low, high))),
            _ => Err(format!("has one of {name}_low and {name}_high: both or neither")),
        };
        let evidence = ThresholdEvidence {
            fnmr: self.fnmr,
            impostors_above: self.impostors_above,
            score_interval: interval("score", self.score_low, self.score_high)?,
            fnmr_interval: interval("fnmr", self.fnmr_low, self.fnmr_high)?,
        };
        evidence.check()?;
        Ok(evidence)
    }
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Calibration, what)
}

fn not_toml(error: &toml::de::Error) -> Error {
    wrong(format!(
        "the calibration can't be read: {}",
        error.to_string().trim_end()
    ))
}

fn too_long() -> Error {
    Error::new(ErrorKind::Limit, format!("a calibration has at most {MAX_BYTES} bytes"))
}
