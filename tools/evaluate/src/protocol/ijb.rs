//! IJB-B and IJB-C: templates fused from photos and video frames, compared one to one.

use super::listed::listed;
use crate::data::ijb::{TemplateImage, TemplatePair};
use crate::data::{Names, people_of};
use crate::metrics::PublishedForm;
use crate::results::{FusionName, FusionResult, Ijb, Options, Protocol};
use qmagface::Matrix;
use qmagface::Work;
use qmagface::error::{Error, ErrorKind, Result};
use qmagface::model::Fingerprint;
use qmagface::pairs::review::{ReviewOptions, review};
use qmagface::pairs::{List, Pair, Prepared, Repeats};
use qmagface::template::{Fusion, Template};
use std::collections::HashMap;

/// What IJB's lists say.
#[derive(Debug, Clone, Copy)]
pub struct IjbLists<'a> {
    /// Which images make which template.
    pub images: &'a [TemplateImage],
    /// Which templates are compared.
    pub pairs: &'a [TemplatePair],
}

impl From<FusionName> for Fusion {
    fn from(name: FusionName) -> Self {
        match name {
            FusionName::Mean => Fusion::Mean,
            FusionName::Quality => Fusion::Quality,
        }
    }
}

/// A template's images, those of one medium together.
type Media = Vec<Vec<u32>>;

/// A note on images that a template has more than once: they weigh more than others there.
fn listed_again(set: &Prepared, templates: &[(u32, Media)]) -> Option<String> {
    let (mut again, mut first) = (0u64, None);
    for (template, media) in templates {
        let mut rows = media.concat();
        rows.sort_unstable();
        for two in rows.windows(2).filter(|two| two[0] == two[1]) {
            again += 1;
            first.get_or_insert((*template, two[0]));
        }
    }
    let (template, row) = first?;
    Some(format!(
        "{again} lines of the template list name an image that the template has already, such as {} of template {template}: \
         such an image weighs more than others there.",
        set.name(row as usize)
    ))
}

