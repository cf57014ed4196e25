//! Each kernel against the sum as it is written, in f64.

use super::colour::{Colour, Pixels};
use super::dense::{Dense, flattened, outputs};
use super::depthwise::Depthwise;
use super::direct::{Direct, Window};
use super::epilogue::Epilogue;
use super::pooling::pooled;
use super::winograd::Winograd;
use super::workers::Share;
use super::{LANES, Map, Scratch, Workers};
use crate::graph::folded::place;
use crate::graph::{Pool, PoolOf};

/// Numbers from -1 to 1.
fn numbers(random: &mut fastrand::Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.f32() * 2.0 - 1.0).collect()
}

/// Features by image, channel, row, column.
struct Features {
    images: usize,
    channels: usize,
    height: usize,
    width: usize,
    data: Vec<f32>,
}

impl Features {
    fn random(random: &mut fastrand::Rng, [images, channels, height, width]: [usize; 4]) -> Self {
        Features {
            images,
            channels,
            height,
            width,
            data: numbers(random, images * channels * height * width),
        }
    }

    fn at(&self, image: usize, channel: usize, y: isize, x: isize) -> f64 {
        if y < 0 || x < 0 || y as usize >= self.height || x as usize >= self.width {
            return 0.0;
        }
        let row = (image * self.channels + channel) * self.height + y as usize;
        f64::from(self.data[row * self.width + x as usize])
    }

    fn map(&self, scratch: &Scratch) -> Map {
        let panels = self.channels.div_ceil(LANES);
        let mut map = Map::taken(scratch, [panels, self.images, self.height, self.width]);
        let places = map.places();
        for (at, lane) in map.data.iter_mut().enumerate() {
            let (panel, image, place) = (at / places / self.images, at / places % self.images, at % places);
            for (channel, value) in lane.0.iter_mut().enumerate() {
                let channel = panel * LANES + channel;
                *value = match channel < self.channels {
                    true => self.data[(image * self.channels + channel) * places + place],
                    false => 0.0,
                };
            }
        }
        map
    }
}

/// Checks every value of a map against `wanted(image, channel, row, column)`.
fn assert_close(map: &Map, channels: usize, wanted: impl Fn(usize, usize, usize, usize) -> f64) {
    assert_eq!(map.panels, channels.div_ceil(LANES));
    for image in 0..map.images {
        for channel in 0..channels {
            let plane = map.plane(channel / LANES, image);
            for (place, lane) in plane.iter().enumerate() {
                let (y, x) = (place / map.width, place % map.width);
                let (got, wanted) = (f64::from(lane.0[channel % LANES]), wanted(image, channel, y, x));
                assert!(
                    (got - wanted).abs() < 2e-5 * (1.0 + wanted.abs()),
                    "image {image}, channel {channel}, row {y}, column {x}: {got} instead of {wanted}"
                );
            }
        }
    }
}

fn rectified(value: f64, slope: f32) -> f64 {
    if value < 0.0 { value * f64::from(slope) } else { value }
}

/// A dense convolution's sum without its bias.
fn sum(features: &Features, weight: &[f32], window: Window, [image, output, y, x]: [usize; 4]) -> f64 {
    let (kernel, inputs) = (window.kernel, features.channels);
    let mut sum = 0.0;
    for input in 0..inputs {
        for tap in 0..kernel * kernel {
            let from = |at: usize, tap: usize| (at * window.stride + tap) as isize - window.padding as isize;
            let value = features.at(image, input, from(y, tap / kernel), from(x, tap % kernel));
            sum += f64::from(weight[(output * inputs + input) * kernel * kernel + tap]) * value;
        }
    }
    sum
}

const PADDED: Window = Window {
    kernel: 3,
    stride: 1,
    padding: 1,
};

#[test]
fn winograd_is_the_convolution_with_every_size_of_map() {
    let mut random = fastrand::Rng::with_seed(1);
    let scratch = Scratch::default();
    for [images, inputs, outputs, height, width] in [
        [1, 16, 16, 4, 4],
        [2, 40, 24, 7, 7],
        [3, 16, 33, 14, 9],
        [1, 1, 1, 2, 3],
        [5, 32, 16, 10, 17],
    ] {
        let features = Features::random(&mut random, [images, inputs, height, width]);
        let weight = numbers(&mut random, outputs * inputs * 9);
        let bias: [Vec<f32>; 9] = std::array::from_fn(|_| numbers(&mut random, outputs));
        let slopes = numbers(&mut random, outputs);
        let residual = Features::random(&mut random, [images, outputs, height, width]);
        let conv = Winograd::new(&weight, inputs, outputs, Epilogue::by_place(&bias, Some(&slopes)));
        let map = conv.forward(
            &features.map(&scratch),
            Some(&residual.map(&scratch)),
            &scratch,
            Share::Alone,
        );
        assert_close(&map, outputs, |image, output, y, x| {
            let bias = f64::from(bias[place(y, x, height, width)][output]);
            let value = sum(&features, &weight, PADDED, [image, output, y, x]) + bias;
            rectified(value, slopes[output]) + residual.at(image, output, y as isize, x as isize)
        });
    }
}

