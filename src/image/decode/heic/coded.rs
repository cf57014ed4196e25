//! One coded picture.

use super::{Items, Numbers, RgbImage, refused, wrong};
use crate::error::Result;

/// Most bytes of a decoder's configuration: those of cameras and of encoders have a few hundred.
const LONGEST_CONFIGURATION: usize = 64 << 10;

/// How many pixels more a coded side may have than the shown one: the largest block of HEVC, less one.
const PADDING: u64 = 63;

/// A picture of HEVC by itself: a HEIF file of this one, and what it says of its size.
pub(super) struct Coded {
    file: Vec<u8>,
    /// Width and height of what is shown, and of what is coded.
    shown: (usize, usize),
    pub coded: [u32; 2],
}

impl Coded {
    /// An item's. `left` as for [`Items::data`].
    pub fn of(items: &Items, item: u32, left: &mut usize) -> Result<Self> {
        let configuration = items
            .properties(item)
            .find(|part| part.name == b"hvcC")
            .ok_or_else(|| wrong("its picture has no configuration"))?
            .contents;
        if configuration.len() > LONGEST_CONFIGURATION {
            return Err(wrong("its configuration is too long"));
        }
        let coded = coded_size(configuration).ok_or_else(|| wrong("its configuration isn't that of one picture"))?;
        // How its colours are coded: of the whole where it says so, else of the part.
        let colours = [items.primary, item].into_iter().find_map(|item| {
            items
                .properties(item)
                .find(|part| part.name == b"colr" && part.contents.starts_with(b"nclx"))
        });
        // Four letters, three numbers, and whether all values are used.
        let colours = colours.and_then(|part| part.contents.get(..11));
        let data = items.data(item, left)?;
        let file = file(configuration, colours, &data);
        let info = heic_decoder::probe(&file).map_err(refused)?;
        let shown = (info.coded_width, info.coded_height);
        let fits = |coded: u32, shown: usize| {
            let (coded, shown) = (u64::from(coded), shown as u64);
            (shown..=shown + PADDING).contains(&coded)
        };
        match fits(coded[0], shown.0) && fits(coded[1], shown.1) {
            true => Ok(Coded { file, shown, coded }),
            false => Err(wrong("it codes a larger picture than it shows")),
        }
    }

    /// Width and height of what is shown, at least 1 each.
    pub fn shown(&self) -> (usize, usize) {
        self.shown
    }

    pub fn decode(&self) -> Result<RgbImage> {
        let decoded = heic_decoder::decode(&self.file).map_err(refused)?;
        let rgb = decoded.to_rgb8().map_err(refused)?;
        let (width, height) = (rgb.width as u32, rgb.height as u32);
        let picture = RgbImage::from_raw(width, height, rgb.data);
        let same = |picture: &RgbImage| (picture.width() as usize, picture.height() as usize) == self.shown;
        picture
            .filter(same)
            .ok_or_else(|| wrong("its picture has another size than it says"))
    }
}

/// Width and height that a decoder will allocate: of the one sequence parameter set (ISO/IEC 23008-2, clause 7.3.2.2) of a
/// configuration (ISO/IEC 14496-15, clause 8.3.2.1).
fn coded_size(configuration: &[u8]) -> Option<[u32; 2]> {
    /// Of a sequence parameter set.
    const SEQUENCE: u8 = 33;
    let mut numbers = Numbers(configuration);
    numbers.bytes(22)?;
    let mut sets = Vec::new();
    for _ in 0..numbers.u8()? {
        let kind = numbers.u8()? & 0x3F;
        for _ in 0..numbers.u16()? {
            let length = numbers.u16()?;
            let unit = numbers.bytes(length.into())?;
            if kind == SEQUENCE {
                sets.push(unit);
            }
        }
    }
    // With several another one might be taken than is looked at here.
    let [set] = sets[..] else { return None };
    let ([first, second], rest) = set.split_first_chunk::<2>()?;
    // Its own header: kind, layer 0, no sub-layer.
    if first >> 1 & 0x3F != SEQUENCE || first & 1 != 0 || second >> 3 != 0 {
        return None;
    }
    let mut bits = Bits::new(rest);
    bits.skip(4)?;
    // Sub-layers would lengthen what is skipped, and no still picture has any.
    if bits.take(3)? != 0 {
        return None;
    }
    // Nesting; profile, tier and level.
    bits.skip(1 + 96)?;
    bits.exponential()?;
    if bits.exponential()? == 3 {
        bits.skip(1)?;
    }
    Some([bits.exponential()?, bits.exponential()?])
}

