//! The part of the pickle format that describes tensors, interpreted without ever calling anything.
//!
//! A pickle is a program for a stack machine. This one knows only the opcodes that `torch.save` emits for
//! dictionaries of tensors; a function it names ([`Global`]) is a value of an enum here, never something that runs.
//! Whatever else a file asks for is refused by name.
//!
//! Values live in one arena and point at each other by index, so a file can neither make the reader recurse nor make
//! a small file copy itself into a large structure: one opcode makes at most one value.

use crate::error::{Error, Result};
use crate::weights::element::Element;
use crate::weights::{damaged, too_large};
use std::collections::HashMap;
use std::io::Read;

/// Most opcodes a pickle may have. An iResNet-100 checkpoint with its optimiser state has fewer than 100,000.
const MAX_OPCODES: usize = 1 << 20;
/// Most bytes a pickle may have (the tensors' numbers lie outside of it).
const MAX_BYTES: u64 = 1 << 26;
/// Most bytes of one string.
const MAX_STRING: u64 = 1 << 16;
/// Most bytes of a module's, a type's or a storage's name.
const MAX_NAME: usize = 256;
/// Most entries of the memo.
const MAX_MEMO: usize = 1 << 20;
/// Most marks open at a time, which is how deep dictionaries, lists and tuples nest.
const MAX_DEPTH: usize = 64;
/// Most axes of a tensor.
const MAX_RANK: usize = 8;

/// Index of a value in [`Pickle::values`].
type Id = usize;

/// The only names a file may import, none of which is ever called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
}

impl Global {
    /// The meaning of an import; every name that is not known ends the reading.
    fn named(module: &str, name: &str) -> Result<Self> {
        Self::known(module, name).ok_or_else(|| {
            damaged(format!(
                "refuses {}.{}: only what rebuilds tensors is interpreted, and nothing is ever run",
                module.escape_debug(),
                name.escape_debug()
            ))
        })
    }

    fn known(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            ("torch", storage) => Global::Storage(match storage {
                "FloatStorage" => Element::F32,
                "DoubleStorage" => Element::F64,
                "HalfStorage" => Element::F16,
                "BFloat16Storage" => Element::Bf16,
                "LongStorage" => Element::I64,
                "IntStorage" => Element::I32,
                "ShortStorage" => Element::I16,
                "CharStorage" => Element::I8,
                "ByteStorage" => Element::U8,
                "BoolStorage" => Element::Bool,
                _ => return None,
            }),
            _ => return None,
        })
    }
}

#[derive(Debug)]
enum Value {
    None,
    Bool(bool),
    Int(i128),
    /// A float's value never matters here.
    Float,
    Str(Box<str>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// Index in [`Pickle::storages`].
    Storage(usize),
    Tensor(Box<TensorRef>),
}

/// A run of numbers that tensors are windows of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StorageRef {
    pub(super) key: Box<str>,
    pub(super) element: Element,
    /// How many elements the pickle says it has.
    pub(super) len: u64,
}

impl StorageRef {
    /// Its size in bytes.
    pub(super) fn bytes(&self) -> Result<u64> {
        self.len
            .checked_mul(self.element.size() as u64)
            .ok_or_else(|| damaged(format!("storage {:?} claims {} elements", self.key, self.len)))
    }
}

/// A tensor as a strided window of a storage; nothing is checked against the storage yet.
#[derive(Debug)]
pub(super) struct TensorRef {
    /// Index in [`Pickle::storages`].
    pub(super) storage: usize,
    /// First element.
    pub(super) offset: usize,
    /// Length of each axis.
    pub(super) shape: Vec<usize>,
    /// Elements from one index to the next, for each axis.
    pub(super) stride: Vec<usize>,
}

/// What a pickle describes.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
    pub(super) storages: Vec<StorageRef>,
}

impl Pickle {
    /// Interprets one pickle from the front of `input`, and reads not a byte more (if `input` doesn't buffer).
    pub(super) fn read(input: &mut dyn Read) -> Result<Self> {
        let mut machine = Machine {
            input: input.take(MAX_BYTES),
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            storages: Vec::new(),
            storage_by_key: HashMap::new(),
        };
        let root = machine.run()?;
        Ok(Pickle {
            values: machine.values,
            root,
            storages: machine.storages,
        })
    }

