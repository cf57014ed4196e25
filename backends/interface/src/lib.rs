//! What qmagface and a back end of its own file say to each other.
//!
//! qmagface computes on the CPU by itself. Another device is added by a shared object, the *plug-in*, which exports one
//! function, [`ENTRY`]: it hands out a [`Table`] of C functions. Only bytes, floats, names and sizes go across, so the two
//! files may be built by different compilers; [`VERSION`] says whether they mean the same by them.
//!
//! | file | its one job |
//! |---|---|
//! | `table.rs` | the C table: every function and structure that crosses |
//! | `folded.rs` | a network as it is run, and its form in bytes |
//! | `guard.rs` | failures and panics as numbers and words, on both sides |

mod folded;
mod guard;
mod table;

pub use folded::{Activation, Bias, Conv, Dense, Folded, Layer, Output, Pool, PoolOf, Step, place};
pub use guard::{Failure, Told, guard};
pub use table::{
    CPU, ENTRY, Entry, GalleryRows, Handle, Image, Log, Parameters, Report, Settings, Sink, Table, VERSION, level,
    precision, status,
};
