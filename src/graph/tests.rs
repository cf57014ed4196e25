//! Graphs computed as they are written, in f64, against what becomes of them: folded, with carried constants, and on the
//! CPU by the crate's own kernels.

use super::carry::carry;
use super::folded::{Bias, Layer, place};
use super::*;
use crate::cpu::colour::Pixels;
use crate::cpu::program::{Program, Run};
use crate::cpu::{LANES, Scratch};
use crate::weights::TensorMap;

/// Numbers of a map: channels, rows, columns.
#[derive(Clone)]
struct Values {
    sides: [usize; 2],
    data: Vec<f64>,
}

impl Values {
    fn places(&self) -> usize {
        self.sides[0] * self.sides[1]
    }

    fn channels(&self) -> usize {
        self.data.len() / self.places()
    }

    /// By place, whatever the channel.
    fn map(&self, new: impl Fn(usize, f64) -> f64) -> Values {
        let places = self.places();
        Values {
            sides: self.sides,
            data: self
                .data
                .iter()
                .enumerate()
                .map(|(at, &value)| new(at / places, value))
                .collect(),
        }
    }

    fn flat(data: Vec<f64>) -> Values {
        Values { sides: [1, 1], data }
    }
}

/// A convolution; `bias` is told the output, row, column and the map's rows and columns.
fn convolved(
    x: &Values,
    weight: &[f32],
    kernel: Kernel,
    groups: usize,
    bias: impl Fn(usize, [usize; 2], [usize; 2]) -> f64,
) -> Values {
    let Kernel {
        outputs,
        side,
        stride,
        padding,
    } = kernel;
    let sides = x.sides.map(|length| (length + 2 * padding - side) / stride + 1);
    let group = x.channels() / groups;
    let mut data = Vec::new();
    for output in 0..outputs {
        for (row, column) in (0..sides[0]).flat_map(|row| (0..sides[1]).map(move |column| (row, column))) {
            let mut sum = bias(output, [row, column], sides);
            for input in 0..group {
                for tap in 0..side * side {
                    let from = |to: usize, tap: usize| (to * stride + tap).checked_sub(padding);
                    let (Some(r), Some(c)) = (from(row, tap / side), from(column, tap % side)) else {
                        continue;
                    };
                    if r < x.sides[0] && c < x.sides[1] {
                        let channel = output / (outputs / groups) * group + input;
                        let weight = weight[(output * group + input) * side * side + tap];
                        sum += f64::from(weight) * x.data[(channel * x.sides[0] + r) * x.sides[1] + c];
                    }
                }
            }
            data.push(sum);
        }
    }
    Values { sides, data }
}

fn rectified(x: &Values, slopes: &[f32]) -> Values {
    x.map(|channel, value| value.max(0.0) + f64::from(slopes[channel]) * value.min(0.0))
}

/// The window's places themselves are tried where [`Pool`] is.
fn pooled(x: &Values, pool: Pool) -> Values {
    let sides = x.sides.map(|length| pool.windows(length));
    let [height, width] = x.sides;
    let mut data = Vec::new();
    for plane in x.data.chunks_exact(x.places()) {
        for (row, column) in (0..sides[0]).flat_map(|row| (0..sides[1]).map(move |column| (row, column))) {
            let rows = pool.window(row, height);
            let values = rows.flat_map(|row| &plane[row * width..][pool.window(column, width)]);
            let values: Vec<f64> = values.copied().collect();
            data.push(match pool.of {
                PoolOf::Greatest => values.into_iter().fold(f64::MIN, f64::max),
                PoolOf::Mean => values.iter().sum::<f64>() / values.len() as f64,
            });
        }
    }
    Values { sides, data }
}

fn upsampled(x: &Values, factor: usize) -> Values {
    let sides = x.sides.map(|length| length * factor);
    let of_plane = |plane: &[f64]| -> Vec<f64> {
        let at = |row: usize, column: usize| plane[row / factor * x.sides[1] + column / factor];
        (0..sides[0])
            .flat_map(|row| (0..sides[1]).map(move |column| at(row, column)))
            .collect()
    };
    Values {
        sides,
        data: x.data.chunks_exact(x.places()).flat_map(of_plane).collect(),
    }
}

