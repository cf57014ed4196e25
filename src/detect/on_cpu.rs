//! The four networks of MTCNN on the CPU by the crate's own convolutions: levels in bands, crops in groups, each on
//! whichever thread is free.

use super::networks::{CropScores, Networks, ProposalMap};
use super::{CELL, OUTPUT_SIDE, PATCH_SIDE, REFINE_SIDE};
use crate::cancel::{self, Cancel};
use crate::cpu::colour::{Colour, Pixels};
use crate::cpu::dense::{Dense, flattened, outputs};
use crate::cpu::direct::{Direct, Window};
use crate::cpu::epilogue::Epilogue;
use crate::cpu::pooling::max_pool;
use crate::cpu::workers::Share;
use crate::cpu::{Map, Scratch, Workers};
use crate::error::Result;
use crate::image::{BgrImage, Crop, resize_f32, resize_u8};
use crate::weights::TensorMap;
use std::ops::Range;

/// Rows of P-Net's map that one thread makes at once: their maps stay in its cache.
const BAND: usize = 32;

/// Crops that one thread takes through a network at once.
const CROPS_AT_ONCE: usize = 16;

/// P-, R-, O- and, where it is there, L-Net with packed weights.
pub(super) struct OnCpu {
    proposal: ProposalNet,
    refine: CropNet,
    output: CropNet,
    landmark: Option<LandmarkNet>,
    workers: Workers,
    scratch: Scratch,
}

/// P-Net.
struct ProposalNet {
    colour: Colour,
    convs: [Direct; 2],
    /// Two logits, four shifts.
    heads: Direct,
}

/// R- or O-Net.
struct CropNet {
    side: usize,
    trunk: Trunk,
    dense: Dense,
    /// Two logits, four shifts and, from O-Net, ten landmarks.
    heads: Dense,
    landmarks: bool,
}

/// The convolutions of a network on crops.
struct Trunk {
    colour: Colour,
    /// The window pooled before each convolution, if one is, and the convolution.
    convs: Vec<(Option<usize>, Direct)>,
}

/// L-Net.
struct LandmarkNet {
    branches: Vec<Trunk>,
    joined: Dense,
    /// Each landmark's own dense layer and its two outputs.
    heads: Vec<[Dense; 2]>,
}

/// Reads layers by name.
struct Reader<'a> {
    weights: &'a TensorMap,
    /// What stands before a layer's name, between it and `weight` or `bias`, and behind all.
    before: &'a str,
    joint: char,
    behind: String,
    /// How a rectifier's slopes are called.
    slopes: &'a str,
}

impl Reader<'_> {
    fn vector(&self, layer: &str, field: &str, shape: &[usize]) -> Result<&[f32]> {
        let Reader {
            before, joint, behind, ..
        } = self;
        let name = format!("{before}{layer}{behind}{joint}{field}");
        Ok(&self.weights.require(&name, shape)?.data)
    }

    fn epilogue(&self, layer: &str, outputs: usize, prelu: Option<&str>) -> Result<Epilogue> {
        let slopes = prelu
            .map(|prelu| self.vector(prelu, self.slopes, &[outputs]))
            .transpose()?;
        Ok(Epilogue::new(self.vector(layer, "bias", &[outputs])?, slopes))
    }

    fn colour(&self, layer: &str, outputs: usize, prelu: &str) -> Result<Colour> {
        let weight = self.vector(layer, "weight", &[outputs, 3, 3, 3])?;
        Ok(Colour::new(weight, self.epilogue(layer, outputs, Some(prelu))?))
    }

    fn conv(&self, layer: &str, [outputs, inputs, kernel]: [usize; 3], prelu: &str) -> Result<Direct> {
        let weight = self.vector(layer, "weight", &[outputs, inputs, kernel, kernel])?;
        let epilogue = self.epilogue(layer, outputs, Some(prelu))?;
        Ok(Direct::new(weight, inputs, outputs, unpadded(kernel), epilogue))
    }

    fn dense(&self, layer: &str, [outputs, inputs]: [usize; 2], places: usize, prelu: Option<&str>) -> Result<Dense> {
        let weight = self.vector(layer, "weight", &[outputs, inputs])?;
        Ok(Dense::new(
            weight,
            outputs,
            places,
            self.epilogue(layer, outputs, prelu)?,
        ))
    }

    /// Several dense layers on the same `inputs` as one: its weights and its bias.
    fn heads(&self, layers: &[(&str, usize)], input_shape: &[usize]) -> Result<(Vec<f32>, Vec<f32>)> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        for &(layer, outputs) in layers {
            let shape: Vec<usize> = std::iter::once(outputs).chain(input_shape.iter().copied()).collect();
            weight.extend_from_slice(self.vector(layer, "weight", &shape)?);
            bias.extend_from_slice(self.vector(layer, "bias", &[outputs])?);
        }
        Ok((weight, bias))
    }
}

