use super::super::{DecodeLimits, decode};
use crate::error::ErrorKind;

const WIDTH: u8 = 7;
const HEIGHT: u8 = 4;

/// A run-length coded BMP of 7 x 4 pixels: as 8 bits (coding 1) or 4 (coding 2).
fn bmp(coding: u32, data: &[u8]) -> Vec<u8> {
    let bits: u16 = if coding == 1 { 8 } else { 4 };
    let colours = 1usize << bits;
    let offset = 54 + 4 * colours as u32;
    let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(offset.to_le_bytes());
    bytes.extend([40, 0, 0, 0, WIDTH, 0, 0, 0, HEIGHT, 0, 0, 0, 1, 0]);
    bytes.extend(bits.to_le_bytes());
    bytes.extend(coding.to_le_bytes());
    bytes.extend([0; 20]);
    bytes.extend((0..colours).flat_map(|colour| [colour as u8 | 1; 4]));
    bytes.extend(data);
    bytes
}

/// Rows of every form: a run, single pixels, absolute pixels of odd and of even number.
const EIGHT: &[&[u8]] = &[
    &[7, 9, 0, 0],
    &[3, 1, 1, 2, 3, 3, 0, 0],
    &[0, 7, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0],
    &[0, 4, 9, 8, 7, 6, 3, 5, 0, 0],
];
const FOUR: &[&[u8]] = &[
    &[7, 0x9A, 0, 0],
    &[3, 0x11, 4, 0x23, 0, 0],
    &[0, 7, 0x12, 0x34, 0x56, 0x70, 0, 0],
    &[0, 5, 0x98, 0x76, 0x50, 0, 2, 5, 0, 0],
];
const END: &[u8] = &[0, 1];

fn rows(rows: &[&[u8]]) -> Vec<u8> {
    rows.concat()
}

fn is_read(coding: u32, data: &[u8]) -> bool {
    match decode(&bmp(coding, data), &DecodeLimits::default()) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ImageDecode, "{error}");
            assert!(error.message().contains("damaged BMP image"), "{error}");
            false
        }
    }
}

#[test]
fn whole_runs_are_read() {
    for (coding, whole) in [(1, EIGHT), (2, FOUR)] {
        assert!(is_read(coding, &rows(whole)), "{coding} without an end");
        assert!(is_read(coding, &[&rows(whole)[..], END].concat()), "{coding}");
        assert!(
            is_read(coding, &[&rows(whole)[..], END, b"behind it"].concat()),
            "{coding} with more"
        );
    }
    // The last row may end with the picture.
    assert!(is_read(1, &[&rows(&EIGHT[..3])[..], &[7, 1], END].concat()));
    // A delta is said to skip pixels: two of this row, then a row and those before this place in the next.
    assert!(is_read(
        1,
        &[
            &[3, 1, 0, 2, 2, 0, 2, 1, 0, 0, 4, 1, 0, 2, 0, 2, 3, 1, 0, 0][..],
            EIGHT[0],
            END
        ]
        .concat()
    ));
}

#[test]
fn a_picture_that_ends_early_is_damaged_wherever_it_ends() {
    for (coding, whole) in [(1, EIGHT), (2, FOUR)] {
        let data = rows(whole);
        // The end of the last row is its last two bytes.
        for cut in 0..data.len() - 2 {
            assert!(!is_read(coding, &data[..cut]), "{coding} cut at {cut}");
            // Where the cut leaves half a pair, the end is taken for its other half.
            assert!(
                !is_read(coding, &[&data[..cut], END].concat()),
                "{coding} cut at {cut}, with an end"
            );
            let ends = [0, 0].repeat(usize::from(HEIGHT));
            // In the last run they may stand for its colour.
            let colour = cut == data.len() - 3;
            assert!(
                colour || !is_read(coding, &[&data[..cut], &ends].concat()),
                "{coding} cut at {cut}, zeros"
            );
        }
    }
}

#[test]
fn a_row_that_ends_early_is_damaged() {
    let with = |row: &[u8]| is_read(1, &[EIGHT[0], row, EIGHT[2], EIGHT[3], END].concat());
    assert!(with(&[7, 5, 0, 0]));
    assert!(!with(&[6, 5, 0, 0]));
    assert!(!with(&[0, 0]));
    assert!(!with(&[0, 6, 1, 2, 3, 4, 5, 6, 0, 0]));
}