fn activated(x: &Values, activation: Activation) -> Values {
    x.map(|_, value| match activation {
        Activation::Clip(limit) => value.clamp(0.0, f64::from(limit)),
        Activation::Sigmoid => 1.0 / (1.0 + (-value).exp()),
        Activation::HardSwish => value * (value + 3.0).clamp(0.0, 6.0) / 6.0,
    })
}

fn shares(x: &Values) -> Values {
    let places = x.places();
    let powers = x.map(|_, value| value.exp());
    let sum = |place: usize| powers.data[place..].iter().step_by(places).sum::<f64>();
    let sums: Vec<f64> = (0..places).map(sum).collect();
    Values {
        sides: x.sides,
        data: powers
            .data
            .iter()
            .enumerate()
            .map(|(at, power)| power / sums[at % places])
            .collect(),
    }
}

fn multiplied(a: &Values, b: &Values) -> Values {
    let places = a.places() / b.places();
    Values {
        sides: a.sides,
        data: a
            .data
            .iter()
            .enumerate()
            .map(|(at, value)| value * b.data[at / places])
            .collect(),
    }
}

/// Channels, or numbers, behind each other.
fn joined<'a>(parts: impl Iterator<Item = &'a Values>) -> Values {
    let parts: Vec<&Values> = parts.collect();
    Values {
        sides: parts[0].sides,
        data: parts.iter().flat_map(|part| part.data.clone()).collect(),
    }
}

fn product(x: &Values, weight: &[f32], bias: &[f32]) -> Values {
    let rows = bias.iter().zip(weight.chunks_exact(x.data.len()));
    let sum = |(&bias, row): (&f32, &[f32])| {
        f64::from(bias) + row.iter().zip(&x.data).map(|(&w, x)| f64::from(w) * x).sum::<f64>()
    };
    Values::flat(rows.map(sum).collect())
}

fn sum(a: &Values, b: &Values) -> Values {
    Values {
        sides: a.sides,
        data: a.data.iter().zip(&b.data).map(|(a, b)| a + b).collect(),
    }
}

/// A graph as it is written, on images of pixels in BGR.
fn as_written(graph: &Graph, weights: &TensorMap, images: &[Values]) -> Vec<Values> {
    let tensor = |name: &str| &weights.get(name).unwrap().data[..];
    let mut images = images.iter();
    let mut made: Vec<Values> = Vec::new();
    for node in &graph.nodes {
        let x = |at: usize| &made[node.inputs[at].index()];
        made.push(match &node.op {
            Op::Image { rgb, offset, scale } => {
                let mut image = images.next().unwrap().map(|_, pixel| (pixel - offset) * scale);
                let places = image.places();
                if *rgb {
                    image.data = image.data.chunks_exact(places).rev().flatten().copied().collect();
                }
                image
            }
            Op::Convolution {
                weight,
                bias,
                kernel,
                groups,
            } => {
                let bias = bias.as_deref().map(tensor);
                let bias = |output: usize| bias.map_or(0.0, |bias| f64::from(bias[output]));
                convolved(x(0), tensor(weight), *kernel, *groups, |output, _, _| bias(output))
            }
            Op::BatchNorm { norm, epsilon } => x(0).map(|channel, value| {
                let of = |name: &str| f64::from(tensor(name)[channel]);
                (value - of(&norm.mean)) / (of(&norm.variance) + epsilon).sqrt() * of(&norm.scale) + of(&norm.shift)
            }),
            Op::PRelu { slopes } => rectified(x(0), tensor(slopes)),
            Op::Add => sum(x(0), x(1)),
            Op::Relu => x(0).map(|_, value| value.max(0.0)),
            Op::Activation(activation) => activated(x(0), *activation),
            Op::Multiply => multiplied(x(0), x(1)),
            Op::Pool(pool) => pooled(x(0), *pool),
            Op::Upsample { factor } => upsampled(x(0), *factor),
            Op::Softmax => shares(x(0)),
            Op::Concatenate => joined((0..node.inputs.len()).map(x)),
            Op::Flatten => Values::flat(x(0).data.clone()),
            Op::Dense { weight, bias } => product(x(0), tensor(weight), tensor(bias)),
        });
    }
    graph
        .outputs
        .iter()
        .map(|(_, node)| made[node.index()].clone())
        .collect()
}

