//! What an image file is, told by its first bytes.

use std::fmt;

/// Kinds of image files that can be told by their first bytes. [`ImageKind::is_read`] says which of them are read.
///
/// TGA and a few others have no mark of their own and are not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageKind {
    /// JPEG, with JFIF or EXIF data or neither.
    Jpeg,
    /// PNG, animated or not.
    Png,
    /// Windows and OS/2 bitmaps.
    Bmp,
    /// TIFF and BigTIFF.
    Tiff,
    /// WebP, lossy, lossless or animated.
    WebP,
    /// HEIC and other HEIF files, of one picture or several.
    Heic,
    /// AVIF, of one picture or several.
    Avif,
    /// GIF.
    Gif,
    /// JPEG 2000, as a file (JP2, JPX, JPM) or a bare codestream.
    Jpeg2000,
    /// Face records of ISO/IEC 19794-5, by themselves or in a data group 2 of ICAO Doc 9303.
    FaceRecord,
    /// JPEG XL, in its container or as a bare codestream.
    JpegXl,
    /// JPEG XR.
    JpegXr,
    /// PBM, PGM, PPM and PAM (`P1` to `P7`), and PFM.
    Pnm,
    /// Windows icons.
    Ico,
    /// Photoshop documents.
    Psd,
    /// Raw data of a camera's sensor: CR2, CR3, CRW, RAF, ORF, RW2, X3F and MRW always; NEF, ARW, DNG and others that
    /// are TIFF files where their first directory is among the bytes.
    CameraRaw,
    /// OpenEXR.
    OpenExr,
    /// Radiance pictures (HDR).
    Radiance,
    /// QOI.
    Qoi,
    /// DICOM files.
    Dicom,
    /// SVG drawings.
    Svg,
    /// PDF documents.
    Pdf,
    /// Encapsulated PostScript.
    Eps,
}

