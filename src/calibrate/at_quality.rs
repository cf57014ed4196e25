//! What a cosine means at the two qualities of a comparison: which share of pairs of different people reaches it there, how
//! much likelier it is of one person than of two, and how many pairs of one person reach it.
//!
//! Faces that show little are more alike: of photos of SFace's that are blurred by four pixels, fifty times as many impostor
//! pairs pass a threshold for one in ten thousand. So each of the three is fitted as a smooth function of both qualities
//! (`docs/decisions.md`).

use once_cell::sync::Lazy;
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_1_SQRT_2, LN_10, PI};

/// Least slope of a distribution's quantiles, in cosine: below it, they would touch or cross.
const LEAST_SCALE: f64 = 0.01;

/// What the logarithm of a slope of the ratio is held to.
const SLOPE: (f64, f64) = (-20.0, 6.0);

/// Greatest coefficient, either way.
const GREATEST: f64 = 1e4;

/// How many terms polynomials of degree 0 to 3 in x and y have.
const TERMS: [usize; 4] = [1, 3, 6, 10];

/// The fitted functions. Each polynomial is in x and y, the logarithms of the lower and the higher quality over
/// `reference`, its coefficients those of x^i y^j for i = 0.. and in it j = 0.., as long as i + j is at most the degree: 1, 3, 6
/// or 10 of them for degree 0, 1, 2 or 3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityModel {
    /// The quality whose logarithm counts as 0, > 0.
    pub reference: f64,
    /// The least quality that the data had enough pairs of, > 0. A lower one counts as this, and isn't supported.
    pub lowest: f64,
    /// The greatest. A higher one counts as this.
    pub highest: f64,
    /// The greatest -log10 of a false match rate that the data supports.
    pub most: f64,
    /// Of impostor pairs' cosines.
    pub impostor: Distribution,
    /// Of genuine pairs' negative cosines.
    pub genuine: Distribution,
    /// The log-likelihood ratio.
    pub ratio: Ratio,
}

/// At given qualities the value that a share of pairs reaches is `a + b g + c max(g, 0)^2`, where `g` is what the same share
/// of a standard normal distribution reaches: the tail may be heavier than normal, never lighter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// `a`.
    pub location: Vec<f64>,
    /// `b`; where it is below 0.01, that.
    pub scale: Vec<f64>,
    /// `c`; where it is below 0, that.
    pub tail: Vec<f64>,
}

/// `offset + exp(slope) s + exp(steeper) w ln(1 + exp((s - knee) / w))` at cosine `s`, which rises with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    /// The ratio at cosine 0, about.
    pub offset: Vec<f64>,
    /// Logarithm of how steeply it rises; held to -20..6, as the next.
    pub slope: Vec<f64>,
    /// Logarithm of how much more steeply it rises beyond the knee.
    pub steeper: Vec<f64>,
    /// The cosine from which on the second slope counts.
    pub knee: f64,
    /// Over which width of the cosine it sets in, > 0.
    pub width: f64,
    /// The greatest ratio that so many pairs as it was fitted on support, either way, > 0: what is beyond counts as this.
    pub most: f64,
}

/// What a comparison's cosine means at its two qualities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtQuality {
    /// Natural logarithm of how many times likelier this cosine is of one person than of two, at these qualities: 0 says
    /// nothing, 4.6 is a hundred times; held to what the data supports ([`Ratio::most`]). It rises with the cosine. Added to the
    /// logarithm of the odds that two faces are of one person before they are compared, it makes that of the odds after it.
    pub log_likelihood_ratio: f64,
    /// -log10 of the share of impostor pairs of these qualities that reach this cosine, 0 to what the data supports
    /// ([`QualityModel::most`]): 3 is one in a thousand. It rises with the cosine.
    pub negative_log10_fmr: f64,
    /// Whether the data has faces of so little quality.
    pub supported: bool,
}

/// The terms x^i y^j of a polynomial of degree 3, in the order of its coefficients.
type Terms = [f64; 10];