/// A folded network, on images as its first layers take them.
fn as_folded(folded: &Folded, images: &[Values]) -> Vec<Values> {
    let mut images = images.iter();
    let mut made: Vec<Values> = Vec::new();
    for step in &folded.steps {
        let x = |at: usize| &made[step.inputs[at]];
        let value = match &step.layer {
            Layer::Image => images.next().unwrap().clone(),
            Layer::Conv(conv) => {
                let kernel = Kernel {
                    outputs: conv.outputs,
                    side: conv.kernel,
                    stride: conv.stride,
                    padding: conv.padding,
                };
                let bias = |output: usize, [row, column]: [usize; 2], [rows, columns]: [usize; 2]| match &conv.bias {
                    Bias::Channel(bias) => f64::from(bias[output]),
                    Bias::Border(places) => f64::from(places[place(row, column, rows, columns)][output]),
                };
                let mut y = convolved(x(0), &conv.weight, kernel, conv.groups, bias);
                if let Some(slopes) = &conv.slopes {
                    y = rectified(&y, slopes);
                }
                match step.inputs.len() {
                    1 => y,
                    _ => sum(&y, x(1)),
                }
            }
            Layer::Activation(activation) => activated(x(0), *activation),
            Layer::Add => sum(x(0), x(1)),
            Layer::Multiply => multiplied(x(0), x(1)),
            Layer::Pool(pool) => pooled(x(0), *pool),
            Layer::Upsample(factor) => upsampled(x(0), *factor),
            Layer::Softmax => shares(x(0)),
            Layer::Flatten => Values::flat(x(0).data.clone()),
            Layer::Concatenate => joined((0..step.inputs.len()).map(x)),
            Layer::Dense(dense) => {
                let y = product(x(0), &dense.weight, &dense.bias);
                match &dense.slopes {
                    Some(slopes) => rectified(&y, slopes),
                    None => y,
                }
            }
        };
        assert_eq!(value.channels(), step.channels);
        assert!(step.sides.is_none_or(|sides| sides == value.sides));
        made.push(value);
    }
    let part = |output: &folded::Output| {
        let made = &made[output.step];
        let places = made.places();
        Values {
            sides: made.sides,
            data: made.data[output.channels.start * places..output.channels.end * places].to_vec(),
        }
    };
    folded.outputs.iter().map(part).collect()
}

/// What the CPU's kernels make of one image each.
fn on_cpu(folded: &Folded, images: &[Values]) -> Vec<Values> {
    let program = Program::new(folded).unwrap();
    let border = program.border();
    let packed: Vec<(Vec<f32>, [usize; 2])> = images
        .iter()
        .map(|image| {
            let [height, width] = image.sides.map(|length| length + 2 * border);
            let mut data = vec![0.0; height * width * 3];
            for (at, &value) in image.data.iter().enumerate() {
                let (channel, place) = (at / image.places(), at % image.places());
                let (row, column) = (place / image.sides[1] + border, place % image.sides[1] + border);
                data[(row * width + column) * 3 + channel] = value as f32;
            }
            (data, [height, width])
        })
        .collect();
    let pixels: Vec<Pixels> = packed
        .iter()
        .map(|(data, [height, width])| Pixels {
            data,
            images: 1,
            height: *height,
            width: *width,
        })
        .collect();
    let scratch = Scratch::default();
    let wanted: Vec<usize> = (0..folded.outputs.len()).collect();
    let made = program.run(&pixels, &wanted, Run::alone(&scratch));
    let values = |(at, output): (usize, &folded::Output)| {
        let (map, first) = made.output(at);
        let of = |channel: usize| {
            let plane = map.plane((first + channel) / LANES, 0);
            plane
                .iter()
                .map(move |lane| f64::from(lane.0[(first + channel) % LANES]))
        };
        Values {
            sides: [map.height, map.width],
            data: (0..output.channels.len()).flat_map(of).collect(),
        }
    };
    let all = folded.outputs.iter().enumerate().map(values).collect();
    made.release(&scratch);
    all
}

