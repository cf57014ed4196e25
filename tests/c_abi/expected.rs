//! The lines that the results programs print, from the Rust interface.

use crate::setting::{KEY, RECORD, VIEW, folder, open, options, people};
use qmagface::Chip;
use qmagface::Matrix;
use qmagface::Work;
use qmagface::align::TEMPLATE;
use qmagface::calibrate::fit::{self, Fit, FitOptions, Procedure, Warning};
use qmagface::calibrate::{
    About, JudgedPart, MeasureOptions, Outcome, ScoredComparison, Status, measure, supported_fmrs,
};
use qmagface::gallery::{Gallery, Match, SearchOptions};
use qmagface::pairs::{Pairs, Prepared};
use qmagface::{
    BgrImage, Calibration, DecodeLimits, Engine, EngineOptions, Face, FaceChoice, Fusion, FusionReview, ImageView,
    Landmarks, PixelFormat, QualityParameters, Rotation, Scalar, Template, Yuv, build_info::BuildInfo,
};
use std::fmt::Write;
use std::fs;

/// One line in the making: words, and numbers as their bits.
struct Line(String);

impl Line {
    fn new(start: impl Into<String>) -> Line {
        Line(start.into())
    }

    fn word(mut self, word: impl std::fmt::Display) -> Line {
        write!(self.0, " {word}").unwrap();
        self
    }

    fn f32s(self, values: &[f32]) -> Line {
        values
            .iter()
            .fold(self, |line, value| line.word(format_args!("{:08x}", value.to_bits())))
    }

    fn f64s(self, values: &[f64]) -> Line {
        values
            .iter()
            .fold(self, |line, value| line.word(format_args!("{:016x}", value.to_bits())))
    }

    /// How many bytes they are, and their FNV-1a hash.
    fn bytes(self, bytes: &[u8]) -> Line {
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        self.word(format_args!("{}:{hash:016x}", bytes.len()))
    }

    fn face(self, face: &Face) -> Line {
        self.f32s(&face.bbox)
            .f32s(&[face.score])
            .f32s(face.landmarks.as_flattened())
    }
}

fn read(name: &str) -> BgrImage {
    qmagface::image::read(&folder().join(name), &DecodeLimits::default()).unwrap()
}

fn three_chips() -> Vec<Chip> {
    let bytes = fs::read(folder().join("chips.bgr")).unwrap();
    bytes
        .chunks_exact(Chip::BYTES)
        .map(|chip| Chip::from_bgr(chip.to_vec()).unwrap())
        .collect()
}

// ------------------------------------------------------------------------------------------------------------- stages

fn info_line(name: &str, engine: &Engine) -> String {
    let info = engine.info();
    let (alpha, beta) = info.parameters.map_or((0.0, 0.0), |p| (p.alpha, p.beta));
    Line::new("info")
        .word(name)
        .word(&info.model)
        .word(&info.detector)
        .word(info.fingerprint)
        .word(u8::from(info.parameters.is_some()))
        .word(u8::from(info.uqs_basis.is_some()))
        .word(u8::from(info.landmark_refinement))
        .f64s(&[alpha, beta])
        .word(info.uqs_basis.as_deref().unwrap_or_default())
        .0
}

