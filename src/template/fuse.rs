//! Several templates of one person become one.

use super::{Features, Scalar, Template};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::advice;
use crate::wiped::Wiped;

/// How templates are weighed when they are fused. Each has the embedding f, of quality q = |f|.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fusion {
    /// By quality (QMagFace, arXiv 2111.13475): the direction of sum(q f), the quality sum(q^2) / sum(q).
    #[default]
    Quality,
    /// All alike: the direction and the magnitude of the mean of f. Embeddings that disagree make it shorter, so its
    /// quality is at most the mean quality.
    Mean,
}

/// Below this share of what directions that agree would give, a sum's direction is nothing but rounding.
pub(super) const LEAST_SUM: f64 = 1e-6;

impl Fusion {
    /// What the direction of a template of this quality weighs: its embedding is q times it.
    pub(super) fn weight(self, quality: f64) -> f64 {
        match self {
            Fusion::Quality => quality * quality,
            Fusion::Mean => quality,
        }
    }
}

/// The first of the templates, which must be of one model.
pub(super) fn first_of_one_model<'a>(templates: &[&'a Template]) -> Result<&'a Template> {
    let first = *templates
        .first()
        .ok_or_else(|| invalid("there is no template to fuse"))?;
    for (index, other) in templates.iter().enumerate() {
        if other.fingerprint != first.fingerprint || other.length != first.length {
            return Err(Error::new(
                ErrorKind::ModelMismatch,
                format!(
                    "templates of two models can't be fused: template 0 is of {} with {} floats, template {index} of {} \
                     with {}{}",
                    first.origin(),
                    first.length,
                    other.origin(),
                    other.length,
                    advice(first.model(), other.model())
                ),
            ));
        }
    }
    Ok(first)
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

pub(super) fn fuse(templates: &[&Template], fusion: Fusion) -> Result<Template> {
    let first = first_of_one_model(templates)?;
    let usable = || templates.iter().filter_map(|template| template.features.as_ref());
    if usable().next().is_none() {
        return Template::failed(&first.model, first.fingerprint, first.length);
    }
    let mut sum = Wiped::<f64>::zeros(first.length);
    let (mut total_weight, mut total_quality, mut total_square, mut count, mut images) = (0.0, 0.0, 0.0, 0.0, 0u32);
    for Features {
        direction,
        quality: q,
        images: of,
    } in usable()
    {
        let weight = fusion.weight(*q);
        sum.iter_mut()
            .zip(direction.iter())
            .for_each(|(sum, &v)| *sum += weight * f64::from(v));
        total_weight += weight;
        total_quality += q;
        total_square += q * q;
        count += 1.0;
        images = images.saturating_add(*of);
    }
    let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length <= LEAST_SUM * total_weight {
        return Err(invalid(
            "the templates cancel each other out: their fusion has no direction",
        ));
    }
    let features = Features {
        direction: sum.iter().map(|v| (v / length) as f32).collect::<Vec<_>>().into(),
        quality: match fusion {
            Fusion::Quality => total_square / total_quality,
            Fusion::Mean => length / count,
        },
        images,
    };
    Template::of(
        &first.model,
        first.fingerprint,
        first.length,
        Scalar::F32,
        Some(features),
    )
}
