//! MTCNN's networks (arXiv 1604.02878), and the optional fourth: what they are made of. Each takes pixels as
//! `(x - 127.5) / 128`.

use crate::graph::{Builder, Graph, Kernel, NodeId};

/// Side of R-Net's input in pixels.
pub(crate) const REFINE_SIDE: usize = 24;
/// Side of O-Net's input in pixels.
pub(crate) const OUTPUT_SIDE: usize = 48;
/// Side of one of L-Net's patches in pixels.
pub(crate) const PATCH_SIDE: usize = 24;

/// A layer of a trunk: its name, outputs, kernel, and the window that is pooled behind it.
type Layer = (&'static str, usize, usize, Option<usize>);

/// How tensors are called: `before` and what stands between a layer's name and `weight` or `bias`, and the slopes.
#[derive(Clone)]
struct Names {
    before: &'static str,
    behind: String,
    slopes: &'static str,
}

impl Names {
    fn of(&self, layer: &str, field: &str) -> String {
        format!("{}{layer}{}{field}", self.before, self.behind)
    }
}

/// P-Net, for images of any size. Hands out `face`, two logits a cell, and `shift`, four numbers a cell.
pub(crate) fn proposal() -> Graph {
    let names = published("pnet.");
    let mut graph = Builder::new();
    let image = image(&mut graph, None);
    let x = trunk(
        &mut graph,
        image,
        &names,
        &[("1", 10, 3, Some(2)), ("2", 16, 3, None), ("3", 32, 3, None)],
    );
    for (output, layer, count) in [("face", "conv4_1", 2), ("shift", "conv4_2", 4)] {
        let made = graph.conv(
            x,
            names.of(layer, "weight"),
            Some(names.of(layer, "bias")),
            kernel(count, 1),
        );
        graph.output(output, made);
    }
    graph.finish()
}

/// R-Net, for crops. Hands out `face`, two logits, and `shift`, four numbers.
pub(crate) fn refine() -> Graph {
    let layers = [("1", 28, 3, Some(3)), ("2", 48, 3, Some(3)), ("3", 64, 2, None)];
    crops(
        "rnet.",
        REFINE_SIDE,
        &layers,
        ("4", 128),
        &[("face", "1", 2), ("shift", "2", 4)],
    )
}

/// O-Net, for crops. Hands out what R-Net does, and `landmarks`, ten numbers.
pub(crate) fn output() -> Graph {
    let layers = [
        ("1", 32, 3, Some(3)),
        ("2", 64, 3, Some(3)),
        ("3", 64, 3, Some(2)),
        ("4", 128, 2, None),
    ];
    let heads = [("face", "1", 2), ("shift", "2", 4), ("landmarks", "3", 10)];
    crops("onet.", OUTPUT_SIDE, &layers, ("5", 256), &heads)
}

/// L-Net: five patches, each through its own branch, joined in one dense layer. Hands out `landmark1` .. `landmark5`, two
/// numbers each.
pub(crate) fn landmark() -> Graph {
    let names = |behind: String| Names {
        before: "",
        behind,
        slopes: "gamma",
    };
    let layers = [("1", 28, 3, Some(3)), ("2", 48, 3, Some(3)), ("3", 64, 2, None)];
    let mut graph = Builder::new();
    let branches: Vec<NodeId> = (1..=5)
        .map(|k| {
            let patch = image(&mut graph, Some([PATCH_SIDE; 2]));
            let map = trunk(&mut graph, patch, &names(format!("_{k}_")), &layers);
            graph.flatten(map)
        })
        .collect();
    let all = graph.concatenate(&branches);
    let joined = dense(&mut graph, all, &names("_".into()), "fc4", 256, Some("prelu4"));
    for k in 1..=5 {
        let names = names(format!("_{k}_"));
        let x = dense(&mut graph, joined, &names, "fc4", 64, Some("prelu4"));
        let point = dense(&mut graph, x, &names, "fc5", 2, None);
        graph.output(&format!("landmark{k}"), point);
    }
    graph.finish()
}

fn crops(
    before: &'static str,
    side: usize,
    layers: &[Layer],
    (number, outputs): (&str, usize),
    heads: &[(&str, &str, usize)],
) -> Graph {
    let names = published(before);
    let mut graph = Builder::new();
    let image = image(&mut graph, Some([side; 2]));
    let x = trunk(&mut graph, image, &names, layers);
    let x = graph.flatten(x);
    let rectifier = format!("prelu{number}");
    let x = dense(
        &mut graph,
        x,
        &names,
        &format!("dense{number}"),
        outputs,
        Some(&rectifier),
    );
    let next: usize = number.parse::<usize>().expect("a layer's number") + 1;
    for &(output, head, count) in heads {
        let made = dense(&mut graph, x, &names, &format!("dense{next}_{head}"), count, None);
        graph.output(output, made);
    }
    graph.finish()
}

fn published(before: &'static str) -> Names {
    Names {
        before,
        behind: ".".into(),
        slopes: "weight",
    }
}

fn image(graph: &mut Builder, sides: Option<[usize; 2]>) -> NodeId {
    graph.image(sides, false, [127.5, 1.0 / 128.0])
}

fn trunk(graph: &mut Builder, input: NodeId, names: &Names, layers: &[Layer]) -> NodeId {
    let mut x = input;
    for &(number, outputs, side, pooled) in layers {
        let layer = format!("conv{number}");
        let (weight, bias) = (names.of(&layer, "weight"), names.of(&layer, "bias"));
        x = graph.conv(x, weight, Some(bias), kernel(outputs, side));
        x = graph.prelu(x, names.of(&format!("prelu{number}"), names.slopes), 0);
        if let Some(window) = pooled {
            x = graph.max_pool(x, window);
        }
    }
    x
}

fn dense(
    graph: &mut Builder,
    input: NodeId,
    names: &Names,
    layer: &str,
    outputs: usize,
    rectifier: Option<&str>,
) -> NodeId {
    let x = graph.dense(input, names.of(layer, "weight"), names.of(layer, "bias"), outputs);
    match rectifier {
        Some(rectifier) => graph.prelu(x, names.of(rectifier, names.slopes), 0),
        None => x,
    }
}

/// A kernel without padding.
fn kernel(outputs: usize, side: usize) -> Kernel {
    Kernel {
        outputs,
        side,
        stride: 1,
        padding: 0,
    }
}