/// Weights of ordinary size for a graph.
fn weights(graph: &Graph) -> TensorMap {
    let mut random = fastrand::Rng::with_seed(11);
    let mut weights = TensorMap::new();
    for (name, shape) in &graph.tensors {
        let (least, most) = if name.ends_with("var") { (0.5, 2.0) } else { (-0.5, 0.5) };
        let count = shape.iter().product();
        let data = (0..count).map(|_| least + (most - least) * random.f32()).collect();
        weights.insert(name, shape.clone(), data).unwrap();
    }
    weights
}

fn pixels(sides: [usize; 2], seed: u64) -> Values {
    let mut random = fastrand::Rng::with_seed(seed);
    Values {
        sides,
        data: (0..3 * sides[0] * sides[1]).map(|_| f64::from(random.u8(..))).collect(),
    }
}

fn assert_close(found: &[Values], wanted: &[Values], tolerance: f64, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(
            (found.sides, found.data.len()),
            (wanted.sides, wanted.data.len()),
            "{what}, output {at}"
        );
        let largest = wanted
            .data
            .iter()
            .fold(1.0f64, |largest, value| largest.max(value.abs()));
        for (found, wanted) in found.data.iter().zip(&wanted.data) {
            assert!(
                (found - wanted).abs() <= tolerance * largest,
                "{what}, output {at}: {found}, not {wanted}"
            );
        }
    }
}

fn kernel(outputs: usize, side: usize, stride: usize, padding: usize) -> Kernel {
    Kernel {
        outputs,
        side,
        stride,
        padding,
    }
}

/// A residual body with all that embedding networks have: an image with red first, batch norms before and behind,
/// projections and identities, a depthwise convolution, and a dense head between two batch norms.
fn embedder() -> Graph {
    let mut graph = Builder::new();
    let norm = |graph: &mut Builder, x, name: &str| graph.batch_norm(x, Norm::pytorch(name), 1e-5);
    let image = graph.image(Some([9, 8]), true, [127.5, 1.0 / 128.0]);
    let mut x = graph.conv(image, "stem.weight".into(), None, kernel(5, 3, 1, 1));
    x = norm(&mut graph, x, "stem_norm");
    x = graph.prelu(x, "stem.slopes".into(), 2);
    for (at, (channels, stride)) in [(6, 2), (6, 1), (20, 2)].into_iter().enumerate() {
        let input = x;
        x = norm(&mut graph, x, &format!("{at}.before"));
        x = graph.conv(x, format!("{at}.first"), None, kernel(channels, 3, 1, 1));
        x = norm(&mut graph, x, &format!("{at}.middle"));
        x = graph.prelu(x, format!("{at}.slopes"), 0);
        x = graph.conv(x, format!("{at}.second"), None, kernel(channels, 3, stride, 1));
        x = norm(&mut graph, x, &format!("{at}.behind"));
        let mut short = input;
        if stride == 2 {
            short = graph.conv(short, format!("{at}.short"), None, kernel(channels, 1, 2, 0));
            short = norm(&mut graph, short, &format!("{at}.short_norm"));
        }
        x = graph.sum(x, short);
        graph.output(&format!("stage{at}"), x);
    }
    let mut side = graph.conv(
        image,
        "wide.weight".into(),
        Some("wide.bias".into()),
        kernel(4, 3, 1, 1),
    );
    side = graph.prelu(side, "wide.slopes".into(), 0);
    side = graph.depthwise(side, "depthwise".into(), 2);
    side = norm(&mut graph, side, "depthwise_norm");
    graph.output("side", side);
    x = norm(&mut graph, x, "head_before");
    x = graph.flatten(x);
    x = graph.dense(x, "head.weight".into(), "head.bias".into(), 7);
    x = norm(&mut graph, x, "head_behind");
    graph.output("embedding", x);
    graph.finish()
}

