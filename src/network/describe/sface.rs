//! SFace as OpenCV Zoo ships it (arXiv 2205.12010; facts from its ONNX file): a MobileNet-v1 body.

use super::EMBEDDING;
use crate::chip::Chip;
use crate::graph::{Builder, Graph, Kernel, NodeId, Norm};

/// Added to the variance of the batch norm behind each convolution, and of those of the head.
const EPSILON: f64 = 1e-3;
const EPSILON_HEAD: f64 = 2e-5;

/// The input is (x - 127.5) * 0.0078125, the file's `scalar_op1` and `scalar_op2`.
const PIXELS: [f64; 2] = [127.5, 0.0078125];

/// Channels behind the first convolution, and behind each pair of a depthwise and a pointwise one.
const FIRST: usize = 32;
const PAIRS: [usize; 13] = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];

/// The pairs whose depthwise convolution halves the map, by the number in their names: 112, 56, 28, 14, 7.
const HALVING: [usize; 4] = [3, 5, 7, 13];

/// Floats of an embedding.
const LENGTH: usize = 128;

/// Hands out `embedding`, and the map of the whole body.
pub(crate) fn sface() -> Graph {
    let mut graph = Builder::new();
    let side = Chip::SIZE;
    let mut x = graph.image(Some([side, side]), true, PIXELS);
    let kernel = |outputs, side, padding| Kernel {
        outputs,
        side,
        stride: 1,
        padding,
    };
    x = graph.conv(x, weight("conv_1"), None, kernel(FIRST, 3, 1));
    x = rectified(&mut graph, x, "conv_1");
    for (number, outputs) in (2..).zip(PAIRS) {
        let (depthwise, pointwise) = (format!("conv_{number}_dw"), format!("conv_{number}"));
        let stride = if HALVING.contains(&number) { 2 } else { 1 };
        x = graph.depthwise(x, weight(&depthwise), stride);
        x = rectified(&mut graph, x, &depthwise);
        x = graph.conv(x, weight(&pointwise), None, kernel(outputs, 1, 0));
        x = rectified(&mut graph, x, &pointwise);
    }
    graph.output("body", x);
    x = graph.batch_norm(x, Norm::mxnet("bn1"), EPSILON_HEAD);
    x = graph.flatten(x);
    x = graph.dense(x, "pre_fc1_weight".into(), "pre_fc1_bias".into(), LENGTH);
    x = graph.batch_norm(x, Norm::mxnet("fc1"), EPSILON_HEAD);
    graph.output(EMBEDDING, x);
    graph.finish()
}

fn weight(name: &str) -> String {
    format!("{name}_conv2d_weight")
}

fn rectified(graph: &mut Builder, x: NodeId, name: &str) -> NodeId {
    let x = graph.batch_norm(x, Norm::mxnet(&format!("{name}_batchnorm")), EPSILON);
    graph.prelu(x, format!("{name}_relu_gamma"), 2)
}
