//! Reading the initialisers of an ONNX graph: float weights, and int8 weights turned back into floats.
//!
//! Only weights are read; no node is run. A weight that a quantiser packed is recognised by the
//! `DequantizeLinear` node behind it, and becomes `(x - zero_point) * scale` in f32, with one scale for the tensor, one
//! per index of an axis, or one per block of an axis (operator set 21). When a `Reshape` to a constant shape follows,
//! the tensor has that shape.
//!
//! # Names
//! A float initialiser keeps its name. A dequantised one gets the name it had before it was quantised, so that the
//! float file and the quantised file of one network give the same names: the name of the quantised initialiser
//! without `_quantized` (OpenCV Zoo's block quantiser and ONNX Runtime's both append that), else the name of the
//! node's output without `_dequantized` or `_DequantizeLinear_Output`. In OpenCV Zoo's int8 SFace, for example,
//! `conv_2_conv2d_weight_quantized` (64, 32) is read as `conv_2_conv2d_weight` (64, 32, 1, 1). Scales, zero points and
//! shapes are used up and not in the result; nor are integers that nothing dequantises.

use crate::{damaged, too_large};
use prost::Message;
use qmagface::Result;
use qmagface::weights::{Element, MAX_ELEMENTS, TensorMap};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Most nodes and most initialisers of a graph.
const MAX_ITEMS: usize = 1 << 16;
/// Most bytes of a `DequantizeLinear` or `Reshape` node, which has a few names and two numbers.
const MAX_NODE_BYTES: usize = 1 << 16;
/// Most axes of a tensor.
const MAX_RANK: usize = 8;

/// Reads the weights of the ONNX model in `bytes`; the module's text says which, and under what names.
///
/// # Errors
/// [`Weights`](qmagface::ErrorKind::Weights), naming the tensor or node, when the bytes are not an ONNX model, are
/// truncated, keep data in other files, or when shapes, scales and data don't fit together;
/// [`Limit`](qmagface::ErrorKind::Limit) for more than [`MAX_ELEMENTS`] elements.
pub fn read_initializers(bytes: &[u8]) -> Result<TensorMap> {
    let graph = Graph::parse(bytes)?;
    let mut used = BTreeSet::new();
    let mut unfolded = 0usize;
    let mut weights: BTreeMap<String, Array> = BTreeMap::new();
    let mut insert = |name: &str, array: Array| match weights.insert(name.to_owned(), array) {
        None => Ok(()),
        Some(_) => Err(damaged(format!("two initialisers would both be called {name:?}"))),
    };

    for node in graph.dequantisers.values() {
        let place = format!("DequantizeLinear node of {:?}", node.output());
        used.extend([node.input(1), node.input(2)]);
        // What is not an initialiser is an activation, and none of ours.
        let Some(quantised) = graph.initializers.get(node.input(0)) else {
            continue;
        };
        used.insert(node.input(0));
        // Many nodes can share one large initialiser, so what they unfold to is counted on its own.
        unfolded = unfolded.saturating_add(graph.cost(node));
        if unfolded > MAX_ELEMENTS {
            return Err(too_large(format!(
                "the dequantised weights have more than {MAX_ELEMENTS} elements"
            ))
            .at(&place));
        }
        let mut array = graph.dequantise(node, quantised).map_err(|e| e.at(&place))?;
        if let Some(reshape) = graph.reshapes.get(node.output()) {
            array.reshape(&graph, reshape).map_err(|e| e.at(&place))?;
        }
        insert(original_name(node.input(0), node.output()), array)?;
    }
    for (&name, tensor) in &graph.initializers {
        if !used.contains(name) && tensor.is_float() {
            insert(
                name,
                tensor.floats().map_err(|e| e.at(format!("initialiser {name:?}")))?,
            )?;
        }
    }

    let mut map = TensorMap::new();
    for (name, array) in weights {
        map.insert(name, array.shape, array.data)?;
    }
    Ok(map)
}