    /// The whole number at the top, if it is one.
    pub(super) fn int(&self) -> Option<i128> {
        match self.values[self.root] {
            Value::Int(n) => Some(n),
            _ => None,
        }
    }

    /// The yes or no that the dictionary at the top holds under `key`.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match self.values[self.lookup(self.root, key)?] {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// The list of strings at the top, if it is one.
    pub(super) fn strings(&self) -> Option<Vec<&str>> {
        match &self.values[self.root] {
            Value::List(items) => items.iter().map(|&id| self.str(id)).collect(),
            _ => None,
        }
    }

    /// Names and tensors of the state dict: the dictionary under `state_dict`, else the one at the top. An entry that
    /// is not a tensor has `None`; an entry whose key is not a string is left out.
    pub(super) fn state_dict(&self) -> Result<Vec<(&str, Option<&TensorRef>)>> {
        let top = self.lookup(self.root, "state_dict").unwrap_or(self.root);
        let Value::Dict(entries) = &self.values[top] else {
            return Err(damaged(format!(
                "a state dict must be a dictionary of tensors, this one is a {}",
                kind(&self.values[top])
            )));
        };
        let tensor = |id: Id| match &self.values[id] {
            Value::Tensor(tensor) => Some(tensor.as_ref()),
            _ => None,
        };
        Ok(entries
            .iter()
            .filter_map(|&(key, value)| Some((self.str(key)?, tensor(value))))
            .collect())
    }

    fn str(&self, id: Id) -> Option<&str> {
        match &self.values[id] {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    fn lookup(&self, dict: Id, key: &str) -> Option<Id> {
        match &self.values[dict] {
            // As in Python, a later entry replaces an earlier one of the same key.
            Value::Dict(entries) => entries
                .iter()
                .rev()
                .find(|&&(k, _)| self.str(k) == Some(key))
                .map(|e| e.1),
            _ => None,
        }
    }
}

/// What to call a value in a message.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::None => "None",
        Value::Bool(_) => "bool",
        Value::Int(_) => "whole number",
        Value::Float => "float",
        Value::Str(_) => "string",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Dict(_) => "dictionary",
        Value::Global(_) => "type or function",
        Value::Storage(_) => "storage",
        Value::Tensor(_) => "tensor",
    }
}