fn unpadded(kernel: usize) -> Window {
    Window {
        kernel,
        stride: 1,
        padding: 0,
    }
}

impl OnCpu {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing or misshapen.
    pub fn load(weights: &TensorMap, landmark: Option<&TensorMap>, workers: &Workers) -> Result<Self> {
        let reader = |before| Reader {
            weights,
            before,
            joint: '.',
            behind: String::new(),
            slopes: "weight",
        };
        Ok(OnCpu {
            proposal: ProposalNet::load(&reader("pnet."))?,
            refine: CropNet::refine(&reader("rnet."))?,
            output: CropNet::output(&reader("onet."))?,
            landmark: landmark.map(LandmarkNet::load).transpose()?,
            workers: workers.clone(),
            scratch: Scratch::default(),
        })
    }

    fn crops(
        &self,
        network: &CropNet,
        crops: &[Crop],
        resize: impl Fn(&Crop, &mut Vec<f32>) + Sync + Send,
    ) -> CropScores {
        let groups: Vec<&[Crop]> = crops.chunks(CROPS_AT_ONCE).collect();
        let parts = self.workers.run(|share| {
            share.map(&groups, |crops| {
                let mut pixels = Vec::with_capacity(crops.len() * network.side * network.side * 3);
                crops.iter().for_each(|crop| resize(crop, &mut pixels));
                network.forward(&pixels, crops.len(), &self.scratch)
            })
        });
        let mut scores = CropScores::default();
        for part in parts {
            scores.face.extend(part.face);
            scores.shift.extend(part.shift);
            scores.landmarks.extend(part.landmarks);
        }
        scores
    }
}

impl Networks for OnCpu {
    fn has_landmark_net(&self) -> bool {
        self.landmark.is_some()
    }

    fn propose(&self, image: &BgrImage, sizes: &[(usize, usize)], cancel: Option<&Cancel>) -> Result<Vec<ProposalMap>> {
        self.workers.run(|share| {
            let go_on = || cancel::check(cancel).is_ok();
            let levels = share.map(sizes, |&size| go_on().then(|| resize_u8(&Crop::whole(image), size)));
            let levels: Vec<_> = levels.into_iter().flatten().collect();
            // Where one was left out it is cancelled, and stays so.
            cancel::check(cancel)?;
            let bands: Vec<(usize, Range<usize>)> = sizes
                .iter()
                .enumerate()
                .flat_map(|(level, &(_, height))| {
                    let rows = map_side(height);
                    (0..rows.div_ceil(BAND)).map(move |band| (level, band * BAND..((band + 1) * BAND).min(rows)))
                })
                .collect();
            let parts = share.map(&bands, |(level, rows)| {
                go_on().then(|| {
                    self.proposal
                        .band(&levels[*level], sizes[*level], rows.clone(), &self.scratch)
                })
            });
            cancel::check(cancel)?;
            let mut maps: Vec<ProposalMap> = sizes
                .iter()
                .map(|&(width, height)| ProposalMap::empty(map_side(height), map_side(width)))
                .collect();
            for ((level, rows), part) in bands.iter().zip(parts.into_iter().flatten()) {
                maps[*level].fill(rows.start, &part);
            }
            Ok(maps)
        })
    }

    fn refine(&self, crops: &[Crop]) -> Result<CropScores> {
        Ok(self.crops(&self.refine, crops, |crop, pixels| {
            let side = (REFINE_SIDE, REFINE_SIDE);
            pixels.extend(
                resize_u8(crop, side)
                    .into_iter()
                    .map(|value| normalised(f32::from(value))),
            );
        }))
    }

    fn output(&self, crops: &[Crop]) -> Result<CropScores> {
        Ok(self.crops(&self.output, crops, |crop, pixels| {
            pixels.extend(resize_f32(crop, (OUTPUT_SIDE, OUTPUT_SIDE)).into_iter().map(normalised));
        }))
    }

    fn landmarks(&self, faces: &[[Option<Crop>; 5]]) -> Result<Vec<[[f32; 2]; 5]>> {
        let Some(network) = &self.landmark else {
            return Ok(Vec::new());
        };
        let groups: Vec<_> = faces.chunks(CROPS_AT_ONCE).collect();
        let found = self
            .workers
            .run(|share| share.map(&groups, |faces| network.forward(faces, &self.scratch)));
        Ok(found.concat())
    }
}