/// The name a tensor had before a quantiser packed it.
fn original_name<'a>(quantised: &'a str, output: &'a str) -> &'a str {
    quantised
        .strip_suffix("_quantized")
        .or_else(|| output.strip_suffix("_dequantized"))
        .or_else(|| output.strip_suffix("_DequantizeLinear_Output"))
        .unwrap_or(output)
}

/// Float data with a shape that fits it.
struct Array {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Array {
    /// Takes the shape that a `Reshape` node gives it, if that is an initialiser; a computed one changes nothing.
    fn reshape(&mut self, graph: &Graph, node: &NodeProto) -> Result<()> {
        let Some(tensor) = graph.initializers.get(node.input(1)) else {
            return Ok(());
        };
        let shape = tensor.sizes()?;
        if shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) != Some(self.data.len()) {
            return Err(damaged(format!(
                "shape {:?} can't be reshaped to {shape:?}",
                self.shape
            )));
        }
        self.shape = shape;
        Ok(())
    }
}

/// The parts of a graph that hold weights.
struct Graph<'a> {
    /// By name.
    initializers: BTreeMap<&'a str, Initializer<'a>>,
    /// `DequantizeLinear` nodes by their output.
    dequantisers: BTreeMap<String, NodeProto>,
    /// `Reshape` nodes by their first input.
    reshapes: BTreeMap<String, NodeProto>,
}

/// Field numbers of onnx.proto, of what is walked over without being decoded.
mod field {
    pub const MODEL_GRAPH: u32 = 7;
    pub const GRAPH_NODE: u32 = 1;
    pub const GRAPH_INITIALIZER: u32 = 5;
    pub const NODE_OP_TYPE: u32 = 4;
    pub const TENSOR_NAME: u32 = 8;
    pub const TENSOR_EXTERNAL_DATA: u32 = 13;
}

impl<'a> Graph<'a> {
    fn parse(model: &'a [u8]) -> Result<Self> {
        let mut graphs = fields(model, field::MODEL_GRAPH).map_err(|e| e.at("not an ONNX model, or truncated"))?;
        let (Some(bytes), true) = (graphs.pop(), graphs.is_empty()) else {
            return Err(damaged("not an ONNX model: it has not exactly one graph"));
        };
        let mut graph = Graph {
            initializers: BTreeMap::new(),
            dequantisers: BTreeMap::new(),
            reshapes: BTreeMap::new(),
        };
        for node in fields(bytes, field::GRAPH_NODE)? {
            let op_type = fields(node, field::NODE_OP_TYPE)?.pop().unwrap_or_default();
            if op_type != b"DequantizeLinear" && op_type != b"Reshape" {
                continue;
            }
            if node.len() > MAX_NODE_BYTES {
                return Err(too_large(format!(
                    "a node of {} bytes (at most {MAX_NODE_BYTES})",
                    node.len()
                )));
            }
            let node = NodeProto::decode(node).map_err(|e| damaged(format!("a node can't be read: {e}")))?;
            if op_type == b"Reshape" {
                graph.reshapes.insert(node.input(0).to_owned(), node);
            } else if let Some(node) = graph.dequantisers.insert(node.output().to_owned(), node) {
                return Err(damaged(format!("two nodes give {:?}", node.output())));
            }
        }
        let mut elements = 0usize;
        for bytes in fields(bytes, field::GRAPH_INITIALIZER)? {
            let name = fields(bytes, field::TENSOR_NAME)?.pop().unwrap_or_default();
            let name = str::from_utf8(name).map_err(|_| damaged("an initialiser whose name is not UTF-8"))?;
            let tensor = Initializer::parse(bytes).map_err(|e| e.at(format!("initialiser {name:?}")))?;
            elements = elements.saturating_add(tensor.elements);
            if elements > MAX_ELEMENTS {
                return Err(too_large(format!(
                    "the initialisers have more than {MAX_ELEMENTS} elements"
                )));
            }
            if graph.initializers.insert(name, tensor).is_some() {
                return Err(damaged(format!("two initialisers are called {name:?}")));
            }
        }
        Ok(graph)
    }

