//! Words in any script, boxes and dots, laid over pixels.
//!
//! Names of files, people and models come from anywhere: [`visible`] makes text of them that can't disturb what stands
//! around it, and a [`Lettering`] finds fonts for their letters: those in the program, then those of the system. A
//! letter that no font has is written as its code point, `[U+7530]`, and the log says what to install.

mod fonts;
mod line;
mod sheet;
mod visible;

pub use fonts::{Lettering, Typeface};
pub use line::Line;
pub use sheet::Sheet;
pub use visible::visible;

pub(crate) use sheet::paint;
pub(crate) use visible::visible_markup;

#[cfg(test)]
mod tests;