/// `(x - 127.5) / 128`.
fn normalised(value: f32) -> f32 {
    (value - 127.5) * (1.0 / 128.0)
}

/// Cells of P-Net's map along a side of `length` pixels, at least 12: the first convolution loses 2, pooling halves and
/// rounds up, two convolutions lose 4.
fn map_side(length: usize) -> usize {
    (length - 2).div_ceil(2) - 4
}

impl ProposalNet {
    fn load(reader: &Reader) -> Result<Self> {
        let (weight, bias) = reader.heads(&[("conv4_1", 2), ("conv4_2", 4)], &[32, 1, 1])?;
        Ok(ProposalNet {
            colour: reader.colour("conv1", 10, "prelu1")?,
            convs: [
                reader.conv("conv2", [16, 10, 3], "prelu2")?,
                reader.conv("conv3", [32, 16, 3], "prelu3")?,
            ],
            heads: Direct::new(&weight, 32, 6, unpadded(1), Epilogue::new(&bias, None)),
        })
    }

    /// The rows `rows` of the map of a level.
    fn band(&self, level: &[u8], (width, height): (usize, usize), rows: Range<usize>, scratch: &Scratch) -> Map {
        // A cell of row r sees the level's rows from 2 r on, CELL of them; the last may lack one.
        let pixels = 2 * rows.start..(2 * (rows.end - 1) + CELL).min(height);
        let data: Vec<f32> = level[pixels.start * width * 3..pixels.end * width * 3]
            .iter()
            .map(|&value| normalised(f32::from(value)))
            .collect();
        let pixels = Pixels {
            data: &data,
            images: 1,
            height: pixels.len(),
            width,
        };
        let share = Share::Alone;
        let mut map = self.colour.forward(pixels, scratch, share);
        map = exchanged(map, scratch, |map| max_pool(map, 2, scratch, share));
        for conv in self.convs.iter().chain([&self.heads]) {
            map = exchanged(map, scratch, |map| conv.forward(map, None, scratch, share));
        }
        map
    }
}

/// What `next` makes of a map, whose buffer is given back.
fn exchanged(map: Map, scratch: &Scratch, next: impl FnOnce(&Map) -> Map) -> Map {
    let made = next(&map);
    map.release(scratch);
    made
}

/// Probability of "face": the second of two logits after softmax.
fn face_probability(logits: [f32; 2]) -> f32 {
    1.0 / (1.0 + (logits[0] - logits[1]).exp())
}

impl ProposalMap {
    fn empty(rows: usize, columns: usize) -> Self {
        ProposalMap {
            rows,
            columns,
            face: vec![0.0; rows * columns],
            shift: vec![0.0; 4 * rows * columns],
        }
    }

    /// Takes the rows from `first` on.
    fn fill(&mut self, first: usize, band: &Map) {
        let cells = self.rows * self.columns;
        for (at, lane) in band.plane(0, 0).iter().enumerate() {
            let at = first * self.columns + at;
            self.face[at] = face_probability([lane.0[0], lane.0[1]]);
            for side in 0..4 {
                self.shift[side * cells + at] = lane.0[2 + side];
            }
        }
    }
}

impl Trunk {
    fn forward(&self, pixels: Pixels, scratch: &Scratch) -> Map {
        let share = Share::Alone;
        let mut map = self.colour.forward(pixels, scratch, share);
        for (pool, conv) in &self.convs {
            if let Some(kernel) = *pool {
                map = exchanged(map, scratch, |map| max_pool(map, kernel, scratch, share));
            }
            map = exchanged(map, scratch, |map| conv.forward(map, None, scratch, share));
        }
        exchanged(map, scratch, |map| flattened(map, scratch))
    }
}

impl CropNet {
    fn refine(reader: &Reader) -> Result<Self> {
        let (weight, bias) = reader.heads(&[("dense5_1", 2), ("dense5_2", 4)], &[128])?;
        Ok(CropNet {
            side: REFINE_SIDE,
            trunk: Trunk {
                colour: reader.colour("conv1", 28, "prelu1")?,
                convs: vec![
                    (Some(3), reader.conv("conv2", [48, 28, 3], "prelu2")?),
                    (Some(3), reader.conv("conv3", [64, 48, 2], "prelu3")?),
                ],
            },
            dense: reader.dense("dense4", [128, 576], 9, Some("prelu4"))?,
            heads: Dense::new(&weight, bias.len(), 1, Epilogue::new(&bias, None)),
            landmarks: false,
        })
    }

