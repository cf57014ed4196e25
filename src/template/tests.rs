use super::*;

const MODEL: Fingerprint = Fingerprint([7; 32]);

fn template(embedding: &[f32]) -> Template {
    Template::from_embedding("sface", MODEL, embedding).unwrap()
}

fn face(value: f32) -> Face {
    Face {
        bbox: [1.0, 2.0, 3.0, value],
        score: 0.9,
        landmarks: [[5.0; 2]; 5],
    }
}

#[test]
fn direction_and_quality_are_kept_apart() {
    let made = template(&[3.0, -4.0]);
    assert_eq!((made.direction(), made.quality()), (&[0.6, -0.8][..], 5.0));
    assert_eq!((made.length(), made.images(), made.scalar()), (2, 1, Scalar::F32));
    assert_eq!((made.model(), made.fingerprint()), ("sface", MODEL));
    assert!(!made.is_failed() && !made.is_fused());
    assert_eq!((made.face(), made.uqs(), made.metadata()), (None, None, &[][..]));
}

#[test]
fn the_embedding_comes_back_within_two_roundings() {
    let mut state = 1u32;
    for scale in [1e-20f32, 1.0, 12.0, 1e20] {
        let embedding: Vec<f32> = (0..512)
            .map(|_| {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                scale * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
            })
            .collect();
        for (back, given) in template(&embedding).embedding().iter().zip(&embedding) {
            assert!((back - given).abs() <= 1.2e-7 * given.abs(), "{back} for {given}");
        }
    }
}

#[test]
fn a_failed_template_has_nothing_to_compare() {
    let failed = Template::failed("sface", MODEL, 128).unwrap();
    assert!(failed.is_failed() && !failed.is_fused());
    assert_eq!((failed.length(), failed.images(), failed.quality()), (128, 0, 0.0));
    assert!(failed.direction().is_empty() && failed.embedding().is_empty());
}

#[test]
fn provenance_is_added_to_a_copy() {
    let made = template(&[3.0, 4.0])
        .with_face(face(4.0), 3)
        .unwrap()
        .with_uqs(Some(200))
        .with_metadata(b"note")
        .unwrap();
    assert_eq!(
        made.face(),
        Some(&TemplateFace {
            face: face(4.0),
            faces: 3
        })
    );
    assert_eq!((made.uqs(), made.metadata()), (Some(100), &b"note"[..]));
    assert_eq!(made.with_uqs(None).uqs(), None);
}