#[test]
fn direct_is_the_convolution_with_every_window() {
    let mut random = fastrand::Rng::with_seed(2);
    let scratch = Scratch::default();
    for (kernel, stride, padding) in [(1, 1, 0), (1, 2, 0), (2, 1, 0), (3, 1, 0), (3, 1, 1), (3, 2, 1)] {
        let window = Window {
            kernel,
            stride,
            padding,
        };
        for [images, inputs, outputs, height, width] in [[1, 3, 10, 3, 3], [2, 40, 24, 8, 11], [3, 16, 16, 5, 4]] {
            let features = Features::random(&mut random, [images, inputs, height, width]);
            let weight = numbers(&mut random, outputs * inputs * kernel * kernel);
            let bias = numbers(&mut random, outputs);
            let conv = Direct::new(&weight, inputs, outputs, window, Epilogue::new(&bias, None));
            let map = conv.forward(&features.map(&scratch), None, &scratch, Share::Alone);
            assert_eq!(
                [map.height, map.width],
                [height, width].map(|side| window.outputs(side))
            );
            assert_close(&map, outputs, |image, output, y, x| {
                sum(&features, &weight, window, [image, output, y, x]) + f64::from(bias[output])
            });
        }
    }
}

#[test]
fn a_map_too_small_for_the_kernel_gives_an_empty_one() {
    let scratch = Scratch::default();
    let features = Features::random(&mut fastrand::Rng::with_seed(3), [1, 16, 2, 5]);
    let window = Window {
        kernel: 3,
        stride: 1,
        padding: 0,
    };
    let conv = Direct::new(&[0.5; 16 * 9], 16, 1, window, Epilogue::new(&[0.0], None));
    let map = conv.forward(&features.map(&scratch), None, &scratch, Share::Alone);
    assert!(map.data.is_empty() && map.height == 0);
}

#[test]
fn depthwise_takes_each_channel_by_itself() {
    let mut random = fastrand::Rng::with_seed(4);
    let scratch = Scratch::default();
    for ([kernel, stride, padding], [images, channels, height, width]) in [
        ([3, 1, 1], [2, 20, 6, 7]),
        ([3, 2, 1], [1, 16, 7, 8]),
        ([3, 2, 1], [2, 3, 1, 1]),
        ([1, 1, 0], [2, 18, 3, 4]),
        ([3, 1, 0], [1, 16, 5, 4]),
        ([5, 2, 2], [2, 17, 9, 8]),
        ([7, 1, 0], [2, 33, 7, 7]),
    ] {
        let window = Window {
            kernel,
            stride,
            padding,
        };
        let taps = kernel * kernel;
        let features = Features::random(&mut random, [images, channels, height, width]);
        let (weight, bias) = (numbers(&mut random, channels * taps), numbers(&mut random, channels));
        let slopes = numbers(&mut random, channels);
        let conv = Depthwise::new(&weight, window, Epilogue::new(&bias, Some(&slopes)));
        let map = conv.forward(&features.map(&scratch), &scratch, Share::Alone);
        assert_eq!(
            [map.height, map.width],
            [height, width].map(|side| window.outputs(side))
        );
        assert_close(&map, channels, |image, channel, y, x| {
            let tap = |tap: usize| {
                let from = |at: usize, tap: usize| (at * stride + tap) as isize - padding as isize;
                let (y, x) = (from(y, tap / kernel), from(x, tap % kernel));
                f64::from(weight[channel * taps + tap]) * features.at(image, channel, y, x)
            };
            rectified(
                (0..taps).map(tap).sum::<f64>() + f64::from(bias[channel]),
                slopes[channel],
            )
        });
    }
}

#[test]
fn colour_is_the_convolution_of_packed_pixels() {
    let mut random = fastrand::Rng::with_seed(5);
    let scratch = Scratch::default();
    for ([images, outputs, height, width], stride) in [
        ([1, 10, 3, 3], 1),
        ([2, 33, 6, 19], 1),
        ([3, 16, 12, 4], 1),
        ([1, 16, 3, 3], 2),
        ([2, 17, 8, 31], 2),
    ] {
        let window = Window {
            kernel: 3,
            stride,
            padding: 0,
        };
        let features = Features::random(&mut random, [images, 3, height, width]);
        let places = height * width;
        let packed: Vec<f32> = (0..images * places * 3)
            .map(|at| features.data[(at / 3 / places * 3 + at % 3) * places + at / 3 % places])
            .collect();
        let (weight, bias) = (numbers(&mut random, outputs * 27), numbers(&mut random, outputs));
        let pixels = Pixels {
            data: &packed,
            images,
            height,
            width,
        };
        let map = Colour::new(&weight, stride, Epilogue::new(&bias, None)).forward(pixels, &scratch, Share::Alone);
        assert_close(&map, outputs, |image, output, y, x| {
            sum(&features, &weight, window, [image, output, y, x]) + f64::from(bias[output])
        });
    }
}