/// One kind: its name, and whether a file with these first bytes is of it.
type Mark = (ImageKind, &'static str, fn(&[u8]) -> bool);

/// Every kind. At most one is true of a file; `no_kind_is_taken_for_another` in the tests holds them to that.
const MARKS: [Mark; 23] = [
    (ImageKind::Jpeg, "JPEG", |head| head.starts_with(&[0xFF, 0xD8, 0xFF])),
    (ImageKind::Png, "PNG", |head| head.starts_with(b"\x89PNG\r\n\x1a\n")),
    (ImageKind::Bmp, "BMP", is_bmp),
    (ImageKind::Tiff, "TIFF", |head| is_tiff(head) && !is_raw_in_tiff(head)),
    (ImageKind::WebP, "WebP", |head| {
        head.starts_with(b"RIFF") && at(head, 8, b"WEBPVP8") && matches!(head.get(15), Some(b' ' | b'L' | b'X'))
    }),
    (ImageKind::Heic, "HEIC", is_heic),
    (ImageKind::Avif, "AVIF", is_avif),
    (ImageKind::Gif, "GIF", |head| {
        head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a")
    }),
    (ImageKind::Jpeg2000, "JPEG 2000", |head| {
        head.starts_with(b"\0\0\0\x0CjP  \r\n\x87\n") || head.starts_with(&[0xFF, 0x4F, 0xFF, 0x51])
    }),
    (ImageKind::FaceRecord, "face record", is_face_record),
    (ImageKind::JpegXl, "JPEG XL", |head| {
        head.starts_with(b"\0\0\0\x0CJXL \r\n\x87\n") || head.starts_with(&[0xFF, 0x0A])
    }),
    (ImageKind::JpegXr, "JPEG XR", |head| head.starts_with(b"II\xBC\x01")),
    (ImageKind::Pnm, "PNM", is_pnm),
    (ImageKind::Ico, "ICO", is_ico),
    (ImageKind::Psd, "PSD", |head| {
        head.starts_with(b"8BPS\0\x01") || head.starts_with(b"8BPS\0\x02")
    }),
    (ImageKind::CameraRaw, "camera raw", |head| {
        is_raw(head) || (is_tiff(head) && is_raw_in_tiff(head))
    }),
    (ImageKind::OpenExr, "OpenEXR", |head| {
        head.starts_with(&[0x76, 0x2F, 0x31, 0x01])
    }),
    (ImageKind::Radiance, "Radiance", |head| {
        head.starts_with(b"#?RADIANCE\n") || head.starts_with(b"#?RGBE\n")
    }),
    (ImageKind::Qoi, "QOI", |head| {
        head.starts_with(b"qoif") && matches!(head.get(12..14), Some([3 | 4, 0 | 1]))
    }),
    (ImageKind::Dicom, "DICOM", |head| at(head, 128, b"DICM")),
    (ImageKind::Svg, "SVG", is_svg),
    (ImageKind::Pdf, "PDF", |head| head.starts_with(b"%PDF-")),
    (ImageKind::Eps, "EPS", |head| {
        head.starts_with(&[0xC5, 0xD0, 0xD3, 0xC6])
            || (head.starts_with(b"%!PS-Adobe-") && first_line(head).windows(4).any(|part| part == b"EPSF"))
    }),
];

impl ImageKind {
    /// First bytes of a file that are enough to tell its kind. DICOM's mark, the farthest from the start, ends there.
    ///
    /// Two kinds are told better with more: camera raw that is built as a TIFF file with its directory elsewhere (taken
    /// for TIFF), and an SVG whose `<svg` comes later (not told).
    pub const HEAD_BYTES: usize = 132;

    /// Returns the kind of a file by its first bytes: [`ImageKind::HEAD_BYTES`] of them, more, or the whole of a
    /// shorter file. `None` for anything else, and for too few bytes to be sure.
    ///
    /// Only marks are looked at: the rest of the file may still be damaged.
    pub fn of(head: &[u8]) -> Option<ImageKind> {
        MARKS.iter().find(|(_, _, is)| is(head)).map(|mark| mark.0)
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = ImageKind> {
        MARKS.iter().map(|mark| mark.0)
    }

    /// The name for people: "HEIC", "JPEG 2000".
    pub fn name(self) -> &'static str {
        // `every_kind_has_a_name_of_its_own` in the tests makes sure that each is found.
        MARKS.iter().find(|mark| mark.0 == self).map_or("", |mark| mark.1)
    }

    /// Whether it is a picture of pixels, as photos are, and no drawing or document.
    pub fn is_picture(self) -> bool {
        !matches!(self, ImageKind::Svg | ImageKind::Pdf | ImageKind::Eps)
    }

    /// The name with its article: "a HEIC image", "an SVG image".
    pub fn with_article(self) -> String {
        let name = self.name();
        // Of names that are spelled letter by letter, "an" stands before "SVG" too.
        let article = if name.starts_with(['A', 'E', 'I', 'O']) || name == "SVG" {
            "an"
        } else {
            "a"
        };
        format!("{article} {name} image")
    }
}

impl fmt::Display for ImageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether `mark` stands at `offset`.
fn at(head: &[u8], offset: usize, mark: &[u8]) -> bool {
    head.get(offset..offset + mark.len()) == Some(mark)
}

fn first_line(head: &[u8]) -> &[u8] {
    head.split(|&byte| byte == b'\n' || byte == b'\r')
        .next()
        .unwrap_or(head)
}

/// "BM" begins many a text: the length of the header behind it and its one plane tell a bitmap.
fn is_bmp(head: &[u8]) -> bool {
    let Some(header) = head.get(14..18).filter(|_| head.starts_with(b"BM")) else {
        return false;
    };
    // BITMAPCOREHEADER has sides of 2 bytes, all others of 4.
    match u32::from_le_bytes([header[0], header[1], header[2], header[3]]) {
        12 => at(head, 22, &[1, 0]),
        16 | 40 | 52 | 56 | 64 | 108 | 124 => at(head, 26, &[1, 0]),
        _ => false,
    }
}

fn is_tiff(head: &[u8]) -> bool {
    const MARKS: [&[u8]; 4] = [b"II\x2A\0", b"MM\0\x2A", b"II\x2B\0\x08\0\0\0", b"MM\0\x2B\0\x08\0\0"];
    MARKS.iter().any(|mark| head.starts_with(mark))
}

/// Camera raw with a mark of its own.
fn is_raw(head: &[u8]) -> bool {
    const MARKS: [&[u8]; 8] = [
        b"FUJIFILMCCD-RAW ",     // RAF
        b"II\x1A\0\0\0HEAPCCDR", // CRW
        b"IIRO",                 // ORF
        b"IIRS",
        b"MMOR",
        b"IIU\0", // RW2
        b"FOVb",  // X3F
        b"\0MRM", // MRW
    ];
    brand(head) == Some(b"crx ") || MARKS.iter().any(|mark| head.starts_with(mark))
}

/// Whether a TIFF file's first directory is a camera's: its picture is only a preview of another (NEF, ARW, DNG), or
/// the sensor's own pixels (DNG). TIFF 6.0 section 2 has the form of a directory, DNG 1.7 chapter 4 the tags.
fn is_raw_in_tiff(head: &[u8]) -> bool {
    let little = head.starts_with(b"II");
    let short = |bytes: &[u8]| {
        let bytes = [bytes[0], bytes[1]];
        if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        }
    };
    let long = |bytes: &[u8]| {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        }
    };
    if at(head, 8, b"CR\x02\0") {
        return true;
    }
    // In a BigTIFF, which no camera writes, the offset is elsewhere.
    let plain = at(head, 2, b"\x2A\0") || at(head, 2, b"\0\x2A");
    let Some(directory) = head
        .get(4..8)
        .filter(|_| plain)
        .and_then(|offset| head.get(long(offset) as usize..))
    else {
        return false;
    };
    let Some(count) = directory.get(..2) else {
        return false;
    };
    directory[2..].chunks_exact(12).take(short(count).into()).any(|entry| {
        let (tag, kind) = (short(entry), short(&entry[2..]));
        let value = if kind == 3 {
            u32::from(short(&entry[8..]))
        } else {
            long(&entry[8..])
        };
        match tag {
            254 => value & 1 == 1,                 // NewSubfileType: a reduced form of another image
            262 => matches!(value, 32803 | 34892), // PhotometricInterpretation: colour filter array, linear raw
            50706 => true,                         // DNGVersion
            _ => false,
        }
    })
}