#[test]
fn impossible_templates_are_refused() {
    let kind = |result: Result<Template>| result.unwrap_err().kind();
    let of = |model: &str, embedding: &[f32]| Template::from_embedding(model, MODEL, embedding);
    for model in ["", "Upper", "a/b", "bell\u{7}", &"a".repeat(65)] {
        let error = of(model, &[1.0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("lower-case"), "{error}");
    }
    for embedding in [
        &[][..],
        &[0.0, 0.0],
        &[f32::NAN, 1.0],
        &[f32::INFINITY],
        &[1e-31],
        &[1e31],
        &[1.0; 16_385],
    ] {
        assert_eq!(kind(of("sface", embedding)), ErrorKind::InvalidArgument);
    }
    for length in [0, 16_385, usize::MAX] {
        assert_eq!(
            kind(Template::failed("sface", MODEL, length)),
            ErrorKind::InvalidArgument
        );
    }
    for value in [f32::NAN, f32::INFINITY] {
        assert_eq!(
            kind(template(&[1.0]).with_face(face(value), 1)),
            ErrorKind::InvalidArgument
        );
    }
    assert!(template(&[1.0]).with_metadata(&[1; 65_536]).is_ok());
    assert_eq!(kind(template(&[1.0]).with_metadata(&[1; 65_537])), ErrorKind::Limit);
}

#[test]
fn fusing_by_quality_is_the_papers_formula() {
    // q 5 and 10: sum(q f) = 5 (3, 4) + 10 (10, 0) = (115, 20); quality (25 + 100) / 15.
    let (a, b) = (template(&[3.0, 4.0]), template(&[10.0, 0.0]));
    let fused = Template::fuse(&[&a, &b], Fusion::Quality).unwrap();
    let length = 115.0f64.hypot(20.0);
    assert_eq!(fused.direction(), [(115.0 / length) as f32, (20.0 / length) as f32]);
    assert!((fused.quality() - 125.0 / 15.0).abs() < 1e-12);
    assert!(fused.is_fused() && fused.images() == 2);
    // Fused ones fuse again: frames first, then media.
    assert_eq!(Template::fuse(&[&fused, &a], Fusion::Quality).unwrap().images(), 3);
}

#[test]
fn fusing_by_mean_is_the_mean_embedding() {
    let (a, b) = (template(&[3.0, 4.0]), template(&[10.0, 0.0]));
    let fused = Template::fuse(&[&a, &b], Fusion::Mean).unwrap();
    let length = 6.5f64.hypot(2.0);
    assert!((fused.quality() - length).abs() < 1e-6, "{}", fused.quality());
    for (ours, mean) in fused.embedding().iter().zip([6.5, 2.0]) {
        assert!((ours - mean).abs() < 1e-6, "{ours} for {mean}");
    }
}

#[test]
fn fusing_drops_what_belongs_to_one_image_and_leaves_failed_ones_out() {
    let a = template(&[3.0, 4.0])
        .with_face(face(4.0), 1)
        .unwrap()
        .with_uqs(Some(50))
        .with_metadata(b"a")
        .unwrap();
    let failed = Template::failed("sface", MODEL, 2).unwrap();
    for fusion in [Fusion::Quality, Fusion::Mean] {
        let alone = Template::fuse(&[&failed, &a, &failed], fusion).unwrap();
        assert_eq!((alone.face(), alone.uqs(), alone.metadata()), (None, None, &[][..]));
        assert_eq!(alone.direction(), [0.6, 0.8]);
        assert!((alone.quality() - 5.0).abs() < 1e-6, "{}", alone.quality());
        assert!(!alone.is_fused() && alone.images() == 1);
        assert!(Template::fuse(&[&failed, &failed], fusion).unwrap().is_failed());
    }
}

#[test]
fn impossible_fusions_are_refused_by_name() {
    let a = template(&[3.0, 4.0]);
    let other = Template::from_embedding("magface", Fingerprint([9; 32]), &[3.0, 4.0]).unwrap();
    let longer = template(&[1.0, 2.0, 3.0]);
    let opposite = template(&[-3.0, -4.0]);
    for fusion in [Fusion::Quality, Fusion::Mean] {
        let error = |templates: &[&Template]| Template::fuse(templates, fusion).unwrap_err();
        assert_eq!(error(&[]).kind(), ErrorKind::InvalidArgument);
        let mismatch = error(&[&a, &a, &other]);
        assert_eq!(mismatch.kind(), ErrorKind::ModelMismatch);
        for part in ["sface (070707070707)", "magface (090909090909)", "template 2"] {
            assert!(mismatch.message().contains(part), "{mismatch}");
        }
        assert_eq!(error(&[&a, &longer]).kind(), ErrorKind::ModelMismatch);
        let cancelled = error(&[&a, &opposite]);
        assert_eq!(cancelled.kind(), ErrorKind::InvalidArgument);
        assert!(cancelled.message().contains("cancel"), "{cancelled}");
    }
}

#[test]
fn extreme_qualities_fuse_without_overflow() {
    let (low, high) = (template(&[1e-29, 0.0]), template(&[0.0, 1e29]));
    for fusion in [Fusion::Quality, Fusion::Mean] {
        let fused = Template::fuse(&[&low, &high], fusion).unwrap();
        assert!(Template::QUALITIES.contains(&fused.quality()));
        assert!((fused.direction()[1] - 1.0).abs() < 1e-6);
    }
}

// The C ABI lets any number of threads read one template.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Template>();
};
