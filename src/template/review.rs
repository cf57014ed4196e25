//! What the templates that are fused have to do with each other: one of somebody else shows, and so does one of a bad
//! photo.

use super::fuse::{LEAST_SUM, first_of_one_model};
use super::{Features, Fusion, Template};
use crate::error::Result;
use crate::wiped::Wiped;

/// One of the templates that are fused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FusedPart {
    /// Its cosine with the fusion of the others, -1..1 up to rounding. `None`: it is failed, there is no other that
    /// isn't, or the others cancel each other out.
    pub cosine: Option<f64>,
    /// Its quality; 0 if failed.
    pub quality: f64,
    /// The quality of the fusion of the others; `None` where the cosine is.
    pub others_quality: Option<f64>,
    /// Its share of the fusion, 0..=1: all of them add up to 1. By [`Fusion::Quality`] the square of its quality, by
    /// [`Fusion::Mean`] its quality, divided by the sum over all; 0 if failed.
    pub weight: f64,
}

/// The templates that are fused, see [`Template::review_fusion`].
#[derive(Debug, Clone, PartialEq)]
pub struct FusionReview {
    /// As many as templates, in their order.
    pub parts: Vec<FusedPart>,
    /// Places of the parts that have a cosine, from the one that fits the others worst on; of equals the earlier first.
    pub by_fit: Vec<usize>,
    /// Places of the parts that aren't failed, from the one of least quality on; of equals the earlier first.
    pub by_quality: Vec<usize>,
}

/// The sums of some templates that aren't failed.
#[derive(Clone, Copy, Default)]
struct Sums {
    weight: f64,
    quality: f64,
    square: f64,
    count: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, quality: f64) {
        self.weight += weight;
        self.quality += quality;
        self.square += quality * quality;
        self.count += 1.0;
    }

    fn without(self, weight: f64, quality: f64) -> Sums {
        Sums {
            weight: self.weight - weight,
            quality: self.quality - quality,
            square: self.square - quality * quality,
            count: self.count - 1.0,
        }
    }

    /// The quality of a fusion whose directions add up to `length`.
    fn fused_quality(self, fusion: Fusion, length: f64) -> f64 {
        match fusion {
            Fusion::Quality => self.square / self.quality,
            Fusion::Mean => length / self.count,
        }
    }
}

pub(super) fn review(templates: &[&Template], fusion: Fusion) -> Result<FusionReview> {
    let first = first_of_one_model(templates)?;
    let (mut sum, mut sums) = (Wiped::<f64>::zeros(first.length), Sums::default());
    for Features { direction, quality, .. } in usable(templates, None) {
        let weight = fusion.weight(*quality);
        add(&mut sum, direction, weight);
        sums.add(weight, *quality);
    }
    let mut others = Wiped::<f64>::zeros(first.length);
    let part = |(index, template): (usize, &&Template)| {
        let Some(Features { direction, quality, .. }) = &template.features else {
            return FusedPart {
                cosine: None,
                quality: 0.0,
                others_quality: None,
                weight: 0.0,
            };
        };
        let own = fusion.weight(*quality);
        others.copy_from_slice(&sum);
        add(&mut others, direction, -own);
        let mut rest = sums.without(own, *quality);
        let mut length = length_of(&others);
        // Where next to nothing is left of a sum, its rounding is: the others are added up by themselves.
        if length <= LEAST_SUM * sums.weight || rest.count < 1.5 {
            others.fill(0.0);
            rest = Sums::default();
            for Features { direction, quality, .. } in usable(templates, Some(index)) {
                let weight = fusion.weight(*quality);
                add(&mut others, direction, weight);
                rest.add(weight, *quality);
            }
            length = length_of(&others);
        }
        let has_direction = length > LEAST_SUM * rest.weight;
        let product: f64 = others
            .iter()
            .zip(direction.iter())
            .map(|(o, &d)| o * f64::from(d))
            .sum();
        FusedPart {
            cosine: has_direction.then(|| product / (length * length_of_direction(direction))),
            quality: *quality,
            others_quality: has_direction.then(|| rest.fused_quality(fusion, length)),
            weight: own / sums.weight,
        }
    };
    let parts: Vec<FusedPart> = templates.iter().enumerate().map(part).collect();
    Ok(FusionReview {
        by_fit: rising(&parts, |part| part.cosine),
        by_quality: rising(&parts, |part| (part.weight > 0.0).then_some(part.quality)),
        parts,
    })
}

