//! The stack machine that reads a pickle.

use super::value::{Global, Id, StorageRef, TensorRef, Value, kind};
use super::{Contents, op};
use crate::{damaged, too_large};
use qmagface::{Error, Result};
use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

/// Most bytes of a module's, a type's or a storage's name.
const MAX_NAME: usize = 256;
/// Most entries of the memo.
const MAX_MEMO: usize = 1 << 22;
/// Most marks open at a time, which is how deep dictionaries, lists and tuples nest.
const MAX_DEPTH: usize = 64;
/// Most axes of a tensor.
const MAX_RANK: usize = 8;

pub(super) struct Machine<'a> {
    input: std::io::Take<&'a mut dyn Read>,
    contents: Contents,
    pub(super) values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    pub(super) storages: Vec<StorageRef>,
    storage_by_key: HashMap<Box<str>, usize>,
    /// Bytes that calls made of strings.
    encoded: u64,
}

impl<'a> Machine<'a> {
    pub(super) fn new(input: &'a mut dyn Read, contents: Contents) -> Self {
        Machine {
            input: input.take(contents.most_bytes()),
            contents,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            storages: Vec::new(),
            storage_by_key: HashMap::new(),
            encoded: 0,
        }
    }

    /// Interprets the pickle, and gives the value at its top.
    pub(super) fn run(&mut self) -> Result<Id> {
        let most = self.contents.most_opcodes();
        for _ in 0..most {
            let at = self.position();
            let [opcode] = self.bytes()?;
            let root = self.step(opcode).map_err(|e| e.at(format!("pickle, byte {at}")))?;
            if let Some(root) = root {
                return Ok(root);
            }
        }
        Err(too_large(format!("the pickle has more than {most} opcodes")))
    }

    /// Interprets one opcode; the value at the top when it was the last one.
    fn step(&mut self, opcode: u8) -> Result<Option<Id>> {
        if is_bytes(opcode) && self.contents == Contents::Tensors {
            return Err(self.refused(opcode));
        }
        match opcode {
            op::PROTO => {
                let [version] = self.bytes()?;
                if !(2..=5).contains(&version) {
                    return Err(damaged(format!("pickle protocol {version} (2 to 5 are read)")));
                }
            }
            // A hint for buffering.
            op::FRAME => drop(self.bytes::<8>()?),
            op::STOP => {
                let root = self.pop()?;
                if !self.stack.is_empty() || !self.marks.is_empty() {
                    return Err(damaged("the pickle stops with values left over"));
                }
                return Ok(Some(root));
            }
            op::MARK => {
                if self.marks.len() == MAX_DEPTH {
                    return Err(too_large(format!("values nest more than {MAX_DEPTH} deep")));
                }
                self.marks.push(self.stack.len());
            }

            op::NONE => self.push(Value::None),
            op::NEWTRUE => self.push(Value::Bool(true)),
            op::NEWFALSE => self.push(Value::Bool(false)),
            op::BININT => {
                let n = i32::from_le_bytes(self.bytes()?);
                self.push(Value::Int(n.into()));
            }
            op::BININT1 => {
                let [n] = self.bytes()?;
                self.push(Value::Int(n.into()));
            }
            op::BININT2 => {
                let n = u16::from_le_bytes(self.bytes()?);
                self.push(Value::Int(n.into()));
            }
            op::LONG1 => {
                let n = self.long()?;
                self.push(Value::Int(n));
            }
            op::BINFLOAT => {
                self.bytes::<8>()?;
                self.push(Value::Float);
            }
            op::BINUNICODE | op::BINSTRING | op::BINBYTES => {
                let n = u32::from_le_bytes(self.bytes()?);
                self.text(opcode, n.into())?;
            }
            op::SHORT_BINUNICODE | op::SHORT_BINSTRING | op::SHORT_BINBYTES => {
                let [n] = self.bytes()?;
                self.text(opcode, n.into())?;
            }
            op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => {
                let n = u64::from_le_bytes(self.bytes()?);
                self.text(opcode, n)?;
            }

            op::EMPTY_TUPLE => self.push(Value::Tuple(Vec::new())),
            op::TUPLE1..=op::TUPLE3 => {
                let n = usize::from(opcode - op::TUPLE1) + 1;
                let items = self.pop_many(n)?;
                self.push(Value::Tuple(items));
            }
            op::TUPLE => {
                let items = self.pop_mark()?;
                self.push(Value::Tuple(items));
            }
            op::EMPTY_LIST => self.push(Value::List(Vec::new())),
            op::APPEND => {
                let items = self.pop_many(1)?;
                self.append(&items)?;
            }
            op::APPENDS => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            op::EMPTY_DICT => self.push(Value::Dict(Vec::new())),
            op::SETITEM => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            op::SETITEMS => {
                let items = self.pop_mark()?;
                self.set_items(&items)?;
            }

            op::BINPUT => {
                let [index] = self.bytes()?;
                self.memorise(index.into())?;
            }
            op::LONG_BINPUT => {
                let index = u32::from_le_bytes(self.bytes()?);
                self.memorise(index)?;
            }
            // MEMOIZE; the memo has at most MAX_MEMO entries
            op::MEMOIZE => self.memorise(self.memo.len() as u32)?,
            op::BINGET => {
                let [index] = self.bytes()?;
                self.recall(index.into())?;
            }
            op::LONG_BINGET => {
                let index = u32::from_le_bytes(self.bytes()?);
                self.recall(index)?;
            }

            op::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(Global::named(&module, &name, self.contents)?));
            }
            op::STACK_GLOBAL => {
                let items = self.pop_many(2)?;
                let (Value::Str(module), Value::Str(name)) = (&self.values[items[0]], &self.values[items[1]]) else {
                    return Err(damaged("an import whose name is not a string"));
                };
                let global = Global::named(module, name, self.contents)?;
                self.push(Value::Global(global));
            }
            op::BINPERSID => self.persistent_id()?,
            op::REDUCE => self.reduce()?,
            op::BUILD => self.build()?,
            _ => return Err(self.refused(opcode)),
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

