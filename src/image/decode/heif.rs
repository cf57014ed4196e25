//! HEIF files (ISO/IEC 23008-12): pictures as items of a file, whatever codec they are in.
//!
//! | file | its one job |
//! |---|---|
//! | `items.rs` | which items a file has, what is said of them, and where their data are |
//! | `transforms.rs` | how a picture is to be cropped, turned and mirrored |

#[cfg_attr(not(feature = "heic"), allow(dead_code))]
pub(super) mod items;
pub(super) mod transforms;
