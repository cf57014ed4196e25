//! How a detector looks.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;

/// The detectors there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DetectorKind {
    /// See [`crate::detect::Mtcnn`].
    Mtcnn,
    /// See [`crate::detect::YuNet`].
    YuNet,
}

impl fmt::Display for DetectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DetectorKind::Mtcnn => "mtcnn",
            DetectorKind::YuNet => "yunet",
        })
    }
}

/// How a detector looks. What isn't given is the detector's own: for MTCNN the reference pipeline's values.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DetectorOptions {
    /// Side of the smallest face looked for, in pixels: 12 or more. Default: 50 with MTCNN, 40 with YuNet.
    pub minimum_face: Option<f32>,
    /// Least score to pass each stage, each in 0..1; a face has the last one or more. Default: 0.6, 0.7, 0.8 with MTCNN. YuNet
    /// has the last one only: 0.6.
    pub thresholds: [Option<f32>; 3],
    /// MTCNN's ratio of one pyramid level's side to the one before, 0.1..0.95. Default: 0.709 (half the area).
    pub factor: Option<f32>,
    /// Whether a photo in which no face is found for sure is looked at turned by 90, 180 and 270 degrees as well; the turn with
    /// the best score counts ([`Face::turn`](crate::Face::turn) says which one). Default: no.
    pub turned: bool,
}

impl DetectorOptions {
    /// Checks the documented ranges.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the option that is out of range.
    pub fn validate(&self) -> Result<()> {
        if let Some(side) = self.minimum_face
            && !(12.0..=1e6).contains(&side)
        {
            return invalid(format!("minimum face {side} is not in 12..1000000 pixels"));
        }
        if let Some(factor) = self.factor
            && !(0.1..=0.95).contains(&factor)
        {
            return invalid(format!("pyramid factor {factor} is not in 0.1..0.95"));
        }
        for threshold in self.thresholds.into_iter().flatten() {
            if !(0.0..=1.0).contains(&threshold) {
                return invalid(format!("detection threshold {threshold} is not in 0..1"));
            }
        }
        Ok(())
    }

    /// Checks that the detector has the options that are given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the one that it hasn't.
    pub fn check_for(&self, detector: DetectorKind) -> Result<()> {
        if detector == DetectorKind::Mtcnn {
            return Ok(());
        }
        let has_not = |what: &str| {
            invalid(format!(
                "the detector {detector} has no {what}: that is an option of mtcnn"
            ))
        };
        if self.factor.is_some() {
            return has_not("pyramid factor");
        }
        match self.thresholds {
            [None, None, _] => Ok(()),
            _ => has_not("thresholds of stages, but the last"),
        }
    }
}

fn invalid<T>(message: String) -> Result<T> {
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_named() {
        let check = |options: DetectorOptions| options.validate().unwrap_err().to_string();
        for side in [11.0, f32::NAN, f32::INFINITY] {
            let options = DetectorOptions {
                minimum_face: Some(side),
                ..Default::default()
            };
            assert!(check(options).contains("minimum face"));
        }
        let options = DetectorOptions {
            thresholds: [Some(0.6), Some(1.5), None],
            ..Default::default()
        };
        assert!(check(options).contains("threshold 1.5"));
        let options = DetectorOptions {
            factor: Some(1.0),
            ..Default::default()
        };
        assert!(check(options).contains("pyramid factor"));
        DetectorOptions::default().validate().unwrap();
    }

    #[test]
    fn what_a_detector_has_not_is_named() {
        let options = DetectorOptions {
            minimum_face: Some(30.0),
            thresholds: [None, None, Some(0.5)],
            factor: None,
            turned: true,
        };
        options.check_for(DetectorKind::YuNet).unwrap();
        let staged = DetectorOptions {
            thresholds: [Some(0.6), None, None],
            ..options
        };
        let error = staged.check_for(DetectorKind::YuNet).unwrap_err().to_string();
        assert!(error.contains("yunet") && error.contains("thresholds"), "{error}");
        staged.check_for(DetectorKind::Mtcnn).unwrap();
        let factor = DetectorOptions {
            factor: Some(0.7),
            ..options
        };
        let error = factor.check_for(DetectorKind::YuNet).unwrap_err().to_string();
        assert!(error.contains("pyramid factor"), "{error}");
    }
}