/// What stages.c prints.
pub fn stages() -> Vec<String> {
    let build_info = serde_json::to_string(&BuildInfo::collect()).unwrap();
    let mut lines = vec![
        format!("version {}", env!("CARGO_PKG_VERSION")),
        format!("build_info {build_info}"),
    ];
    let engine = open("sface", options());
    for name in ["sface", "./cache/models/sface", "./sface.qmfmodel"] {
        lines.push(info_line(name, &engine));
    }
    let uncalibrated = open("./sface-uncalibrated", options());
    assert_eq!(uncalibrated.info().parameters, None);
    lines.push(info_line("./sface-uncalibrated", &uncalibrated));
    lines.push(info_line("memory", &engine));
    for name in ["obama.jpg", "b.png"] {
        let image = read(name);
        let faces = engine.detect(&image).unwrap();
        let start = Line::new("detect").word(name).word(faces.len());
        lines.push(faces.iter().fold(start, Line::face).0);
        for (index, face) in faces.iter().enumerate() {
            let chip = engine.align(&image, &face.landmarks).unwrap();
            let embedding = engine.embed(&[&chip]).unwrap().concat();
            let line = Line::new("face").word(name).word(index).bytes(chip.bgr());
            lines.push(line.f64s(&[engine.quality(&embedding).unwrap()]).f32s(&embedding).0);
        }
    }
    let chips = three_chips();
    let embeddings = engine.embed(&chips.iter().collect::<Vec<_>>()).unwrap();
    lines.push(Line::new("embed 3").f32s(&embeddings.concat()).0);
    for name in ["obama.jpg", "b.png"] {
        let (face, measures) = engine.measure_capture(&read(name)).unwrap().expect("a face");
        lines.push(Line::new("measures").word(name).face(&face).0);
        for measured in measures {
            let line = Line::new("measure").word(measured.measure.name()).word(measured.score);
            lines.push(line.f64s(&[measured.value]).word(measured.advice().unwrap_or("-")).0);
        }
    }
    let other_uqs = open("./sface-other-uqs", options());
    lines.push(info_line("uqs", &other_uqs));
    let values = [24.329985, 16.142765, 27.733389, 0.0, 1e9].map(|quality| other_uqs.uqs(quality).unwrap());
    assert_eq!(values[..3], [63, 7, 86], "the published values");
    lines.push(values.iter().fold(Line::new("uqs"), Line::word).0);
    lines
}

// ------------------------------------------------------------------------------------------------------------- images

const ROTATIONS: [Rotation; 4] = [
    Rotation::None,
    Rotation::Clockwise90,
    Rotation::Clockwise180,
    Rotation::Clockwise270,
];

/// The two squares that images.c cuts out, which hold all pixels.
fn squares(engine: &Engine, image: &BgrImage) -> Vec<u8> {
    let shifted = |x: f32, y: f32| -> Landmarks { TEMPLATE.map(|[a, b]| [a + x, b + y]) };
    let rest = [image.width(), image.height()].map(|side| (side - Chip::SIZE) as f32);
    let chips = [[0.0, 0.0], rest].map(|[x, y]| engine.align(image, &shifted(x, y)).unwrap());
    // They are the image's pixels as they are: what is compared is all of the image.
    for (chip, [x, y]) in chips.iter().zip([[0, 0], rest.map(|side| side as usize)]) {
        for row in 0..Chip::SIZE {
            let at = ((y + row) * image.width() + x) * 3;
            let wanted = &image.data()[at..at + Chip::SIZE * 3];
            assert_eq!(&chip.bgr()[row * Chip::SIZE * 3..][..Chip::SIZE * 3], wanted);
        }
    }
    chips.iter().flat_map(|chip| chip.bgr().to_vec()).collect()
}

/// What images.c prints.
pub fn images() -> Vec<String> {
    let engine = open("sface", options());
    let mut lines = Vec::new();
    let all_yuv = [Yuv::Bt601Limited, Yuv::Bt601Full, Yuv::Bt709Limited, Yuv::Bt709Full];
    for (name, format) in [
        ("bgr", PixelFormat::Bgr),
        ("rgb", PixelFormat::Rgb),
        ("gray", PixelFormat::Gray),
        ("bgra", PixelFormat::Bgra),
        ("rgba", PixelFormat::Rgba),
        ("nv12", PixelFormat::Nv12),
        ("nv21", PixelFormat::Nv21),
        ("i420", PixelFormat::I420),
    ] {
        let data = fs::read(folder().join(format!("view.{name}"))).unwrap();
        let (width, height) = VIEW;
        let view = ImageView::new(&data, width, height, width * format.bytes(), format).unwrap();
        let codings = if format.is_yuv() { &all_yuv[..] } else { &all_yuv[..1] };
        for rotation in ROTATIONS {
            for (number, &yuv) in codings.iter().enumerate() {
                let image = view.with_yuv(yuv).rotated(rotation).to_bgr();
                let line = Line::new("view").word(name).word(rotation.degrees()).word(number);
                lines.push(line.bytes(&squares(&engine, &image)).0);
            }
        }
    }
    for kind in ["png", "jpg", "bmp", "tif", "webp", "exif.jpg", "gray.png"] {
        let image = read(&format!("face.{kind}"));
        for rotation in ROTATIONS {
            let faces = engine.detect(&image.clone().rotated(rotation)).unwrap();
            let start = Line::new("file").word(kind).word(rotation.degrees()).word(faces.len());
            lines.push(faces.iter().fold(start, Line::face).0);
        }
    }
    // The comparison must be of something: upright faces are found in every file; the one with EXIF data lies on its side.
    let upright = |line: &&String| line.starts_with("file") && line.split(' ').nth(2) == Some("0");
    assert!(lines.iter().filter(upright).filter(|line| line.len() > 40).count() >= 6);
    lines
}

