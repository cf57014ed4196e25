//! What a calibration was fitted and measured on.

use super::fit::Fit;
use super::fitted::ScoreThreshold;
use super::{CalibratedModel, Calibration, Interval, MeasuredThreshold, Status, check_parameters};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::Fingerprint;

/// On how much a calibration rests, where that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Name of the data.
    pub data: Option<String>,
    /// Day of the fit, as 2026-11-24.
    pub date: Option<String>,
    /// Which pairs: `all`, or how they were chosen.
    pub pairs: Option<String>,
    /// How many people.
    pub subjects: Option<u64>,
    /// How many images.
    pub images: Option<u64>,
    /// How many pairs of one person.
    pub genuine_pairs: Option<u64>,
    /// How many pairs of two people.
    pub impostor_pairs: Option<u64>,
}

/// What was measured at a threshold, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ThresholdEvidence {
    /// Share of the genuine pairs that don't reach it.
    pub fnmr: Option<f64>,
    /// How many impostor pairs reach it.
    pub impostors_above: Option<u64>,
    /// 95 % interval of the score with that FMR.
    pub score_interval: Option<Interval>,
    /// 95 % interval of the FNMR at that FMR.
    pub fnmr_interval: Option<Interval>,
}

/// What [`Calibration::fitted`] can't know from the fit.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The model that made the embeddings: its pack's name and its fingerprint with its detector. `None`: the
    /// calibration is of any model, and mixing up two is nobody's error.
    pub model: Option<(&'a str, Fingerprint)>,
    /// Name of the data.
    pub data: Option<&'a str>,
    /// The day, as 2026-11-24.
    pub date: Option<&'a str>,
    /// Which pairs, in words: `all`.
    pub pairs: Option<&'a str>,
}

/// Today's date in UTC, as a calibration has it.
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

impl About<'_> {
    /// Checks the texts and the date, as [`Calibration::fitted`] will: worth it before hours of work.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the field.
    pub fn check(&self) -> Result<()> {
        self.evidence()
            .check()
            .map_err(|what| Error::new(ErrorKind::InvalidArgument, what))
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            data: self.data.map(str::to_owned),
            date: self.date.map(str::to_owned),
            pairs: self.pairs.map(str::to_owned),
            ..Evidence::default()
        }
    }
}

impl Calibration {
    /// The calibration of a fit and the thresholds that were measured with its parameters: [`Status::Own`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when a text or the date is not as it is written to files, or the thresholds are
    /// not by falling FMR and rising score.
    pub fn fitted(fit: &Fit, measured: &[MeasuredThreshold], about: &About) -> Result<Self> {
        let invalid = |what: String| Error::new(ErrorKind::InvalidArgument, what);
        check_parameters(&fit.parameters).map_err(invalid)?;
        about.check()?;
        let evidence = Evidence {
            subjects: Some(fit.subjects as u64),
            images: Some(fit.images as u64),
            genuine_pairs: Some(fit.count.genuine),
            impostor_pairs: Some(fit.count.impostor),
            ..about.evidence()
        };
        // A cosine can be a rounding above 1.
        let threshold = |m: &MeasuredThreshold| ScoreThreshold {
            fmr: m.fmr,
            score: m.score.min(1.0),
        };
        let thresholds: Vec<ScoreThreshold> = measured.iter().map(threshold).collect();
        ScoreThreshold::check(&thresholds).map_err(|what| invalid(format!("the table of thresholds {what}")))?;
        let of = |m: &MeasuredThreshold| ThresholdEvidence {
            fnmr: Some(m.fnmr),
            impostors_above: Some(m.impostors_above),
            score_interval: m.score_interval,
            fnmr_interval: m.fnmr_interval,
        };
        let range = match (fit.points.first(), fit.points.last()) {
            (Some(first), Some(last)) => format!(", FMR {:e} to {:e}", first.fmr, last.fmr),
            _ => String::new(),
        };
        Ok(Calibration {
            model: about.model.map(|(name, fingerprint)| CalibratedModel {
                name: name.to_owned(),
                fingerprint,
            }),
            parameters: fit.parameters,
            status: Status::Own,
            procedure: Some(format!("{}{range}", fit.procedure)),
            fitted_on: about.data.map(str::to_owned),
            quality_gate: None,
            logs: super::thresholds::logs(&thresholds),
            thresholds,
            quality_model: None,
            functions: None,
            evidence,
            measured: measured.iter().map(of).collect(),
        })
    }

    /// On how much it rests.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What was measured at each of [`Calibration::thresholds`].
    pub fn threshold_evidence(&self) -> &[ThresholdEvidence] {
        &self.measured
    }
}

impl Evidence {
    /// Checks the texts. Says which field is wrong otherwise.
    pub(super) fn check(&self) -> Result<(), String> {
        check_text("data", &self.data)?;
        check_text("pairs", &self.pairs)?;
        match &self.date {
            Some(date) if !is_day(date) => Err("date must be a day as 2026-11-24".into()),
            _ => Ok(()),
        }
    }
}

impl ThresholdEvidence {
    /// Checks the ranges. Says which field is wrong otherwise.
    pub(super) fn check(&self) -> Result<(), String> {
        let share = 0.0..=1.0;
        if let Some(fnmr) = self.fnmr
            && !share.contains(&fnmr)
        {
            return Err(format!("has the fnmr {fnmr}, which is not in 0 to 1"));
        }
        if let Some((low, high)) = self.fnmr_interval
            && !(share.contains(&low) && share.contains(&high) && low <= high)
        {
            return Err(format!(
                "has the interval {low} to {high} of the fnmr, which is not in 0 to 1"
            ));
        }
        // NaN is in no order.
        if let Some((low, high)) = self.score_interval
            && !(low <= high && low.is_finite() && high.is_finite())
        {
            return Err(format!("has the interval {low} to {high} of the score"));
        }
        Ok(())
    }
}

/// Checks a text that is printed: it must not control the terminal.
pub(super) fn check_text(name: &str, text: &Option<String>) -> Result<(), String> {
    match text {
        Some(text) if text.is_empty() || text.len() > 1024 || text.chars().any(char::is_control) => {
            Err(format!("{name} must be one line of 1 to 1024 bytes"))
        }
        _ => Ok(()),
    }
}

/// Whether the text is a day of the calendar, YYYY-MM-DD.
fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if ![&bytes[..4], &bytes[5..7], &bytes[8..]].into_iter().all(digits) {
        return false;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .fold(0u32, |n, digit| 10 * n + u32::from(digit - b'0'))
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    (1..=12).contains(&month) && (1..=last).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::is_day;

    #[test]
    fn days_are_those_of_the_calendar() {
        for day in ["2026-11-24", "2024-02-29", "2000-02-29", "0001-01-31"] {
            assert!(is_day(day), "{day}");
        }
        for day in [
            "2026-11-31",
            "2023-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "26-01-01",
            "",
        ] {
            assert!(!is_day(day), "{day}");
        }
        assert!(!is_day("2026-1-001") && !is_day("2026/11/24") && !is_day("2026-11-2é"));
    }
}