/// The brand of a file of ISO's base media format (ISO/IEC 14496-12, section 4.3). Films have some of their own.
fn brand(head: &[u8]) -> Option<&[u8]> {
    head.get(8..12).filter(|_| at(head, 4, b"ftyp"))
}

/// Brands of HEIF files of HEVC pictures (ISO/IEC 23008-12, annex B).
const HEIC: [&[u8]; 6] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"];
/// Brands of those of AV1 pictures.
const AVIF: [&[u8]; 2] = [b"avif", b"avis"];
/// Brands of HEIF files of any pictures: those that the file is compatible with tell which.
const HEIF: [&[u8]; 2] = [b"mif1", b"msf1"];

fn is_heic(head: &[u8]) -> bool {
    brand(head).is_some_and(|own| {
        HEIC.contains(&own)
            || HEIF.contains(&own)
                && compatible(head).is_some_and(|mut brands| !brands.any(|brand| AVIF.contains(&brand)))
    })
}

fn is_avif(head: &[u8]) -> bool {
    brand(head).is_some_and(|own| {
        AVIF.contains(&own)
            || HEIF.contains(&own)
                && compatible(head).is_some_and(|mut brands| brands.any(|brand| AVIF.contains(&brand)))
    })
}

/// The brands that a file is compatible with, or as many of them as a head has; None for less.
fn compatible(head: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let length = u32::from_be_bytes(*head.first_chunk()?) as usize;
    Some(head.get(16..length.min(ImageKind::HEAD_BYTES))?.chunks_exact(4))
}

