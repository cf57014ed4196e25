//! The C interface: programs in C and C++, calls from Rust, the header, and the table of functions.

#[path = "../common/mod.rs"]
mod common;
mod expected;
mod functions_table;
mod header;
mod in_rust;
mod programs;
mod setting;
