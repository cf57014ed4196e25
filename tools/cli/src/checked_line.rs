//! Lines of JSON that tell whether they were damaged: each begins with a checksum of the rest.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Result;

/// The value as a line: the CRC-32 of its JSON in hexadecimal, a blank, the JSON, and a line end.
///
/// # Errors
/// Where it has no JSON.
pub fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    let mut line = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
    line.extend(json);
    line.push(b'\n');
    Ok(line)
}

/// Whether a file that begins so may be one of such lines of objects, cut off anywhere or with one byte changed.
pub fn is_start(start: &[u8]) -> bool {
    let is_wanted = |(at, byte): (usize, &u8)| match at {
        0..8 => byte.is_ascii_hexdigit(),
        8 => *byte == b' ',
        _ => *byte == b'{',
    };
    let start = &start[..start.len().min(10)];
    let others = start.iter().enumerate().filter(|&byte| !is_wanted(byte)).count();
    others <= usize::from(start.len() == 10)
}

/// The value of a whole line; `None` for one that was cut off or changed, or is of something else.
pub fn parse<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(9)?;
    let sum = std::str::from_utf8(sum).ok()?.strip_suffix(' ')?;
    let wanted = u32::from_str_radix(sum, 16).ok()?;
    (crc32fast::hash(json) == wanted).then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_none() {
        let whole = line(&("a\nb", 1.5)).unwrap();
        assert_eq!(parse::<(String, f64)>(&whole), Some(("a\nb".to_owned(), 1.5)));
        assert_eq!(parse::<(u8, u8)>(&whole), None);
        let object = line(&std::collections::BTreeMap::from([("a", 1)])).unwrap();
        assert!((0..object.len()).all(|end| is_start(&object[..end])));
        assert!(!is_start(b"precious") && !is_start(b"{\"a\": 1}\n") && !is_start(b"0123456789"));
        for at in 0..whole.len() {
            assert_eq!(parse::<(String, f64)>(&whole[..at]), None, "cut at {at}");
            for bit in 0..8 {
                let mut other = whole.clone();
                other[at] ^= 1 << bit;
                // Another writing of the same number is no change.
                if !other.eq_ignore_ascii_case(&whole) {
                    assert_eq!(parse::<(String, f64)>(&other), None, "bit {bit} of byte {at}");
                }
            }
        }
    }
}