/// A [`QualityModel`] made ready for many comparisons: every polynomial as one of degree 3.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Functions {
    reference: f64,
    lowest: f64,
    highest: f64,
    most: f64,
    impostor: Quantiles,
    genuine: Quantiles,
    ratio: [Terms; 3],
    knee: f64,
    width: f64,
    most_ratio: f64,
}

/// A [`Distribution`] made ready.
#[derive(Debug, Clone, PartialEq)]
struct Quantiles([Terms; 3]);

/// A polynomial of any degree as one of degree 3.
fn cubic(coefficients: &[f64]) -> Terms {
    let degree = TERMS.iter().position(|&count| count >= coefficients.len()).unwrap_or(3);
    let mut rest = coefficients.iter();
    let mut all = [0.0; 10];
    let mut at = 0;
    for i in 0..=3 {
        for j in 0..=3 - i {
            if i + j <= degree {
                all[at] = rest.next().copied().unwrap_or(0.0);
            }
            at += 1;
        }
    }
    all
}

fn polynomial(coefficients: &Terms, at: &Terms) -> f64 {
    coefficients
        .iter()
        .zip(at)
        .map(|(coefficient, term)| coefficient * term)
        .sum()
}

impl Quantiles {
    fn new(of: &Distribution) -> Self {
        Quantiles([&of.location, &of.scale, &of.tail].map(|coefficients| cubic(coefficients)))
    }

    fn parts(&self, at: &Terms) -> [f64; 3] {
        let [a, b, c] = self.0.each_ref().map(|coefficients| polynomial(coefficients, at));
        [a, b.max(LEAST_SCALE), c.max(0.0)]
    }

    /// The number of the standard normal distribution that as many pairs reach as reach `value`.
    fn normal(&self, value: f64, at: &Terms) -> f64 {
        let [a, b, c] = self.parts(at);
        let above = value - a;
        match above > 0.0 {
            // The root of c g^2 + b g = above in a form that is exact for small c.
            true => 2.0 * above / (b + (b * b + 4.0 * c * above).sqrt()),
            false => above / b,
        }
    }

    /// The value that as many pairs reach.
    fn value(&self, normal: f64, at: &Terms) -> f64 {
        let [a, b, c] = self.parts(at);
        a + b * normal + c * normal.max(0.0).powi(2)
    }
}

impl Distribution {
    fn each(&self) -> [&[f64]; 3] {
        [&self.location, &self.scale, &self.tail]
    }
}

/// The share of a standard normal distribution that reaches this number.
fn normal_share(normal: f64) -> f64 {
    libm::erfc(normal * FRAC_1_SQRT_2) / 2.0
}

/// Numbers of the standard normal distribution are held to this, either way: one in 10^18 is beyond.
const FAR: f64 = 9.0;

/// Points of [`LOGARITHMS`] to each 1 of the number.
const POINTS: f64 = 16.0;

/// -log10 of the share of a standard normal distribution that reaches each number from -[`FAR`] on, and how it rises. An error
/// function and a logarithm for each comparison would take as long as the comparison.
static LOGARITHMS: Lazy<Vec<[f64; 2]>> = Lazy::new(|| {
    let point = |at: usize| {
        let normal = at as f64 / POINTS - FAR;
        let (share, density) = (normal_share(normal), (-normal * normal / 2.0).exp() / (2.0 * PI).sqrt());
        // Near 1 a share has no digits left for what it lacks.
        let logarithm = if normal < 0.0 {
            (-normal_share(-normal)).ln_1p()
        } else {
            share.ln()
        };
        [-logarithm / LN_10, density / share / LN_10]
    };
    (0..=(2.0 * FAR * POINTS) as usize + 1).map(point).collect()
});

/// -log10 of the share of a standard normal distribution that reaches this number, within 1e-7: cubic between the points.
fn negative_log10_share(normal: f64) -> f64 {
    let place = (normal.clamp(-FAR, FAR) + FAR) * POINTS;
    let (at, t) = (place as usize, place.fract());
    let ([y0, d0], [y1, d1]) = (LOGARITHMS[at], LOGARITHMS[at + 1]);
    let (d0, d1) = (d0 / POINTS, d1 / POINTS);
    let rise = y1 - y0;
    y0 + t * (d0 + t * (3.0 * rise - 2.0 * d0 - d1 + t * (d0 + d1 - 2.0 * rise)))
}

