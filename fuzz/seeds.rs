//! Makes the seeds of every target: small files of each kind as this library or another program writes them, from which the
//! fuzzer starts. `seeds FOLDER` writes FOLDER/TARGET/NAME.

use base64::prelude::{BASE64_STANDARD, Engine};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use qmagface::model::{Fingerprint, Manifest, catalogue};
use qmagface::template::{Fusion, Scalar};
use qmagface::weights::{TensorMap, pack};
use qmagface::{Calibration, QualityParameters, Template};
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: seeds FOLDER")?);
    let seeds = Seeds(&folder);
    images(&seeds)?;
    templates(&seeds)?;
    calibrations(&seeds)?;
    models(&seeds)?;
    checkpoints(&seeds)?;
    arrays(&seeds)?;
    pairs(&seeds)
}

struct Seeds<'a>(&'a Path);

impl Seeds<'_> {
    fn add(&self, target: &str, name: &str, bytes: &[u8]) -> Outcome {
        let folder = self.0.join(target);
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join(name), bytes)?)
    }
}

fn images(seeds: &Seeds) -> Outcome {
    let colours = RgbImage::from_fn(17, 9, |x, y| Rgb([x as u8 * 15, y as u8 * 28, (x * y) as u8]));
    let colours = DynamicImage::from(colours);
    let kinds = [
        ("rgb", colours.clone()),
        ("gray", colours.to_luma8().into()),
        ("alpha", colours.to_rgba8().into()),
        ("deep", colours.to_rgb16().into()),
    ];
    let formats = [
        ("png", ImageFormat::Png),
        ("jpg", ImageFormat::Jpeg),
        ("bmp", ImageFormat::Bmp),
        ("tiff", ImageFormat::Tiff),
        ("webp", ImageFormat::WebP),
        ("gif", ImageFormat::Gif),
        ("pnm", ImageFormat::Pnm),
    ];
    for (kind, image) in kinds {
        for (ending, format) in formats {
            let mut bytes = Cursor::new(Vec::new());
            // Not every format has every kind of pixel.
            if image.write_to(&mut bytes, format).is_ok() {
                seeds.add("image_decode", &format!("{kind}.{ending}"), bytes.get_ref())?;
            }
        }
    }
    for (ending, base64) in [("heic", HEIC), ("jp2", JPEG_2000)] {
        seeds.add(
            "image_decode",
            &format!("rgb.{ending}"),
            &BASE64_STANDARD.decode(base64)?,
        )?;
    }
    let (mut jpeg, mut record) = (Cursor::new(Vec::new()), b"FAC\x00010\0".to_vec());
    colours.write_to(&mut jpeg, ImageFormat::Jpeg)?;
    // A face without feature points: the lengths of the record and of the face, then what is said of both.
    let length = 4 + 2 + 14 + 12 + jpeg.get_ref().len() as u32;
    record.extend((14 + length).to_be_bytes());
    record.extend([0, 1]);
    record.extend(length.to_be_bytes());
    record.extend([0; 2 + 14 + 12]);
    record.extend(jpeg.get_ref());
    seeds.add("image_decode", "face_record", &record)?;
    // The fuzzer makes structured inputs of any bytes.
    for length in [64, 512, 4096] {
        let bytes: Vec<u8> = (0..length).map(|at: usize| (at * 37 % 251) as u8).collect();
        seeds.add("image_view", &length.to_string(), &bytes)?;
        seeds.add("c_abi", &length.to_string(), &bytes)?;
        seeds.add("c_abi_engine", &length.to_string(), &bytes)?;
    }
    Ok(())
}

/// Pictures of colours of 24 x 16 pixels in kinds that nothing here writes, as libheif and OpenJPEG wrote them.
const HEIC: &str = "\
    AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA\
    AAAERAAAEAAQAAAAABoAABAAAAAAAAAHoAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAA\
    AADcaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkA\
    AAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAA\
    AChjbGFwAAAAGAAAAAEAAAAQAAAAAf///9gAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAgm\
    1kYXQAAAB2KAGvEyG4jHj1IYs0IRBzQH5lR4ayY485qrC2x7N3bcVITdjfjMx1vgKkvp4zCqsMu1bP3i/3dJ8aZPm0nXjH70D6fhC/fTrlLLNl\
    93dydOZZjUeq/Gs1HyvAgSrvOUozreA7poDg+hfnKOJR0B2S87lkwa4//g==\
    ";