struct Machine<'a> {
    input: std::io::Take<&'a mut dyn Read>,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    storages: Vec<StorageRef>,
    storage_by_key: HashMap<Box<str>, usize>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Id> {
        for _ in 0..MAX_OPCODES {
            let at = self.position();
            let [opcode] = self.bytes()?;
            let root = self.step(opcode).map_err(|e| e.at(format!("pickle, byte {at}")))?;
            if let Some(root) = root {
                return Ok(root);
            }
        }
        Err(too_large(format!("the pickle has more than {MAX_OPCODES} opcodes")))
    }

    /// Interprets one opcode; the value at the top when it was the last one.
    fn step(&mut self, opcode: u8) -> Result<Option<Id>> {
        match opcode {
            // PROTO
            0x80 => {
                let [version] = self.bytes()?;
                if !(2..=5).contains(&version) {
                    return Err(damaged(format!("pickle protocol {version} (2 to 5 are read)")));
                }
            }
            // FRAME: a hint for buffering
            0x95 => drop(self.bytes::<8>()?),
            b'.' => {
                let root = self.pop()?;
                if !self.stack.is_empty() || !self.marks.is_empty() {
                    return Err(damaged("the pickle stops with values left over"));
                }
                return Ok(Some(root));
            }
            b'(' => {
                if self.marks.len() == MAX_DEPTH {
                    return Err(too_large(format!("values nest more than {MAX_DEPTH} deep")));
                }
                self.marks.push(self.stack.len());
            }

            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => {
                let n = i32::from_le_bytes(self.bytes()?);
                self.push(Value::Int(n.into()));
            }
            b'K' => {
                let [n] = self.bytes()?;
                self.push(Value::Int(n.into()));
            }
            b'M' => {
                let n = u16::from_le_bytes(self.bytes()?);
                self.push(Value::Int(n.into()));
            }
            // LONG1
            0x8a => {
                let n = self.long()?;
                self.push(Value::Int(n));
            }
            b'G' => {
                self.bytes::<8>()?;
                self.push(Value::Float);
            }
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8, and Python 2's BINSTRING and SHORT_BINSTRING
            b'X' | b'T' => {
                let n = u32::from_le_bytes(self.bytes()?);
                self.string(n.into())?;
            }
            0x8c | b'U' => {
                let [n] = self.bytes()?;
                self.string(n.into())?;
            }
            0x8d => {
                let n = u64::from_le_bytes(self.bytes()?);
                self.string(n)?;
            }

            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let n = usize::from(opcode - 0x84);
                let items = self.pop_many(n)?;
                self.push(Value::Tuple(items));
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Value::Tuple(items));
            }
            b']' => self.push(Value::List(Vec::new())),
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(&items)?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set_items(&items)?;
            }

            b'q' => {
                let [index] = self.bytes()?;
                self.memorise(index.into())?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.bytes()?);
                self.memorise(index)?;
            }
            // MEMOIZE; the memo has at most MAX_MEMO entries
            0x94 => self.memorise(self.memo.len() as u32)?,
            b'h' => {
                let [index] = self.bytes()?;
                self.recall(index.into())?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.bytes()?);
                self.recall(index)?;
            }

            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(Global::named(&module, &name)?));
            }
            // STACK_GLOBAL
            0x93 => {
                let items = self.pop_many(2)?;
                let (Value::Str(module), Value::Str(name)) = (&self.values[items[0]], &self.values[items[1]]) else {
                    return Err(damaged("an import whose name is not a string"));
                };
                let global = Global::named(module, name)?;
                self.push(Value::Global(global));
            }
            b'Q' => self.persistent_id()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            _ => return Err(refused_opcode(opcode)),
        }
        Ok(None)
    }

    /// `("storage", type, key, device, element count[, view])`, the name of a storage.
    fn persistent_id(&mut self) -> Result<()> {
        let id = self.pop()?;
        let Value::Tuple(items) = &self.values[id] else {
            return Err(damaged(format!(
                "a storage is named by a tuple, not a {}",
                kind(&self.values[id])
            )));
        };
        let (&[tag, global, key, _, len], view) = match items.split_first_chunk::<5>() {
            Some((name, view)) if view.len() <= 1 => (name, view.first()),
            _ => {
                return Err(damaged(format!(
                    "a storage named by {} parts instead of 5 or 6",
                    items.len()
                )));
            }
        };
        if !matches!(&self.values[tag], Value::Str(text) if &**text == "storage") {
            return Err(damaged("a persistent id that is not a storage"));
        }
        let Value::Global(Global::Storage(element)) = self.values[global] else {
            return Err(damaged("a storage without a storage type"));
        };
        let Value::Str(key) = &self.values[key] else {
            return Err(damaged("a storage whose key is not a string"));
        };
        if key.len() > MAX_NAME {
            return Err(damaged(format!(
                "a storage key of {} bytes (at most {MAX_NAME})",
                key.len()
            )));
        }
        let Value::Int(len) = self.values[len] else {
            return Err(damaged(format!("storage {key:?} has no element count")));
        };
        if view.is_some_and(|&part| !matches!(self.values[part], Value::None)) {
            return Err(damaged(format!(
                "storage {key:?} is a view of another one, as PyTorch before 0.4 wrote them: load and save the file \
                 with a newer PyTorch"
            )));
        }
        let len = u64::try_from(len).map_err(|_| damaged(format!("storage {key:?} claims {len} elements")))?;
        let storage = StorageRef {
            key: key.clone(),
            element,
            len,
        };
        let index = match self.storage_by_key.get(key) {
            Some(&index) if self.storages[index] == storage => index,
            Some(_) => return Err(damaged(format!("storage {key:?} is described in two ways"))),
            None => {
                self.storage_by_key.insert(key.clone(), self.storages.len());
                self.storages.push(storage);
                self.storages.len() - 1
            }
        };
        self.push(Value::Storage(index));
        Ok(())
    }

    /// What a call would give; only the three known ones have an answer.
    fn reduce(&mut self) -> Result<()> {
        let operands = self.pop_many(2)?;
        let Value::Global(global) = self.values[operands[0]] else {
            return Err(damaged(format!(
                "refuses to call a {}",
                kind(&self.values[operands[0]])
            )));
        };
        let Value::Tuple(arguments) = &self.values[operands[1]] else {
            return Err(damaged(format!(
                "arguments must be a tuple, not a {}",
                kind(&self.values[operands[1]])
            )));
        };
        match global {
            Global::OrderedDict if arguments.is_empty() => self.push(Value::Dict(Vec::new())),
            Global::OrderedDict => return Err(damaged("refuses an OrderedDict made from arguments")),
            Global::RebuildTensor => {
                let tensor = self.tensor(arguments)?;
                self.push(Value::Tensor(Box::new(tensor)));
            }
            Global::RebuildParameter => match arguments[..] {
                [tensor, _, _] if matches!(self.values[tensor], Value::Tensor(_)) => self.stack.push(tensor),
                _ => return Err(damaged("a parameter that is not a tensor, a flag and hooks")),
            },
            Global::Storage(_) => return Err(damaged("refuses to make a storage by a call")),
        }
        Ok(())
    }

    /// `(storage, offset, size, stride, requires_grad, hooks[, metadata])`, the arguments of `_rebuild_tensor_v2`.
    fn tensor(&self, arguments: &[Id]) -> Result<TensorRef> {
        let &[storage, offset, shape, stride, ..] = arguments else {
            return Err(damaged(format!("a tensor rebuilt from {} arguments", arguments.len())));
        };
        let Value::Storage(storage) = self.values[storage] else {
            return Err(damaged("a tensor without a storage"));
        };
        let tensor = TensorRef {
            storage,
            offset: self.size(offset)?,
            shape: self.sizes(shape)?,
            stride: self.sizes(stride)?,
        };
        if tensor.shape.len() != tensor.stride.len() {
            return Err(damaged(format!(
                "a tensor of shape {:?} with strides {:?}",
                tensor.shape, tensor.stride
            )));
        }
        Ok(tensor)
    }

    fn sizes(&self, id: Id) -> Result<Vec<usize>> {
        match &self.values[id] {
            Value::Tuple(items) if items.len() > MAX_RANK => Err(damaged(format!(
                "a tensor of {} axes (at most {MAX_RANK})",
                items.len()
            ))),
            Value::Tuple(items) => items.iter().map(|&item| self.size(item)).collect(),
            other => Err(damaged(format!(
                "a tensor's sizes must be a tuple, not a {}",
                kind(other)
            ))),
        }
    }

    fn size(&self, id: Id) -> Result<usize> {
        match &self.values[id] {
            Value::Int(n) => usize::try_from(*n).map_err(|_| damaged(format!("{n} as a tensor's size or stride"))),
            other => Err(damaged(format!("a {} as a tensor's size or stride", kind(other)))),
        }
    }

    /// Attributes of a dictionary (a state dict's `_metadata`): they rebuild no tensor and are dropped.
    fn build(&mut self) -> Result<()> {
        let operands = self.pop_many(2)?;
        match (&self.values[operands[0]], &self.values[operands[1]]) {
            (Value::Dict(_), Value::Dict(_)) => self.stack.push(operands[0]),
            (object, _) => return Err(damaged(format!("refuses to set the state of a {}", kind(object)))),
        }
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Result<()> {
        let list = self.top()?;
        match &mut self.values[list] {
            Value::List(list) => list.extend(items),
            other => return Err(damaged(format!("appends to a {}", kind(other)))),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<()> {
        let dict = self.top()?;
        let Value::Dict(entries) = &mut self.values[dict] else {
            return Err(damaged(format!("sets items of a {}", kind(&self.values[dict]))));
        };
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(damaged("a key without a value"));
        }
        entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
        Ok(())
    }

    fn memorise(&mut self, index: u32) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        if self.memo.len() > MAX_MEMO {
            return Err(too_large(format!("the memo has more than {MAX_MEMO} entries")));
        }
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let id = self
            .memo
            .get(&index)
            .ok_or_else(|| damaged(format!("memo entry {index} was never set")))?;
        self.stack.push(*id);
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// The lowest position on the stack that is above the last open mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id> {
        match self.stack.last() {
            Some(&id) if self.stack.len() > self.floor() => Ok(id),
            _ => Err(damaged("the stack is empty")),
        }
    }

    fn pop(&mut self) -> Result<Id> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    /// The last `n` values, in the order they were pushed.
    fn pop_many(&mut self, n: usize) -> Result<Vec<Id>> {
        match self.stack.len().checked_sub(n) {
            Some(start) if start >= self.floor() => Ok(self.stack.split_off(start)),
            _ => Err(damaged("the stack is empty")),
        }
    }

    /// The values since the last mark, which is taken away.
    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let start = self.marks.pop().ok_or_else(|| damaged("there is no mark"))?;
        Ok(self.stack.split_off(start))
    }

    fn position(&self) -> u64 {
        MAX_BYTES - self.input.limit()
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        match self.input.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(e) => Err(self.read_error(&e)),
        }
    }

    fn read_error(&self, source: &std::io::Error) -> Error {
        if self.input.limit() == 0 {
            return too_large(format!("the pickle has more than {MAX_BYTES} bytes"));
        }
        match source.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged(format!(
                "the pickle ends after {} bytes, before it is complete: the file is truncated",
                self.position()
            )),
            _ => damaged(format!("the pickle can't be read: {source}")),
        }
    }

    fn string(&mut self, len: u64) -> Result<()> {
        if len > MAX_STRING {
            return Err(too_large(format!("a string of {len} bytes (at most {MAX_STRING})")));
        }
        let mut bytes = vec![0; len as usize];
        if let Err(e) = self.input.read_exact(&mut bytes) {
            return Err(self.read_error(&e));
        }
        let text = String::from_utf8(bytes).map_err(|_| damaged("a string that is not UTF-8"))?;
        self.push(Value::Str(text.into()));
        Ok(())
    }

    /// Text up to the next line end: a module's or a type's name.
    fn line(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        loop {
            match self.bytes()? {
                [b'\n'] => break,
                _ if bytes.len() == MAX_NAME => return Err(damaged(format!("a name of more than {MAX_NAME} bytes"))),
                [byte] => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).map_err(|_| damaged("a name that is not UTF-8"))
    }

    /// A length byte, then a little-endian two's complement number of that many bytes.
    fn long(&mut self) -> Result<i128> {
        let [len] = self.bytes()?;
        let mut bytes = [0; 16];
        let Some(used) = bytes.get_mut(..usize::from(len)) else {
            return Err(damaged(format!("a whole number of {len} bytes (at most 16)")));
        };
        if let Err(e) = self.input.read_exact(used) {
            return Err(self.read_error(&e));
        }
        let unused_bits = 8 * (16 - u32::from(len));
        // Shifted to the top and back, the sign fills the bytes that were not there.
        Ok(match unused_bits {
            128 => 0,
            bits => i128::from_le_bytes(bytes) << bits >> bits,
        })
    }
}

/// The error for an opcode that is not interpreted, by the name the pickle format gives it.
fn refused_opcode(opcode: u8) -> Error {
    let name = match opcode {
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'F' => "FLOAT",
        b'I' => "INT",
        b'L' => "LONG",
        b'P' => "PERSID",
        b'S' => "STRING",
        b'V' => "UNICODE",
        b'B' => "BINBYTES",
        b'C' => "SHORT_BINBYTES",
        b'd' => "DICT",
        b'l' => "LIST",
        b'g' => "GET",
        b'p' => "PUT",
        b'i' => "INST",
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x82 => "EXT1",
        0x83 => "EXT2",
        0x84 => "EXT4",
        0x8b => "LONG4",
        0x8e => "BINBYTES8",
        0x8f => "EMPTY_SET",
        0x90 => "ADDITEMS",
        0x91 => "FROZENSET",
        0x92 => "NEWOBJ_EX",
        0x96 => "BYTEARRAY8",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => return damaged(format!("0x{opcode:02x} is no pickle opcode")),
    };
    damaged(format!(
        "refuses the opcode {name}: only what rebuilds tensors is interpreted"
    ))
}