    fn output(reader: &Reader) -> Result<Self> {
        let (weight, bias) = reader.heads(&[("dense6_1", 2), ("dense6_2", 4), ("dense6_3", 10)], &[256])?;
        Ok(CropNet {
            side: OUTPUT_SIDE,
            trunk: Trunk {
                colour: reader.colour("conv1", 32, "prelu1")?,
                convs: vec![
                    (Some(3), reader.conv("conv2", [64, 32, 3], "prelu2")?),
                    (Some(3), reader.conv("conv3", [64, 64, 3], "prelu3")?),
                    (Some(2), reader.conv("conv4", [128, 64, 2], "prelu4")?),
                ],
            },
            dense: reader.dense("dense5", [256, 1152], 9, Some("prelu5"))?,
            heads: Dense::new(&weight, bias.len(), 1, Epilogue::new(&bias, None)),
            landmarks: true,
        })
    }

    fn forward(&self, pixels: &[f32], images: usize, scratch: &Scratch) -> CropScores {
        let pixels = Pixels {
            data: pixels,
            images,
            height: self.side,
            width: self.side,
        };
        let mut map = self.trunk.forward(pixels, scratch);
        for layer in [&self.dense, &self.heads] {
            map = exchanged(map, scratch, |map| layer.forward(map, scratch, Share::Alone));
        }
        let mut scores = CropScores::default();
        for lane in map.plane(0, 0) {
            scores.face.push(face_probability([lane.0[0], lane.0[1]]));
            scores.shift.extend_from_slice(&lane.0[2..6]);
            if self.landmarks {
                scores.landmarks.extend_from_slice(&lane.0[6..16]);
            }
        }
        map.release(scratch);
        scores
    }
}

impl LandmarkNet {
    fn load(weights: &TensorMap) -> Result<Self> {
        let reader = |behind: String| Reader {
            weights,
            before: "",
            joint: '_',
            behind,
            slopes: "gamma",
        };
        let (mut branches, mut heads) = (Vec::new(), Vec::new());
        for k in 1..=5 {
            let reader = reader(format!("_{k}"));
            branches.push(Trunk {
                colour: reader.colour("conv1", 28, "prelu1")?,
                convs: vec![
                    (Some(3), reader.conv("conv2", [48, 28, 3], "prelu2")?),
                    (Some(3), reader.conv("conv3", [64, 48, 2], "prelu3")?),
                ],
            });
            heads.push([
                reader.dense("fc4", [64, 256], 1, Some("prelu4"))?,
                reader.dense("fc5", [2, 64], 1, None)?,
            ]);
        }
        Ok(LandmarkNet {
            branches,
            joined: reader(String::new()).dense("fc4", [256, 2880], 9, Some("prelu4"))?,
            heads,
        })
    }

    fn forward(&self, faces: &[[Option<Crop>; 5]], scratch: &Scratch) -> Vec<[[f32; 2]; 5]> {
        let size = PATCH_SIDE * PATCH_SIDE * 3;
        let mut joined = Map::taken(scratch, [0, 1, 1, faces.len()]);
        for (landmark, branch) in self.branches.iter().enumerate() {
            let mut pixels = Vec::with_capacity(faces.len() * size);
            for face in faces {
                match &face[landmark] {
                    Some(crop) => pixels.extend(resize_f32(crop, (PATCH_SIDE, PATCH_SIDE)).into_iter().map(normalised)),
                    None => pixels.resize(pixels.len() + size, normalised(0.0)),
                }
            }
            let pixels = Pixels {
                data: &pixels,
                images: faces.len(),
                height: PATCH_SIDE,
                width: PATCH_SIDE,
            };
            let flat = branch.forward(pixels, scratch);
            joined.panels += flat.panels;
            joined.data.extend_from_slice(&flat.data);
            flat.release(scratch);
        }
        let joined = exchanged(joined, scratch, |map| self.joined.forward(map, scratch, Share::Alone));
        let mut moves = vec![[[0.0; 2]; 5]; faces.len()];
        for (landmark, [dense, point]) in self.heads.iter().enumerate() {
            let inner = dense.forward(&joined, scratch, Share::Alone);
            let map = exchanged(inner, scratch, |map| point.forward(map, scratch, Share::Alone));
            for (image, moves) in moves.iter_mut().enumerate() {
                for (value, place) in outputs(&map, image, 2).zip(&mut moves[landmark]) {
                    *place = value;
                }
            }
            map.release(scratch);
        }
        joined.release(scratch);
        moves
    }
}
