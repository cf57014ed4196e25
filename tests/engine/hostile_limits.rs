//! Inputs that claim or unfold to more than they may: refused before the memory for it is taken.
//!
//! Each case runs in a process of its own, this test again, which can take only so much memory more than it has: where
//! the claim were believed, that process would die. Some of the inputs that are refused are then read without the limit
//! that refuses them, to show that the process does die of them.

use crate::{common, process};
use image::ImageFormat;
use qmagface::model::manifest::Manifest;
use qmagface::model::{Bundle, MANIFEST_FILE, Pack, Store};
use qmagface::pairs::npy::{read_matrix, read_texts};
use qmagface::weights::pack;
use qmagface::{Calibration, DecodeLimits, ErrorKind, Result, Scalar, Template, image as pictures};
use qmagface_import::{Importing, checkpoint};
use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Output};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const MIB: u64 = 1 << 20;

/// What a case may take beside what the process has when it begins.
const ROOM: u64 = 32 * MIB;

/// Names the case for the process that runs it; unset in a normal run.
const CASE: &str = "QMAGFACE_TEST_LIMIT";

/// An input, and what reading it must give.
struct Case {
    name: &'static str,
    room: u64,
    /// Writes the input into a folder.
    make: fn(&Path),
    /// Reads it from there.
    read: fn(&Path) -> Result<()>,
    wanted: Wanted,
}