/// The number that this share of a standard normal distribution reaches, -9..9.
fn normal_of_share(share: f64) -> f64 {
    let (mut low, mut high) = (-FAR, FAR);
    // As often as a float has bits.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        match normal_share(middle) > share {
            true => low = middle,
            false => high = middle,
        }
    }
    (low + high) / 2.0
}

impl Functions {
    pub fn new(model: &QualityModel) -> Self {
        let ratio = &model.ratio;
        Functions {
            reference: model.reference,
            lowest: model.lowest,
            highest: model.highest,
            most: model.most,
            impostor: Quantiles::new(&model.impostor),
            genuine: Quantiles::new(&model.genuine),
            ratio: [&ratio.offset, &ratio.slope, &ratio.steeper].map(|coefficients| cubic(coefficients)),
            knee: ratio.knee,
            width: ratio.width,
            most_ratio: ratio.most,
        }
    }

    /// The greatest -log10 of a false match rate that the data supports.
    pub fn most(&self) -> f64 {
        self.most
    }

    /// What `cosine` means at these two qualities, in either order. All of it is finite, whatever is given: a cosine that isn't
    /// a number counts as -1, which is like nobody.
    pub fn at(&self, cosine: f64, quality_a: f64, quality_b: f64) -> AtQuality {
        let cosine = if cosine.is_nan() { -1.0 } else { cosine.clamp(-1.0, 1.0) };
        let at = self.terms(quality_a, quality_b);
        let [offset, slope, steeper] = self.ratio.each_ref().map(|coefficients| polynomial(coefficients, &at));
        let [slope, steeper] = [slope, steeper].map(|logarithm| logarithm.clamp(SLOPE.0, SLOPE.1).exp());
        let beyond = (cosine - self.knee) / self.width;
        // ln(1 + exp(x)) without a number that is too large.
        let bend = self.width * (beyond.max(0.0) + (-beyond.abs()).exp().ln_1p());
        AtQuality {
            log_likelihood_ratio: (offset + slope * cosine + steeper * bend).clamp(-self.most_ratio, self.most_ratio),
            negative_log10_fmr: negative_log10_share(self.impostor.normal(cosine, &at)).clamp(0.0, self.most),
            supported: quality_a >= self.lowest && quality_b >= self.lowest,
        }
    }

    /// The cosine that the share `fmr` of impostor pairs of these qualities reaches.
    pub fn threshold(&self, fmr: f64, quality_a: f64, quality_b: f64) -> f64 {
        let at = self.terms(quality_a, quality_b);
        self.impostor.value(normal_of_share(fmr), &at)
    }

    /// Which share of the genuine pairs of these qualities reaches `cosine`, 0..=1.
    pub fn pass_rate(&self, cosine: f64, quality_a: f64, quality_b: f64) -> f64 {
        let at = self.terms(quality_a, quality_b);
        1.0 - normal_share(self.genuine.normal(-cosine, &at))
    }

    /// Of the logarithms of the lower and the higher quality; one that isn't in the data counts as the nearest that is.
    fn terms(&self, quality_a: f64, quality_b: f64) -> Terms {
        // `max` takes the number where the other is none.
        let logarithm = |quality: f64| (quality.max(self.lowest).min(self.highest) / self.reference).ln();
        let (x, y) = (logarithm(quality_a.min(quality_b)), logarithm(quality_a.max(quality_b)));
        [
            1.0,
            y,
            y * y,
            y * y * y,
            x,
            x * y,
            x * y * y,
            x * x,
            x * x * y,
            x * x * x,
        ]
    }
}