const JPEG_2000: &str = "\
    AAAADGpQICANCocKAAAAFGZ0eXBqcDIgAAAAAGpwMiAAAAAtanAyaAAAABZpaGRyAAAAEAAAABgAAwcHAAAAAAAPY29scgEAAAAAABAAAADjan\
    AyY/9P/1EALwAAAAAAGAAAABAAAAAAAAAAAAAAABgAAAAQAAAAAAAAAAAAAwcBAQcBAQcBAf9SAAwAAAABAAQEBAAA/1wAHUJvIG8AbwBu4GdQ\
    Z1BnaFAFUAVQR1fTV9NXYv9kACUAAUNyZWF0ZWQgYnkgT3BlbkpQRUcgdmVyc2lvbiAyLjUuNP+QAAoAAAAAAFIAAf+Tx8wMBjaIw4IIdMfSDA\
    XE4oChwQABvKHzAwALAN7BEBFEoPgDAAs5oKDwUEQPbRSugICnwBxELw1FLpaAgKOEAIExmtP/2Q==\
    ";

fn templates(seeds: &Seeds) -> Outcome {
    let embedding: Vec<f32> = (0..16).map(|at| (at as f32 * 0.7).sin() * 3.0).collect();
    let one = Template::from_embedding("a", Fingerprint([7; 32]), &embedding)?.with_uqs(Some(50));
    let some = [
        ("plain", one.clone()),
        ("metadata", one.clone().with_metadata(b"who: nobody")?),
        ("failed", Template::failed("a", Fingerprint([7; 32]), 16)?),
        ("fused", Template::fuse(&[&one, &one], Fusion::Quality)?),
    ];
    for (name, template) in some {
        for (scalar, kind) in [(Scalar::F32, "f32"), (Scalar::F16, "f16"), (Scalar::I8, "i8")] {
            seeds.add("template", &format!("{name}-{kind}"), &template.to_bytes(scalar))?;
        }
    }
    Ok(())
}

fn calibrations(seeds: &Seeds) -> Outcome {
    let given = Calibration::from_parameters(QualityParameters {
        alpha: 0.077428,
        beta: 0.125926,
    })?;
    seeds.add("calibration", "given", given.to_toml()?.as_bytes())?;
    for manifest in catalogue::builtin()? {
        if let Some(fitted) = &manifest.calibration {
            let calibration = Calibration::from_pack(&manifest.name, Fingerprint([3; 32]), fitted);
            seeds.add("calibration", &manifest.name, calibration.to_toml()?.as_bytes())?;
        }
    }
    Ok(())
}

fn models(seeds: &Seeds) -> Outcome {
    let manifests: &[Manifest] = catalogue::builtin()?;
    for manifest in manifests {
        seeds.add("manifest", &manifest.name, manifest.to_toml()?.as_bytes())?;
    }
    let mut tensors = TensorMap::new();
    tensors.insert("a.weight", vec![2, 3], vec![0.5; 6])?;
    tensors.insert("a.bias", vec![2], vec![-1.0, 2.0])?;
    let file = seeds.0.join("pack.safetensors");
    pack::write(
        &file,
        &tensors,
        &BTreeMap::from([("from".to_owned(), "a seed".to_owned())]),
    )?;
    let weights = std::fs::read(&file)?;
    std::fs::remove_file(&file)?;
    seeds.add("safetensors", "two", &weights)?;
    // As a bundle is laid out: what it holds is refused later, not its form.
    let find = |name: &str| manifests.iter().find(|manifest| manifest.name == name);
    let (embedder, detector) = (find("sface").ok_or("sface")?, find("mtcnn").ok_or("mtcnn")?);
    let entries = [
        ("embedder/manifest.toml", embedder.to_toml()?.into_bytes()),
        ("embedder/weights.safetensors", weights.clone()),
        ("detector/manifest.toml", detector.to_toml()?.into_bytes()),
        ("detector/weights.safetensors", weights),
    ];
    seeds.add("bundle", "small", &zip(&entries, CompressionMethod::Stored)?)
}

