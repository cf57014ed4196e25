//! iResNet as MagFace trains it (arXiv 2103.06627; He et al., arXiv 2004.04989 the block).

use super::EMBEDDING;
use crate::chip::Chip;
use crate::graph::{Builder, Graph, Kernel, NodeId, Norm};

/// Added to the variance of every batch norm.
const EPSILON: f64 = 2e-5;

/// Channels of the four stages.
const CHANNELS: [usize; 4] = [64, 128, 256, 512];

/// Floats of an embedding.
const LENGTH: usize = 512;

/// The network with so many blocks in each of its four stages. Hands out `embedding`, and each stage's map.
pub(crate) fn iresnet(blocks: [usize; 4]) -> Graph {
    let mut graph = Builder::new();
    let side = Chip::SIZE;
    let mut x = graph.image(Some([side, side]), false, [0.0, 1.0 / 255.0]);
    x = graph.conv(x, "conv1.weight".into(), None, three(CHANNELS[0], 1));
    x = graph.batch_norm(x, Norm::pytorch("bn1"), EPSILON);
    x = graph.prelu(x, "prelu.weight".into(), 0);
    for (stage, (count, channels)) in blocks.into_iter().zip(CHANNELS).enumerate() {
        let stage = format!("layer{}", stage + 1);
        for number in 0..count {
            // The first block of each stage halves the map.
            x = block(&mut graph, x, &format!("{stage}.{number}"), channels, number == 0);
        }
        graph.output(&stage, x);
    }
    x = graph.batch_norm(x, Norm::pytorch("bn2"), EPSILON);
    x = graph.flatten(x);
    x = graph.dense(x, "fc.weight".into(), "fc.bias".into(), LENGTH);
    x = graph.batch_norm(x, Norm::pytorch("features"), EPSILON);
    graph.output(EMBEDDING, x);
    graph.finish()
}

fn block(graph: &mut Builder, input: NodeId, name: &str, channels: usize, halves: bool) -> NodeId {
    let of = |layer: &str| format!("{name}.{layer}");
    let weight = |layer: &str| format!("{name}.{layer}.weight");
    let stride = if halves { 2 } else { 1 };
    let mut x = graph.batch_norm(input, Norm::pytorch(&of("bn1")), EPSILON);
    x = graph.conv(x, weight("conv1"), None, three(channels, 1));
    x = graph.batch_norm(x, Norm::pytorch(&of("bn2")), EPSILON);
    x = graph.prelu(x, weight("prelu"), 0);
    x = graph.conv(x, weight("conv2"), None, three(channels, stride));
    x = graph.batch_norm(x, Norm::pytorch(&of("bn3")), EPSILON);
    let mut short = input;
    if halves {
        let kernel = Kernel {
            outputs: channels,
            side: 1,
            stride,
            padding: 0,
        };
        short = graph.conv(short, weight("downsample.0"), None, kernel);
        short = graph.batch_norm(short, Norm::pytorch(&of("downsample.1")), EPSILON);
    }
    graph.sum(x, short)
}

fn three(outputs: usize, stride: usize) -> Kernel {
    Kernel {
        outputs,
        side: 3,
        stride,
        padding: 1,
    }
}