/// What detectors have: pooling, several heads on one map, several images, joined rows of numbers.
fn detector() -> Graph {
    let mut graph = Builder::new();
    let mut branches = Vec::new();
    for (at, sides) in [[11, 12], [11, 12]].into_iter().enumerate() {
        let mut x = graph.image(Some(sides), false, [127.5, 1.0 / 128.0]);
        x = graph.conv(
            x,
            format!("{at}.one"),
            Some(format!("{at}.one_bias")),
            kernel(10, 3, 1, 0),
        );
        x = graph.prelu(x, format!("{at}.one_slopes"), 0);
        x = graph.max_pool(x, 3);
        x = graph.conv(
            x,
            format!("{at}.two"),
            Some(format!("{at}.two_bias")),
            kernel(16, 2, 1, 0),
        );
        x = graph.prelu(x, format!("{at}.two_slopes"), 0);
        if at == 0 {
            for (name, count) in [("face", 2), ("shift", 4)] {
                let head = graph.conv(x, name.into(), Some(format!("{name}_bias")), kernel(count, 1, 1, 0));
                graph.output(name, head);
            }
        }
        branches.push(graph.flatten(x));
    }
    let all = graph.concatenate(&branches);
    let mut x = graph.dense(all, "joined".into(), "joined_bias".into(), 24);
    x = graph.prelu(x, "joined_slopes".into(), 0);
    for (name, count) in [("score", 2), ("points", 10)] {
        let head = graph.dense(x, name.into(), format!("{name}_bias"), count);
        graph.output(name, head);
    }
    graph.finish()
}

/// What other face networks have: an image that is halved at once, residual blocks of depthwise convolutions with a gate
/// on their channels, a pyramid, groups, steps that stand alone, and a head without a dense layer.
fn other() -> Graph {
    let mut graph = Builder::new();
    let norm = |graph: &mut Builder, x, name: &str| graph.batch_norm(x, Norm::pytorch(name), 1e-5);
    let image = graph.image(Some([16, 16]), true, [127.5, 1.0 / 128.0]);
    let mut x = graph.conv(image, "stem".into(), None, kernel(20, 3, 2, 1));
    x = norm(&mut graph, x, "stem_norm");
    x = graph.activation(x, Activation::HardSwish);
    // A batch norm behind an activation, twice, and a rectifier that is not behind a layer.
    x = norm(&mut graph, x, "alone");
    x = norm(&mut graph, x, "alone_again");
    x = graph.prelu(x, "alone_slopes".into(), 0);
    graph.output("stem", x);
    let input = x;
    x = graph.conv(x, "expand".into(), Some("expand_bias".into()), kernel(24, 1, 1, 0));
    x = graph.activation(x, Activation::Clip(0.75));
    x = graph.grouped(x, "five".into(), None, kernel(24, 5, 1, 2), 24);
    x = norm(&mut graph, x, "five_norm");
    x = graph.relu(x);
    let mut gate = graph.mean(x);
    gate = graph.conv(gate, "squeeze".into(), Some("squeeze_bias".into()), kernel(6, 1, 1, 0));
    gate = graph.relu(gate);
    gate = graph.conv(gate, "excite".into(), Some("excite_bias".into()), kernel(24, 1, 1, 0));
    gate = graph.activation(gate, Activation::Sigmoid);
    x = graph.product(x, gate);
    x = graph.conv(x, "project".into(), None, kernel(20, 1, 1, 0));
    x = norm(&mut graph, x, "project_norm");
    x = graph.sum(input, x);
    let fine = x;
    x = graph.pool(
        x,
        Pool {
            of: PoolOf::Mean,
            kernel: 3,
            stride: 2,
            padding: 1,
            partial: false,
        },
    );
    x = norm(&mut graph, x, "coarse_norm");
    // Its norm has a shift, which a padded convolution with stride 2 can't take up.
    let coarse = graph.conv(x, "coarse".into(), None, kernel(20, 3, 2, 1));
    let coarse = graph.relu(coarse);
    let raised = graph.upsample(coarse, 4);
    let both = graph.sum(raised, fine);
    graph.output("both", both);
    let of_pixels = graph.max_pool(image, 2);
    let all = graph.concatenate(&[both, fine, of_pixels]);
    graph.output("all", all);
    let grouped = graph.grouped(
        fine,
        "grouped".into(),
        Some("grouped_bias".into()),
        kernel(10, 3, 1, 1),
        5,
    );
    let scores = graph.softmax(grouped);
    graph.output("scores", scores);
    x = graph.grouped(fine, "global".into(), None, kernel(20, 8, 1, 0), 20);
    x = graph.flatten(x);
    let narrow = norm(&mut graph, x, "row_norm");
    let wide = graph.dense(narrow, "wide".into(), "wide_bias".into(), 12);
    let joined = graph.concatenate(&[narrow, wide]);
    let next = graph.dense(joined, "next".into(), "next_bias".into(), 5);
    let shares = graph.softmax(next);
    graph.output("shares", shares);
    let lit = graph.flatten(both);
    let lit = graph.activation(lit, Activation::Sigmoid);
    let lit = graph.dense(lit, "lit".into(), "lit_bias".into(), 3);
    graph.output("lit", lit);
    let last = norm(&mut graph, joined, "last");
    graph.output("embedding", last);
    graph.finish()
}

