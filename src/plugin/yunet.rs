//! YuNet's networks by programs over there.

use super::OnDevice;
use super::net::Net;
use super::program::{Data, Pixels};
use crate::detect::mtcnn::CropScores;
use crate::detect::mtcnn::describe::{OUTPUT_SIDE, output};
use crate::detect::yunet::describe::{HEADS, STRIDES, yunet};
use crate::detect::yunet::{Canvas, Maps, Networks};
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
    fn find(&self, canvas: &Canvas) -> Result<Vec<Maps>> {
        let given = Pixels {
            data: Data::Bytes(&canvas.pixels),
            count: 1,
            height: canvas.rows,
            width: canvas.columns,
        };
        let mut made = self.finds.run(&[given])?.into_iter();
        let mut maps = Vec::with_capacity(STRIDES.len());
        for stride in STRIDES {
            let [Some(class), Some(object), Some(bbox), Some(landmarks)] = HEADS.map(|_| made.next()) else {
                return Err(Error::new(ErrorKind::Backend, "the GPU back end gave too few maps"));
            };
            let [_, _, rows, columns] = class.shape;
            maps.push(Maps {
                stride,
                rows,
                columns,
                class: class.data,
                object: object.data,
                bbox: bbox.data,
                landmarks: landmarks.data,
            });
        }
        Ok(maps)
    }

    fn place(&self, crops: &[Crop]) -> Result<CropScores> {
        let side = (OUTPUT_SIDE, OUTPUT_SIDE);
        let pixels: Vec<f32> = crops.iter().flat_map(|crop| resize_f32(crop, side)).collect();
        self.places.scores(Data::Floats(&pixels), crops.len(), OUTPUT_SIDE)
    }
}
