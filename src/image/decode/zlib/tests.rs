use super::check;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

fn packed(data: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_stream_must_be_whole_and_right() {
    let data: Vec<u8> = (0..5000u32).map(|at| (at * at % 251) as u8).collect();
    let wanted = data.len() as u64;
    // Level 0 stores bytes as they are: only the checksum tells one from another.
    for level in [0, 6] {
        let whole = packed(&data, level);
        assert_eq!(check(&whole, wanted), Ok(()));
        assert_eq!(check(&[&whole[..], b"behind it"].concat(), wanted), Ok(()));
        // The last bytes are the checksum.
        for cut in 0..whole.len() - 5 {
            assert!(check(&whole[..cut], wanted).is_err(), "cut at {cut}");
        }
        assert_eq!(check(&whole[..whole.len() - 4], wanted), Ok(()));
        // The third byte has bits of no meaning where bytes are stored.
        for at in (0..whole.len()).filter(|&at| at != 2) {
            let mut wrong = whole.clone();
            wrong[at] ^= 0x10;
            assert!(check(&wrong, wanted).is_err(), "changed at {at}");
        }
    }
}

#[test]
fn a_stream_that_unpacks_to_far_more_is_given_up() {
    let bomb = packed(&vec![0; 4 << 20], 6);
    assert!(check(&bomb, 1000).unwrap_err().contains("don't end"));
    // More than is needed of it, but right to its end.
    assert_eq!(check(&packed(&[7; 3000], 6), 2000), Ok(()));
}