#[test]
fn pooling_takes_the_places_inside_each_window() {
    let mut random = fastrand::Rng::with_seed(6);
    let scratch = Scratch::default();
    for (height, width) in [(3, 3), (4, 7), (11, 8), (22, 22)] {
        for (kernel, stride, padding, partial) in [
            (2, 2, 0, true),
            (3, 2, 0, true),
            (3, 2, 1, false),
            (3, 1, 1, false),
            (2, 2, 0, false),
            (3, 3, 0, true),
        ] {
            let features = Features::random(&mut random, [2, 17, height, width]);
            for of in [PoolOf::Greatest, PoolOf::Mean] {
                let pool = Pool {
                    of,
                    kernel,
                    stride,
                    padding,
                    partial,
                };
                let map = pooled(&features.map(&scratch), pool, &scratch, Share::Alone);
                let side = |length: usize| {
                    let room = length + 2 * padding - kernel;
                    if partial {
                        room.div_ceil(stride) + 1
                    } else {
                        room / stride + 1
                    }
                };
                assert_eq!((map.height, map.width), (side(height), side(width)));
                assert_close(&map, 17, |image, channel, y, x| {
                    let mut inside = Vec::new();
                    for tap in 0..kernel * kernel {
                        let from = |at: usize, tap: usize| (at * stride + tap) as isize - padding as isize;
                        let (y, x) = (from(y, tap / kernel), from(x, tap % kernel));
                        if y >= 0 && x >= 0 && (y as usize) < height && (x as usize) < width {
                            inside.push(features.at(image, channel, y, x));
                        }
                    }
                    match of {
                        PoolOf::Greatest => inside.into_iter().fold(f64::NEG_INFINITY, f64::max),
                        PoolOf::Mean => inside.iter().sum::<f64>() / inside.len() as f64,
                    }
                });
            }
        }
    }
}

#[test]
fn dense_takes_channels_then_places() {
    let mut random = fastrand::Rng::with_seed(7);
    let scratch = Scratch::default();
    let (images, channels, side, count) = (7, 24, 3, 20);
    let features = Features::random(&mut random, [images, channels, side, side]);
    let inputs = channels * side * side;
    let (weight, bias) = (numbers(&mut random, count * inputs), numbers(&mut random, count));
    let dense = Dense::new(&weight, count, side * side, Epilogue::new(&bias, None));
    let map = dense.forward(&flattened(&features.map(&scratch), &scratch), &scratch, Share::Alone);
    for image in 0..images {
        let got: Vec<f32> = outputs(&map, image, count).collect();
        assert_eq!(got.len(), count);
        for (output, got) in got.into_iter().enumerate() {
            let row = weight[output * inputs..][..inputs].iter();
            let values = &features.data[image * inputs..][..inputs];
            let wanted: f64 = row.zip(values).map(|(&w, &v)| f64::from(w) * f64::from(v)).sum();
            assert!((f64::from(got) - wanted - f64::from(bias[output])).abs() < 1e-4);
        }
    }
}

#[test]
fn an_image_has_the_same_bits_alone_among_others_and_on_threads() {
    let mut random = fastrand::Rng::with_seed(8);
    let scratch = Scratch::default();
    let [images, inputs, outputs, side] = [11, 32, 48, 9];
    let features = Features::random(&mut random, [images, inputs, side, side]);
    let weight = numbers(&mut random, outputs * inputs * 9);
    let epilogue = || Epilogue::new(&[0.25; 48], Some(&[0.5; 48]));
    let winograd = Winograd::new(&weight, inputs, outputs, epilogue());
    let direct = Direct::new(&weight, inputs, outputs, PADDED, epilogue());
    let all = features.map(&scratch);
    let workers = Workers::new(Some(3)).unwrap();
    assert_eq!((workers.count(), Workers::inline().count()), (3, 1));
    let run = |map: &Map, workers: &Workers| {
        workers.run(|share| {
            [
                winograd.forward(map, None, &scratch, share),
                direct.forward(map, None, &scratch, share),
            ]
        })
    };
    let together = run(&all, &Workers::inline());
    for (a, b) in together.iter().zip(&run(&all, &workers)) {
        assert!(a.data == b.data);
    }
    let size = inputs * side * side;
    for image in 0..images {
        let one = Features {
            images: 1,
            data: features.data[image * size..][..size].to_vec(),
            ..features
        };
        for (together, alone) in together.iter().zip(&run(&one.map(&scratch), &Workers::inline())) {
            for panel in 0..together.panels {
                assert!(together.plane(panel, image) == alone.plane(panel, 0), "image {image}");
            }
        }
    }
}

#[test]
fn buffers_are_used_again() {
    let scratch = Scratch::default();
    let (small, large) = (scratch.take(10), scratch.take(1000));
    let places = [small.as_ptr(), large.as_ptr()];
    scratch.give(large);
    scratch.give(small);
    // Each gets the smallest that is large enough.
    let (five, many) = (scratch.take(5), scratch.take(900));
    assert_eq!([five.as_ptr(), many.as_ptr()], places);
    assert_eq!((five.len(), many.len()), (5, 900));
}
