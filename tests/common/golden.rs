//! The golden files as the tests use them.
#![allow(dead_code)] // each test binary uses a part of it

use qmagface::detect::Landmarks;
use qmagface::image::BgrImage;
use safetensors::{SafeTensors, tensor::TensorView};
use serde_json::Value;
use std::path::Path;

/// The five landmarks of a golden entry, stored as x1..x5 y1..y5.
pub fn landmarks(points: &Value) -> Landmarks {
    std::array::from_fn(|i| [number(&points[i]) as f32, number(&points[5 + i]) as f32])
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number, not {value}"))
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A stored 8-bit image (height, width, 3) in BGR.
pub fn image(tensors: &SafeTensors, name: &str) -> BgrImage {
    let tensor = tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    BgrImage::new(tensor.shape()[1], tensor.shape()[0], tensor.data().to_vec()).unwrap()
}

pub fn f32s(tensor: &TensorView) -> Vec<f32> {
    tensor
        .data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

pub fn f64s(tensor: &TensorView) -> Vec<f64> {
    tensor
        .data()
        .chunks_exact(8)
        .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

pub fn i32s(tensor: &TensorView) -> Vec<i32> {
    tensor
        .data()
        .chunks_exact(4)
        .map(|b| i32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}
