//! The steps in their order, and what several layers make of one map made at once.

use super::build::Kernel;
use super::draft::{Core, Draft};
use super::folded::Output;

/// The drafts in an order in which each comes behind those it takes from, and what is handed out (names and drafts); layers
/// of one kind that only hand out what they make of the same input are one.
pub(super) fn joined<'g>(drafts: Vec<Draft<'g>>, handed_out: &[(&str, usize)]) -> (Vec<Draft<'g>>, Vec<Output>) {
    let mut is_taken = vec![false; drafts.len()];
    drafts
        .iter()
        .flat_map(|draft| &draft.inputs)
        .for_each(|&input| is_taken[input] = true);
    let is_head = |at: usize| {
        let draft: &Draft = &drafts[at];
        !is_taken[at] && draft.is_open() && draft.before.is_none() && draft.after.is_none()
    };
    let is_like = |a: usize, b: usize| match (&drafts[a].core, &drafts[b].core) {
        (
            Core::Conv {
                kernel: one, groups: 1, ..
            },
            Core::Conv {
                kernel: other,
                groups: 1,
                ..
            },
        ) => Kernel { outputs: 0, ..*one } == Kernel { outputs: 0, ..*other },
        (Core::Dense { .. }, Core::Dense { .. }) => true,
        _ => false,
    };
    let mut sorted: Vec<Draft> = Vec::with_capacity(drafts.len());
    let mut place: Vec<Option<usize>> = vec![None; drafts.len()];
    let mut found = Vec::with_capacity(handed_out.len());
    for &(name, step) in handed_out {
        let first = handed_out
            .iter()
            .map(|&(_, other)| other)
            .find(|&other| {
                is_head(step) && is_head(other) && drafts[other].inputs == drafts[step].inputs && is_like(other, step)
            })
            .unwrap_or(step);
        let mut begin = 0;
        if first == step {
            sort(&drafts, step, &mut sorted, &mut place);
        }
        let at = place[first].unwrap_or_default();
        let count = drafts[step].channels;
        if first != step {
            begin = sorted[at].channels;
            append(&mut sorted[at], &drafts[step]);
        }
        found.push(Output {
            name: name.to_owned(),
            step: at,
            channels: begin..begin + count,
        });
    }
    (sorted, found)
}

/// Adds a step to `sorted`, behind those it takes from. As deep as a network: each level is one step.
fn sort<'g>(drafts: &[Draft<'g>], step: usize, sorted: &mut Vec<Draft<'g>>, place: &mut [Option<usize>]) {
    // Steps that wait for the ones above them.
    let mut waiting = vec![step];
    while let Some(&step) = waiting.last() {
        let missing = drafts[step].inputs.iter().find(|&&input| place[input].is_none());
        match (place[step], missing) {
            (Some(_), _) => drop(waiting.pop()),
            (None, Some(&input)) => waiting.push(input),
            (None, None) => {
                waiting.pop();
                let mut draft = drafts[step].clone();
                draft.inputs = draft.inputs.iter().filter_map(|&input| place[input]).collect();
                place[step] = Some(sorted.len());
                sorted.push(draft);
            }
        }
    }
}

/// Lets `draft` make what `other` does too.
fn append<'g>(draft: &mut Draft<'g>, other: &Draft<'g>) {
    draft.channels += other.channels;
    match (&mut draft.core, &other.core) {
        (Core::Conv { layers, kernel, .. }, Core::Conv { layers: more, .. }) => {
            layers.extend(more);
            kernel.outputs += other.channels;
        }
        (Core::Dense { layers, .. }, Core::Dense { layers: more, .. }) => layers.extend(more),
        _ => {}
    }
}
