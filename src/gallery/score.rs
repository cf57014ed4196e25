//! Scores of probes with all templates of a gallery.

use super::Gallery;
use crate::calibrate::Calibration;
use crate::compare::{FEW, Fused, Panels, Probe, QualityParameters, Rows, Scores, each_product, rows_at_once};
use crate::error::{Error, ErrorKind, Result};
use crate::template::Template;
use crate::wiped::Wiped;
use crate::work::Work;
use parking_lot::Mutex;
use std::ops::Range;

/// Bytes of rows that are one task of a thread where few probes are compared with them.
const TASK_BYTES: usize = 2 << 20;

/// Most rows that are one task where many probes are: a multiple of what the kernel works on at once.
const TASK_ROWS: usize = 768;

/// Bytes of rows that few probes are compared with before the next: a core's first cache.
const ROWS_AT_ONCE: usize = 16 << 10;

/// The probes, ready for the kernel that their number asks for.
pub(super) enum Prepared {
    Few(Vec<Probe>),
    Many(Panels),
}

/// Probes against a gallery.
pub(super) struct Comparing<'a> {
    gallery: &'a Gallery,
    parameters: QualityParameters,
    probes: Prepared,
    /// Quality of each probe, then zeros up to whole panels; 0 of a failed one.
    qualities: Vec<f32>,
    count: usize,
    task: usize,
}

impl<'a> Comparing<'a> {
    pub(super) fn new(gallery: &'a Gallery, calibration: &Calibration, probes: &[&Template]) -> Result<Self> {
        gallery.check(calibration, probes)?;
        let (length, values) = (gallery.length(), &gallery.values);
        let stride = values.stride(length);
        let mut qualities: Vec<f32> = probes.iter().map(|probe| probe.quality() as f32).collect();
        let (task, prepared) = if gallery.is_empty() {
            (1, Prepared::Few(Vec::new()))
        } else if probes.len() <= FEW {
            let probes = probes.iter().map(|probe| values.probe(probe.direction(), length));
            let task = TASK_BYTES / (stride * values.scalar().size());
            (task.max(1), Prepared::Few(probes.collect()))
        } else {
            let mut directions = Wiped::zeros(probes.len() * stride);
            for (row, probe) in directions.chunks_exact_mut(stride).zip(probes) {
                row[..probe.direction().len()].copy_from_slice(probe.direction());
            }
            let panels = Panels::pack(&directions, stride);
            qualities.resize(panels.places(), 0.0);
            (rows_at_once(probes.len(), stride, TASK_ROWS), Prepared::Many(panels))
        };
        Ok(Comparing {
            gallery,
            parameters: calibration.parameters(),
            probes: prepared,
            qualities,
            count: probes.len(),
            task,
        })
    }

    /// How many probes there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many probes there is room for.
    pub(super) fn places(&self) -> usize {
        self.qualities.len()
    }

    /// How many tasks the comparing is.
    pub(super) fn tasks(&self) -> usize {
        self.gallery.len().div_ceil(self.task)
    }

    /// Templates of a task.
    pub(super) fn rows(&self, task: usize) -> Range<usize> {
        task * self.task..((task + 1) * self.task).min(self.gallery.len())
    }

    /// Whether probe `index` can match.
    pub(super) fn is_usable(&self, index: usize) -> bool {
        self.qualities[index] > 0.0
    }

    /// Compares all probes with some of the templates: hands `one` each score (probe, template, score) where the probes
    /// are few, else `many` the kernel, the rows as floats, and what makes scores of products.
    pub(super) fn run<T>(
        &self,
        rows: Range<usize>,
        buffer: &mut Wiped<f32>,
        state: &mut T,
        mut one: impl FnMut(&mut T, usize, usize, f32),
        many: impl FnOnce(&mut T, &Panels, &[f32], Fused),
    ) {
        let (gallery, length) = (self.gallery, self.gallery.length());
        let stride = gallery.values.stride(length);
        match &self.probes {
            Prepared::Many(panels) => {
                let fused = Fused {
                    alpha: self.parameters.alpha as f32,
                    beta: self.parameters.beta as f32,
                    probes: &self.qualities,
                    rows: &gallery.qualities[rows.clone()],
                };
                let scales = &gallery.scales[rows.clone()];
                many(
                    state,
                    panels,
                    gallery.values.floats(rows, length, scales, buffer),
                    fused,
                );
            }
            Prepared::Few(probes) => {
                let at_once = (ROWS_AT_ONCE / (stride * gallery.scalar().size())).max(1);
                for start in rows.clone().step_by(at_once) {
                    let run = start..(start + at_once).min(rows.end);
                    let (scales, qualities) = (&gallery.scales[run.clone()], &gallery.qualities[run.clone()]);
                    let values: Rows = gallery.values.rows(run, length);
                    for (index, probe) in probes.iter().enumerate() {
                        let quality = self.qualities[index];
                        each_product(values, stride, probe, |row, product| {
                            let score = self
                                .parameters
                                .score_f32(product * scales[row], quality.min(qualities[row]));
                            one(state, index, start + row, score);
                        });
                    }
                }
            }
        }
    }
}

impl Gallery {
    /// Quality-aware scores of every probe with every template: `scores` gets the scores of the first probe with all
    /// templates first. Negative infinity where one is failed. In f32 arithmetic: with few probes (up to 4) a score
    /// differs in its last bits from the one it has with many; it never depends on the threads.
    ///
    /// # Errors
    /// [`ErrorKind::ModelMismatch`] when a probe or the calibration is of another model than the gallery, naming both;
    /// [`ErrorKind::InvalidArgument`] when `scores` doesn't have as many places as there are probes times templates;
    /// [`ErrorKind::Cancelled`].
    pub fn score(
        &self,
        calibration: &Calibration,
        probes: &[&Template],
        scores: &mut [f32],
        work: &Work,
    ) -> Result<()> {
        let comparing = Comparing::new(self, calibration, probes)?;
        let needed = probes.len().checked_mul(self.len());
        if needed != Some(scores.len()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "there are {} places for the scores of {} probes with {} templates",
                    scores.len(),
                    probes.len(),
                    self.len()
                ),
            ));
        }
        if scores.is_empty() {
            return Ok(());
        }
        // What a task writes: a slice for each probe. Each lock is taken once.
        let mut places: Vec<Mutex<Vec<&mut [f32]>>> = (0..comparing.tasks()).map(|_| Mutex::default()).collect();
        for scores in scores.chunks_exact_mut(self.len()) {
            for (place, part) in places.iter_mut().zip(scores.chunks_mut(comparing.task)) {
                place.get_mut().push(part);
            }
        }
        let total = (probes.len() as u64).saturating_mul(self.len() as u64);
        work.each(places.len(), total, Wiped::new, |buffer, task| {
            let rows = comparing.rows(task);
            let mut out = places[task].lock();
            let first = rows.start;
            comparing.run(
                rows.clone(),
                buffer,
                &mut *out,
                |out, probe, row, score| out[probe][row - first] = score,
                |out, panels, rows, fused| panels.multiply(rows, &mut Scores { out, fused }),
            );
            for (probe, out) in out.iter_mut().enumerate() {
                if !comparing.is_usable(probe) {
                    out.fill(f32::NEG_INFINITY);
                }
                for (score, &quality) in out.iter_mut().zip(&self.qualities[rows.clone()]) {
                    if quality == 0.0 {
                        *score = f32::NEG_INFINITY;
                    }
                }
            }
            (rows.len() * comparing.count()) as u64
        })?;
        Ok(())
    }
}