// ---------------------------------------------------------------------------------------------------------- templates

fn template_line(name: &str, template: &Template) -> String {
    let flags =
        u8::from(template.is_failed()) + 2 * u8::from(template.face().is_some()) + 4 * u8::from(template.is_fused());
    let nowhere = Face {
        bbox: [0.0; 4],
        score: 0.0,
        landmarks: [[0.0; 2]; 5],
    };
    let (face, faces) = template.face().map_or((nowhere, 0), |seen| (seen.face, seen.faces));
    let line = Line::new("template")
        .word(name)
        .word(template.model())
        .word(template.fingerprint())
        .word(flags)
        .word(0)
        .word(template.uqs().map_or(-1, i32::from))
        .word(template.images())
        .word(faces)
        .word(template.metadata().len())
        .f64s(&[template.quality()])
        .face(&face)
        .f32s(&template.embedding());
    [Scalar::F32, Scalar::F16, Scalar::I8]
        .iter()
        .fold(line, |line, &scalar| line.bytes(&template.to_bytes(scalar)))
        .0
}

fn review_line(name: &str, review: &FusionReview, parts: &[&Template], judged: Option<&[JudgedPart]>) -> String {
    let rank = |order: &[usize], at: usize| {
        order
            .iter()
            .position(|&place| place == at)
            .map_or(u32::MAX, |rank| rank as u32)
    };
    let mut line = Line::new("review").word(name);
    for (at, part) in review.parts.iter().enumerate() {
        let judged = judged.map(|judged| judged[at]);
        let flags = u8::from(parts[at].is_failed())
            + 2 * u8::from(judged.is_some_and(|judged| judged.no_match))
            + 4 * u8::from(judged.is_some_and(|judged| judged.low_quality));
        line = line
            .word(flags)
            .word(rank(&review.by_fit, at))
            .word(rank(&review.by_quality, at))
            .f64s(&[
                part.cosine.unwrap_or(f64::NAN),
                part.quality,
                part.weight,
                judged.and_then(|judged| judged.score).unwrap_or(f64::NAN),
            ]);
    }
    line.0
}

