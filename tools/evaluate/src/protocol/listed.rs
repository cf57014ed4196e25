//! Pairs of a list: single-image sets in their folds, and generated pairs.

use super::spread::{histogram, score_histogram, support_notes, worst};
use crate::ScoreResult;
use crate::data::Resolved;
use crate::metrics::{Labelled, PublishedForm, measure};
use crate::results::{Evaluation, Options, Protocol, SetSummary};
use crate::score::{Score, Weights};
use qmagface::Work;
use qmagface::error::Result;
use qmagface::pairs::{List, Prepared, SampleOptions, ScoredPair, sample};

/// Accuracy by folds on the pairs of a pair file, as published for LFW, XQLFW, AgeDB-30, CFP-FP, CALFW and CPLFW; with
/// the published error rates on 600 thresholds and the exact ones.
///
/// Memory: as [`listed`].
///
/// # Errors
/// As [`listed`]; [`qmagface::ErrorKind::InvalidArgument`] when a fold has lost all its pairs.
pub fn single_image(set: &Prepared, pairs: &Resolved, options: &Options, work: &Work) -> Result<Evaluation> {
    let form = PublishedForm::Grid;
    let mut evaluation = listed(
        set,
        &pairs.list,
        Some(&pairs.folds),
        Protocol::SingleImage,
        form,
        options,
        work,
    )?;
    evaluation.left_out = pairs.left_out;
    if pairs.left_out > 0 {
        let unclear = match pairs.unclear {
            0 => String::new(),
            unclear => format!(" ({unclear} of them because several images have a name that the file gives)"),
        };
        evaluation.notes.push(format!(
            "{} pairs of the file were left out, because the set hasn't one of their images{unclear}: the figures are \
             not comparable with those of the whole file.",
            pairs.left_out
        ));
    }
    Ok(evaluation)
}

/// EER, FNMR and AUC on pairs that are generated for each person as published: at most 10 images of each, all their
/// genuine pairs, and 5 + 5 random impostor pairs for each of them (see [`sample`]).
///
/// Memory: as [`listed`].
///
/// # Errors
/// As [`sample`] and [`listed`].
pub fn robustness(set: &Prepared, choice: &SampleOptions, options: &Options, work: &Work) -> Result<Evaluation> {
    let list = sample(set, choice)?;
    let mut evaluation = listed(
        set,
        &list,
        None,
        Protocol::Robustness,
        PublishedForm::Roc,
        options,
        work,
    )?;
    evaluation.sample = Some((*choice).into());
    Ok(evaluation)
}

/// Error rates on any list of pairs, with the published ones in this form and accuracy where there are folds.
///
/// Intervals need to know who is on each image: where the list's labels contradict the set's people there are none, and
/// a note says so.
///
/// Memory: 30 bytes for each pair, and 60 more for each score that is evaluated at a time: on as many threads as there are
/// scores, with intervals one after the other.
///
/// # Errors
/// [`qmagface::ErrorKind::InvalidArgument`] for options outside their range, or a list without genuine or without impostor
/// pairs; [`qmagface::ErrorKind::Cancelled`].
pub fn listed(
    set: &Prepared,
    list: &List,
    folds: Option<&[u16]>,
    protocol: Protocol,
    form: PublishedForm,
    options: &Options,
    work: &Work,
) -> Result<Evaluation> {
    options.check()?;
    let mut options = options.clone();
    options.metrics.published = Some(form);
    let weights: Vec<Weights> = options
        .scores
        .iter()
        .map(|score| score.resolve(set))
        .collect::<Result<_>>()?;
    let pairs = list.pairs();
    let scored = list.score(set, work)?;
    let genuine: Vec<bool> = pairs.iter().map(|pair| pair.genuine).collect();
    let mut notes = support_notes(&options.metrics.fmrs, list.count().impostor);
    let subject = |image: u32| set.subjects()[image as usize];
    let persons = if options.metrics.replicates == 0 {
        None
    } else if let Some(odd) = pairs
        .iter()
        .position(|pair| pair.genuine != (subject(pair.a) == subject(pair.b)))
    {
        notes.push(format!(
            "There are no confidence intervals: they need to know who is on each image, and what the set says of pair \
             {odd} contradicts the list."
        ));
        None
    } else {
        Some(
            pairs
                .iter()
                .map(|pair| (subject(pair.a), subject(pair.b)))
                .collect::<Vec<_>>(),
        )
    };
    let evaluate = |score: &Score, weights: &Weights| {
        let scores = scores_of(set, list, &scored, weights);
        let labelled = Labelled {
            scores: &scores,
            genuine: &genuine,
            persons: persons.as_deref(),
            folds,
        };
        Ok(ScoreResult {
            score: score.clone(),
            metrics: measure(&labelled, &options.metrics, work)?,
            scores: score_histogram(&scores, &genuine, options.bins),
            worst_genuine: worst(set, (pairs, &scored), &scores, true, options.worst),
            worst_impostor: worst(set, (pairs, &scored), &scores, false, options.worst),
        })
    };
    let at = |index: usize| evaluate(&options.scores[index], &weights[index]);
    let results: Vec<ScoreResult> = if persons.is_some() {
        // The replicates of one score are on all threads by themselves.
        (0..weights.len()).map(at).collect::<Result<_>>()?
    } else {
        let quiet = Work {
            progress: None,
            ..*work
        };
        let states = quiet.each(weights.len(), weights.len() as u64, Vec::new, |found, index| {
            found.push((index, at(index)));
            1
        })?;
        let mut found: Vec<_> = states.into_iter().flatten().collect();
        found.sort_by_key(|&(index, _)| index);
        found.into_iter().map(|(_, result)| result).collect::<Result<_>>()?
    };
    Ok(Evaluation {
        protocol,
        set: SetSummary::of(set),
        qualities: histogram(set.qualities(), options.bins),
        options,
        sample: None,
        left_out: 0,
        results,
        notes,
    })
}

/// The score of each listed pair.
pub fn scores_of(set: &Prepared, list: &List, scored: &[ScoredPair], weights: &Weights) -> Vec<f64> {
    let subjects = set.subjects();
    let score = |(pair, scored): (&qmagface::pairs::Pair, &ScoredPair)| {
        weights.score(scored, subjects[pair.a as usize], subjects[pair.b as usize])
    };
    list.pairs().iter().zip(scored).map(score).collect()
}
