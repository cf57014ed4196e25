//! Python's pickle format, read without ever calling anything: dictionaries of tensors as `torch.save` writes them, and
//! lists of encoded images.
//!
//! A pickle is a program for a stack machine. This one knows only the opcodes that such files need; a function that a file
//! names is a value of an enum here, never something that runs. Whatever else a file asks for is refused by name.
//!
//! Values live in one arena and point at each other by index, so that a file can neither make the reader recurse nor make
//! a small file copy itself into a large structure: one opcode makes at most one value, and all bytes that are made are no
//! more than those that were read.

mod machine;
mod op;
mod value;

pub(crate) use value::{Pickle, StorageRef, TensorRef};

/// What a pickle may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Dictionaries of tensors.
    Tensors,
    /// Lists of encoded images and of booleans.
    Images,
}

impl Contents {
    /// Most opcodes. An iResNet-100 checkpoint with its optimiser state has fewer than 100,000, a set of 12,000 images
    /// about 60,000.
    fn most_opcodes(self) -> usize {
        match self {
            Contents::Tensors => 1 << 20,
            Contents::Images => 1 << 23,
        }
    }

    /// Most bytes. The tensors' numbers lie outside of their pickle, images inside.
    fn most_bytes(self) -> u64 {
        match self {
            Contents::Tensors => 1 << 26,
            Contents::Images => 1 << 32,
        }
    }

    /// Most bytes of one string.
    fn longest(self) -> u64 {
        match self {
            Contents::Tensors => 1 << 16,
            Contents::Images => 1 << 26,
        }
    }

    /// What is interpreted, for messages.
    fn described(self) -> &'static str {
        match self {
            Contents::Tensors => "only what rebuilds tensors is interpreted",
            Contents::Images => "only images and booleans are interpreted",
        }
    }
}