/// PyTorch's two containers around one pickle, and an ONNX file.
fn checkpoints(seeds: &Seeds) -> Outcome {
    let data: Vec<u8> = (0..6).flat_map(|value| (value as f32).to_le_bytes()).collect();
    let pickle = state_dict();
    for (name, method) in [
        ("stored", CompressionMethod::Stored),
        ("deflated", CompressionMethod::Deflated),
    ] {
        let entries = [
            ("archive/data.pkl", pickle.clone()),
            ("archive/data/0", data.clone()),
            ("archive/version", b"3\n".to_vec()),
        ];
        seeds.add("checkpoint", name, &zip(&entries, method)?)?;
    }
    let mut legacy = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
    legacy.extend(b"\x80\x02M\xe9\x03.");
    legacy.extend(b"\x80\x02}.");
    legacy.extend(&pickle);
    legacy.extend(b"\x80\x02]X\x01\x00\x00\x000a.");
    legacy.extend(6u64.to_le_bytes());
    legacy.extend(&data);
    seeds.add("checkpoint", "legacy", &legacy)?;
    // TensorProto: dims 2 and 3, float, raw data, name; in a graph, in a model.
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
    let tensor = [&[0x08, 2, 0x08, 3, 0x10, 1][..], &field(8, b"w"), &field(9, &data)].concat();
    seeds.add("onnx", "one", &field(7, &field(5, &tensor)))
}

/// The pickle of an ordered dictionary with one tensor of 2 x 3.
fn state_dict() -> Vec<u8> {
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    [
        &b"\x80\x02ccollections\nOrderedDict\n)R("[..],
        &text("a.weight"),
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        b"K\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtRu.",
    ]
    .concat()
}

fn zip(entries: &[(&str, Vec<u8>)], method: CompressionMethod) -> Outcome<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method))?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

fn arrays(seeds: &Seeds) -> Outcome {
    let npy = |header: &str, data: &[u8]| {
        let mut padded = header.to_owned();
        while !(padded.len() + 11).is_multiple_of(64) {
            padded.push(' ');
        }
        padded.push('\n');
        [
            b"\x93NUMPY\x01\x00",
            &(padded.len() as u16).to_le_bytes()[..],
            padded.as_bytes(),
            data,
        ]
        .concat()
    };
    for (name, kind, size) in [("f4", "<f4", 4), ("f8", "<f8", 8), ("big", ">f4", 4)] {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (2, 3), }}");
        seeds.add("npy", name, &npy(&header, &vec![0x3f; 6 * size]))?;
    }
    let texts = "{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }";
    let codes: Vec<u8> = "ab\0cde"
        .chars()
        .flat_map(|letter| (letter as u32).to_le_bytes())
        .collect();
    seeds.add("npy", "texts", &npy(texts, &codes))
}

fn pairs(seeds: &Seeds) -> Outcome {
    let lfw: String = (1..11)
        .map(|at| format!("Ann\t{at}\t{}\nAnn\t{at}\tBob\t1\n", at + 1))
        .collect();
    seeds.add("pairs", "lfw", format!("10\t1\n{lfw}").as_bytes())?;
    let numbers: String = (0..12).map(|at| format!("{at} {} {}\n", at + 1, at % 2)).collect();
    seeds.add("pairs", "numbers", numbers.as_bytes())?;
    let labelled: String = (0..12).map(|at| format!("a{at}.jpg b{at}.jpg {}\n", at % 2)).collect();
    seeds.add("pairs", "labelled", labelled.as_bytes())?;
    let lines: String = (0..12)
        .map(|at| format!("a{at}.jpg {}\nb{at}.jpg {}\n", at % 2, at % 2))
        .collect();
    seeds.add("pairs", "two-lines", lines.as_bytes())?;
    seeds.add("pairs", "template-images", b"1.jpg 1 10\n2.jpg 1 11\n3.jpg 2 12\n")?;
    seeds.add("pairs", "template-pairs", b"1 2 0\n1 1 1\n")
}