/// What templates.c prints.
pub fn templates() -> Vec<String> {
    let engine = open("sface", options());
    let [a, b, group] = ["a.png", "b.png", "group.png"].map(read);
    let mut lines = Vec::new();
    let extract = |engine: &Engine, image: &BgrImage| {
        let found = engine.extract(image).unwrap().expect("a face");
        (engine.template(&found).unwrap(), found)
    };

    let (template, found) = extract(&engine, &a);
    lines.push(template_line("extract", &template));
    let bare = engine.template_of(&found.embedding).unwrap();
    for name in ["landmarks", "chip", "embedding"] {
        lines.push(template_line(name, &bare));
    }
    lines.push(template_line("failed", &engine.failed_template().unwrap()));

    for (index, found) in engine.extract_all(&group).unwrap().iter().enumerate() {
        lines.push(template_line(&format!("all{index}"), &engine.template(found).unwrap()));
    }
    let choices = [
        FaceChoice::BestScore,
        FaceChoice::Largest,
        FaceChoice::MostCentral,
        FaceChoice::MostProminent,
    ];
    for (index, face) in choices.into_iter().enumerate() {
        let chooser = open(
            "sface",
            EngineOptions {
                face: Some(face),
                ..options()
            },
        );
        lines.push(template_line(&format!("choice{index}"), &extract(&chooser, &group).0));
    }

    let failed = engine.failed_template().unwrap();
    let second = extract(&engine, &b).0;
    for (name, fusion) in [("quality", Fusion::Quality), ("mean", Fusion::Mean)] {
        let of_images = engine.fuse(&[&template, &second], fusion).unwrap();
        lines.push(template_line(&format!("images-{name}"), &of_images));
        let of_templates = Template::fuse(&[&template, &failed, &second], fusion).unwrap();
        lines.push(template_line(&format!("templates-{name}"), &of_templates));
    }

    let other = extract(&engine, &read("c.png")).0;
    let parts = [&template, &second, &other, &failed];
    let gated = engine
        .calibration()
        .unwrap()
        .clone()
        .with_quality_gate(Some(12.9))
        .unwrap();
    for fusion in [Fusion::Quality, Fusion::Mean] {
        let review = Template::review_fusion(&parts, fusion).unwrap();
        lines.push(review_line("alone", &review, &parts, None));
        let (review, judged) = gated.review_fusion(&parts, fusion, 1e-3).unwrap();
        lines.push(review_line("judged", &review, &parts, Some(&judged)));
    }
    let review = Template::review_fusion(&parts[..1], Fusion::Mean).unwrap();
    lines.push(review_line("one", &review, &parts[..1], None));

    let embedding: Vec<f32> = (0..128).map(|i| i as f32 - 60.0).collect();
    let named = engine
        .template_of(&embedding)
        .unwrap()
        .with_metadata(b"badge 17")
        .unwrap();
    lines.push(template_line("badge", &named));
    let sealed = fs::read(folder().join("rust.qmfs")).unwrap();
    lines.push(template_line(
        "unsealed",
        &Template::unseal(&sealed, &KEY, &RECORD).unwrap(),
    ));
    let most: Vec<u8> = (0..65536usize).map(|i| (i * 7 + i / 256) as u8).collect();
    lines.push(template_line("full", &named.with_metadata(&most).unwrap()));

    let other_uqs = open("./sface-other-uqs", options());
    lines.push(template_line("uqs", &extract(&other_uqs, &a).0));
    lines
}

/// What tests/c_abi/templates.c sealed is what it printed as "badge".
pub fn assert_sealed_file() {
    let sealed = fs::read(folder().join("c.qmfs")).unwrap();
    let badge = Template::unseal(&sealed, &KEY, &RECORD).unwrap();
    assert!(templates().contains(&template_line("badge", &badge)));
}

// -------------------------------------------------------------------------------------------------------- calibration

fn calibration_line(name: &str, calibration: &Calibration) -> String {
    let status = match calibration.status() {
        Status::Published => 0,
        Status::Provisional => 1,
        Status::Own => 2,
        Status::Given => 3,
    };
    let fingerprint = calibration.fingerprint().map_or("any".to_owned(), |f| f.to_string());
    let parameters = calibration.parameters();
    let mut line = Line::new("calibration")
        .word(name)
        .word(calibration.model().unwrap_or("any"))
        .word(fingerprint)
        .word(status)
        .word(calibration.thresholds().len())
        .f64s(&[parameters.alpha, parameters.beta])
        .f64s(calibration.quality_gate().as_slice());
    if let Some((least, greatest)) = calibration.fmr_range() {
        line = line.f64s(&[least, greatest]);
        line = line.f64s(&[0.01, 0.005, 1e-3, 3e-5, 1e-5].map(|fmr| calibration.threshold(fmr).unwrap()));
        let infinity = f64::INFINITY;
        for score in [-infinity, -2.0, -0.6956, -0.5, -0.181, 0.0, 0.04, 0.5, infinity] {
            let (value, in_range) = calibration.negative_log10_fmr(score).unwrap();
            line = line.f64s(&[value]).word(if in_range { 0 } else { 2 });
        }
    }
    line.bytes(calibration.to_toml().unwrap().as_bytes()).0
}

