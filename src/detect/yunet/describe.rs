//! What YuNet is made of (Wu, Peng, Yu: "YuNet: a tiny millisecond-level face detector", 2023; facts from the ONNX file of
//! OpenCV Zoo's 2023mar): a body of depthwise-separable units, a pyramid of three maps, and four heads on each.

use crate::graph::{Activation, Builder, Graph, Kernel, NodeId};

/// Pixels from one cell to the next of the three maps. An image's sides are multiples of the last one.
pub(crate) const STRIDES: [usize; 3] = [8, 16, 32];

/// What each map hands out, and its numbers: whether a face is there, how well its box fits, the box, five landmarks.
pub(crate) const HEADS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// Channels behind the body's units, by name, and whether the map is halved behind them.
const UNITS: [(&str, usize, bool); 10] = [
    ("model1.conv1", 16, false),
    ("model1.conv2", 32, false),
    ("model2.conv1", 32, false),
    ("model2.conv2", 64, true),
    ("model3.conv1", 64, false),
    ("model3.conv2", 64, true),
    ("model4.conv1", 64, false),
    ("model4.conv2", 64, true),
    ("model5.conv1", 64, false),
    ("model5.conv2", 64, false),
];

/// The units whose maps go into the pyramid.
const LEVELS: [&str; 3] = ["model3.conv2", "model4.conv2", "model5.conv2"];

/// Channels of the stem and of the pyramid.
const STEM: usize = 16;
const PYRAMID: usize = 64;

/// YuNet, for images whose sides are multiples of the largest stride, pixels as they are. Hands out, for each stride of
/// [`STRIDES`] and each head of [`HEADS`], the head's map.
pub(crate) fn yunet() -> Graph {
    let mut graph = Builder::new();
    let mut x = graph.image(None, false, [0.0, 1.0]);
    let stem = Kernel {
        outputs: STEM,
        side: 3,
        stride: 2,
        padding: 1,
    };
    let name = "backbone.model0.conv1";
    x = graph.conv(x, format!("{name}.weight"), Some(format!("{name}.bias")), stem);
    x = graph.relu(x);
    x = unit(&mut graph, x, "backbone.model0.conv2", STEM);
    x = graph.relu(x);
    x = graph.max_pool(x, 2);
    let mut levels = Vec::new();
    for (name, channels, halves) in UNITS {
        x = unit(&mut graph, x, &format!("backbone.{name}"), channels);
        x = graph.relu(x);
        if LEVELS.contains(&name) {
            levels.push(x);
        }
        if halves {
            x = graph.max_pool(x, 2);
        }
    }
    // From the coarsest map on, each is raised and added to the finer one.
    let mut pyramid = Vec::new();
    for (level, &map) in levels.iter().enumerate().rev() {
        let mut x = map;
        if let Some(&coarser) = pyramid.last() {
            let raised = graph.upsample(coarser, 2);
            x = graph.sum(x, raised);
        }
        x = unit(&mut graph, x, &format!("neck.lateral_convs.{level}"), PYRAMID);
        pyramid.push(graph.relu(x));
    }
    pyramid.reverse();
    for (level, (&map, stride)) in pyramid.iter().zip(STRIDES).enumerate() {
        for (head, numbers) in HEADS {
            let mut x = unit(
                &mut graph,
                map,
                &format!("bbox_head.multi_level_{head}.{level}"),
                numbers,
            );
            if numbers == 1 {
                x = graph.activation(x, Activation::Sigmoid);
            }
            graph.output(&format!("{head}_{stride}"), x);
        }
    }
    graph.finish()
}

/// A convolution of one place, then a 3x3 one of each channel by itself.
fn unit(graph: &mut Builder, x: NodeId, name: &str, outputs: usize) -> NodeId {
    let of = |layer: &str, field: &str| format!("{name}.{layer}.{field}");
    let kernel = |side, padding| Kernel {
        outputs,
        side,
        stride: 1,
        padding,
    };
    let x = graph.conv(x, of("conv1", "weight"), Some(of("conv1", "bias")), kernel(1, 0));
    graph.grouped(
        x,
        of("conv2", "weight"),
        Some(of("conv2", "bias")),
        kernel(3, 1),
        outputs,
    )
}
