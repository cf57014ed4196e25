//! Looks a labelled set over for images that don't belong: those that are unlike the others of their person, which may be
//! wrongly labelled or show no face, and those of little quality. Nothing is left out for it; people should look at them.

use super::Prepared;
use crate::error::{Error, ErrorKind, Result};
use crate::work::Work;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

/// How a set is looked over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewOptions {
    /// How many images of each kind are named, at most 10,000.
    pub worst: usize,
    /// Chooses the pairs of different people that tell what strangers look like.
    pub seed: u64,
}

impl Default for ReviewOptions {
    fn default() -> Self {
        ReviewOptions { worst: 10, seed: 0 }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Images with others of the same person to be compared with.
    pub compared: u64,
    /// The cosine that one in a hundred pairs of different people reaches ([`STRANGERS`]), of at most a million such
    /// pairs; `None` where all images are of one person.
    pub strangers: Option<f64>,
    /// How many images are less like the others of their person than that: by the mean of their cosines.
    pub unlike: u64,
    /// The images that are least like the others of their person, the worst first.
    pub worst: Vec<Misfit>,
    /// Qualities below this are far below the others: the median less 3.5 deviations, where a deviation is 1.4826 times
    /// the median distance from the median (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993). `None` where
    /// at least half of the qualities are equal.
    pub poor_below: Option<f64>,
    /// How many images have such a quality.
    pub poor: u64,
    /// The images of least quality, the worst first.
    pub least: Vec<Poor>,
}

/// An image that is unlike the others of its person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Misfit {
    /// The image's name.
    pub name: String,
    /// Its quality.
    pub quality: f64,
    /// Mean cosine with the other images of its person.
    pub cosine: f64,
    /// The other person that it is most like: an image of theirs, and the mean cosine with theirs. `None` where there is
    /// no other person.
    pub nearest: Option<Nearest>,
}

/// Somebody that an image is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// The first image of this person.
    pub name: String,
    /// Mean cosine with this person's images.
    pub cosine: f64,
}

/// An image of little quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Poor {
    /// The image's name.
    pub name: String,
    /// Its quality.
    pub quality: f64,
}

/// Share of the pairs of different people that are more alike than the limit of [`Review::strangers`]. It is as large as
/// this because a wrong label makes pairs of one person pairs of two, which are the most alike of all.
pub const STRANGERS: f64 = 1e-2;
/// Most pairs of different people that are compared.
const MOST_PAIRS: usize = 1_000_000;
/// Most images that are named.
const MOST_NAMED: usize = 10_000;
/// Deviations from the median beyond which a quality is far from the others, and a deviation in median distances.
const FAR: f64 = 3.5 * 1.4826;

/// The rows of each person of a set, by the set's numbers for them.
pub fn groups_of(set: &Prepared) -> Vec<Vec<u32>> {
    let mut groups = vec![Vec::new(); set.subject_count()];
    for (row, &subject) in (0u32..).zip(set.subjects()) {
        groups[subject as usize].push(row);
    }
    groups
}