/// What isn't failed, but for one.
fn usable<'a>(templates: &'a [&Template], but: Option<usize>) -> impl Iterator<Item = &'a Features> {
    let others = templates
        .iter()
        .enumerate()
        .filter(move |(index, _)| Some(*index) != but);
    others.filter_map(|(_, template)| template.features.as_ref())
}

fn add(sum: &mut [f64], direction: &[f32], weight: f64) {
    for (sum, &value) in sum.iter_mut().zip(direction) {
        *sum += weight * f64::from(value);
    }
}

fn length_of(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn length_of_direction(direction: &[f32]) -> f64 {
    direction
        .iter()
        .map(|&value| f64::from(value).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// The places of the parts that have this number, the least first.
fn rising(parts: &[FusedPart], number: impl Fn(&FusedPart) -> Option<f64>) -> Vec<usize> {
    let mut places: Vec<(f64, usize)> = parts
        .iter()
        .enumerate()
        .filter_map(|(place, part)| Some((number(part)?, place)))
        .collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    places.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare;
    use crate::error::ErrorKind;
    use crate::identity::Fingerprint;

    fn template(embedding: &[f32]) -> Template {
        Template::from_embedding("sface", Fingerprint([7; 32]), embedding).unwrap()
    }

    fn failed() -> Template {
        Template::failed("sface", Fingerprint([7; 32]), 64).unwrap()
    }

    /// A photo of a person: their direction with some noise, of this quality.
    fn photo(person: u64, image: u64, quality: f32) -> Template {
        let direction = |seed: u64| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..64).map(move |_| random.f32() - 0.5)
        };
        let raw: Vec<f32> = direction(person)
            .zip(direction(1000 * person + image))
            .map(|(own, noise)| own + 0.4 * noise)
            .collect();
        let length = raw.iter().map(|v| v * v).sum::<f32>().sqrt();
        template(&raw.iter().map(|v| v * quality / length).collect::<Vec<_>>())
    }

    fn reviewed(templates: &[Template], fusion: Fusion) -> FusionReview {
        review(&templates.iter().collect::<Vec<_>>(), fusion).unwrap()
    }

    /// As the words say it: each against the fusion of the others.
    fn check(templates: &[Template], fusion: Fusion, review: &FusionReview) {
        assert_eq!(review.parts.len(), templates.len());
        let total: f64 = review.parts.iter().map(|part| part.weight).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
        for (at, part) in review.parts.iter().enumerate() {
            let others: Vec<&Template> = (0..templates.len())
                .filter(|&i| i != at)
                .map(|i| &templates[i])
                .collect();
            let others = Template::fuse(&others, fusion).unwrap();
            assert_eq!(part.quality, templates[at].quality());
            assert!((part.others_quality.unwrap() / others.quality() - 1.0).abs() < 1e-6);
            let exact = compare::dot(others.direction(), templates[at].direction());
            assert!((part.cosine.unwrap() - exact).abs() < 1e-6, "{part:?}, {exact}");
        }
    }

    #[test]
    fn somebody_else_among_the_photos_fits_worst() {
        for fusion in [Fusion::Quality, Fusion::Mean] {
            for foreign_quality in [4.0, 10.0, 20.0] {
                let photos = [
                    photo(1, 1, 10.0),
                    photo(1, 2, 12.0),
                    photo(2, 1, foreign_quality),
                    photo(1, 3, 8.0),
                ];
                let review = reviewed(&photos, fusion);
                check(&photos, fusion, &review);
                assert_eq!(review.by_fit[0], 2, "{review:?}");
                let cosine = |at: usize| review.parts[at].cosine.unwrap();
                assert!(cosine(2) < 0.3 && [0, 1, 3].iter().all(|&at| cosine(at) > cosine(2) + 0.2));
                let least = if foreign_quality < 8.0 { 2 } else { 3 };
                assert_eq!(review.by_quality[0], least);
                let weight = |quality: f64| fusion.weight(quality);
                let all: f64 = photos.iter().map(|photo| weight(photo.quality())).sum();
                assert!((review.parts[2].weight - weight(foreign_quality.into()) / all).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn of_two_people_half_and_half_none_fits() {
        let photos = [
            photo(1, 1, 10.0),
            photo(2, 1, 10.0),
            photo(1, 2, 10.0),
            photo(2, 2, 10.0),
        ];
        let review = reviewed(&photos, Fusion::Quality);
        check(&photos, Fusion::Quality, &review);
        let of_one = reviewed(
            &[photo(1, 1, 10.0), photo(1, 2, 10.0), photo(1, 3, 10.0)],
            Fusion::Quality,
        );
        let worst = of_one.parts[of_one.by_fit[0]].cosine.unwrap();
        assert!(
            review.parts.iter().all(|part| part.cosine.unwrap() < worst - 0.1),
            "{review:?}"
        );
    }

    #[test]
    fn one_alone_has_nothing_to_fit() {
        for photos in [vec![photo(1, 1, 9.0)], vec![failed(), photo(1, 1, 9.0), failed()]] {
            let review = reviewed(&photos, Fusion::Quality);
            let at = photos.len() / 2;
            assert_eq!((review.by_fit.len(), &review.by_quality[..]), (0, &[at][..]));
            let part = review.parts[at];
            assert_eq!((part.cosine, part.others_quality, part.weight), (None, None, 1.0));
            assert!((part.quality - 9.0).abs() < 1e-5);
        }
        let none = reviewed(&[failed(), failed()], Fusion::Mean);
        assert!(none.by_fit.is_empty() && none.by_quality.is_empty());
        assert!(
            none.parts
                .iter()
                .all(|part| part.weight == 0.0 && part.quality == 0.0 && part.cosine.is_none())
        );
    }

    #[test]
    fn equal_ones_are_in_their_order() {
        let photos = vec![photo(1, 1, 9.0); 5];
        for fusion in [Fusion::Quality, Fusion::Mean] {
            let review = reviewed(&photos, fusion);
            check(&photos, fusion, &review);
            assert_eq!(review.by_quality, [0, 1, 2, 3, 4]);
            for part in &review.parts {
                assert!((part.weight - 0.2).abs() < 1e-12 && (part.cosine.unwrap() - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn failed_ones_take_no_part() {
        let photos = [
            failed(),
            photo(1, 1, 10.0),
            failed(),
            photo(2, 1, 12.0),
            photo(1, 2, 11.0),
        ];
        let review = reviewed(&photos, Fusion::Quality);
        let without = reviewed(
            &[photo(1, 1, 10.0), photo(2, 1, 12.0), photo(1, 2, 11.0)],
            Fusion::Quality,
        );
        assert_eq!([1, 3, 4].map(|at| review.parts[at]), without.parts[..]);
        assert_eq!((review.by_fit[0], &review.by_quality[..]), (3, &[1, 4, 3][..]));
        assert_eq!((review.parts[0].cosine, review.parts[0].weight), (None, 0.0));
    }

    #[test]
    fn others_that_cancel_out_or_weigh_next_to_nothing_are_told_apart() {
        let a = template(&[3.0, 4.0, 0.0]);
        let back = template(&[-3.0, -4.0, 0.0]);
        let other = template(&[0.0, 0.0, 5.0]);
        let review = reviewed(&[a, back, other], Fusion::Quality);
        assert_eq!(review.parts[2].cosine, None, "of the others no direction is left");
        assert!(review.parts[0].cosine.is_some());
        // One that outweighs all others by far: what is left of the sum without it is not rounding.
        for quality in [1e6f32, 1e12, 1e15] {
            let photos = [photo(1, 1, quality), photo(1, 2, 9.0), photo(2, 1, 7.0)];
            for fusion in [Fusion::Quality, Fusion::Mean] {
                check(&photos, fusion, &reviewed(&photos, fusion));
            }
        }
        let extreme = [
            template(&[1e-29, 0.0]),
            template(&[0.8e29, 0.6e29]),
            template(&[0.0, 1e-29]),
        ];
        let review = reviewed(&extreme, Fusion::Quality);
        assert!(
            (review.parts[1].cosine.unwrap() - 0.7 * 2f64.sqrt()).abs() < 1e-6,
            "{review:?}"
        );
    }

    #[test]
    fn what_cannot_be_fused_cannot_be_reviewed() {
        assert_eq!(
            review(&[], Fusion::Quality).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        let foreign = Template::from_embedding("other", Fingerprint([8; 32]), &[1.0; 64]).unwrap();
        let error = review(&[&photo(1, 1, 9.0), &foreign], Fusion::Quality).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ModelMismatch);
        assert!(error.message().contains("template 1 of model other"), "{error}");
    }
}
