//! Labelled sets of embeddings and the pairs of them: all, compared in blocks without keeping them, a list, or a random
//! sample.
//!
//! ```
//! use qmagface::pairs::{self, Prepared};
//! use qmagface::{Matrix, Work};
//!
//! let embeddings = Matrix::new(3, 2, vec![3.0, 4.0, 4.0, 3.0, 0.0, 2.0])?;
//! let names = ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"].map(String::from).to_vec();
//! let set = Prepared::from_names(embeddings, names)?;
//! let genuine = pairs::fold(
//!     &set,
//!     &Work::default(),
//!     || 0,
//!     |count, row| *count += (0..row.len()).filter(|&at| row.genuine(at)).count(),
//!     |a, b| a + b,
//! )?;
//! assert_eq!((genuine, set.count().impostor), (1, 2));
//! # Ok::<(), qmagface::Error>(())
//! ```

mod blocks;
pub mod bootstrap;
mod bounds;
mod list;
mod lost;
mod names;
pub mod npy;
pub mod review;
mod sample;
mod set;
mod tail;

pub use blocks::{BLOCK, Row, fold};
pub use bounds::Bounds;
pub use list::{List, Pair, Repeats, ScoredPair};
pub use lost::LostQuality;
pub use names::{common_folder, composed, is_hidden, parts, subject_of};
pub use sample::{SampleOptions, sample};
pub use set::Prepared;
pub use tail::{Kept, Source, Tail};

/// Which pairs of a set are meant.
#[derive(Debug, Clone, Copy)]
pub enum Pairs<'a> {
    /// Every pair of two different rows, once.
    All,
    /// These.
    List(&'a List),
}

impl Pairs<'_> {
    /// How many of them are of one person, and of two.
    pub fn count(&self, set: &Prepared) -> Count {
        match self {
            Pairs::All => set.count(),
            Pairs::List(list) => list.count(),
        }
    }
}

/// How many pairs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Pairs of two images of one person.
    pub genuine: u64,
    /// Pairs of images of two people.
    pub impostor: u64,
}

impl Count {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.genuine + self.impostor
    }
}

#[cfg(test)]
mod tests;
