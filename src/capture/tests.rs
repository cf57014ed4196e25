use super::*;
use crate::align::TEMPLATE;
use crate::face::Landmarks;

/// A drawn head of `scale` times the chip's size in a photo four times as wide as the chip: brows, eyes, nose and mouth,
/// shaded a little. Each pixel is the mean of 16 points, as a camera's is.
fn drawn(scale: f32, shade: impl Fn(f32, f32) -> f32) -> (BgrImage, Face) {
    let side = (448.0 * scale) as usize;
    let at = |x: f32, y: f32| {
        // In pixels of the chip.
        let (x, y) = (x / scale - 168.0, y / scale - 150.0);
        let spot = |cx: f32, cy: f32, rx: f32, ry: f32| ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0;
        let head = spot(56.0, 68.0, 38.0, 52.0);
        let dark = spot(38.3, 51.7, 6.0, 3.0)
            || spot(73.5, 51.5, 6.0, 3.0)
            || spot(38.3, 42.0, 9.0, 1.8)
            || spot(73.5, 42.0, 9.0, 1.8)
            || spot(53.0, 73.0, 1.5, 1.2)
            || spot(59.0, 73.0, 1.5, 1.2)
            || spot(56.0, 92.3, 15.0, 2.5);
        let value = match (head, dark) {
            (_, true) => 60.0,
            (true, _) => 190.0 - 0.9 * (x - 56.0).abs() + 6.0 * (x * 0.4).sin() * (y * 0.4).cos(),
            _ => 110.0,
        };
        shade(x, value)
    };
    let mut data = Vec::new();
    for y in 0..side {
        for x in 0..side {
            let points = (0..16).map(|i| {
                at(
                    x as f32 + (i % 4) as f32 / 4.0 - 0.4,
                    y as f32 + (i / 4) as f32 / 4.0 - 0.4,
                )
            });
            let mean = points.map(|value| value.clamp(0.0, 255.0)).sum::<f32>() / 16.0;
            data.extend([mean.round() as u8; 3]);
        }
    }
    let landmarks = TEMPLATE.map(|[x, y]| [(x + 168.0) * scale, (y + 150.0) * scale]);
    let image = BgrImage::new(side, side, data).unwrap();
    (image, face(landmarks, scale))
}

fn face(landmarks: Landmarks, scale: f32) -> Face {
    let [x, y] = landmarks[2];
    Face {
        bbox: [x - 40.0 * scale, y - 50.0 * scale, x + 40.0 * scale, y + 50.0 * scale],
        score: 1.0,
        landmarks,
    }
}

fn as_it_is() -> (BgrImage, Face) {
    drawn(2.0, |_, value| value)
}

/// One measure of a photo.
fn one(photo: &(BgrImage, Face), wanted: Measure) -> Measured {
    let measured = measure(&photo.0, &photo.1, &[photo.1]).unwrap();
    *measured.iter().find(|measured| measured.measure == wanted).unwrap()
}

/// Checks that a photo is worse in `measure` than the one as it is, far enough to get this advice.
fn worse(photo: &(BgrImage, Face), measure: Measure, advice: &str) {
    let (before, after) = (one(&as_it_is(), measure), one(photo, measure));
    assert!(before.score >= 50 && before.advice().is_none(), "{before:?}");
    assert!(after.score < before.score, "{before:?} {after:?}");
    assert!(
        after.advice().is_some_and(|words| words.contains(advice)),
        "{after:?}: {:?}",
        after.advice()
    );
}

/// The mean over squares of `2 * radius + 1` pixels, twice.
fn blurred((image, face): (BgrImage, Face), radius: i64) -> (BgrImage, Face) {
    let (width, height) = (image.width() as i64, image.height() as i64);
    let mut data = image.data().to_vec();
    for _ in 0..2 {
        for (dx, dy) in [(1, 0), (0, 1)] {
            let before = data.clone();
            let value = |x: i64, y: i64| {
                let (x, y) = (x.clamp(0, width - 1), y.clamp(0, height - 1));
                u32::from(before[3 * (y * width + x) as usize])
            };
            for (at, pixel) in data.chunks_exact_mut(3).enumerate() {
                let (x, y) = (at as i64 % width, at as i64 / width);
                let sum: u32 = (-radius..=radius).map(|step| value(x + dx * step, y + dy * step)).sum();
                pixel.fill((sum / (2 * radius as u32 + 1)) as u8);
            }
        }
    }
    (BgrImage::new(image.width(), image.height(), data).unwrap(), face)
}

/// What is right of and below a place.
fn cropped((image, face): (BgrImage, Face), [left, top, right, bottom]: [usize; 4]) -> (BgrImage, Face) {
    let rows = (top..image.height() - bottom).flat_map(|y| {
        let row = &image.data()[3 * y * image.width()..3 * (y + 1) * image.width()];
        row[3 * left..3 * (image.width() - right)].to_vec()
    });
    let (width, height) = (image.width() - left - right, image.height() - top - bottom);
    let moved = face.landmarks.map(|[x, y]| [x - left as f32, y - top as f32]);
    let image = BgrImage::new(width, height, rows.collect()).unwrap();
    (image, self::face(moved, 2.0))
}

#[test]
fn every_measure_has_a_place_a_name_and_a_score() {
    let (image, face) = as_it_is();
    let measured = measure(&image, &face, &[face]).unwrap();
    assert_eq!(measured.iter().map(|m| m.measure).collect::<Vec<_>>(), Measure::ALL);
    let names: std::collections::HashSet<&str> = Measure::ALL.iter().map(|measure| measure.name()).collect();
    assert_eq!(names.len(), Measure::ALL.len());
    for one in measured {
        assert!(one.value.is_finite() && one.score >= 50, "{one:?}");
    }
}