impl QualityModel {
    /// Checks every range. Says which field is wrong otherwise.
    pub(crate) fn check(&self) -> Result<(), String> {
        // NaN is in no range.
        let within = |name: &str, value: f64, low: f64, high: f64| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(format!("{name} is {value}, allowed is {low} to {high}")),
        };
        within("reference", self.reference, 1e-3, 1e3)?;
        within("lowest", self.lowest, 1e-3, 1e3)?;
        within("highest", self.highest, self.lowest, 1e3)?;
        within("most", self.most, 1.0, 12.0)?;
        within("ratio.knee", self.ratio.knee, -1.0, 1.0)?;
        within("ratio.width", self.ratio.width, 1e-3, 1.0)?;
        within("ratio.most", self.ratio.most, 1.0, 100.0)?;
        let ratio = &self.ratio;
        let of_ratio = [&ratio.offset[..], &ratio.slope, &ratio.steeper];
        for coefficients in [self.impostor.each(), self.genuine.each(), of_ratio]
            .into_iter()
            .flatten()
        {
            if !TERMS.contains(&coefficients.len()) {
                return Err(format!(
                    "a list has {} coefficients, allowed are 1, 3, 6 or 10",
                    coefficients.len()
                ));
            }
            for &coefficient in coefficients {
                within("a coefficient", coefficient, -GREATEST, GREATEST)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Impostor cosines around 0.1 at a quality of 10, higher at lower ones; genuine ones around 0.5.
    pub fn model() -> QualityModel {
        QualityModel {
            reference: 10.0,
            lowest: 5.0,
            highest: 20.0,
            most: 5.0,
            impostor: Distribution {
                location: vec![0.1, 0.0, -0.3],
                scale: vec![0.08, 0.0, -0.05],
                tail: vec![0.005, 0.0, -0.01],
            },
            genuine: Distribution {
                location: vec![-0.5, 0.0, -0.4],
                scale: vec![0.12],
                tail: vec![0.01],
            },
            ratio: Ratio {
                offset: vec![-3.0],
                slope: vec![2.0, 0.0, 0.1],
                steeper: vec![1.0],
                knee: 0.3,
                width: 0.1,
                most: 12.0,
            },
        }
    }

    fn functions() -> Functions {
        Functions::new(&model())
    }

    #[test]
    fn terms_are_in_the_order_that_is_said() {
        let mut functions = functions();
        (functions.reference, functions.lowest, functions.highest) = (1.0, 0.1, 1e3);
        // x = 2 and y = 3.
        let at = functions.terms(3f64.exp(), 2f64.exp());
        let values = |count: usize| -> Vec<f64> {
            let one = |place: usize| {
                (0..count)
                    .map(|at| f64::from(u8::from(at == place)))
                    .collect::<Vec<f64>>()
            };
            (0..count)
                .map(|place| polynomial(&cubic(&one(place)), &at).round())
                .collect()
        };
        assert_eq!(values(10), [1.0, 3.0, 9.0, 27.0, 2.0, 6.0, 18.0, 4.0, 12.0, 8.0]);
        assert_eq!(values(6), [1.0, 3.0, 9.0, 2.0, 6.0, 4.0]);
        assert_eq!((values(3), values(1)), (vec![1.0, 3.0, 2.0], vec![1.0]));
    }

    #[test]
    fn shares_and_cosines_are_each_others() {
        let model = functions();
        for fmr in [0.3, 1e-2, 1e-3, 1e-5] {
            for (a, b) in [(10.0, 10.0), (7.0, 15.0), (20.0, 8.0)] {
                let cosine = model.threshold(fmr, a, b);
                let back = model.at(cosine, a, b).negative_log10_fmr;
                assert!((back + f64::log10(fmr)).abs() < 1e-7, "{fmr} at {a}, {b}: {back}");
            }
        }
        // A normal distribution's own numbers.
        assert!((normal_of_share(1e-3) - 3.090_232_306).abs() < 1e-8);
        assert!((model.pass_rate(0.5, 10.0, 10.0) - 0.5).abs() < 1e-12);
        assert!(model.pass_rate(0.2, 10.0, 10.0) > 0.9 && model.pass_rate(0.9, 10.0, 10.0) < 0.05);
    }

    #[test]
    fn logarithms_of_shares_are_those_of_the_error_function() {
        let mut before = 0.0;
        for step in 0..=36_000 {
            let normal = f64::from(step) / 2000.0 - FAR;
            let found = negative_log10_share(normal);
            assert!((found + normal_share(normal).log10()).abs() < 1e-7, "{normal}: {found}");
            assert!(found >= before, "{normal}");
            before = found;
        }
        assert_eq!(negative_log10_share(f64::INFINITY), negative_log10_share(FAR));
        assert_eq!(negative_log10_share(-1e300), negative_log10_share(-FAR));
    }

    #[test]
    fn poor_faces_need_a_higher_cosine() {
        let model = functions();
        let [good, poor] = [14.0, 6.0].map(|quality| model.at(0.4, quality, quality));
        assert!(good.negative_log10_fmr > poor.negative_log10_fmr + 0.5);
        assert!(good.supported && poor.supported && !model.at(0.4, 4.9, 10.0).supported);
        assert_eq!(model.at(1.0, 14.0, 14.0).negative_log10_fmr, 5.0);
    }

    #[test]
    fn wrong_fields_are_named() {
        model().check().unwrap();
        let said = |change: &dyn Fn(&mut QualityModel)| {
            let mut model = model();
            change(&mut model);
            model.check().unwrap_err()
        };
        assert!(said(&|model| model.reference = 0.0).contains("reference is 0"));
        assert!(said(&|model| model.highest = 4.0).contains("highest is 4, allowed is 5"));
        assert!(said(&|model| model.ratio.width = f64::NAN).contains("ratio.width is NaN"));
        assert!(said(&|model| model.impostor.tail[1] = 1e9).contains("a coefficient is 1000000000"));
        assert!(said(&|model| model.genuine.scale = vec![0.1; 4]).contains("has 4 coefficients"));
        assert!(said(&|model| model.most = f64::INFINITY).contains("most is inf"));
    }

    fn coefficients() -> impl Strategy<Value = Vec<f64>> {
        proptest::sample::select(&TERMS[..])
            .prop_flat_map(|count| proptest::collection::vec(-GREATEST..=GREATEST, count))
    }

    proptest! {
        /// Whatever the numbers of a model that passes its check.
        #[test]
        fn all_is_finite_symmetric_and_rises_with_the_cosine(
            location in coefficients(),
            scale in coefficients(),
            tail in coefficients(),
            offset in coefficients(),
            slope in coefficients(),
            (low, high) in (-1.0..1.0f64, -1.0..1.0f64),
            (a, b) in (0.0..40.0f64, 0.0..40.0f64),
        ) {
            let mut model = model();
            (model.impostor.location, model.impostor.scale, model.impostor.tail) = (location, scale, tail);
            (model.ratio.offset, model.ratio.slope) = (offset, slope);
            prop_assert!(model.check().is_ok());
            let model = Functions::new(&model);
            let (low, high) = (f64::min(low, high), f64::max(low, high));
            let (less, more) = (model.at(low, a, b), model.at(high, a, b));
            for at in [less, more] {
                prop_assert!(at.log_likelihood_ratio.is_finite() && at.negative_log10_fmr.is_finite());
            }
            prop_assert!(less.log_likelihood_ratio <= more.log_likelihood_ratio);
            prop_assert!(less.negative_log10_fmr <= more.negative_log10_fmr);
            prop_assert_eq!(less, model.at(low, b, a));
            let rate = model.pass_rate(low, a, b);
            prop_assert!((0.0..=1.0).contains(&rate) && rate >= model.pass_rate(high, a, b));
            prop_assert!(model.threshold(1e-3, a, b).is_finite());
        }

        #[test]
        fn what_is_no_number_counts_as_the_least(a in proptest::num::f64::ANY, b in proptest::num::f64::ANY, c in proptest::num::f64::ANY) {
            let found = functions().at(a, b, c);
            prop_assert!(found.log_likelihood_ratio.is_finite() && found.negative_log10_fmr.is_finite());
            prop_assert!(found.supported == (b >= 5.0 && c >= 5.0));
        }

        /// Where the tail's second part begins nothing jumps.
        #[test]
        fn it_is_continuous_where_the_tail_begins(quality in 5.0..20.0f64) {
            let model = functions();
            let joint = model.threshold(0.5, quality, quality);
            let [below, above] = [-1e-9, 1e-9].map(|step| model.at(joint + step, quality, quality).negative_log10_fmr);
            prop_assert!((below - above).abs() < 1e-6);
        }
    }
}
