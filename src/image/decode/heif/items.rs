//! The items of a HEIF file (ISO/IEC 14496-12, clause 8.11, and ISO/IEC 23008-12): what they are, what is said of them, what
//! they are made of, and their data. Only still pictures; what a file has beside them is left alone.
//!
//! What is kept of an item takes some hundred bytes, so their number is bounded.

use super::super::boxes::{Numbers, Part, boxes};
use super::super::{damaged, unsupported};
use crate::error::Result;
use crate::image::kind::ImageKind;
use std::collections::BTreeMap;

/// Most items of a file: a grid has 65,536 tiles at most.
const MOST_ITEMS: usize = 100_000;

/// A file's items.
pub(in crate::image::decode) struct Items<'a> {
    kind: ImageKind,
    file: &'a [u8],
    /// The item that is the picture.
    pub primary: u32,
    items: BTreeMap<u32, Item<'a>>,
    properties: Vec<Part<'a>>,
    /// What items are made of: box of references, and whether its numbers have 32 bits.
    references: Option<(&'a [u8], bool)>,
    /// Data that lie among the boxes.
    inside: &'a [u8],
}

/// What is known of an item.
#[derive(Default)]
struct Item<'a> {
    /// Its kind, as four letters.
    kind: Option<[u8; 4]>,
    /// Numbers of its properties, of two bytes each where `wide`.
    properties: &'a [u8],
    wide: bool,
    data: Option<Location<'a>>,
}

/// Where an item's data are.
#[derive(Clone, Copy)]
struct Location<'a> {
    /// 0: in the file; 1: among the boxes; others aren't read.
    method: u16,
    base: u64,
    /// Bytes of each number of `extents`: one that is skipped, the offset, the length.
    sizes: [usize; 3],
    extents: &'a [u8],
}