/// What becomes of it.
enum Wanted {
    /// It is refused with words like these.
    Refused(ErrorKind, &'static str),
    /// It is read within the room.
    Read,
    /// It is a control: nothing refuses it, and its process dies for want of memory.
    Dies,
}

/// Every case, the first ones being the issue's own.
fn cases() -> Vec<Case> {
    use ErrorKind::{ImageDecode, InvalidArgument, Io, Limit, Model, Template as OfTemplate, Weights};
    let case = |name, make, read, kind, words| Case {
        name,
        room: ROOM,
        make,
        read,
        wanted: Wanted::Refused(kind, words),
    };
    let dies = |name, make, read| Case {
        name,
        room: ROOM,
        make,
        read,
        wanted: Wanted::Dies,
    };
    let decode = |folder: &Path| pictures::read(&folder.join("i"), &DecodeLimits::default()).map(drop);
    let decode_anything = |folder: &Path| {
        let limits = DecodeLimits {
            pixels: u64::MAX,
            bytes: u64::MAX,
        };
        pictures::read(&folder.join("i"), &limits).map(drop)
    };
    let few_bytes = |folder: &Path| {
        let limits = DecodeLimits {
            bytes: MIB,
            ..DecodeLimits::default()
        };
        pictures::read(&folder.join("i"), &limits).map(drop)
    };
    let few_pixels = |folder: &Path| {
        let limits = DecodeLimits {
            pixels: 100_000,
            ..DecodeLimits::default()
        };
        pictures::read(&folder.join("i"), &limits).map(drop)
    };
    let import = |folder: &Path| {
        Store::new(folder.join("store"))
            .import(&folder.join("i"), None)
            .map(drop)
    };
    let safetensors = |folder: &Path| pack::read(&folder.join("i")).map(drop);
    let template = |folder: &Path| Template::from_bytes(&fs::read(folder.join("i")).unwrap()).map(drop);
    let mut cases = vec![
        // Pictures: the size that a header claims, and one that is true.
        case(
            "png-header",
            |f| header_bomb(f, ImageFormat::Png),
            decode,
            Limit,
            "60000 x 60000",
        ),
        case(
            "jpeg-header",
            |f| header_bomb(f, ImageFormat::Jpeg),
            decode,
            Limit,
            "60000 x 60000",
        ),
        case(
            "bmp-header",
            |f| header_bomb(f, ImageFormat::Bmp),
            decode,
            Limit,
            "60000 x 60000",
        ),
        case(
            "jp2-size",
            |f| jpeg_2000(f, 60_000, 60_000, 7),
            decode,
            Limit,
            "60000 x 60000",
        ),
        case(
            "jp2-tiles",
            |f| jpeg_2000(f, 40, 10_000, 7),
            decode,
            ImageDecode,
            "too many tiles",
        ),
        case(
            "jp2-precincts",
            |f| jpeg_2000(f, 10_000, 10_000, 0),
            decode,
            ImageDecode,
            "precincts",
        ),
        case(
            "jp2-without-data",
            |f| jpeg_2000(f, 10_000, 10_000, 7),
            decode,
            ImageDecode,
            "end early",
        ),
        case(
            "pnm-header",
            |f| fs::write(f.join("i"), "P6\n60000 60000\n255\n").unwrap(),
            decode,
            Limit,
            "60000 x 60000",
        ),
        case(
            "gif-header",
            |f| {
                fs::write(
                    f.join("i"),
                    b"GIF89a\xFF\xFF\xFF\xFF\0\0\0,\0\0\0\0\xFF\xFF\xFF\xFF\0\x02",
                )
                .unwrap()
            },
            decode,
            Limit,
            "65535 x 65535",
        ),
        case(
            "jp2-code-blocks",
            |f| changed_jpeg_2000(f, &[5, 4, 4, 0, 1], &[5, 0, 0, 0, 1]),
            decode,
            ImageDecode,
            "code blocks",
        ),
        case(
            "jp2-layers",
            |f| changed_jpeg_2000(f, &[1, 0, 0, 1, 1, 5], &[1, 0, 0, 33, 1, 5]),
            decode,
            ImageDecode,
            "JPEG 2000",
        ),
        case(
            "jp2-hidden-header",
            |f| changed_jpeg_2000(f, &[0xFF, 0x52], &[0xFF, 0x30, 0xFF, 0x52]),
            decode,
            ImageDecode,
            "markers",
        ),
        case("jp2-twice", two_codestreams, decode, ImageDecode, "two codestreams"),
        dies(
            "png-header-without-limits",
            |f| header_bomb(f, ImageFormat::Png),
            decode_anything,
        ),
        case("png-of-20000", large_png, decode, Limit, "20000 x 20000"),
        case(
            "png-of-20000-and-few-pixels",
            large_png,
            few_pixels,
            Limit,
            "the limit is 100000",
        ),
        dies("png-of-20000-without-limits", large_png, decode_anything),
        case(
            "picture-of-1-tb",
            |f| sparse(f, b"\x89PNG\r\n\x1a\n"),
            decode,
            Limit,
            "1099511627776 bytes",
        ),
        case(
            "picture-without-end",
            |f| endless(f, "i"),
            few_bytes,
            Limit,
            "the limit is 1048576",
        ),
        // Weights.
        case("checkpoint-zip-bomb", zip_bomb, import, Weights, "is compressed"),
        case(
            "checkpoint-zip-bomb-as-one",
            zip_bomb,
            |f| checkpoint::read(&f.join("i"), &|_| true).map(drop),
            Weights,
            "is compressed",
        ),
        case(
            "checkpoint-of-2-31-floats",
            many_floats,
            |f| checkpoint::read(&f.join("i"), &|_| true).map(drop),
            Limit,
            "more than 134217728 elements",
        ),
        case(
            "safetensors-of-2-31-floats",
            |f| tensor_claim(f, 1 << 31),
            safetensors,
            Weights,
            "truncated",
        ),
        case("safetensors-header", long_header, safetensors, Limit, "a header of"),
        case(
            "safetensors-of-1-tb",
            |f| sparse(f, &[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']),
            safetensors,
            Limit,
            "1099511627776 bytes",
        ),
        case(
            "safetensors-of-1-tb-imported",
            |f| sparse(f, &[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']),
            import,
            Limit,
            "1099511627776 bytes",
        ),
        case("onnx-of-1-tb", |f| sparse(f, &[8, 6]), import, Limit, "more than"),
        case(
            "onnx-of-2-31-floats",
            onnx_claim,
            import,
            Limit,
            "more than 134217728 elements",
        ),
        // Packs.
        case(
            "manifest-without-end",
            |f| endless(f, MANIFEST_FILE),
            |f| Pack::open(f).map(drop),
            Model,
            "no manifest",
        ),
        case(
            "bundle-of-1-tb",
            |f| sparse(f, b"PK\x03\x04"),
            |f| Bundle::open(&f.join("i")).map(drop),
            Model,
            "not a bundle",
        ),
        // Templates, calibrations and arrays.
        case(
            "template-of-2-31-floats",
            template_claim,
            template,
            OfTemplate,
            "2147483648 floats, allowed is 1 to",
        ),
        case(
            "template-of-4-gib",
            |f| changed_template(f, 8, u32::MAX),
            template,
            OfTemplate,
            "4294967295 bytes",
        ),
        case(
            "calibration-without-end",
            |f| endless(f, "i"),
            |f| Calibration::read(&f.join("i")).map(drop),
            Limit,
            "",
        ),
        case(
            "matrix-of-2-31-rows",
            |f| array(f, "<f4", "(2147483648, 512)"),
            |f| read_matrix(&f.join("i")).map(drop),
            Io,
            "needs another number",
        ),
        case(
            "matrix-past-counting",
            |f| array(f, "<f8", "(18446744073709551615, 18446744073709551615)"),
            |f| read_matrix(&f.join("i")).map(drop),
            Io,
            "needs another number",
        ),
        case(
            "texts-of-2-31",
            |f| array(f, "<U2147483648", "(2147483648,)"),
            |f| read_texts(&f.join("i")).map(drop),
            Io,
            "needs another number",
        ),
        case(
            "array-of-other-axes",
            |f| array(f, "<f4", "(0, 0, 0)"),
            |f| read_matrix(&f.join("i")).map(drop),
            InvalidArgument,
            "needed is",
        ),
        case(
            "picture-cut-off",
            |f| fs::write(f.join("i"), b"\x89PNG\r\n\x1a\n").unwrap(),
            decode,
            ImageDecode,
            "",
        ),
    ];
    // A profile of 1 GiB. In a picture of 64 pixels it is left out, as it takes more than the decoder's own tables may; a
    // picture that says it is large may take that much for itself.
    for (name, make, wanted) in [
        ("png-profile", (|f| profile_bomb(f, 8)) as fn(&Path), Wanted::Read),
        ("png-profile-of-8000", |f| profile_bomb(f, 8000), Wanted::Dies),
    ] {
        cases.push(Case {
            name,
            room: 256 * MIB,
            make,
            read: decode,
            wanted,
        });
    }
    cases
}

#[test]
fn what_claims_too_much_is_refused_before_memory_is_taken() {
    if let Ok(name) = std::env::var(CASE) {
        let case = cases().into_iter().find(|case| case.name == name).unwrap();
        return run_case(&case);
    }
    let mut wrong = Vec::new();
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        (case.make)(folder.path());
        let output = in_process(case.name, folder.path());
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let is_right = match case.wanted {
            Wanted::Refused(kind, words) => {
                let told = format!("REFUSED {kind:?} ");
                let line = text.lines().find_map(|line| line.strip_prefix(&told));
                output.status.success() && line.is_some_and(|line| line.contains(words))
            }
            Wanted::Read => output.status.success() && text.contains("READ"),
            Wanted::Dies => !output.status.success() && text.contains("BEGUN") && text.contains("memory allocation of"),
        };
        let told = text.lines().filter(|line| {
            line.starts_with("REFUSED") || line.starts_with("READ") || line.starts_with("memory allocation")
        });
        println!("{:<30} {}", case.name, told.collect::<String>());
        if !is_right {
            wrong.push(format!("{}, {}: {text}", case.name, output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs this test again for one case, in the folder where its input is.
fn in_process(name: &str, folder: &Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "hostile_limits::what_claims_too_much_is_refused_before_memory_is_taken",
            "--nocapture",
        ])
        .env(CASE, name)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// In that process: takes the room, and reads the input.
fn run_case(case: &Case) {
    let before = process::data();
    process::limit_data(before + case.room);
    println!("BEGUN");
    match (case.read)(Path::new(".")) {
        Err(error) => println!("REFUSED {:?} {}", error.kind(), error.message().replace('\n', " ")),
        Ok(()) => println!("READ"),
    }
    let peak = process::peak_resident();
    println!("PEAK {} MiB", peak / MIB);
}

// ------------------------------------------------------------------------------------------------------------- inputs

fn write(folder: &Path, bytes: &[u8]) {
    fs::write(folder.join("i"), bytes).unwrap();
}

/// A file of 1 TB that begins with `start` and has no more on the disk.
fn sparse(folder: &Path, start: &[u8]) {
    let mut file = File::create(folder.join("i")).unwrap();
    file.write_all(start).unwrap();
    file.set_len(1 << 40).unwrap();
}

/// A file that never ends and says it has no byte.
fn endless(folder: &Path, name: &str) {
    std::os::unix::fs::symlink("/dev/zero", folder.join(name)).unwrap();
}

/// A picture of 8 x 8 pixels whose header says 60,000 x 60,000.
/// The headers of a JPEG 2000 codestream: a square picture of three colours in square tiles, halved five times, with precincts
/// of 2^`precinct` pixels a side.
fn jpeg_2000(folder: &Path, tile: u32, side: u32, precinct: u8) {
    let sides = [side, side, 0, 0, tile, tile, 0, 0];
    let mut bytes = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 47, 0, 0];
    bytes.extend(sides.into_iter().flat_map(u32::to_be_bytes));
    bytes.extend([0, 3, 7, 1, 1, 7, 1, 1, 7, 1, 1]);
    // One layer, five halvings, code blocks of 64 x 64, reversible.
    bytes.extend([0xFF, 0x52, 0, 18, 1, 0, 0, 1, 1, 5, 4, 4, 0, 1]);
    bytes.extend([precinct << 4 | precinct; 6]);
    // Quantisation: none, 16 bands.
    bytes.extend([0xFF, 0x5C, 0, 19, 0x40]);
    bytes.extend([0x48; 16]);
    // The first tile's first part, up to an end that isn't there.
    bytes.extend([0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0x93]);
    fs::write(folder.join("i"), bytes).unwrap();
}

/// The same of 2,000 x 2,000 pixels, with some bytes in place of others.
fn changed_jpeg_2000(folder: &Path, from: &[u8], to: &[u8]) {
    jpeg_2000(folder, 2_000, 2_000, 7);
    let bytes = fs::read(folder.join("i")).unwrap();
    let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
    fs::write(folder.join("i"), [&bytes[..at], to, &bytes[at + from.len()..]].concat()).unwrap();
}

/// A JPEG 2000 file with two codestreams, of which a check and a decoder could take another one each.
fn two_codestreams(folder: &Path) {
    jpeg_2000(folder, 2_000, 2_000, 7);
    let stream = fs::read(folder.join("i")).unwrap();
    let part = |name: &[u8; 4], contents: &[u8]| {
        let length = (8 + contents.len() as u32).to_be_bytes();
        [&length[..], name, contents].concat()
    };
    let header = [
        part(b"ihdr", &[0, 0, 7, 208, 0, 0, 7, 208, 0, 3, 7, 7, 0, 0]),
        part(b"colr", &[1, 0, 0, 0, 0, 0, 16]),
    ]
    .concat();
    let parts = [
        part(b"jP  ", b"\r\n\x87\n"),
        part(b"ftyp", b"jp2 \0\0\0\0jp2 "),
        part(b"jp2h", &header),
        part(b"jp2c", &stream),
        part(b"jp2c", &stream),
    ];
    fs::write(folder.join("i"), parts.concat()).unwrap();
}

fn header_bomb(folder: &Path, format: ImageFormat) {
    let mut bytes = Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(8, 8, image::Rgb([9, 90, 200]));
    picture.write_to(&mut bytes, format).unwrap();
    let mut bytes = bytes.into_inner();
    let side = 60_000u32;
    match format {
        ImageFormat::Png => {
            bytes[16..20].copy_from_slice(&side.to_be_bytes());
            bytes[20..24].copy_from_slice(&side.to_be_bytes());
            let check = crc32fast::hash(&bytes[12..29]).to_be_bytes();
            bytes[29..33].copy_from_slice(&check);
        }
        ImageFormat::Jpeg => {
            let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
            for at in [frame + 5, frame + 7] {
                bytes[at..at + 2].copy_from_slice(&(side as u16).to_be_bytes());
            }
        }
        _ => {
            bytes[18..22].copy_from_slice(&side.to_le_bytes());
            bytes[22..26].copy_from_slice(&side.to_le_bytes());
        }
    }
    write(folder, &bytes);
}

fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in chunks {
        let body = [&kind[..], content].concat();
        png.extend((content.len() as u32).to_be_bytes());
        png.extend(&body);
        png.extend(crc32fast::hash(&body).to_be_bytes());
    }
    png
}

/// `size` zeros, deflated.
fn deflated(size: u64) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("z", options).unwrap();
    let zeros = vec![0; MIB as usize];
    for _ in 0..size / MIB {
        zip.write_all(&zeros).unwrap();
    }
    zip.write_all(&zeros[..(size % MIB) as usize]).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let entry = archive.by_index_raw(0).unwrap();
    let (start, length) = (entry.data_start().unwrap() as usize, entry.compressed_size() as usize);
    bytes[start..start + length].to_vec()
}

/// As PNG has it: zlib's header before, Adler's checksum of zeros behind.
fn zlib(size: u64) -> Vec<u8> {
    let check = (size % 65_521) << 16 | 1;
    [&[0x78, 0x9c], &deflated(size)[..], &(check as u32).to_be_bytes()].concat()
}

fn sides(side: u32, kind: [u8; 2]) -> Vec<u8> {
    [&side.to_be_bytes()[..], &side.to_be_bytes(), &kind, &[0, 0, 0]].concat()
}

/// A black picture that does have 20,000 x 20,000 pixels, of a bit each, in 50 kB.
fn large_png(folder: &Path) {
    let data = zlib(20_000 * (1 + 20_000 / 8));
    assert!(data.len() < 100_000);
    write(
        folder,
        &png(&[(b"IHDR", &sides(20_000, [1, 0])), (b"IDAT", &data), (b"IEND", b"")]),
    );
}

/// A picture that says it has so many rows and columns, with a colour profile of 1 GiB, in 1 MB.
fn profile_bomb(folder: &Path, side: u32) {
    let profile = [b"p\0\0", &zlib(1 << 30)[..]].concat();
    assert!(profile.len() < 2_000_000);
    let data = zlib(8 * (1 + 8 * 3));
    let chunks: [(&[u8; 4], &[u8]); 4] = [
        (b"IHDR", &sides(side, [8, 2])),
        (b"iCCP", &profile),
        (b"IDAT", &data),
        (b"IEND", b""),
    ];
    write(folder, &png(&chunks));
}

/// The pickle of a dictionary with one tensor of `elements` floats, all of its storage.
fn pickle(name: &str, elements: i32) -> Vec<u8> {
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let int = |n: i32| [b"J", &n.to_le_bytes()[..]].concat();
    [
        b"\x80\x02}",
        &text(name)[..],
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &int(elements),
        b"tQ",
        &int(0),
        b"(",
        &int(elements),
        b"t(",
        &int(1),
        b"t\x89ccollections\nOrderedDict\n)RtRs.",
    ]
    .concat()
}

fn checkpoint_file(folder: &Path, elements: i32, storage: &[u8], copies: usize, method: CompressionMethod) {
    let mut zip = ZipWriter::new(File::create(folder.join("i")).unwrap());
    let options = SimpleFileOptions::default();
    let stored = options.compression_method(CompressionMethod::Stored);
    zip.start_file("archive/data.pkl", stored).unwrap();
    zip.write_all(&pickle("features.module.conv1.weight", elements))
        .unwrap();
    zip.start_file("archive/data/0", options.compression_method(method))
        .unwrap();
    for _ in 0..copies {
        zip.write_all(storage).unwrap();
    }
    zip.finish().unwrap();
}

/// A checkpoint of 0.5 MB whose one tensor unfolds to 512 MiB, as many as it says.
fn zip_bomb(folder: &Path) {
    checkpoint_file(
        folder,
        1 << 27,
        &vec![0; MIB as usize],
        512,
        CompressionMethod::Deflated,
    );
    assert!(fs::metadata(folder.join("i")).unwrap().len() < MIB);
}

fn many_floats(folder: &Path) {
    checkpoint_file(folder, i32::MAX, &[0; 4], 1, CompressionMethod::Stored);
}

/// A safetensors file that says of its one tensor that it has so many floats.
fn tensor_claim(folder: &Path, elements: u64) {
    let header = format!(
        r#"{{"w":{{"dtype":"F32","shape":[{elements}],"data_offsets":[0,{}]}}}}"#,
        elements * 4
    );
    write(
        folder,
        &[&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 64]].concat(),
    );
}

/// A safetensors file of 20 MB that is all header: in memory its entries would take ten times as much.
fn long_header(folder: &Path) {
    let entries: Vec<String> = (0..400_000)
        .map(|i| format!(r#""{i:06}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#))
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    write(
        folder,
        &[&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat(),
    );
}

/// An ONNX model whose one tensor says it has 2^31 floats.
fn onnx_claim(folder: &Path) {
    // Fields: ir_version 6, graph { initializer { dims 2^31, data_type FLOAT, name, raw_data of 4 bytes } }.
    let tensor = [
        &[8, 0x80, 0x80, 0x80, 0x80, 8, 16, 1, 0x42, 1, b'w', 0x4a, 4][..],
        &[0; 4],
    ]
    .concat();
    let graph = [&[0x2a, tensor.len() as u8][..], &tensor].concat();
    write(folder, &[&[8, 6, 0x3a, graph.len() as u8][..], &graph].concat());
}

/// A template whose number at `at` is another, with its checksum set right.
fn changed_template(folder: &Path, at: usize, number: u32) {
    let fingerprint = qmagface::model::Fingerprint([7; 32]);
    let template = Template::from_embedding("sface", fingerprint, &[1.0; 128]).unwrap();
    let mut bytes = template.to_bytes(Scalar::F32);
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    let end = bytes.len() - 4;
    let check = crc32fast::hash(&bytes[..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&check);
    write(folder, &bytes);
}

fn template_claim(folder: &Path) {
    changed_template(folder, 12, 1 << 31);
}

/// An .npy file that says of its 64 bytes that they are of this type and shape.
fn array(folder: &Path, descr: &str, shape: &str) {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let data = if shape.contains("0, 0") { 0 } else { 64 };
    let length = (header.len() as u16).to_le_bytes();
    write(
        folder,
        &[b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &vec![0; data]].concat(),
    );
}

// ------------------------------------------------------------------------------------------------- paths in manifests

/// Manifests hold three things that become paths: a wheel's file name, the paths of members in it, and a pack's name,
/// which is a folder's. None may climb out, in the writing of any system.
#[test]
fn no_path_of_a_manifest_climbs_out() {
    let good = qmagface::model::catalogue::find("sface").unwrap().to_toml().unwrap();
    let value = |line_start: &str| {
        let line = good.lines().find(|line| line.starts_with(line_start)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let climbing = [
        "../x",
        "..",
        "a/../../x",
        "/x",
        "\\\\x",
        "..\\\\x",
        "a\\\\..\\\\..\\\\x",
        "c:x",
        "c:/x",
        "a\\u0000b",
        "./x",
        "a//b",
        "",
        ".",
        "a/./b",
        "x/",
        "a\\nb",
    ];
    for (field, start, suffix) in [
        ("name", "name = ", ""),
        ("source.wheel", "wheel = ", ".whl"),
        ("source.members.path", "path = ", ""),
        ("checkpoint.file", "file = ", ""),
        ("detector", "detector = ", ""),
    ] {
        let from = format!("{start}\"{}\"", value(start));
        assert!(Manifest::parse(&good).is_ok());
        for path in climbing {
            let text = good.replacen(&from, &format!("{start}\"{path}{suffix}\""), 1);
            assert_ne!(text, good);
            // With an ending, dots or nothing before it are a name like any other.
            if !suffix.is_empty() && matches!(path, "." | ".." | "") {
                continue;
            }
            let error = Manifest::parse(&text).expect_err(&format!("{field} = {path:?}"));
            assert_eq!(error.kind(), ErrorKind::Model);
            assert!(error.message().contains(field), "{field} = {path:?}: {error}");
        }
    }
}

/// A name is a folder of the store; what lies there must say that it is of that name, link or not.
#[test]
fn a_link_in_the_store_is_no_pack_of_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let installed = common::installed(&Store::default_location().unwrap(), "mtcnn");
    fs::create_dir_all(store.models_folder()).unwrap();
    std::os::unix::fs::symlink(installed.folder().unwrap(), store.models_folder().join("sface")).unwrap();
    let error = store.open("sface").unwrap_err();
    assert!(error.message().contains("holds the model mtcnn"), "{error}");
}
