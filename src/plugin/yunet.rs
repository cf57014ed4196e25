//! YuNet's networks by programs over there.

use super::OnDevice;
use super::net::Net;
use super::program::{Data, Pixels};
use crate::detect::Face;
use crate::detect::mtcnn::CropScores;
use crate::detect::mtcnn::describe::{OUTPUT_SIDE, output};
use crate::detect::yunet::describe::{HEADS, STRIDES, yunet};
use crate::detect::yunet::{Canvas, Cells, Networks, faces};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{Crop, resize_f32};
use crate::weights::TensorMap;

/// YuNet and O-Net on a back end's device.
pub(super) struct YuNet {
    finds: Net,
    places: Net,
}

impl YuNet {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite;
    /// [`crate::ErrorKind::Backend`] when the device fails (out of memory).
    pub fn load(on: &OnDevice, weights: &TensorMap) -> Result<Self> {
        Ok(YuNet {
            finds: Net::load_raw(&yunet(), weights, on)?,
            places: Net::load(&output(), weights, on)?,
        })
    }
}

impl Networks for YuNet {
    fn find(&self, canvas: &Canvas, threshold: f32) -> Result<Vec<Face>> {
        let given = Pixels {
            data: Data::Bytes(&canvas.pixels),
            count: 1,
            height: canvas.rows,
            width: canvas.columns,
        };
        let made = self.finds.run(&[given])?;
        let mut found = Vec::new();
        for (stride, heads) in STRIDES.into_iter().zip(made.chunks(HEADS.len())) {
            let [_, _, rows, columns] = heads[0].shape;
            let cells = rows * columns;
            if heads
                .iter()
                .zip(HEADS)
                .any(|(map, (_, channels))| map.data.len() != channels * cells)
                || heads.len() != HEADS.len()
            {
                return Err(Error::new(
                    ErrorKind::Backend,
                    "the GPU back end gave maps of other sizes than were asked for",
                ));
            }
            let value = |head: usize, channel: usize, cell: usize| heads[head].data[channel * cells + cell];
            faces(Cells { stride, rows, columns }, value, threshold, &mut found);
        }
        Ok(found)
    }

    fn place(&self, crops: &[Crop]) -> Result<CropScores> {
        let side = (OUTPUT_SIDE, OUTPUT_SIDE);
        let pixels: Vec<f32> = crops.iter().flat_map(|crop| resize_f32(crop, side)).collect();
        self.places.scores(Data::Floats(&pixels), crops.len(), OUTPUT_SIDE)
    }
}