    fn initializer(&self, name: &str) -> Result<&Initializer<'a>> {
        self.initializers
            .get(name)
            .ok_or_else(|| damaged(format!("its input {name:?} is not an initialiser")))
    }

    /// Elements of the data and the scales that a `DequantizeLinear` node of an initialiser reads.
    fn cost(&self, node: &NodeProto) -> usize {
        let inputs = [node.input(0), node.input(1)];
        inputs
            .iter()
            .filter_map(|&name| self.initializers.get(name))
            .map(|tensor| tensor.elements)
            .sum()
    }

    /// `(x - zero_point) * scale`, as the operator's definition says.
    fn dequantise(&self, node: &NodeProto, x: &Initializer) -> Result<Array> {
        let scale = self.initializer(node.input(1))?;
        let layout = ScaleLayout::new(node, &x.shape, &scale.shape)?;
        let shape = x.shape.clone();
        let x = x.integers().map_err(|e| e.at(format!("{:?}", node.input(0))))?;
        let scale = scale.floats().map_err(|e| e.at(format!("{:?}", node.input(1))))?;
        let zero = match node.input(2) {
            "" => vec![0; scale.data.len()],
            name => {
                let zero = self.initializer(name)?;
                if zero.shape != scale.shape {
                    return Err(damaged(format!(
                        "zero points of shape {:?} with scales of shape {:?}",
                        zero.shape, scale.shape
                    )));
                }
                zero.integers().map_err(|e| e.at(format!("{name:?}")))?
            }
        };
        let data = x.iter().enumerate().map(|(i, &value)| {
            let k = layout.scale_of(i);
            (value - zero[k]) as f32 * scale.data[k]
        });
        Ok(Array {
            data: data.collect(),
            shape,
        })
    }
}

/// Which scale belongs to which element. Seen from the quantised axis, a tensor is (outer, axis, inner).
struct ScaleLayout {
    axis: usize,
    inner: usize,
    /// Consecutive indices of the axis that share a scale.
    block: usize,
    /// Scales along the axis.
    blocks: usize,
    /// Whether every outer and inner index has scales of its own.
    blocked: bool,
}

impl ScaleLayout {
    fn new(node: &NodeProto, shape: &[usize], scales: &[usize]) -> Result<Self> {
        let mismatch = |kind: &str| {
            damaged(format!(
                "scales of shape {scales:?} don't fit data of shape {shape:?} {kind}"
            ))
        };
        let block = node.attribute("block_size").unwrap_or(0);
        // OpenCV Zoo's block quantiser has one scale for a bias, although it states a block size and an axis.
        let is_row = shape.len() == 1 && scales == [1];
        if is_row || block == 0 && (scales.is_empty() || scales == [1]) {
            return Ok(ScaleLayout {
                axis: 1,
                inner: 1,
                block: 1,
                blocks: 1,
                blocked: false,
            });
        }
        let rank = shape.len();
        let axis = node.attribute("axis").unwrap_or(1);
        // A negative axis counts from the back.
        let axis = usize::try_from(if axis < 0 {
            axis.saturating_add(rank as i64)
        } else {
            axis
        })
        .ok()
        .filter(|&axis| axis < rank)
        .ok_or_else(|| damaged(format!("axis {axis} of data of shape {shape:?}")))?;
        let block = usize::try_from(block).map_err(|_| damaged(format!("a block size of {block}")))?;
        let inner = shape[axis + 1..].iter().product();
        if block == 0 {
            if scales != [shape[axis]] {
                return Err(mismatch(&format!("per index of axis {axis}")));
            }
            return Ok(ScaleLayout {
                axis: shape[axis],
                inner,
                block: 1,
                blocks: shape[axis],
                blocked: false,
            });
        }
        let mut expected = shape.to_vec();
        expected[axis] = shape[axis].div_ceil(block);
        if scales != expected {
            return Err(mismatch(&format!("in blocks of {block} along axis {axis}")));
        }
        Ok(ScaleLayout {
            axis: shape[axis],
            inner,
            block,
            blocks: expected[axis],
            blocked: true,
        })
    }