/// Looks `set` over, whose images of one person (or of one template) are the rows of one group. An image may be in several.
///
/// Memory beside the set: 4 bytes for each float of a group's sum, and 30 for each row of the groups. Time: one comparison
/// for each row, one with each group for each named image, and a million.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for more named images than 10,000 or a row that the set doesn't have;
/// [`ErrorKind::Cancelled`].
pub fn review(set: &Prepared, groups: &[Vec<u32>], options: &ReviewOptions, work: &Work) -> Result<Review> {
    let invalid = |what: String| Error::new(ErrorKind::InvalidArgument, what);
    if options.worst > MOST_NAMED {
        return Err(invalid(format!(
            "{} images are to be named, at most {MOST_NAMED} are",
            options.worst
        )));
    }
    if let Some(row) = groups.iter().flatten().find(|&&row| row as usize >= set.len()) {
        return Err(invalid(format!("the set has no row {row}")));
    }
    let directions = set.directions();
    let mut sums: Array2<f32> = Array2::zeros((groups.len(), directions.ncols()));
    for (mut sum, rows) in sums.axis_iter_mut(Axis(0)).zip(groups) {
        for &row in rows {
            sum += &directions.row(row as usize);
        }
    }
    let mut own: Vec<(f32, u32, u32)> = Vec::new();
    for (group, rows) in groups.iter().enumerate() {
        if group % 256 == 0 {
            work.check()?;
        }
        if rows.len() < 2 {
            continue;
        }
        for &row in rows {
            let direction = directions.row(row as usize);
            // The sum less the image itself.
            let cosine = (dot(direction, sums.row(group)) - dot(direction, direction)) / (rows.len() - 1) as f64;
            own.push((cosine as f32, row, group as u32));
        }
    }
    let strangers = strangers(set, groups, options.seed, work)?;
    let compared = own.len() as u64;
    let unlike = strangers.map_or(0, |limit| {
        own.iter().filter(|image| f64::from(image.0) < limit).count() as u64
    });
    own.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    own.truncate(options.worst);
    let mut worst = Vec::with_capacity(own.len());
    for (cosine, row, group) in own {
        work.check()?;
        worst.push(Misfit {
            name: set.name(row as usize),
            quality: set.qualities()[row as usize],
            cosine: f64::from(cosine),
            nearest: nearest(set, groups, &sums, row, group),
        });
    }
    let mut rows: Vec<u32> = groups.iter().flatten().copied().collect();
    rows.sort_unstable();
    rows.dedup();
    let quality = |row: &u32| set.qualities()[*row as usize];
    rows.sort_by(|a, b| quality(a).total_cmp(&quality(b)).then(a.cmp(b)));
    let poor_below = poor_below(&rows.iter().map(quality).collect::<Vec<_>>());
    Ok(Review {
        compared,
        strangers,
        unlike,
        worst,
        poor_below,
        poor: poor_below.map_or(0, |limit| rows.partition_point(|row| quality(row) < limit) as u64),
        least: rows
            .iter()
            .take(options.worst)
            .map(|row| Poor {
                name: set.name(*row as usize),
                quality: quality(row),
            })
            .collect(),
    })
}

/// The group that a row of another group is most like.
fn nearest(set: &Prepared, groups: &[Vec<u32>], sums: &Array2<f32>, row: u32, group: u32) -> Option<Nearest> {
    let products: Array1<f32> = sums.dot(&set.directions().row(row as usize));
    let others = (0u32..).zip(groups).zip(&products).filter(|((other, rows), _)| {
        // The image itself may be in another group too.
        *other != group && !rows.is_empty() && !rows.contains(&row)
    });
    let best = others
        .map(|((_, rows), &product)| (f64::from(product) / rows.len() as f64, rows[0]))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Nearest {
        name: set.name(best.1 as usize),
        cosine: best.0,
    })
}

/// The cosine that a share of [`STRANGERS`] of random pairs of different groups is above.
fn strangers(set: &Prepared, groups: &[Vec<u32>], seed: u64, work: &Work) -> Result<Option<f64>> {
    let rows: Vec<(u32, u32)> = (0u32..)
        .zip(groups)
        .flat_map(|(group, rows)| rows.iter().map(move |&row| (group, row)))
        .collect();
    if groups.iter().filter(|rows| !rows.is_empty()).count() < 2 {
        return Ok(None);
    }
    let mut random = fastrand::Rng::with_seed(seed);
    let mut cosines = Vec::new();
    let all = rows.len() * (rows.len() - 1) / 2;
    let wanted = MOST_PAIRS.min(all);
    // Most draws are of different groups; a set that is nearly all one person's must not take for ever.
    for draw in 0..4 * wanted {
        if draw % 65_536 == 0 {
            work.check()?;
        }
        if cosines.len() == wanted {
            break;
        }
        let (a, b) = (rows[random.usize(..rows.len())], rows[random.usize(..rows.len())]);
        if a.0 != b.0 && a.1 != b.1 {
            let directions = set.directions();
            cosines.push(dot(directions.row(a.1 as usize), directions.row(b.1 as usize)));
        }
    }
    if cosines.is_empty() {
        return Ok(None);
    }
    let above = (cosines.len() as f64 * STRANGERS) as usize;
    let place = cosines.len() - 1 - above.min(cosines.len() - 1);
    let (_, limit, _) = cosines.select_nth_unstable_by(place, f64::total_cmp);
    Ok(Some(*limit))
}

