//! Dense layers: every output from every number of an image's map.

use super::direct::{Direct, Window};
use super::epilogue::Epilogue;
use super::workers::Share;
use super::{LANES, Map, Scratch};

/// A dense layer on maps that [`flattened`] made.
#[derive(Debug)]
pub(crate) struct Dense(Direct);

impl Dense {
    /// From weights of outputs x (channels x places), for maps of `places` places.
    pub fn new(weight: &[f32], outputs: usize, places: usize, epilogue: Epilogue) -> Self {
        let inputs = weight.len() / outputs;
        let panels = (inputs / places).div_ceil(LANES);
        let mut packed = Vec::with_capacity(outputs * panels * places * LANES);
        for row in weight.chunks_exact(inputs) {
            // From channel, place to panel, place, channel of the panel.
            for channels in row.chunks(LANES * places) {
                for place in 0..places {
                    let end = packed.len() + LANES;
                    packed.extend(channels.iter().skip(place).step_by(places));
                    packed.resize(end, 0.0);
                }
            }
        }
        let window = Window {
            kernel: 1,
            stride: 1,
            padding: 0,
        };
        Dense(Direct::new(&packed, panels * places * LANES, outputs, window, epilogue))
    }

    /// The outputs of each image: by panel, then image.
    pub fn forward(&self, flat: &Map, scratch: &Scratch, share: Share) -> Map {
        self.0.forward(flat, None, scratch, share)
    }
}

/// Each place of each panel as a panel of its own, and each image as a place: the images then share the reading of the
/// weights.
pub(crate) fn flattened(map: &Map, scratch: &Scratch) -> Map {
    let places = map.places();
    let mut flat = Map::taken(scratch, [map.panels * places, 1, 1, map.images]);
    for (at, lane) in flat.data.iter_mut().enumerate() {
        let (image, place) = (at % map.images, at / map.images);
        *lane = map.data[(place / places * map.images + image) * places + place % places];
    }
    flat
}

/// The first `count` outputs that [`Dense::forward`] gave image `image`.
pub(crate) fn outputs(map: &Map, image: usize, count: usize) -> impl Iterator<Item = f32> + '_ {
    (0..map.panels)
        .flat_map(move |panel| map.plane(panel, 0)[image].0)
        .take(count)
}