    /// The index of the scale of the element with row-major index `i`. It is only called when there are elements, so
    /// no length is zero.
    fn scale_of(&self, i: usize) -> usize {
        let (inner, rest) = (i % self.inner, i / self.inner);
        let (block, outer) = (rest % self.axis / self.block, rest / self.axis);
        match self.blocked {
            true => (outer * self.blocks + block) * self.inner + inner,
            false if self.blocks == 1 => 0,
            false => block,
        }
    }
}

/// ONNX's numbers for the element types that are read (`TensorProto.DataType`).
mod data_type {
    pub const FLOAT: i32 = 1;
    pub const UINT8: i32 = 2;
    pub const INT8: i32 = 3;
    pub const INT64: i32 = 7;
    pub const FLOAT16: i32 = 10;
    pub const DOUBLE: i32 = 11;
    pub const BFLOAT16: i32 = 16;
}

/// A tensor of the file whose shape was checked; its data stay where they are until asked for.
struct Initializer<'a> {
    bytes: &'a [u8],
    shape: Vec<usize>,
    elements: usize,
    data_type: i32,
}

impl<'a> Initializer<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        if !fields(bytes, field::TENSOR_EXTERNAL_DATA)?.is_empty() {
            return Err(damaged(
                "its data lie in another file, which is not read: save the model as one file",
            ));
        }
        let head = TensorHead::decode(bytes).map_err(|e| damaged(e.to_string()))?;
        if head.dims.len() > MAX_RANK {
            return Err(damaged(format!("{} axes (at most {MAX_RANK})", head.dims.len())));
        }
        let invalid = || damaged(format!("shape {:?}", head.dims));
        let sizes = head.dims.iter().map(|&d| usize::try_from(d).map_err(|_| invalid()));
        let shape: Vec<usize> = sizes.collect::<Result<_>>()?;
        let elements = shape
            .iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d))
            .ok_or_else(invalid)?;
        Ok(Initializer {
            bytes,
            shape,
            elements,
            data_type: head.data_type,
        })
    }

    fn is_float(&self) -> bool {
        use data_type::*;
        matches!(self.data_type, FLOAT | FLOAT16 | DOUBLE | BFLOAT16)
    }

    fn data(&self) -> Result<TensorData> {
        TensorData::decode(self.bytes).map_err(|e| damaged(e.to_string()))
    }

    /// Fails when the data are not as many as the shape says.
    fn expect(&self, found: usize) -> Result<()> {
        match found == self.elements {
            true => Ok(()),
            false => Err(damaged(format!(
                "shape {:?} with data for {found} elements",
                self.shape
            ))),
        }
    }

    /// The whole elements in `raw`, which must be all of it.
    fn decode(&self, raw: &[u8], element: Element) -> Result<Vec<f32>> {
        if !raw.len().is_multiple_of(element.size()) {
            return Err(damaged(format!("{} bytes are no whole number of elements", raw.len())));
        }
        self.expect(raw.len() / element.size())?;
        Ok(element.decode(raw))
    }

    fn floats(&self) -> Result<Array> {
        let data = self.data()?;
        let data = match self.data_type {
            data_type::FLOAT if data.raw_data.is_empty() => {
                self.expect(data.float_data.len())?;
                data.float_data
            }
            data_type::FLOAT => self.decode(&data.raw_data, Element::F32)?,
            data_type::DOUBLE => self.decode(&data.raw_data, Element::F64)?,
            data_type::FLOAT16 => self.decode(&data.raw_data, Element::F16)?,
            data_type::BFLOAT16 => self.decode(&data.raw_data, Element::Bf16)?,
            other => return Err(damaged(format!("element type {other} instead of a float"))),
        };
        Ok(Array {
            shape: self.shape.clone(),
            data,
        })
    }

    /// int8 or uint8 data.
    fn integers(&self) -> Result<Vec<i32>> {
        let data = self.data()?;
        let range: RangeInclusive<i32> = match self.data_type {
            data_type::INT8 => -128..=127,
            data_type::UINT8 => 0..=255,
            other => {
                return Err(damaged(format!(
                    "element type {other}: int8 (3) and uint8 (2) are dequantised"
                )));
            }
        };
        if data.raw_data.is_empty() {
            self.expect(data.int32_data.len())?;
            return match data.int32_data.iter().find(|&value| !range.contains(value)) {
                Some(value) => Err(damaged(format!("{value} as an 8-bit number"))),
                None => Ok(data.int32_data),
            };
        }
        self.expect(data.raw_data.len())?;
        let signed = self.data_type == data_type::INT8;
        let value = |&byte: &u8| if signed { i32::from(byte as i8) } else { i32::from(byte) };
        Ok(data.raw_data.iter().map(value).collect())
    }

    /// The axes' lengths in a tensor that holds a shape.
    fn sizes(&self) -> Result<Vec<usize>> {
        if self.data_type != data_type::INT64 || self.shape.len() != 1 || self.elements > MAX_RANK {
            return Err(damaged(format!(
                "a shape that is not one row of at most {MAX_RANK} int64"
            )));
        }
        let data = self.data()?;
        let values = match data.raw_data.is_empty() {
            true => data.int64_data,
            false => data
                .raw_data
                .as_chunks()
                .0
                .iter()
                .map(|&bytes| i64::from_le_bytes(bytes))
                .collect(),
        };
        self.expect(values.len())?;
        values
            .iter()
            .map(|&n| usize::try_from(n).map_err(|_| damaged(format!("{n} as the length of an axis"))))
            .collect()
    }
}

