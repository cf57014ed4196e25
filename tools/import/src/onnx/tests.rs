//! Small models put together here, with dequantised values worked out by hand.

use super::*;
use qmagface::ErrorKind;

/// The fields of the messages that the reader walks over, for writing.
#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, repeated, tag = "7")]
    graph: Vec<GraphMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct GraphMessage {
    #[prost(message, repeated, tag = "1")]
    node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    output: Vec<String>,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "13")]
    external_data: Vec<Vec<u8>>,
}

fn tensor(name: &str, dims: &[i64], data_type: i32) -> Tensor {
    Tensor {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type,
        ..Tensor::default()
    }
}

fn float(name: &str, dims: &[i64], values: &[f32]) -> Tensor {
    Tensor {
        float_data: values.to_vec(),
        ..tensor(name, dims, data_type::FLOAT)
    }
}

fn int8(name: &str, dims: &[i64], values: &[i8]) -> Tensor {
    Tensor {
        raw_data: values.iter().map(|&v| v as u8).collect(),
        ..tensor(name, dims, data_type::INT8)
    }
}

fn node(op_type: &str, input: &[&str], output: &str, attributes: &[(&str, i64)]) -> Node {
    Node {
        input: input.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        op_type: op_type.to_owned(),
        attribute: attributes
            .iter()
            .map(|&(name, i)| AttributeProto {
                name: name.to_owned(),
                i,
            })
            .collect(),
    }
}

fn model(node: Vec<Node>, initializer: Vec<Tensor>) -> Vec<u8> {
    Model {
        ir_version: 6,
        graph: vec![GraphMessage { node, initializer }],
    }
    .encode_to_vec()
}

/// A model of one quantised weight `w_quantized` with scales `s` and, where given, zero points `z`.
fn quantised(x: Tensor, scale: Tensor, zero: Option<Tensor>, attributes: &[(&str, i64)]) -> Vec<u8> {
    let mut inputs = vec![x.name.clone(), scale.name.clone()];
    inputs.extend(zero.iter().map(|z| z.name.clone()));
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let nodes = vec![node("DequantizeLinear", &inputs, "w_dequantized", attributes)];
    model(nodes, [x, scale].into_iter().chain(zero).collect())
}

fn dequantised(bytes: &[u8], shape: &[usize]) -> Vec<f32> {
    let map = read_initializers(bytes).unwrap();
    assert_eq!(map.len(), 1, "scales and zero points are used up");
    map.require("w", shape).unwrap().data.clone()
}

fn refusal(bytes: &[u8]) -> String {
    let error = read_initializers(bytes).expect_err("must be refused");
    assert_eq!(error.kind(), ErrorKind::Weights, "{error}");
    error.to_string()
}

