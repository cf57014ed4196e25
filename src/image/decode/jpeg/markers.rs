//! The markers of a JPEG file and what stands between them (ITU-T T.81, annex B), and a copy without its oddities.

use memchr::memchr;
use std::ops::Range;

/// A marker code, the second byte behind 0xFF (T.81, table B.1).
pub(super) mod code {
    /// Huffman tables.
    pub const DHT: u8 = 0xC4;
    /// Start of the image.
    pub const SOI: u8 = 0xD8;
    /// End of the image.
    pub const EOI: u8 = 0xD9;
    /// Start of a scan.
    pub const SOS: u8 = 0xDA;
    /// Quantisation tables.
    pub const DQT: u8 = 0xDB;
    /// Interval between restart markers.
    pub const DRI: u8 = 0xDD;
    /// JFIF's segment.
    pub const APP0: u8 = 0xE0;
    /// EXIF's segment.
    pub const APP1: u8 = 0xE1;
    /// The segment of colour profiles.
    pub const APP2: u8 = 0xE2;
    /// Adobe's segment.
    pub const APP14: u8 = 0xEE;
}

/// One marker with what belongs to it.
pub(super) struct Marker<'a> {
    pub code: u8,
    /// What its length covers, without the length itself. Shorter where the file ends.
    pub body: &'a [u8],
    /// Where the entropy-coded data behind a start of a scan are, with their restart markers. Empty elsewhere.
    pub data: Range<usize>,
}

impl Marker<'_> {
    /// Whether this starts a frame (SOF0 to SOF15).
    pub fn is_frame(&self) -> bool {
        matches!(self.code, 0xC0..=0xCF) && !matches!(self.code, 0xC4 | 0xC8 | 0xCC)
    }

    /// Whether it stands alone, without a length.
    fn is_alone(code: u8) -> bool {
        matches!(code, 0x01 | 0xD0..=code::EOI)
    }
}

/// The markers behind the start of the image, up to and with its end or to the end of the bytes. Bytes between segments
/// that belong to none are passed over.
pub(super) struct Markers<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Markers<'a> {
    /// Of a file that begins with the marker of its start.
    pub fn of(bytes: &'a [u8]) -> Self {
        Markers { bytes, at: 2 }
    }

    /// Finds the next marker's code and stops at it.
    fn next_code(&mut self) -> Option<u8> {
        loop {
            self.at += memchr(0xFF, self.bytes.get(self.at..)?)?;
            // Any number of 0xFF may come before a code.
            self.at += self.bytes[self.at..].iter().take_while(|&&byte| byte == 0xFF).count();
            match *self.bytes.get(self.at)? {
                0 => {}
                code => return Some(code),
            }
        }
    }

    /// Takes the data of a scan: to the next marker that isn't a restart, or to the end of the bytes.
    fn scan_data(&mut self) -> Range<usize> {
        let start = self.at;
        loop {
            match memchr(0xFF, &self.bytes[self.at..]) {
                Some(skip) => self.at += skip,
                None => self.at = self.bytes.len(),
            }
            match self.bytes.get(self.at + 1) {
                Some(0 | 0xD0..=0xD7) => self.at += 2,
                Some(0xFF) => self.at += 1,
                Some(_) => break,
                None => {
                    self.at = self.bytes.len();
                    break;
                }
            }
        }
        // Any number of 0xFF may come before a marker.
        let fill = self.bytes[start..self.at]
            .iter()
            .rev()
            .take_while(|&&byte| byte == 0xFF)
            .count();
        start..self.at - fill
    }
}

impl<'a> Iterator for Markers<'a> {
    type Item = Marker<'a>;

    fn next(&mut self) -> Option<Marker<'a>> {
        let code = self.next_code()?;
        self.at += 1;
        if code == code::EOI {
            self.bytes = &self.bytes[..self.at];
        }
        if Marker::is_alone(code) {
            return Some(Marker {
                code,
                body: &[],
                data: 0..0,
            });
        }
        let &[high, low] = self.bytes.get(self.at..self.at + 2)? else {
            return None;
        };
        let end = self.at + usize::from(u16::from_be_bytes([high, low])).max(2);
        let body = &self.bytes[self.at + 2..end.min(self.bytes.len())];
        self.at = end.min(self.bytes.len());
        let data = if code == code::SOS { self.scan_data() } else { 0..0 };
        Some(Marker { code, body, data })
    }
}

/// A copy that ends with the end-of-image marker and has none of the oddities that lose nothing, so that whatever a
/// decoder still finds fault with is damage. Taken out: bytes between segments, profiles (their parts may be
/// misnumbered) and segments of reserved codes, all of which say nothing of the pixels. Set right: a JFIF version and
/// an Adobe transform that nobody knows, and the scan parameters that a sequential JPEG has no use for.
pub(super) fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut copy = vec![0xFF, code::SOI];
    let (sequential, components) = Markers::of(bytes).find(Marker::is_frame).map_or((false, 0), |frame| {
        (
            matches!(frame.code, 0xC0 | 0xC1),
            frame.body.get(5).copied().unwrap_or(0),
        )
    });
    for Marker { code, body, data } in Markers::of(bytes) {
        if matches!(code, code::APP2 | code::EOI | 0x02..=0xBF | 0xF0..=0xFD) {
            continue;
        }
        copy.extend([0xFF, code]);
        if Marker::is_alone(code) {
            continue;
        }
        copy.extend((body.len() as u16 + 2).to_be_bytes());
        let start = copy.len();
        copy.extend(body);
        let body = &mut copy[start..];
        match code {
            code::APP0 if body.starts_with(b"JFIF\0") && body.len() > 5 => body[5] = 1,
            // What libjpeg takes an unknown one for: YCbCr of three components, YCCK of four.
            code::APP14 if body.starts_with(b"Adobe") && body.len() > 11 => match (components, body[11]) {
                (3, 2..) => body[11] = 1,
                (4, 1 | 3..) => body[11] = 2,
                _ => {}
            },
            code::SOS if sequential => {
                if let Some(last) = body.last_chunk_mut() {
                    *last = [0, 63, 0];
                }
            }
            _ => {}
        }
        copy.extend(&bytes[data]);
    }
    copy.extend([0xFF, code::EOI]);
    copy
}