/// All length-delimited fields `wanted` of a protobuf message, as they lie in `message`.
///
/// The large messages are walked over this way instead of being decoded: nothing is copied, and a small file of many
/// empty messages can't unfold to a large one.
fn fields(message: &[u8], wanted: u32) -> Result<Vec<&[u8]>> {
    let truncated = || damaged("a protobuf message ends inside a field");
    let mut found = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let varint = |rest: &mut &[u8]| prost::decode_length_delimiter(rest).map_err(|_| truncated());
        let key = varint(&mut rest)?;
        let length = match key & 7 {
            0 => {
                skip_varint(&mut rest).ok_or_else(truncated)?;
                continue;
            }
            1 => 8,
            2 => varint(&mut rest)?,
            5 => 4,
            other => return Err(damaged(format!("wire type {other} in a protobuf message"))),
        };
        let (value, after) = rest.split_at_checked(length).ok_or_else(truncated)?;
        rest = after;
        if key & 7 == 2 && key >> 3 == wanted as usize {
            if found.len() == MAX_ITEMS {
                return Err(too_large(format!("more than {MAX_ITEMS} nodes or initialisers")));
            }
            found.push(value);
        }
    }
    Ok(found)
}

fn skip_varint(rest: &mut &[u8]) -> Option<()> {
    let length = rest.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    *rest = &rest[length..];
    Some(())
}

/// `NodeProto`, the fields that are used.
#[derive(Clone, PartialEq, Message)]
struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

impl NodeProto {
    /// The name of an input; empty when it is left out, as in ONNX itself.
    fn input(&self, index: usize) -> &str {
        self.input.get(index).map_or("", String::as_str)
    }

    /// The name of the first output.
    fn output(&self) -> &str {
        self.output.first().map_or("", String::as_str)
    }

    /// The value of a whole-number attribute.
    fn attribute(&self, name: &str) -> Option<i64> {
        self.attribute
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.i)
    }
}

/// `AttributeProto`, the fields that are used.
#[derive(Clone, PartialEq, Message)]
struct AttributeProto {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
}

/// `TensorProto` without its data.
#[derive(Clone, PartialEq, Message)]
struct TensorHead {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
}

/// The data of a `TensorProto`.
#[derive(Clone, PartialEq, Message)]
struct TensorData {
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

#[cfg(test)]
mod tests;
