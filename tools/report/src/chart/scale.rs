//! From values to places on an axis, and where an axis has its ticks.

use super::{Axis, Numbers, Scale};

/// An axis with its ends settled.
#[derive(Debug, Clone, Copy)]
pub struct Ruler {
    scale: Scale,
    numbers: Numbers,
    low: f64,
    high: f64,
}

/// A place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// 0 (lower end) to 1.
    pub place: f64,
    /// What is written there; `None`: only a thin line.
    pub label: Option<String>,
}

/// Ticks that an axis aims at.
const TICKS: f64 = 7.0;
/// Decades of a logarithmic axis whose ends come from the data.
const MOST_DECADES: f64 = 9.0;

impl Ruler {
    /// The ruler of `axis` for `values`; `None` when it has no range and no value gives one.
    pub fn new(axis: &Axis, values: impl Iterator<Item = f64>, from_zero: bool) -> Option<Ruler> {
        let usable = |value: &f64| value.is_finite() && (axis.scale == Scale::Linear || *value > 0.0);
        let (mut low, mut high) = match axis.range {
            Some(range) => range,
            None => values.filter(usable).fold(None, |range: Option<(f64, f64)>, value| {
                Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
            })?,
        };
        if !usable(&low) || !usable(&high) {
            return None;
        }
        if axis.range.is_none() {
            match axis.scale {
                Scale::Linear => {
                    let margin = 0.03 * (high - low);
                    (low, high) = match from_zero && low >= 0.0 {
                        true => (0.0, high + 2.0 * margin),
                        false => (low - margin, high + margin),
                    };
                }
                Scale::Log => {
                    let (top, bottom) = (high.log10().ceil(), low.log10().floor());
                    (low, high) = (10f64.powf(bottom.max(top - MOST_DECADES)), 10f64.powf(top));
                }
            }
        }
        // One value alone still needs an axis.
        if high <= low {
            (low, high) = match axis.scale {
                // A rate has no values above 100 %.
                Scale::Linear if axis.numbers == Numbers::Percent && low >= 1.0 => (low - 0.01, low),
                Scale::Linear => (low - 0.5 * low.abs().max(1e-3), low + 0.5 * low.abs().max(1e-3)),
                Scale::Log => (low / 10.0, low * 10.0),
            };
        }
        Some(Ruler {
            scale: axis.scale,
            numbers: axis.numbers,
            low,
            high,
        })
    }

    /// Where `value` lies: 0 at the lower end, 1 at the upper, beyond them outside; always finite.
    pub fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value <= 0.0 => f64::NEG_INFINITY,
            Scale::Log => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        if place.is_nan() { 0.0 } else { place.clamp(-9.0, 10.0) }
    }

    /// The ticks, by rising place.
    pub fn ticks(&self) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => self.linear_ticks(),
            Scale::Log => self.log_ticks(),
        }
    }

    fn linear_ticks(&self) -> Vec<Tick> {
        let factor = if self.numbers == Numbers::Percent { 100.0 } else { 1.0 };
        let (low, high) = (self.low * factor, self.high * factor);
        let step = nice((high - low) / TICKS);
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
        (first..=last.min(first + 50))
            .map(|index| {
                let value = index as f64 * step;
                Tick {
                    place: self.place(value / factor),
                    label: Some(minus(format!("{:.decimals$}", value + 0.0))),
                }
            })
            .collect()
    }

    fn log_ticks(&self) -> Vec<Tick> {
        let (bottom, top) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let decades = (self.high / self.low).log10();
        let mut ticks = Vec::new();
        for decade in bottom..=top.min(bottom + 40) {
            for digit in 1..10 {
                let value = f64::from(digit) * 10f64.powi(decade);
                let place = self.place(value);
                if !(-1e-9..=1.0 + 1e-9).contains(&place) {
                    continue;
                }
                let written = digit == 1 || (decades < 2.2 && matches!(digit, 2 | 5));
                if written || decades < 7.5 {
                    ticks.push(Tick {
                        place,
                        label: written.then(|| self.log_label(digit, decade)),
                    });
                }
            }
        }
        ticks
    }

    fn log_label(&self, digit: i32, decade: i32) -> String {
        let plain = |decade: i32| {
            let decimals = usize::try_from(-decade).unwrap_or(0);
            format!("{:.decimals$}", f64::from(digit) * 10f64.powi(decade))
        };
        match self.numbers {
            Numbers::Percent => plain(decade + 2),
            Numbers::Plain => plain(decade),
            Numbers::Power if decade == 0 => digit.to_string(),
            Numbers::Power => format!("{digit}e{}", minus(decade.to_string())),
        }
    }
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is at least `step`; 2.5 only above 10, where it is whole.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let digits: &[f64] = if power >= 10.0 {
        &[1.0, 2.0, 2.5, 5.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    let digit = digits.iter().find(|&&digit| digit * power >= step * (1.0 - 1e-9));
    digit.map_or(10.0 * power, |digit| digit * power)
}

/// With a real minus sign.
fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        let ruler = Ruler::new(axis, std::iter::empty(), false).unwrap();
        ruler.ticks().into_iter().filter_map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_stand_at_round_numbers() {
        assert_eq!(
            labels(&Axis::linear("").range(-0.3, 0.9)),
            ["−0.2", "0.0", "0.2", "0.4", "0.6", "0.8"]
        );
        assert_eq!(
            labels(&Axis::linear("").percent().range(0.0, 0.05)),
            ["0", "1", "2", "3", "4", "5"]
        );
        assert_eq!(labels(&Axis::log("").range(1e-3, 1.0)), ["1e−3", "1e−2", "1e−1", "1"]);
        assert_eq!(
            labels(&Axis::log("").percent().range(0.001, 0.1)),
            ["0.1", "0.2", "0.5", "1", "2", "5", "10"]
        );
        assert_eq!(
            labels(&Axis::linear("").range(0.0, 1000.0)),
            ["0", "200", "400", "600", "800", "1000"]
        );
    }

    #[test]
    fn an_axis_holds_its_data() {
        let values = [0.2, f64::NAN, 0.8, f64::INFINITY];
        let ruler = Ruler::new(&Axis::linear(""), values.into_iter(), false).unwrap();
        assert!(ruler.place(0.2) > 0.0 && ruler.place(0.8) < 1.0);
        let ruler = Ruler::new(&Axis::log(""), [0.0, 3e-4, 0.5].into_iter(), false).unwrap();
        assert_eq!((ruler.place(1e-4), ruler.place(1.0)), (0.0, 1.0));
        assert!(ruler.place(0.0) < 0.0, "zero lies beyond the lower end");
        let one = Ruler::new(&Axis::linear(""), [2.0].into_iter(), false).unwrap();
        assert!((one.place(2.0) - 0.5).abs() < 1e-9);
        assert!(Ruler::new(&Axis::linear(""), [f64::NAN].into_iter(), false).is_none());
        assert!(Ruler::new(&Axis::log("").range(0.0, 1.0), std::iter::empty(), false).is_none());
    }
}