/// Bits of a unit, without the bytes that only keep it from looking like the start of another.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn new(unit: &[u8]) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(unit.len());
        let mut zeros = 0;
        for &byte in unit {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Bits { bytes, at: 0 }
    }

    /// At most 32.
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= 8 * self.bytes.len()).then_some(())
    }

    /// A number in Exp-Golomb code (clause 9.2).
    fn exponential(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.take(zeros)?;
        ((1u32 << zeros) - 1).checked_add(rest)
    }
}

/// A box of these parts.
fn part(name: &[u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = contents.len() as u32 + 8;
    [&length.to_be_bytes()[..], name, &contents].concat()
}

/// A HEIF file of one picture, item 1. Its parts are short enough for lengths of 32 bits: a file is at most that long.
fn file(configuration: &[u8], colours: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    const NOTHING: &[u8] = &[0; 4];
    let properties = part(
        b"ipco",
        &[
            &part(b"hvcC", &[configuration]),
            &colours.map_or_else(Vec::new, |colours| part(b"colr", &[colours])),
        ],
    );
    let associated: &[u8] = match colours {
        Some(_) => &[0, 0, 0, 1, 0, 1, 2, 0x81, 2],
        None => &[0, 0, 0, 1, 0, 1, 1, 0x81],
    };
    let kind = [2, 0, 0, 0, 0, 1, 0, 0, b'h', b'v', b'c', b'1', 0];
    let length = (data.len() as u32).to_be_bytes();
    let meta = |offset: u32| {
        let place: [&[u8]; 3] = [
            &[0, 0, 0, 0, 0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1],
            &offset.to_be_bytes(),
            &length,
        ];
        part(
            b"meta",
            &[
                NOTHING,
                &part(b"hdlr", &[NOTHING, NOTHING, b"pict", &[0; 13]]),
                &part(b"pitm", &[NOTHING, &[0, 1]]),
                &part(b"iinf", &[NOTHING, &[0, 1], &part(b"infe", &[&kind])]),
                &part(b"iloc", &place),
                &part(b"iprp", &[&properties, &part(b"ipma", &[NOTHING, associated])]),
            ],
        )
    };
    let kind = part(b"ftyp", &[b"heic", NOTHING, b"mif1heic"]);
    let offset = kind.len() + meta(0).len() + 8;
    [kind, meta(offset as u32), part(b"mdat", &[data])].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration with these sequence parameter sets.
    fn configuration(sets: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0; 22];
        bytes.extend([1, 33]);
        bytes.extend((sets.len() as u16).to_be_bytes());
        for set in sets {
            bytes.extend((set.len() as u16).to_be_bytes());
            bytes.extend(*set);
        }
        bytes
    }

    /// Of 4:2:0, so many pixels wide and high.
    fn set([width, height]: [u32; 2]) -> Vec<u8> {
        let mut bits = String::from("0000" /* video set */) + "000" + "1";
        bits += &"0".repeat(96);
        for number in [0, 1, width, height] {
            let code = format!("{:b}", number + 1);
            bits += &("0".repeat(code.len() - 1) + &code);
        }
        bits += "1";
        bits += &"0".repeat((8 - bits.len() % 8) % 8);
        let mut bytes = vec![0x42, 0x01];
        let mut zeros = 0;
        for at in (0..bits.len()).step_by(8) {
            let byte = u8::from_str_radix(&bits[at..at + 8], 2).unwrap();
            if zeros == 2 && byte <= 3 {
                bytes.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        bytes
    }

    #[test]
    fn the_coded_size_is_that_of_the_one_parameter_set() {
        let wanted = [4032, 3024];
        assert_eq!(coded_size(&configuration(&[&set(wanted)])), Some(wanted));
        assert_eq!(coded_size(&configuration(&[&set(wanted), &set(wanted)])), None);
        assert_eq!(coded_size(&configuration(&[])), None);
        let mut layered = set(wanted);
        layered[1] |= 8;
        assert_eq!(coded_size(&configuration(&[&layered])), None);
        let whole = configuration(&[&set(wanted)]);
        for length in 0..whole.len() - 1 {
            assert_eq!(coded_size(&whole[..length]), None, "{length}");
        }
        assert_eq!(Bits::new(&[0; 5]).exponential(), None);
        assert_eq!(
            Bits::new(&[0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]).exponential(),
            Some(u32::MAX - 1)
        );
    }
}