/// The quality below which one is far from the others; `sorted` are all.
fn poor_below(sorted: &[f64]) -> Option<f64> {
    let median = *sorted.get(sorted.len() / 2)?;
    let mut distances: Vec<f64> = sorted.iter().map(|quality| (quality - median).abs()).collect();
    let middle = distances.len() / 2;
    let (_, distance, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
    (*distance > 0.0).then_some(median - FAR * *distance)
}

fn dot(a: ArrayView1<f32>, b: ArrayView1<f32>) -> f64 {
    f64::from(a.dot(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    /// Twelve people with six images each: directions of their own with some noise, qualities about 12.
    fn set(change: impl Fn(usize, &mut Vec<f32>)) -> Prepared {
        let mut random = fastrand::Rng::with_seed(3);
        let mut draw = || random.f32() * 2.0 - 1.0;
        let centres: Vec<Vec<f32>> = (0..12).map(|_| (0..32).map(|_| draw()).collect()).collect();
        let (mut rows, mut names) = (Vec::new(), Vec::new());
        for (person, centre) in centres.iter().enumerate() {
            for image in 0..6 {
                let mut row: Vec<f32> = centre.iter().map(|value| value + 0.4 * draw()).collect();
                let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
                let quality = 12.0 + draw();
                row.iter_mut().for_each(|value| *value *= quality / length);
                change(person * 6 + image, &mut row);
                rows.extend(row);
                names.push(format!("p{person}/{image}.jpg"));
            }
        }
        Prepared::from_names(Matrix::of(Array2::from_shape_vec((72, 32), rows).unwrap()), names).unwrap()
    }

    fn found(set: &Prepared) -> Review {
        review(set, &groups_of(set), &ReviewOptions::default(), &Work::default()).unwrap()
    }

    #[test]
    fn a_good_set_has_no_misfit() {
        let review = found(&set(|_, _| {}));
        assert_eq!((review.compared, review.unlike, review.poor), (72, 0, 0), "{review:?}");
        assert_eq!((review.worst.len(), review.least.len()), (10, 10));
        assert!(review.worst.windows(2).all(|pair| pair[0].cosine <= pair[1].cosine));
        assert!(review.least.windows(2).all(|pair| pair[0].quality <= pair[1].quality));
        assert!(review.strangers.unwrap() < review.worst[0].cosine);
    }

    #[test]
    fn a_wrong_label_and_a_blank_photo_are_found() {
        let good = set(|_, _| {});
        let other: Vec<f32> = good.directions().row(30).iter().map(|value| value * 11.0).collect();
        let review = found(&set(|row, values| match row {
            // Person 1's image is of person 5.
            8 => values.clone_from(&other),
            // A blank one: no direction of anybody, little quality.
            50 => (0..32).for_each(|at| values[at] = if at % 3 == 0 { 0.4 } else { -0.3 }),
            _ => {}
        }));
        assert_eq!((review.unlike, review.poor), (2, 1), "{review:?}");
        let mislabelled = review.worst.iter().find(|misfit| misfit.name == "p1/2.jpg").unwrap();
        let nearest = mislabelled.nearest.as_ref().unwrap();
        assert!(nearest.name == "p5/0.jpg" && nearest.cosine > 0.7, "{nearest:?}");
        assert!(
            review.worst[..2].iter().any(|misfit| misfit.name == "p8/2.jpg"),
            "{review:?}"
        );
        assert_eq!(review.least[0].name, "p8/2.jpg");
    }

    #[test]
    fn sets_without_comparisons_are_looked_over_too() {
        let one = Prepared::new(Matrix::of(ndarray::arr2(&[[1.0f32, 0.0], [0.0, 2.0]])), &[0, 0]).unwrap();
        let review_of_one = found(&one);
        assert_eq!((review_of_one.strangers, review_of_one.unlike), (None, 0));
        assert!(
            review_of_one
                .worst
                .iter()
                .all(|misfit| misfit.nearest.is_none() && misfit.cosine == 0.0)
        );
        let alone = Prepared::new(Matrix::of(ndarray::arr2(&[[1.0f32, 0.0], [0.0, 2.0]])), &[0, 1]).unwrap();
        let review_of_two = found(&alone);
        assert_eq!((review_of_two.compared, review_of_two.strangers), (0, Some(0.0)));
        let many = ReviewOptions {
            worst: MOST_NAMED + 1,
            seed: 0,
        };
        assert!(review(&one, &[], &many, &Work::default()).is_err());
        assert!(review(&one, &[vec![2]], &ReviewOptions::default(), &Work::default()).is_err());
        let empty = review(&one, &[], &ReviewOptions::default(), &Work::default()).unwrap();
        assert_eq!((empty.compared, empty.least.len()), (0, 0));
    }
}
