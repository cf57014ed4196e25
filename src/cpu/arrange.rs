//! What only moves numbers: places repeated, channels of maps behind each other, pixels as a map.

use super::colour::Pixels;
use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};

/// Each place `factor` squared times, as neighbours.
pub(crate) fn upsampled(input: &Map, factor: usize, scratch: &Scratch, share: Share) -> Map {
    let [height, width] = [input.height, input.width].map(|length| length * factor);
    let mut output = Map::taken(scratch, [input.panels, input.images, height, width]);
    if width == 0 {
        return output;
    }
    share.parts(&mut output.data, width, |row, output| {
        let (plane, y) = (row / height, row % height / factor);
        let from = &input.data[(plane * input.height + y) * input.width..][..input.width];
        for (output, from) in output.chunks_exact_mut(factor).zip(from) {
            output.fill(*from);
        }
    });
    output
}

/// The channels of maps of the same sides behind each other: of each map the first so many.
///
/// # Panics
/// For maps of other sides.
pub(crate) fn concatenated(inputs: &[(&Map, usize)], scratch: &Scratch) -> Map {
    let (first, _) = inputs[0];
    let channels: usize = inputs.iter().map(|(_, channels)| channels).sum();
    let size = [first.images, first.height, first.width];
    let mut output = Map::taken(scratch, [channels.div_ceil(LANES), size[0], size[1], size[2]]);
    output.data.fill(Lane::ZERO);
    let plane = first.images * first.places();
    let mut begin = 0;
    for &(input, channels) in inputs {
        assert_eq!(
            [input.images, input.height, input.width],
            size,
            "maps of one size are joined"
        );
        if begin % LANES == 0 {
            // Panels as they are; what the last one has beyond its channels is overwritten or never looked at.
            let panels = channels.div_ceil(LANES) * plane;
            output.data[begin / LANES * plane..][..panels].copy_from_slice(&input.data[..panels]);
        } else {
            for channel in 0..channels {
                let to = begin + channel;
                let from = &input.data[channel / LANES * plane..][..plane];
                let lanes = &mut output.data[to / LANES * plane..][..plane];
                for (lane, from) in lanes.iter_mut().zip(from) {
                    lane.0[to % LANES] = from.0[channel % LANES];
                }
            }
        }
        begin += channels;
    }
    output
}

/// Pixels as a map of one panel.
pub(crate) fn as_map(pixels: &Pixels, scratch: &Scratch) -> Map {
    let mut output = Map::taken(scratch, [1, pixels.images, pixels.height, pixels.width]);
    for (lane, pixel) in output.data.iter_mut().zip(pixels.data.as_chunks::<3>().0) {
        *lane = Lane::ZERO;
        lane.0[..3].copy_from_slice(pixel);
    }
    output
}