impl<'a> Items<'a> {
    /// Of a file of this kind.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ImageDecode`] for a file without a picture, or whose boxes end early.
    pub fn of(file: &'a [u8], kind: ImageKind) -> Result<Self> {
        let Some(meta) = boxes(file).find(|part| part.name == b"meta") else {
            return Err(unsupported(kind, "it has no still picture"));
        };
        let early = || damaged(kind, "its boxes end early");
        // Behind version and flags.
        let parts: Vec<Part> = boxes(meta.contents.get(4..).ok_or_else(early)?).collect();
        let part = |name: &[u8; 4]| parts.iter().find(|part| part.name == name).map(|part| part.contents);
        let primary = part(b"pitm").ok_or_else(|| damaged(kind, "it doesn't say which item is its picture"))?;
        let properties = part(b"iprp").unwrap_or_default();
        let inside = |name: &[u8; 4]| boxes(properties).find(|part| part.name == name);
        let mut items = Items {
            kind,
            file,
            primary: primary_item(primary).ok_or_else(early)?,
            items: BTreeMap::new(),
            properties: inside(b"ipco").map_or_else(Vec::new, |part| boxes(part.contents).collect()),
            references: None,
            inside: part(b"idat").unwrap_or_default(),
        };
        if let Some(references) = part(b"iref") {
            let mut numbers = Numbers(references);
            let (version, _) = numbers.version().ok_or_else(early)?;
            items.references = Some((numbers.0, version != 0));
        }
        for (name, read) in [
            (b"iinf", Self::kinds as fn(&mut Self, &'a [u8]) -> Option<()>),
            (b"iloc", Self::locations),
        ] {
            if let Some(contents) = part(name) {
                read(&mut items, contents).ok_or_else(early)?;
            }
        }
        if items.items.len() > MOST_ITEMS {
            return Err(damaged(kind, "it has more items than are read"));
        }
        for associations in boxes(properties).filter(|part| part.name == b"ipma") {
            items.associations(associations.contents).ok_or_else(early)?;
        }
        Ok(items)
    }

    /// The four letters of an item's kind.
    pub fn kind_of(&self, item: u32) -> Option<[u8; 4]> {
        self.items.get(&item)?.kind
    }

    /// What is said of an item, in order.
    pub fn properties(&self, item: u32) -> impl Iterator<Item = Part<'a>> {
        let item = self.items.get(&item);
        let step = if item.is_some_and(|item| item.wide) { 2 } else { 1 };
        let numbers = item.map_or(&[][..], |item| item.properties).chunks_exact(step);
        numbers.filter_map(move |number| {
            // The highest bit says whether a reader must know the property. They are numbered from 1; 0 is none.
            let number = match *number {
                [high, low] => usize::from(u16::from_be_bytes([high, low]) & 0x7FFF),
                [one] => usize::from(one & 0x7F),
                _ => 0,
            };
            self.properties.get(number.checked_sub(1)?).copied()
        })
    }

    /// The items that an item is made of, in order.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ImageDecode`] where their list ends early.
    pub fn made_of(&self, item: u32) -> Result<Vec<u32>> {
        let Some((references, wide)) = self.references else {
            return Ok(Vec::new());
        };
        let early = || damaged(self.kind, "the list of its parts ends early");
        for part in boxes(references).filter(|part| part.name == b"dimg") {
            let mut numbers = Numbers(part.contents);
            if numbers.item(wide).ok_or_else(early)? == item {
                let count = numbers.u16().ok_or_else(early)?;
                let parts: Option<Vec<u32>> = (0..count).map(|_| numbers.item(wide)).collect();
                return parts.ok_or_else(early);
            }
        }
        Ok(Vec::new())
    }

    /// An item's data. All calls together may take as many bytes as `left` says, which is lowered: items that share
    /// their data could else take any number.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ImageDecode`] where they aren't all in the file, or are too many.
    pub fn data(&self, item: u32, left: &mut usize) -> Result<Vec<u8>> {
        let location = self.items.get(&item).and_then(|item| item.data);
        let location = location.ok_or_else(|| damaged(self.kind, "it doesn't say where its picture's data are"))?;
        let source = match location.method {
            0 => self.file,
            1 => self.inside,
            _ => return Err(unsupported(self.kind, "its data are parts of other items")),
        };
        let [skipped, offset, length] = location.sizes;
        let early = || damaged(self.kind, "its picture's data end early");
        let mut data = Vec::new();
        // Those of no length count too.
        let extents = location.extents.len() / (skipped + offset + length).max(1);
        *left = left
            .checked_sub(extents)
            .ok_or_else(|| damaged(self.kind, "its pictures share their data"))?;
        for extent in location.extents.chunks_exact((skipped + offset + length).max(1)) {
            let mut numbers = Numbers(extent);
            let mut number = |bytes| numbers.number(bytes).unwrap_or(0);
            let (_, offset, length) = (number(skipped), number(offset), number(length));
            let start = location
                .base
                .checked_add(offset)
                .and_then(|at| usize::try_from(at).ok());
            let length = usize::try_from(length).map_err(|_| early())?;
            let part = start
                .and_then(|start| source.get(start..)?.get(..length))
                .ok_or_else(early)?;
            *left = left
                .checked_sub(length)
                .ok_or_else(|| damaged(self.kind, "its pictures share their data"))?;
            data.extend_from_slice(part);
        }
        Ok(data)
    }

    /// The box of the items' kinds.
    fn kinds(&mut self, contents: &'a [u8]) -> Option<()> {
        let mut numbers = Numbers(contents);
        let (version, _) = numbers.version()?;
        numbers.number(if version == 0 { 2 } else { 4 })?;
        for part in boxes(numbers.0).filter(|part| part.name == b"infe") {
            let mut numbers = Numbers(part.contents);
            let (version, _) = numbers.version()?;
            // Earlier versions have no kind.
            if version >= 2 {
                let item = numbers.item(version > 2)?;
                numbers.u16()?;
                let kind = *numbers.bytes(4)?.first_chunk()?;
                if self.items.len() > MOST_ITEMS {
                    // Refused by whoever asked.
                    return Some(());
                }
                self.items.entry(item).or_default().kind.get_or_insert(kind);
            }
        }
        Some(())
    }

    /// The box of the items' places.
    fn locations(&mut self, contents: &'a [u8]) -> Option<()> {
        let mut numbers = Numbers(contents);
        let (version, _) = numbers.version()?;
        let sizes = numbers.u16()?;
        let size = |shift: u32| usize::from(sizes >> shift & 15);
        let (offset, length, base) = (size(12), size(8), size(4));
        let index = if version > 0 { size(0) } else { 0 };
        // Without a length, data go to the file's end, which no picture of many items needs.
        if length == 0 || [offset, length, base, index].iter().any(|&bytes| bytes > 8) {
            return None;
        }
        let count = numbers.item(version > 1)?;
        for _ in 0..count {
            let item = numbers.item(version > 1)?;
            let method = if version > 0 { numbers.u16()? & 15 } else { 0 };
            // Data in other files aren't read.
            let elsewhere = numbers.u16()? != 0;
            let base = numbers.number(base)?;
            let extents = usize::from(numbers.u16()?);
            let sizes = [index, offset, length];
            let extents = numbers.bytes(extents * sizes.iter().sum::<usize>())?;
            let place = Location {
                method: if elsewhere { u16::MAX } else { method },
                base,
                sizes,
                extents,
            };
            if let Some(item) = self.items.get_mut(&item) {
                item.data.get_or_insert(place);
            }
        }
        Some(())
    }

    /// A box of which properties belong to which item.
    fn associations(&mut self, contents: &'a [u8]) -> Option<()> {
        let mut numbers = Numbers(contents);
        let (version, flags) = numbers.version()?;
        let wide = flags & 1 == 1;
        for _ in 0..numbers.u32()? {
            let number = numbers.item(version > 0)?;
            let count = usize::from(numbers.u8()?);
            let properties = numbers.bytes(count * if wide { 2 } else { 1 })?;
            // Of what isn't an item nothing need be known.
            if let Some(item) = self.items.get_mut(&number).filter(|item| item.properties.is_empty()) {
                (item.properties, item.wide) = (properties, wide);
            }
        }
        Some(())
    }
}

/// The number of the primary picture: 16 bits, or 32 in a later version of the box.
fn primary_item(contents: &[u8]) -> Option<u32> {
    let mut numbers = Numbers(contents);
    let (version, _) = numbers.version()?;
    numbers.item(version > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn part(name: &[u8; 4], contents: &[&[u8]]) -> Vec<u8> {
        let contents = contents.concat();
        [&(8 + contents.len() as u32).to_be_bytes()[..], name, &contents].concat()
    }

    /// Items 1 and 2, of two extents each, each extent (offset, length) among the boxes.
    fn file(extents: [[[u8; 2]; 2]; 2]) -> Vec<u8> {
        let place = |item: u8, extents: [[u8; 2]; 2]| {
            let mut bytes = vec![0, item, 0, 1, 0, 0, 0, 2];
            for [offset, length] in extents {
                bytes.extend([0, 0, 0, offset, 0, 0, 0, length]);
            }
            bytes
        };
        let places = [place(1, extents[0]), place(2, extents[1])].concat();
        let info = |item: u8| part(b"infe", &[&[2, 0, 0, 0, 0, item, 0, 0], b"hvc1", &[0]]);
        part(
            b"meta",
            &[
                &[0; 4],
                &part(b"pitm", &[&[0, 0, 0, 0, 0, 2]]),
                &part(b"iinf", &[&[0, 0, 0, 0, 0, 2], &info(1), &info(2)]),
                &part(b"iloc", &[&[1, 0, 0, 0, 0x44, 0, 0, 2], &places]),
                &part(b"iref", &[&[0; 4], &part(b"dimg", &[&[0, 2, 0, 2, 0, 1, 0, 1]])]),
                &part(
                    b"iprp",
                    &[
                        &part(b"ipco", &[&part(b"irot", &[&[1]]), &part(b"imir", &[&[0]])]),
                        &part(b"ipma", &[&[0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 4, 2, 0x81, 0, 9]]),
                    ],
                ),
                &part(b"idat", &[b"abcdefgh"]),
            ],
        )
    }

    #[test]
    fn an_item_is_what_is_said_of_it() {
        let file = file([[[0, 2], [6, 2]], [[1, 3], [1, 0]]]);
        let items = Items::of(&file, ImageKind::Heic).unwrap();
        assert_eq!((items.primary, items.kind_of(1)), (2, Some(*b"hvc1")));
        assert_eq!((items.kind_of(3), items.made_of(1).unwrap()), (None, vec![]));
        assert_eq!(items.made_of(2).unwrap(), [1, 1]);
        let names: Vec<_> = items.properties(2).map(|part| *part.name).collect();
        assert_eq!(names, [*b"imir", *b"irot"]);
        assert_eq!(items.properties(1).count(), 0);
        let mut left = 100;
        assert_eq!(items.data(1, &mut left).unwrap(), b"abgh");
        assert_eq!(items.data(2, &mut left).unwrap(), b"bcd");
        assert_eq!(left, 89);
        for length in 0..file.len() {
            // Whatever is missing, it doesn't panic.
            if let Ok(items) = Items::of(&file[..length], ImageKind::Heic) {
                let _ = (items.data(1, &mut 100), items.made_of(2));
            }
        }
    }

    #[test]
    fn data_are_in_the_file_and_all_items_together_have_no_more_than_it() {
        let file = file([[[0, 8], [0, 8]], [[7, 2], [0, 0]]]);
        let items = Items::of(&file, ImageKind::Heic).unwrap();
        let mut left = 20;
        // 16 bytes in two parts.
        assert_eq!(items.data(1, &mut left).unwrap().len(), 16);
        let said = |error: crate::Error| {
            assert_eq!(error.kind(), ErrorKind::ImageDecode);
            error.message().to_owned()
        };
        assert!(said(items.data(1, &mut left).unwrap_err()).contains("share their data"));
        assert!(said(items.data(2, &mut 100).unwrap_err()).contains("end early"));
        assert!(said(items.data(3, &mut 100).unwrap_err()).contains("doesn't say where"));
    }
}