/// An image that a step of several numbers takes first.
fn plain_first() -> Graph {
    let mut graph = Builder::new();
    let image = graph.image(Some([9, 10]), true, [100.0, 1.0 / 64.0]);
    let x = graph.conv(image, "seven".into(), None, kernel(16, 7, 2, 3));
    let x = graph.max_pool(x, 3);
    graph.output("x", x);
    let y = graph.upsample(image, 2);
    graph.output("y", y);
    graph.finish()
}

#[test]
fn every_operation_is_computed_as_it_is_written() {
    for (graph, sides) in [(other(), [16, 16]), (plain_first(), [9, 10])] {
        let weights = weights(&graph);
        let image = [pixels(sides, 13)];
        let wanted = as_written(&graph, &weights, &image);
        let folded = fold(&graph, &weights, PixelsAs::Raw).unwrap();
        assert_eq!(Folded::from_bytes(&folded.to_bytes()).as_ref(), Ok(&folded));
        assert_close(&as_folded(&folded, &image), &wanted, 1e-5, "folded");
        assert_close(&on_cpu(&folded, &image), &wanted, 1e-4, "on the CPU");
        let Op::Image { offset, scale, .. } = graph.nodes[0].op else {
            panic!("the first node is the image")
        };
        let given = [image[0].map(|_, pixel| (pixel - offset) * scale)];
        let normalised = fold(&graph, &weights, PixelsAs::Normalised).unwrap();
        assert_close(&as_folded(&normalised, &given), &wanted, 1e-5, "of normalised pixels");
        assert_close(
            &on_cpu(&normalised, &given),
            &wanted,
            1e-4,
            "of normalised pixels, on the CPU",
        );
        // Constants are carried where they can be, and left where they can't.
        let mut carrying = folded.clone();
        let constants = carry(&mut carrying).unwrap();
        let found = as_folded(&carrying, &image);
        let with = |(found, more): (&Values, &Vec<f32>)| found.map(|channel, value| value + f64::from(more[channel]));
        let whole: Vec<Values> = found.iter().zip(&constants).map(with).collect();
        assert_close(&whole, &wanted, 1e-5, "with the constants");
    }
}