fn comparison_line(name: &str, a: usize, b: usize, result: &ScoredComparison) -> String {
    let flags = u8::from(result.low_quality) + 2 * u8::from(result.out_of_range) + 4 * u8::from(result.failed_template);
    let comparison = &result.comparison;
    Line::new(name)
        .word(a)
        .word(b)
        .word(flags)
        .f64s(&[
            comparison.cosine,
            comparison.quality_a,
            comparison.quality_b,
            comparison.score,
        ])
        .f64s(result.negative_log10_fmr.as_slice())
        .f64s(
            &result
                .at_quality
                .map_or(vec![], |at| vec![at.log_likelihood_ratio, at.negative_log10_fmr]),
        )
        .0
}

/// What calibration.c prints.
/// The fits of tests/c_abi/fit.c: their names, how, whether of the engine's model, and the data's name.
const FITS: [(&str, Procedure, bool, Option<&str>); 6] = [
    ("published", Procedure::Published, true, Some("made-up people")),
    ("consistent", Procedure::Consistent, true, Some("made-up people")),
    ("direct", Procedure::Direct, true, Some("made-up people")),
    ("any", Procedure::Published, false, None),
    ("unsupported", Procedure::Published, true, None),
    ("templates", Procedure::Published, true, Some("templates")),
];

/// One of [`FITS`], made on `date`, with its warnings.
fn fitted((name, procedure, of_model, data): (&str, Procedure, bool, Option<&str>), date: &str) -> (Calibration, Fit) {
    let engine = open("sface", options());
    let (embeddings, people) = people();
    let embeddings = match name {
        // A template keeps direction and quality apart.
        "templates" => {
            let rows: Vec<f32> = (0..embeddings.rows())
                .flat_map(|row| engine.template_of(embeddings.row(row)).unwrap().embedding())
                .collect();
            Matrix::new(embeddings.rows(), embeddings.columns(), rows).unwrap()
        }
        _ => embeddings,
    };
    let set = Prepared::new(embeddings, &people).unwrap();
    let unsupported = name == "unsupported";
    let fit_options = FitOptions {
        fmr: (if unsupported { 1e-5 } else { 1e-3 }, 1e-2),
        allow_unsupported: unsupported,
        ..FitOptions::default()
    };
    let fit = fit::fit(&set, Pairs::All, procedure, &fit_options).unwrap();
    let measure_options = MeasureOptions {
        replicates: if unsupported || !of_model { 0 } else { 50 },
        seed: 7,
        ..MeasureOptions::default()
    };
    let fmrs = supported_fmrs(fit.count);
    let measured = measure(&set, Pairs::All, &fit.parameters, &fmrs, &measure_options).unwrap();
    let info = engine.info();
    let about = About {
        model: of_model.then_some((info.model.as_str(), info.fingerprint)),
        data,
        date: Some(date),
        pairs: Some("all"),
    };
    (Calibration::fitted(&fit, &measured, &about).unwrap(), fit)
}

/// The number that C has for a warning.
fn warning_flag(warning: &Warning) -> u32 {
    match warning {
        Warning::Unsupported(_) => 1,
        Warning::NothingPasses(_) => 2,
        Warning::NothingFails(_) => 4,
        Warning::OneWeight(_) => 8,
        Warning::EndOfGrid(_) => 16,
        Warning::NotRising => 32,
        Warning::NotMonotone => 64,
        _ => panic!("a warning without a number: {warning}"),
    }
}