/// A record's own mark, or the tags of a data group 2 and of the templates in it, with a length between them.
fn is_face_record(head: &[u8]) -> bool {
    // A length has one byte below 128, or says how many follow.
    let length = |first: &u8| {
        if *first < 0x80 {
            1
        } else {
            1 + usize::from(first & 0x7F)
        }
    };
    head.starts_with(b"FAC\x000")
        || head.first() == Some(&0x75)
            && head
                .get(1)
                .is_some_and(|first| at(head, 1 + length(first), &[0x7F, 0x61]))
}

/// A text may well begin with "P5 ": the numbers that must follow tell an image.
fn is_pnm(head: &[u8]) -> bool {
    let Some((&[b'P', number], rest)) = head.split_first_chunk::<2>() else {
        return false;
    };
    let numbers = match number {
        b'1' | b'4' => 2,
        b'2' | b'3' | b'5' | b'6' | b'F' | b'f' => 3,
        b'7' => {
            const KEYS: [&[u8]; 6] = [b"#", b"WIDTH ", b"HEIGHT ", b"DEPTH ", b"MAXVAL ", b"TUPLTYPE "];
            return rest
                .strip_prefix(b"\n")
                .is_some_and(|rest| KEYS.iter().any(|key| rest.starts_with(key)));
        }
        _ => return false,
    };
    // The last of a PFM's numbers is its scale, with a sign and a point.
    let digit = |byte: &u8| byte.is_ascii_digit() || (matches!(number, b'F' | b'f') && b"+-.e".contains(byte));
    let mut rest = rest;
    for _ in 0..numbers {
        let mut blank = false;
        loop {
            rest = match rest {
                [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] => rest,
                [b'#', ..] if blank => &rest[first_line(rest).len()..],
                _ => break,
            };
            blank = true;
        }
        let length = rest.iter().take_while(|byte| digit(byte)).count();
        if !blank || length == 0 || length > 12 {
            return false;
        }
        rest = &rest[length..];
    }
    // A number that the bytes end in may go on.
    rest.first().is_some_and(u8::is_ascii_whitespace)
}

/// The header has no mark worth the name: its first entry must make sense too.
fn is_ico(head: &[u8]) -> bool {
    let Some(entry) = head.get(4..22).filter(|_| head.starts_with(&[0, 0, 1, 0])) else {
        return false;
    };
    let count = u16::from_le_bytes([entry[0], entry[1]]);
    let offset = u32::from_le_bytes([entry[14], entry[15], entry[16], entry[17]]);
    // Planes, 0 or 1; bits a pixel; bytes; where they begin: behind the entries of 16 bytes each.
    let sensible = entry[5] == 0 && entry[6] <= 1 && entry[7] == 0 && entry[8] <= 32 && entry[9] == 0;
    (1..=1024).contains(&count) && sensible && entry[10..14] != [0; 4] && offset >= 6 + 16 * u32::from(count)
}

/// Whether a text's first element is `svg`, behind a declaration, comments and a document type.
fn is_svg(head: &[u8]) -> bool {
    let mut text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    loop {
        text = text.trim_ascii_start();
        if text.starts_with(b"<!DOCTYPE svg") {
            return true;
        }
        let end: &[u8] = match text {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            _ => break,
        };
        match text.windows(end.len()).position(|part| part == end) {
            Some(at) => text = &text[at + end.len()..],
            None => return false,
        }
    }
    text.strip_prefix(b"<svg")
        .is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'\t' | b'\r' | b'\n' | b'>')))
}

#[cfg(test)]
mod tests;
