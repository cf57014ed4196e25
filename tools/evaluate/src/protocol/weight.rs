//! The best weight of the quality by threshold.

use crate::results::{OptimalWeight, SetSummary, WeightFit, WeightPoint};
use qmagface::calibrate::fit::{Fit, FitOptions, Procedure, fit};
use qmagface::error::Result;
use qmagface::pairs::{Pairs, Prepared};

/// The best weight for each FMR and the line through these points (the paper's figure), of one set by each of the
/// procedures. Results of several sets are joined with [`OptimalWeight::fits`].
///
/// # Errors
/// As [`fit`], with the procedure's name in front.
pub fn optimal_weight(
    name: &str,
    set: &Prepared,
    pairs: Pairs,
    procedures: &[Procedure],
    options: &FitOptions,
) -> Result<OptimalWeight> {
    let fits = procedures
        .iter()
        .map(|&procedure| {
            let found = fit(set, pairs, procedure, options).map_err(|error| error.at(procedure))?;
            Ok(best_weight(name, set, &found))
        })
        .collect::<Result<_>>()?;
    Ok(OptimalWeight { fits })
}

/// A fit as the plot has it.
pub fn best_weight(name: &str, set: &Prepared, fit: &Fit) -> WeightFit {
    WeightFit {
        name: name.to_owned(),
        procedure: fit.procedure.name().to_owned(),
        set: SetSummary::of(set),
        genuine: fit.count.genuine,
        impostor: fit.count.impostor,
        points: fit
            .points
            .iter()
            .map(|point| WeightPoint {
                fmr: point.fmr,
                weight: point.weight,
                threshold: point.threshold,
                fnmr: point.fnmr,
            })
            .collect(),
        alpha: fit.parameters.alpha,
        beta: fit.parameters.beta,
        warnings: fit.warnings.iter().map(ToString::to_string).collect(),
    }
}