#[test]
fn float_initialisers_are_read_from_every_place() {
    let raw = |name: &str, data_type, raw_data: Vec<u8>| Tensor {
        raw_data,
        ..tensor(name, &[2], data_type)
    };
    let bytes = model(
        vec![node("Conv", &["data", "typed"], "y", &[("group", 1)])],
        vec![
            float("typed", &[1, 2], &[1.0, -2.0]),
            raw(
                "f32",
                data_type::FLOAT,
                [1.0f32, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect(),
            ),
            raw(
                "f64",
                data_type::DOUBLE,
                [1.0f64, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect(),
            ),
            raw("f16", data_type::FLOAT16, vec![0x00, 0x3c, 0x00, 0xc0]),
            raw("bf16", data_type::BFLOAT16, vec![0x80, 0x3f, 0x00, 0xc0]),
            float("scalar", &[], &[7.5]),
            raw("a shape, no weight", data_type::INT64, vec![0; 16]),
        ],
    );
    let map = read_initializers(&bytes).unwrap();
    assert_eq!(map.require("typed", &[1, 2]).unwrap().data, [1.0, -2.0]);
    for name in ["f32", "f64", "f16", "bf16"] {
        assert_eq!(map.require(name, &[2]).unwrap().data, [1.0, -2.0], "{name}");
    }
    assert_eq!(map.require("scalar", &[]).unwrap().data, [7.5]);
    assert_eq!(map.len(), 6);
}

#[test]
fn one_scale_for_the_tensor() {
    let x = || int8("w_quantized", &[2, 2], &[-128, 0, 3, 127]);
    // (x - 3) * 0.5
    let expected = [-65.5, -1.5, 0.0, 62.0];
    for dims in [&[][..], &[1]] {
        let bytes = quantised(x(), float("s", dims, &[0.5]), Some(int8("z", dims, &[3])), &[]);
        assert_eq!(dequantised(&bytes, &[2, 2]), expected);
    }
    // Without zero points, by leaving the input out or empty.
    let bytes = quantised(x(), float("s", &[], &[0.5]), None, &[]);
    assert_eq!(dequantised(&bytes, &[2, 2]), [-64.0, 0.0, 1.5, 63.5]);
    let nodes = vec![node(
        "DequantizeLinear",
        &["w_quantized", "s", ""],
        "w_dequantized",
        &[],
    )];
    let bytes = model(nodes, vec![x(), float("s", &[], &[0.5])]);
    assert_eq!(dequantised(&bytes, &[2, 2]), [-64.0, 0.0, 1.5, 63.5]);
}

#[test]
fn unsigned_bytes_and_numbers_in_typed_fields() {
    let x = Tensor {
        raw_data: vec![0, 128, 255],
        ..tensor("w_quantized", &[3], data_type::UINT8)
    };
    let z = Tensor {
        int32_data: vec![128],
        ..tensor("z", &[], data_type::UINT8)
    };
    let bytes = quantised(x, float("s", &[], &[2.0]), Some(z), &[]);
    assert_eq!(dequantised(&bytes, &[3]), [-256.0, 0.0, 254.0]);
}

#[test]
fn one_scale_per_index_of_an_axis() {
    let x = || int8("w_quantized", &[2, 3], &[1, 2, 3, 4, 5, 6]);
    let by_row = || (float("s", &[2], &[10.0, 0.5]), Some(int8("z", &[2], &[1, 2])));
    let expected = [0.0, 10.0, 20.0, 1.0, 1.5, 2.0];
    let (s, z) = by_row();
    assert_eq!(dequantised(&quantised(x(), s, z, &[("axis", 0)]), &[2, 3]), expected);
    let (s, z) = by_row();
    assert_eq!(dequantised(&quantised(x(), s, z, &[("axis", -2)]), &[2, 3]), expected);
    // Axis 1 is the default.
    let bytes = quantised(x(), float("s", &[3], &[1.0, 10.0, 100.0]), None, &[]);
    assert_eq!(dequantised(&bytes, &[2, 3]), [1.0, 20.0, 300.0, 4.0, 50.0, 600.0]);
    // A middle axis.
    let x = int8("w_quantized", &[2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
    let bytes = quantised(x, float("s", &[2], &[1.0, 10.0]), None, &[("axis", 1)]);
    assert_eq!(
        dequantised(&bytes, &[2, 2, 2]),
        [1.0, 2.0, 30.0, 40.0, 5.0, 6.0, 70.0, 80.0]
    );
}

#[test]
fn one_scale_per_block_of_an_axis() {
    // Rows of five in blocks of two: the last block has one element.
    let x = int8("w_quantized", &[2, 5], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let s = float("s", &[2, 3], &[1.0, 10.0, 100.0, 0.5, 2.0, 4.0]);
    let z = int8("z", &[2, 3], &[0, 1, 2, 3, 4, 5]);
    let bytes = quantised(x, s, Some(z), &[("axis", 1), ("block_size", 2)]);
    let expected = [1.0, 2.0, 20.0, 30.0, 300.0, 1.5, 2.0, 8.0, 10.0, 20.0];
    assert_eq!(dequantised(&bytes, &[2, 5]), expected);
    // Blocks along the first axis: every column has scales of its own.
    let x = int8("w_quantized", &[4, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
    let s = float("s", &[2, 2], &[1.0, 10.0, 100.0, 1000.0]);
    let bytes = quantised(x, s, None, &[("axis", 0), ("block_size", 2)]);
    assert_eq!(
        dequantised(&bytes, &[4, 2]),
        [1.0, 20.0, 3.0, 40.0, 500.0, 6000.0, 700.0, 8000.0]
    );
    // One axis only, as the quantiser does with a bias.
    let x = int8("w_quantized", &[4], &[1, 2, 3, 4]);
    let s = float("s", &[2], &[1.0, 10.0]);
    let bytes = quantised(x, s, None, &[("axis", 0), ("block_size", 2)]);
    assert_eq!(dequantised(&bytes, &[4]), [1.0, 2.0, 30.0, 40.0]);
}

#[test]
fn a_reshape_behind_it_gives_the_shape() {
    let shape = Tensor {
        int64_data: vec![2, 1, 2, 1],
        ..tensor("w_shape", &[4], data_type::INT64)
    };
    let with = |shape: Tensor| {
        let nodes = vec![
            node("DequantizeLinear", &["w_quantized", "s"], "w_dequantized", &[]),
            node("Reshape", &["w_dequantized", "w_shape"], "w_reshaped", &[]),
        ];
        model(
            nodes,
            vec![
                int8("w_quantized", &[2, 2], &[1, 2, 3, 4]),
                float("s", &[], &[1.0]),
                shape,
            ],
        )
    };
    assert_eq!(dequantised(&with(shape.clone()), &[2, 1, 2, 1]), [1.0, 2.0, 3.0, 4.0]);
    let wrong = Tensor {
        int64_data: vec![2, 1, 3, 1],
        ..shape
    };
    let message = refusal(&with(wrong));
    assert!(
        message.contains("\"w_dequantized\": shape [2, 2] can't be reshaped to [2, 1, 3, 1]"),
        "{message}"
    );
}

#[test]
fn the_name_before_quantisation_is_restored() {
    assert_eq!(original_name("w_quantized", "anything"), "w");
    assert_eq!(original_name("q7", "w_dequantized"), "w");
    assert_eq!(original_name("q7", "w_DequantizeLinear_Output"), "w");
    assert_eq!(original_name("q7", "w"), "w");
}

#[test]
fn activations_are_not_weights() {
    let nodes = vec![node(
        "DequantizeLinear",
        &["conv_out", "s"],
        "conv_out_dequantized",
        &[],
    )];
    let map = read_initializers(&model(nodes, vec![float("s", &[], &[0.5]), float("w", &[1], &[2.0])])).unwrap();
    assert_eq!(map.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["w"]);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let x = || int8("w_quantized", &[2, 3], &[1, 2, 3, 4, 5, 6]);
    let scales = |n: i64| float("s", &[n], &vec![1.0; n as usize]);
    let external = Tensor {
        external_data: vec![b"\x0a\x01a".to_vec()],
        ..tensor("w", &[1], data_type::FLOAT)
    };
    let odd = Tensor {
        raw_data: vec![0; 7],
        ..tensor("w", &[2], data_type::FLOAT)
    };
    let wide = Tensor {
        int32_data: vec![300],
        ..tensor("w_quantized", &[1], data_type::INT8)
    };
    let int4 = tensor("w_quantized", &[1], 22);
    let one = || float("s", &[], &[1.0]);
    let same_name = vec![float("w", &[1], &[1.0]), x(), one()];
    let dequantise = || vec![node("DequantizeLinear", &["w_quantized", "s"], "w_dequantized", &[])];
    let cases = [
        (
            quantised(x(), scales(2), None, &[]),
            "scales of shape [2] don't fit data of shape [2, 3] per index of axis 1",
        ),
        (
            quantised(x(), scales(2), None, &[("axis", 2)]),
            "axis 2 of data of shape [2, 3]",
        ),
        (quantised(x(), scales(2), None, &[("axis", -3)]), "axis -3 of data"),
        (
            quantised(x(), scales(2), None, &[("axis", i64::MIN)]),
            "of data of shape [2, 3]",
        ),
        (
            quantised(x(), scales(2), None, &[("block_size", 2)]),
            "in blocks of 2 along axis 1",
        ),
        (
            quantised(x(), scales(2), None, &[("block_size", -2)]),
            "a block size of -2",
        ),
        (
            quantised(x(), scales(3), Some(int8("z", &[2], &[0, 0])), &[]),
            "zero points of shape [2]",
        ),
        (
            quantised(x(), int8("s", &[3], &[1, 1, 1]), None, &[]),
            "\"s\": element type 3 instead of a float",
        ),
        (quantised(wide, one(), None, &[]), "300 as an 8-bit number"),
        (
            quantised(int4, one(), None, &[]),
            "element type 22: int8 (3) and uint8 (2)",
        ),
        (model(dequantise(), vec![x()]), "its input \"s\" is not an initialiser"),
        (model(dequantise(), same_name), "would both be called \"w\""),
        (
            model(vec![], vec![float("w", &[3], &[1.0, 2.0])]),
            "initialiser \"w\": shape [3] with data for 2 elements",
        ),
        (
            model(vec![], vec![float("w", &[-1], &[1.0])]),
            "initialiser \"w\": shape [-1]",
        ),
        (
            model(vec![], vec![float("w", &[1 << 40, 1 << 40], &[])]),
            "initialiser \"w\": shape",
        ),
        (
            model(vec![], vec![float("w", &[1; 9], &[1.0])]),
            "initialiser \"w\": 9 axes",
        ),
        (
            model(vec![], vec![odd]),
            "initialiser \"w\": 7 bytes are no whole number",
        ),
        (
            model(vec![], vec![external]),
            "initialiser \"w\": its data lie in another file",
        ),
        (
            model(vec![], vec![float("w", &[], &[1.0]), float("w", &[], &[1.0])]),
            "two initialisers are called \"w\"",
        ),
        (vec![], "not exactly one graph"),
        (b"GIF89a, a picture".to_vec(), "not an ONNX model"),
    ];
    for (bytes, expected) in cases {
        let message = refusal(&bytes);
        assert!(message.contains(expected), "{message} (expected {expected})");
    }
}

#[test]
fn limits_come_before_memory() {
    let too_many = model(vec![], vec![tensor("w", &[1 << 20, 1 << 20], data_type::FLOAT)]);
    assert_eq!(read_initializers(&too_many).unwrap_err().kind(), ErrorKind::Limit);
    // Many nodes that all unfold one initialiser.
    let n = 1 << 20;
    let nodes = (0..200)
        .map(|i| node("DequantizeLinear", &["x", "s"], &format!("y{i}"), &[]))
        .collect();
    let bytes = model(
        nodes,
        vec![int8("x", &[n], &vec![1; n as usize]), float("s", &[], &[1.0])],
    );
    assert_eq!(read_initializers(&bytes).unwrap_err().kind(), ErrorKind::Limit);
    // A message of nothing but empty initialisers, and one of empty nodes.
    let field = |key: u8, body: &[u8]| {
        [
            &[
                key,
                0x80 | (body.len() & 0x7f) as u8,
                0x80 | (body.len() >> 7 & 0x7f) as u8,
                (body.len() >> 14) as u8,
            ][..],
            body,
        ]
        .concat()
    };
    for key in [0x2a, 0x0a] {
        let many = field(0x3a, &[key, 0].repeat((1 << 16) + 1));
        assert_eq!(read_initializers(&many).unwrap_err().kind(), ErrorKind::Limit);
    }
}

#[test]
fn no_truncation_and_no_flipped_bit_panics() {
    let x = int8("w_quantized", &[2, 5], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let s = float("s", &[2, 3], &[1.0; 6]);
    let bytes = quantised(
        x,
        s,
        Some(int8("z", &[2, 3], &[0; 6])),
        &[("axis", 1), ("block_size", 2)],
    );
    for length in 0..bytes.len() {
        refusal(&bytes[..length]);
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = read_initializers(&flipped);
    }
}