#[test]
fn two_photos_of_one_scene_measure_alike() {
    for (small, large) in [(1.1, 2.0), (1.5, 5.0), (2.0, 3.1)] {
        let (small, large) = (drawn(small, |_, value| value), drawn(large, |_, value| value));
        for wanted in Measure::ALL {
            let (a, b) = (one(&small, wanted), one(&large, wanted));
            assert!(a.score.abs_diff(b.score) <= 5, "{a:?} {b:?}");
        }
    }
    assert!((one(&drawn(3.0, |_, v| v), Measure::InterEyeDistance).value - 105.7).abs() < 0.2);
}

#[test]
fn bad_light_is_told() {
    let dark = drawn(2.0, |_, value| value * 0.25);
    worse(&dark, Measure::LuminanceMean, "more light");
    worse(&dark, Measure::UnderExposure, "more light");
    let bright = drawn(2.0, |_, value| value * 2.0);
    worse(&bright, Measure::OverExposure, "less light");
    let white = drawn(2.0, |_, value| value * 4.0);
    worse(&white, Measure::LuminanceMean, "less light");
    let flat = drawn(2.0, |_, value| 150.0 + value * 0.03);
    worse(&flat, Measure::LuminanceVariance, "contrast");
    worse(&flat, Measure::DynamicRange, "contrast");
    // The two halves have nothing in common.
    let side = drawn(2.0, |x, value| if x < 56.0 { value * 0.2 } else { value });
    worse(&side, Measure::IlluminationUniformity, "from the front");
}

#[test]
fn a_blurred_photo_is_not_sharp_the_more_the_less() {
    let scores: Vec<u8> = [1, 2, 4, 8]
        .map(|radius| one(&blurred(as_it_is(), radius), Measure::Sharpness).score)
        .to_vec();
    assert!(
        scores.is_sorted_by(|a, b| a >= b) && scores[0] > scores[3],
        "{scores:?}"
    );
    worse(&blurred(as_it_is(), 8), Measure::Sharpness, "focus");
}

#[test]
fn a_face_of_few_pixels_is_told() {
    worse(&drawn(0.3, |_, value| value), Measure::InterEyeDistance, "closer");
}

#[test]
fn a_face_at_the_edge_or_too_small_or_too_large_is_told() {
    worse(&cropped(as_it_is(), [380, 0, 0, 0]), Measure::MarginLeft, "middle");
    worse(&cropped(as_it_is(), [0, 0, 380, 0]), Measure::MarginRight, "middle");
    worse(&cropped(as_it_is(), [0, 360, 0, 0]), Measure::MarginAbove, "forehead");
    worse(&cropped(as_it_is(), [0, 0, 0, 380]), Measure::MarginBelow, "chin");
    // Cut above and below, it fills the frame.
    worse(&cropped(as_it_is(), [0, 330, 0, 400]), Measure::HeadSize, "back");
    let (image, face) = as_it_is();
    let small = image.data().to_vec();
    let below = vec![0; 3 * image.width() * image.height() * 5];
    let tall = BgrImage::new(image.width(), image.height() * 6, [small, below].concat()).unwrap();
    worse(&(tall, face), Measure::HeadSize, "closer");
}

#[test]
fn a_face_beyond_the_edge_counts_what_is_inside_and_one_outside_has_no_light() {
    let half = cropped(as_it_is(), [450, 0, 0, 0]);
    assert!(one(&half, Measure::LuminanceMean).value > 0.2);
    let (image, mut face) = as_it_is();
    face.landmarks = face.landmarks.map(|[x, y]| [x + 5000.0, y]);
    let outside = measure(&image, &face, &[]).unwrap();
    assert_eq!(outside.len(), 10);
    face.landmarks = [[7.0; 2]; 5];
    assert!(measure(&image, &face, &[]).is_err());
    face.landmarks = [[f32::NAN; 2]; 5];
    assert!(measure(&image, &face, &[]).is_err());
}

#[test]
fn another_face_counts_by_its_size() {
    let (image, face) = as_it_is();
    let alone = |faces: &[Face]| measure(&image, &face, faces).unwrap()[0].score;
    let mut other = face;
    other.bbox = [0.0, 0.0, 39.0, 39.0];
    let small = alone(&[face, other]);
    other.bbox = [0.0, 0.0, 300.0, 300.0];
    assert_eq!((alone(&[face]), alone(&[]), alone(&[face, other])), (100, 100, 0));
    assert!((50..100).contains(&small), "{small}");
}

#[test]
fn a_photo_on_its_side_has_the_margins_of_the_upright_one() {
    let (image, face) = cropped(as_it_is(), [100, 0, 40, 0]);
    let (width, height) = (image.width(), image.height());
    // Turned clockwise: the left column becomes the top row.
    let mut data = Vec::new();
    for y in 0..width {
        for x in 0..height {
            let at = 3 * ((height - 1 - x) * width + y);
            data.extend(&image.data()[at..at + 3]);
        }
    }
    let turned = BgrImage::new(height, width, data).unwrap();
    let mut lying = face;
    lying.landmarks = face.landmarks.map(|[x, y]| [height as f32 - y, x]);
    let (upright, lying) = ((image, face), (turned, lying));
    for wanted in [
        Measure::MarginLeft,
        Measure::MarginRight,
        Measure::MarginAbove,
        Measure::MarginBelow,
        Measure::HeadSize,
    ] {
        let (a, b) = (one(&upright, wanted), one(&lying, wanted));
        assert!((a.value - b.value).abs() < 1e-3, "{a:?} {b:?}");
    }
    assert!(
        one(&lying, Measure::Roll)
            .advice()
            .is_some_and(|words| words.contains("photo upright"))
    );
}
