//! Commands that do the same with many images: in several threads, with the results in the images' order.

use crate::arguments::{Machine, Shared};
use crate::failure::{Failure, Outcome, report_image, report_skipped};
use crate::folder::failures;
use crate::inputs::Images;
use crate::pipeline::{Width, in_order};
use qmagface::Result;
use std::path::Path;

/// Runs `work` on each image and `show` on what it gives, in order. An image at which either fails is reported and counted.
///
/// # Errors
/// [`Failure::SomeFiles`] where images failed.
pub fn each<T: Send>(
    shared: &Shared,
    machine: &Machine,
    images: &Images,
    work: impl Fn(&Path) -> Result<T> + Sync,
    mut show: impl FnMut(&Path, T) -> Result<()>,
) -> Outcome {
    let workers = machine.workers();
    let width = Width {
        workers,
        ahead: 2 * workers,
    };
    let mut failed = failures(&images.skipped);
    let work = |index: usize| work(&images.files[index]);
    in_order(0..images.files.len(), width, work, |index, found| {
        let path = &images.files[index];
        if let Err(error) = found.and_then(|found| show(path, found)) {
            failed += 1;
            report_image(shared, path, &error);
        }
        Ok(())
    })?;
    report_skipped(shared, images);
    Failure::if_some(failed, images.tried())
}