pub fn fit() -> Vec<String> {
    FITS.iter()
        .map(|&how| {
            let (calibration, fit) = fitted(how, "2026-01-01");
            let warnings: u32 = fit.warnings.iter().map(warning_flag).sum();
            let parameters = calibration.parameters();
            let line = Line::new("fit")
                .word(how.0)
                .word(if how.0 == "any" { 0 } else { warnings })
                .word(fit.subjects)
                .word(fit.images)
                .word(fit.count.genuine)
                .word(fit.count.impostor)
                .word(calibration.thresholds().len())
                .f64s(&[parameters.alpha, parameters.beta]);
            let thresholds = calibration.thresholds().iter().zip(calibration.threshold_evidence());
            thresholds
                .fold(line, |line, (point, known)| {
                    let line = line
                        .f64s(&[point.fmr, point.score, known.fnmr.unwrap()])
                        .word(known.impostors_above.unwrap());
                    match (known.score_interval, known.fnmr_interval) {
                        (Some(score), Some(fnmr)) => line.f64s(&[score.0, score.1, fnmr.0, fnmr.1]),
                        _ => line,
                    }
                })
                .0
        })
        .collect()
}

/// What tests/c_abi/fit.c saved is what Rust fits, and of today.
pub fn assert_fitted_files() {
    for how in FITS {
        let saved = Calibration::read(&folder().join(format!("fitted-{}.toml", how.0))).unwrap();
        let date = saved.evidence().date.clone().expect("a fit has a date");
        let today = jiff::Timestamp::now();
        // The test may have run over midnight.
        let days = [today, today - jiff::Span::new().hours(24)].map(|day| day.strftime("%Y-%m-%d").to_string());
        assert!(days.contains(&date), "{date}");
        assert_eq!(saved, fitted(how, &date).0, "{}", how.0);
    }
}

pub fn calibration() -> Vec<String> {
    let engine = open("sface", options());
    let embeddings: Vec<Vec<f32>> = three_chips()
        .iter()
        .map(|chip| engine.embed(&[chip]).unwrap().concat())
        .collect();
    let mut templates: Vec<Template> = embeddings.iter().map(|e| engine.template_of(e).unwrap()).collect();
    templates.push(engine.failed_template().unwrap());
    let templates: Vec<&Template> = templates.iter().collect();

    let own = engine.calibration().unwrap().clone();
    let given = Calibration::from_parameters(QualityParameters {
        alpha: 0.077428,
        beta: 0.125926,
    })
    .unwrap();
    let wide = Calibration::read(&folder().join("wide.toml")).unwrap();
    let gated = wide.with_quality_gate(Some(12.9)).unwrap();
    let mut lines = vec![
        calibration_line("own", &own),
        calibration_line("loaded", &own),
        calibration_line("parsed", &own),
        calibration_line("given", &given),
        calibration_line("gated", &gated),
    ];
    let rows = Matrix::new(3, 128, embeddings.concat()).unwrap();
    for (name, calibration) in [("own", &own), ("given", &given), ("gated", &gated)] {
        for (a, &template_a) in templates.iter().enumerate() {
            for (b, &template_b) in templates.iter().enumerate() {
                let result = calibration.compare(template_a, template_b).unwrap();
                lines.push(comparison_line(name, a, b, &result));
                if a < 3 && b < 3 {
                    let result = calibration.compare_embeddings(&embeddings[a], &embeddings[b]).unwrap();
                    lines.push(comparison_line("embeddings", a, b, &result));
                }
            }
        }
        let matrix = calibration.score_matrix(&templates, &templates).unwrap();
        let parameters = calibration.parameters();
        let of_embeddings = qmagface::compare::score_matrix(&rows, &rows, &parameters).unwrap();
        let one_to_many = calibration.score_matrix(&templates[1..2], &templates).unwrap();
        let line = [&matrix, &of_embeddings, &one_to_many]
            .iter()
            .fold(Line::new("matrix"), |line, scores| line.f32s(scores.values()));
        lines.push(line.0);
    }
    let quality = engine.quality(&embeddings[0]).unwrap();
    let normalised: Vec<f32> = embeddings[0].iter().map(|&v| (f64::from(v) / quality) as f32).collect();
    let unit = engine.template_of(&normalised).unwrap();
    for (index, other) in [templates[0], templates[1], templates[3], &unit]
        .into_iter()
        .enumerate()
    {
        let compared = own.compare(templates[0], other).unwrap();
        let decision = own.decide(&compared, 1e-3).unwrap();
        let (outcome, lacking) = match decision.outcome {
            Outcome::NoMatch => (0, 0),
            Outcome::Match => (1, 0),
            Outcome::NotEnoughInformation(why) => (2, 1 + why as u8),
        };
        let line = Line::new("decision").word(index).word(outcome).word(lacking);
        let known = [decision.threshold, decision.pass_rate];
        lines.push(line.f64s(if decision.threshold.is_nan() { &[] } else { &known }).0);
    }
    // Every flag is among what is compared.
    let flags = |line: &String| line.split(' ').nth(3).map(str::to_owned);
    for (name, flag) in [("gated", "1"), ("own", "2"), ("given", "4"), ("gated", "0")] {
        let seen = lines
            .iter()
            .any(|line| line.starts_with(name) && flags(line).as_deref() == Some(flag));
        assert!(seen, "no comparison {name} with the flags {flag}");
    }
    lines
}