/// TPR at FPR (as FNMR at FMR, one less the TPR) over the listed template pairs, with each fusion: images of one medium
/// (the frames of a video) are fused first, then the media of a template.
///
/// The images are looked over ([`review`]): those that are unlike the others of their template, and those of least quality.
/// They are fused all the same.
///
/// Images that the set doesn't have are failures to find a face: templates do without them, and pairs of a template
/// without any are left out; both are counted. The people, for intervals, follow from the genuine pairs.
///
/// Memory beside the set: 4 bytes for each float of a template, and 100 for each pair (1.6 GB for IJB-C).
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for a pair of a template without images in the list, lists of which no image or no pair
/// is left, impostor pairs of templates that genuine pairs say are of one person, or images that cancel each other out;
/// as [`listed`].
pub fn ijb(set: &Prepared, lists: &IjbLists, fusions: &[FusionName], options: &Options, work: &Work) -> Result<Ijb> {
    let invalid = |what: String| Error::new(ErrorKind::InvalidArgument, what);
    let names = Names::of(set);
    // Templates are numbered as the list brings them up.
    let mut number: HashMap<u32, u32> = HashMap::new();
    let mut templates: Vec<(u32, Media)> = Vec::new();
    // Where a template has a medium: looked for along the list, a long one would take hours.
    let mut place: HashMap<(u32, u32), usize> = HashMap::new();
    let (mut found, mut missing) = (0u64, 0u64);
    for entry in lists.images {
        let index = *number.entry(entry.template).or_insert_with(|| {
            templates.push((entry.template, Vec::new()));
            templates.len() as u32 - 1
        });
        let Some(row) = names.row(&entry.image)? else {
            missing += 1;
            continue;
        };
        found += 1;
        let media = &mut templates[index as usize].1;
        let at = *place.entry((index, entry.media)).or_insert_with(|| {
            media.push(Vec::new());
            media.len() - 1
        });
        media[at].push(row);
    }
    drop(place);
    if found == 0 {
        let first = lists
            .images
            .first()
            .map_or(String::new(), |entry| format!(", such as {:?}", entry.image));
        return Err(invalid(format!(
            "the set has none of the {missing} listed images{first}"
        )));
    }
    // Rows of the fused set: templates that have an image.
    let mut next = 0u32..;
    let row: Vec<Option<u32>> = templates
        .iter()
        .map(|(_, media)| if media.is_empty() { None } else { next.next() })
        .collect();
    let mut pairs = Vec::with_capacity(lists.pairs.len());
    for (at, pair) in lists.pairs.iter().enumerate() {
        let of = |template: u32| {
            let index = number.get(&template);
            index.map(|&index| row[index as usize]).ok_or_else(|| {
                invalid(format!(
                    "pair {at} is of template {template}, which the list of images doesn't have"
                ))
            })
        };
        if let (Some(a), Some(b)) = (of(pair.a)?, of(pair.b)?) {
            pairs.push(Pair {
                a,
                b,
                genuine: pair.genuine,
            });
        }
    }
    let left_out = (lists.pairs.len() - pairs.len()) as u64;
    templates.retain(|(_, media)| !media.is_empty());
    let people = people_of(templates.len(), &pairs, |row| {
        format!("template {}", templates[row as usize].0)
    })?;
    let named = |row: u32| format!("template {}", templates[row as usize].0);
    let mut notes: Vec<String> = Repeats::of(&pairs).note("templates", named).into_iter().collect();
    notes.extend(listed_again(set, &templates));
    let images: Vec<Vec<u32>> = templates.iter().map(|(_, media)| media.concat()).collect();
    let look = ReviewOptions {
        worst: options.worst,
        seed: options.metrics.seed,
    };
    let review = review(set, &images, &look, work)?;
    let mut results = Vec::with_capacity(fusions.len());
    let mut list = None;
    for &fusion in fusions {
        let fused = fuse_all(set, &templates, &people, fusion.into(), work)?;
        let list = match &mut list {
            Some(list) => list,
            empty => empty.insert(List::new(&fused, std::mem::take(&mut pairs))?),
        };
        let mut evaluation = listed(&fused, list, None, Protocol::Ijb, PublishedForm::Nearest, options, work)?;
        evaluation.left_out = left_out;
        evaluation.notes.extend(notes.iter().cloned());
        if left_out > 0 {
            evaluation.notes.push(format!(
                "{left_out} pairs were left out: of one of their templates the set has no image. They count as neither \
                 match nor non-match."
            ));
        }
        results.push(FusionResult { fusion, evaluation });
    }
    Ok(Ijb {
        images: found,
        missing_images: missing,
        empty_templates: (number.len() - templates.len()) as u64,
        review,
        fusions: results,
    })
}

/// The templates as a set, each fused.
fn fuse_all(
    set: &Prepared,
    templates: &[(u32, Media)],
    people: &[u32],
    fusion: Fusion,
    work: &Work,
) -> Result<Prepared> {
    let mut embeddings = Vec::with_capacity(templates.len() * set.length());
    for (index, (number, media)) in templates.iter().enumerate() {
        if index % 256 == 0 {
            work.check()?;
            if let Some(progress) = work.progress {
                progress(index as u64, templates.len() as u64);
            }
        }
        let fused = fuse(set, media, fusion).map_err(|error| error.at(format!("template {number}")))?;
        embeddings.extend(fused.embedding());
    }
    let names = templates
        .iter()
        .map(|(number, _)| format!("template {number}"))
        .collect();
    let embeddings = Matrix::new(templates.len(), set.length(), embeddings)?;
    Prepared::new(embeddings, people)?.with_names(names)
}

/// Frames of one medium first, then the media.
fn fuse(set: &Prepared, media: &Media, fusion: Fusion) -> Result<Template> {
    let of_medium = |rows: &Vec<u32>| {
        let frames: Vec<Template> = rows
            .iter()
            .map(|&row| template(set, row as usize))
            .collect::<Result<_>>()?;
        Template::fuse(&frames.iter().collect::<Vec<_>>(), fusion)
    };
    let media: Vec<Template> = media.iter().map(of_medium).collect::<Result<_>>()?;
    Template::fuse(&media.iter().collect::<Vec<_>>(), fusion)
}

/// A row of the set as a template; of what model doesn't matter here.
fn template(set: &Prepared, row: usize) -> Result<Template> {
    let quality = set.qualities_f32()[row];
    let embedding: Vec<f32> = set.direction(row).iter().map(|v| v * quality).collect();
    Template::from_embedding("evaluation", Fingerprint([0; 32]), &embedding)
}