    /// What a call would give; only the known ones have an answer.
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
            Global::Encode | Global::Bytes => {
                let arguments = arguments.clone();
                let bytes = self.encode(&arguments)?;
                self.push(Value::Bytes(bytes));
            }
        }
        Ok(())
    }

    /// Bytes as protocol 2 writes them: `("...", "latin1")`, each character a byte; none at all; or bytes themselves.
    fn encode(&mut self, arguments: &[Id]) -> Result<Arc<[u8]>> {
        match arguments.iter().map(|&id| &self.values[id]).collect::<Vec<_>>()[..] {
            [] => Ok(Arc::new([])),
            [Value::Bytes(bytes)] => Ok(bytes.clone()),
            [Value::Str(text), Value::Str(encoding)] if matches!(&**encoding, "latin1" | "latin-1") => {
                // A string that is encoded again and again would become more bytes than the file has.
                let encoded = self.encoded + text.len() as u64;
                if encoded > self.position() {
                    return Err(too_large("the pickle makes more bytes than it has"));
                }
                let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
                let bytes = bytes.ok_or_else(|| damaged("bytes with a character that is no byte"))?;
                self.encoded = encoded;
                Ok(bytes.into())
            }
            _ => Err(damaged("refuses to make bytes of anything but a latin1 string")),
        }
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
        self.contents.most_bytes() - self.input.limit()
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
            return too_large(format!("the pickle has more than {} bytes", self.contents.most_bytes()));
        }
        match source.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged(format!(
                "the pickle ends after {} bytes, before it is complete: the file is truncated",
                self.position()
            )),
            _ => damaged(format!("the pickle can't be read: {source}")),
        }
    }

    /// A string or bytes of `len` bytes.
    fn text(&mut self, opcode: u8, len: u64) -> Result<()> {
        let longest = self.contents.longest();
        if len > longest {
            return Err(too_large(format!("a string of {len} bytes (at most {longest})")));
        }
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(len).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 == len => {}
            Ok(_) => return Err(self.read_error(&std::io::ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err(self.read_error(&error)),
        }
        // Python 2 has one type for both.
        let is_python2 = matches!(opcode, op::BINSTRING | op::SHORT_BINSTRING);
        if is_bytes(opcode) || (is_python2 && self.contents == Contents::Images) {
            self.push(Value::Bytes(bytes.into()));
            return Ok(());
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
    /// The error for an opcode that is not interpreted.
    fn refused(&self, opcode: u8) -> Error {
        match op::name(opcode) {
            Some(name) => damaged(format!("refuses the opcode {name}: {}", self.contents.described())),
            None => damaged(format!("0x{opcode:02x} is no pickle opcode")),
        }
    }
}

/// Whether the opcode makes bytes.
fn is_bytes(opcode: u8) -> bool {
    matches!(
        opcode,
        op::BINBYTES | op::SHORT_BINBYTES | op::BINBYTES8 | op::BYTEARRAY8
    )
}