// ------------------------------------------------------------------------------------------------------------ gallery

/// What gallery.c prints.
pub fn gallery() -> Vec<String> {
    let engine = open("sface", options());
    let calibration = engine.calibration().unwrap();
    let made_up = |image: usize| match image % 10 {
        9 => engine.failed_template().unwrap(),
        _ => {
            let value = |i: usize| {
                let value = ((image * 31 + i * 17 + image * i % 13) % 29) as f32 * 0.125;
                value - if i % 3 == image % 3 { 0.5 } else { 2.0 }
            };
            engine.template_of(&(0..128).map(value).collect::<Vec<_>>()).unwrap()
        }
    };
    let templates: Vec<Template> = (0..60).map(made_up).collect();
    let probes: Vec<Template> = (0..7).map(|probe| made_up(3 * probe + 70)).collect();
    let mut lines = Vec::new();
    for (number, name) in ["f32", "f16", "i8"].into_iter().enumerate() {
        let info = |gallery: &Gallery| {
            let none = || "none".to_owned();
            Line::new("gallery")
                .word(name)
                .word(number)
                .word(gallery.length())
                .word(gallery.len())
                .word(gallery.bytes())
                .word(gallery.model().unwrap_or("none"))
                .word(
                    gallery
                        .fingerprint()
                        .map_or_else(none, |fingerprint| fingerprint.to_string()),
                )
                .0
        };
        let results = |gallery: &Gallery, lines: &mut Vec<String>| {
            for used in [1, 7] {
                let probes: Vec<&Template> = probes[..used].iter().collect();
                let mut scores = vec![0.0; used * gallery.len()];
                let work = Work::default();
                gallery.score(calibration, &probes, &mut scores, &work).unwrap();
                lines.push(Line::new("scores").word(name).word(used).f32s(&scores).0);
                let search = |least_score| -> Vec<Vec<Match>> {
                    let options = SearchOptions { most: 9, least_score };
                    gallery.search(calibration, &probes, &options, &work).unwrap()
                };
                let found = search(f32::NEG_INFINITY);
                let line = found
                    .iter()
                    .fold(Line::new("search").word(name).word(used), |line, found| {
                        let line = line.word(format_args!("{}:", found.len()));
                        found
                            .iter()
                            .fold(line, |line, one| line.word(one.index).f64s(&[one.score.into()]))
                    });
                lines.push(line.0);
                let least = search(found[0][found[0].len() / 2].score);
                assert_eq!(least[0].len(), 5, "the first probe's matches have different scores");
                lines.push(Line::new("least").word(name).word(least[0].len()).0);
            }
        };
        let mut gallery = Gallery::new(Scalar::ALL[number]);
        lines.push(info(&gallery));
        let all: Vec<&Template> = templates.iter().collect();
        gallery.add(&all[..59]).unwrap();
        gallery.add(&all[59..]).unwrap();
        lines.push(info(&gallery));
        results(&gallery, &mut lines);
        gallery.remove(&[0, 9, 10, 11, 58]).unwrap();
        gallery.add(&all[..1]).unwrap();
        lines.push(info(&gallery));
        results(&gallery, &mut lines);
    }
    lines
}