#[test]
fn folding_changes_nothing() {
    let graph = embedder();
    let weights = weights(&graph);
    let image = [pixels([9, 8], 3)];
    let wanted = as_written(&graph, &weights, &image);
    let plain = fold(&graph, &weights, PixelsAs::Raw).unwrap();
    assert_close(&as_folded(&plain, &image), &wanted, 1e-5, "folded");
    assert_close(&on_cpu(&plain, &image), &wanted, 1e-4, "on the CPU");
    let layers = plain
        .steps
        .iter()
        .filter(|step| matches!(step.layer, Layer::Conv(_) | Layer::Dense(_)));
    assert_eq!(
        (layers.count(), plain.steps.len()),
        (1 + 3 * 2 + 2 + 2 + 1, 1 + 12 + 1),
        "nothing else is a step"
    );

    let graph = detector();
    let weights = self::weights(&graph);
    let images = [pixels([11, 12], 5), pixels([11, 12], 7)];
    let wanted = as_written(&graph, &weights, &images);
    let folded = fold(&graph, &weights, PixelsAs::Normalised).unwrap();
    let normalised = images.map(|image| image.map(|_, pixel| (pixel - 127.5) / 128.0));
    assert_close(&as_folded(&folded, &normalised), &wanted, 1e-5, "folded");
    assert_close(&on_cpu(&folded, &normalised), &wanted, 1e-4, "on the CPU");
    let place = |name: &str| {
        let output = folded.outputs.iter().find(|output| output.name == name).unwrap();
        (output.step, output.channels.clone())
    };
    for [(one, first), (other, second)] in [[place("face"), place("shift")], [place("score"), place("points")]] {
        assert_eq!((one, first.end), (other, second.start), "heads on one map are one step");
    }
}

#[test]
fn carried_constants_change_nothing() {
    let graph = embedder();
    let weights = weights(&graph);
    let image = [pixels([9, 8], 3)];
    let wanted = as_written(&graph, &weights, &image);
    let mut folded = fold(&graph, &weights, PixelsAs::Raw).unwrap();
    let constants = carry(&mut folded).unwrap();
    let found = as_folded(&folded, &image);
    let whole: Vec<Values> = found
        .iter()
        .zip(&constants)
        .map(|(found, more)| found.map(|channel, value| value + f64::from(more[channel])))
        .collect();
    assert_close(&whole, &wanted, 1e-5, "with the constants");
    for (at, output) in folded.outputs.iter().enumerate() {
        let is_stage = output.name.starts_with("stage");
        let is_more = constants[at].iter().all(|constant| constant.abs() > 1e-4);
        assert_eq!(is_more, is_stage, "{}: {:?}", output.name, constants[at]);
    }
    // No bias is left where it would take a pass of its own.
    let summed = folded
        .steps
        .iter()
        .filter(|step| matches!(&step.layer, Layer::Conv(_)) && step.inputs.len() > 1);
    for step in summed {
        let projection = &folded.steps[step.inputs[1]].layer;
        for layer in [&step.layer, projection] {
            let Layer::Conv(conv) = layer else { continue };
            if conv.slopes.is_none() {
                assert!(matches!(&conv.bias, Bias::Channel(bias) if bias.iter().all(|&value| value == 0.0)));
            }
        }
    }
}

#[test]
fn what_cannot_be_folded_is_an_error() {
    let refused = |describe: &dyn Fn(&mut Builder, NodeId) -> NodeId| {
        let mut graph = Builder::new();
        let image = graph.image(Some([4, 4]), false, [0.0, 1.0]);
        let x = graph.conv(image, "conv".into(), None, kernel(3, 3, 1, 1));
        let x = describe(&mut graph, x);
        graph.output("x", x);
        let graph = graph.finish();
        fold(&graph, &weights(&graph), PixelsAs::Normalised)
            .unwrap_err()
            .message()
            .to_owned()
    };
    let bare = refused(&|graph, x| graph.flatten(x));
    assert!(bare.contains("an output that is a flattened map"), "{bare}");
    let norm = refused(&|graph, x| {
        let x = graph.flatten(x);
        graph.batch_norm(x, Norm::mxnet("norm"), 1e-5)
    });
    assert!(norm.contains("a batch norm of a flattened map"), "{norm}");
    let slopes = refused(&|graph, x| {
        let x = graph.flatten(x);
        graph.relu(x)
    });
    assert!(slopes.contains("a rectifier of a flattened map"), "{slopes}");
    let shares = refused(&|graph, x| {
        let x = graph.flatten(x);
        graph.softmax(x)
    });
    assert!(shares.contains("shares of a flattened map"), "{shares}");
}
