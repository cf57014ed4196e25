//! Face recognition with quality in every comparison.
//!
//! qmagface detects and aligns a face, embeds it with a MagFace-style network, reads the face's quality off the
//! embedding's length, and compares two faces with the quality-aware score of QMagFace (arXiv 2111.13475).
//!
//! ```no_run
//! use qmagface::{Engine, EngineOptions};
//!
//! let engine = Engine::open("sface", &EngineOptions::default())?;
//! let a = engine.extract_file("a.jpg".as_ref())?.expect("a face in a.jpg");
//! let b = engine.extract_file("b.jpg".as_ref())?.expect("a face in b.jpg");
//! let result = engine.compare(&a.embedding, &b.embedding)?;
//! println!("score {:.4}, qualities {:.2} and {:.2}", result.score, result.quality_a, result.quality_b);
//! # Ok::<(), qmagface::Error>(())
//! ```
//!
//! # Where things are
//! Imports run one way, top to bottom:
//!
//! | module | its one job |
//! |---|---|
//! | [`error`] | the error type; each kind is one status of the C ABI |
//! | [`cancel`] | the token that ends a call early |
//! | [`work`] | on how many threads long work runs, who hears of it, who may end it |
//! | [`replace`] | writing a file or a folder whole or not at all |
//! | `message` | where an engine's messages go |
//! | `buffers` | memory that is used again |
//! | `identity` | which model an embedding is of |
//! | [`matrix`] | rows of numbers as callers give and get them |
//! | [`image`] | pixels: borrowed views, kinds of image files, decoding with limits, OpenCV-compatible resizing |
//! | [`weights`] | tensors by name, and reading them from weight files safely |
//! | [`device`] | CPU or CUDA, as it is asked for and as it is; the NVIDIA driver |
//! | `machine` | the processor's vector instructions, chosen at run time |
//! | `graph` | a network as data: written down once, its weights checked and folded into it |
//! | `cpu` | convolutions and the other kernels of the networks on the CPU, and their threads |
//! | [`chip`] | an aligned face's pixels |
//! | [`face`] | a box and five landmarks in an image |
//! | [`detect`] | YuNet and MTCNN: faces and their five landmarks |
//! | [`align`] | the similarity transform to the 112x112 chip |
//! | [`capture`] | capture measures: size, pose, light and sharpness of a face in numbers, with advice |
//! | [`network`] | iResNet and SFace: chips to embeddings |
//! | `backend` | what runs networks, and the CPU as one |
//! | [`plugin`] | the GPU as another, in a file of its own that is loaded when it is asked for |
//! | [`compare`] | magnitude, cosine, quality-aware score, quality of 0 to 100, and the vector kernels for them |
//! | [`template`] | what is stored of a face: its binary form, fusing several into one |
//! | [`pairs`] | labelled sets of embeddings, and all or chosen pairs of them |
//! | [`calibrate`] | (alpha, beta) and thresholds as one object and file; fitting and measuring them; comparing templates with it |
//! | [`gallery`] | many templates packed for 1:N: scores with all, and the best |
//! | [`model`] | model packs: manifests, where weights live, installing, fingerprints |
//! | [`engine`] | the thread-safe handle that runs the whole pipeline |
//! | [`build_info`] | versions, processor and GPU, for a support request |
//! | [`ffi`] | the C ABI (`include/qmagface.h`) |

pub mod align;
mod backend;
mod buffers;
pub mod build_info;
pub mod calibrate;
pub mod cancel;
pub mod capture;
pub mod chip;
pub mod compare;
mod cpu;
pub mod detect;
pub mod device;
pub mod engine;
pub mod error;
pub mod face;
pub mod ffi;
pub mod gallery;
mod graph;
mod identity;
pub mod image;
mod machine;
pub mod matrix;
mod message;
pub mod model;
pub mod network;
pub mod pairs;
pub mod plugin;
mod process;
pub mod replace;
mod sync;
pub mod template;
pub mod weights;
mod wiped;
pub mod work;

pub use calibrate::Calibration;
pub use cancel::Cancel;
pub use chip::Chip;
pub use compare::{Comparison, QualityParameters};
pub use cpu::Workers;
pub use detect::{DetectorOptions, Face, FaceChoice, Landmarks};
pub use device::{Device, DeviceChoice};
pub use engine::{Engine, EngineInfo, EngineOptions, Extraction, Log, LogLevel};
pub use error::{Error, ErrorKind, Result};
pub use gallery::Gallery;
pub use image::{BgrImage, DecodeLimits, ImageKind, ImageView, PixelFormat, Rotation, Yuv};
pub use matrix::Matrix;
pub use network::Precision;
pub use template::{Fusion, FusionReview, Scalar, Template};
pub use work::Work;
