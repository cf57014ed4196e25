use super::ijb::{parse_template_images, parse_template_pairs};
use super::*;
use crate::ErrorKind;
use crate::pairs::{Pair, Prepared};
use ndarray::Array2;
use proptest::prelude::*;

fn parse(text: &str, format: PairFormat) -> PairFile {
    PairFile::parse(text.as_bytes(), format).unwrap()
}

fn refused(text: impl AsRef<[u8]>, format: PairFormat) -> String {
    PairFile::parse(text.as_ref(), format).unwrap_err().to_string()
}

fn named(names: &[&str]) -> Prepared {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let labels: Vec<usize> = (0..names.len()).collect();
    Prepared::new(Array2::ones((names.len(), 2)), &labels)
        .unwrap()
        .with_names(names)
        .unwrap()
}

fn pair(a: &str, b: &str, genuine: bool, fold: u16) -> NamedPair {
    NamedPair {
        a: a.into(),
        b: b.into(),
        genuine,
        fold,
    }
}

#[test]
fn lfw_lines_have_three_or_four_fields_and_a_header() {
    let text = "\u{feff}2\t1\r\nAnn Lee\t1\t12\r\nAnn Lee\t3\tBob\t4\r\n\r\nBob 2 3\nBob 1 Cid 10000";
    let file = parse(text, PairFormat::Lfw);
    assert_eq!(file.folds, 2);
    assert_eq!(
        file.pairs,
        [
            pair("Ann Lee_0001", "Ann Lee_0012", true, 0),
            pair("Ann Lee_0003", "Bob_0004", false, 0),
            pair("Bob_0002", "Bob_0003", true, 1),
            pair("Bob_0001", "Cid_10000", false, 1),
        ]
    );
    // One number: one fold. No header: ten folds.
    assert_eq!(parse("1\nA 1 2\nA 1 B 1\n", PairFormat::Lfw).folds, 1);
    let ten = parse(&"A 1 2\n".repeat(23), PairFormat::Lfw);
    let sizes: Vec<usize> = (0..10)
        .map(|fold| ten.pairs.iter().filter(|p| p.fold == fold).count())
        .collect();
    assert_eq!((ten.folds, sizes), (10, vec![3, 3, 3, 2, 2, 2, 2, 2, 2, 2]));
    assert!(ten.pairs.windows(2).all(|w| w[0].fold <= w[1].fold));
}

#[test]
fn wrong_lfw_lines_are_named() {
    let lfw = |text: &str| refused(text, PairFormat::Lfw);
    assert!(lfw("2 1\nA 1 2\nA 1 B 1\n").contains("2 folds of 1 genuine and 1 impostor pairs, 4 in all"));
    assert!(lfw("1 1\nA 1 2\nA 1 x B\n").contains("line 3 should be"));
    for line in ["A 0 1", "A 1 -2", "A 1", "A", "A 1 A 2", "A 1 B 2 3", "A 1 9999999"] {
        assert!(
            lfw(&format!("A 1 2\n{line}\n")).starts_with("line 2 should be"),
            "{line}"
        );
    }
    for header in ["0 300", "10 0", "x", "10 x", "99999 1"] {
        assert!(
            lfw(&format!("{header}\nA 1 2\n")).starts_with("line 1 should be"),
            "{header}"
        );
    }
    assert!(lfw("A 1 2\n").contains("1 pairs can't be in 10 folds"));
    assert!(lfw("").contains("0 pairs"));
    assert!(lfw("18446744073709551615 18446744073709551615\nA 1 2\n").starts_with("line 1 should be"));
}

#[test]
fn numbers_and_labels_are_read() {
    let numbers = parse(&"0 12 1\n007\t3 0\n".repeat(5), PairFormat::Numbers);
    assert_eq!(numbers.pairs[..2], [pair("0", "12", true, 0), pair("7", "3", false, 1)]);
    for line in ["1 2", "1 2 2", "a 2 1", "1 2 1 1", "-1 2 0"] {
        assert!(refused(line, PairFormat::Numbers).contains("\"a b match\""), "{line}");
    }
    let labelled = parse(&"a.jpg b.jpg 3\na.jpg c.jpg 0\n".repeat(5), PairFormat::Labelled);
    assert_eq!(
        labelled.pairs[..2],
        [pair("a.jpg", "b.jpg", true, 0), pair("a.jpg", "c.jpg", false, 1)]
    );
    let on_two_lines = parse(&"a.jpg 3\nb.jpg 3\na.jpg 0\nc.jpg 0\n".repeat(5), PairFormat::Labelled);
    assert_eq!(on_two_lines, labelled);
    assert!(refused("a.jpg 1\nb.jpg 0\n", PairFormat::Labelled).contains("line 2 belongs to the line before"));
    assert!(refused("a.jpg 1\n", PairFormat::Labelled).contains("ends without the other"));
    assert!(refused("a.jpg 1\na.jpg b.jpg 1\n", PairFormat::Labelled).contains("line 2 should be"));
    assert!(refused("a.jpg b.jpg x\n", PairFormat::Labelled).contains("line 1 should be"));
}

#[test]
fn hostile_files_are_refused_in_little_memory() {
    assert!(refused(b"\xff\xfe\n", PairFormat::Lfw).contains("line 1 is not UTF-8"));
    let endless = std::io::BufReader::new(std::io::repeat(b'a'));
    let error = PairFile::parse(endless, PairFormat::Lfw).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.message().contains("longer than 4096"), "{error}");
    let blank = std::io::BufReader::new(std::io::repeat(b'\n'));
    let error = PairFile::parse(blank, PairFormat::Numbers).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let escapes = refused("\u{1b}[31m 1 2 3 4 5\n", PairFormat::Numbers);
    assert!(!escapes.contains('\u{1b}'), "{escapes}");
    let missing = PairFile::read("no/such.txt".as_ref(), PairFormat::Lfw).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    assert!(missing.message().contains("such.txt"));
}

proptest! {
    #[test]
    fn no_file_makes_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), lines in "([0-9a-c._\\- \t]{0,12}\n){0,20}") {
        for format in [PairFormat::Lfw, PairFormat::Numbers, PairFormat::Labelled] {
            let _ = PairFile::parse(&bytes[..], format);
            let _ = PairFile::parse(lines.as_bytes(), format);
        }
        let _ = parse_template_images(lines.as_bytes());
        let _ = parse_template_pairs(&bytes[..]);
    }
}

#[test]
fn names_find_their_rows() {
    let set = named(&[
        "lee/Ann_Lee_0001.jpg",
        "lee/Ann_Lee_0002",
        "a/x.png",
        "b/x.png",
        "J.K_0001",
    ]);
    let names = Names::of(&set);
    let row = |name: &str| names.row(name).unwrap();
    assert_eq!(row("Ann_Lee_0001"), Some(0));
    assert_eq!(row("elsewhere/Ann_Lee_0002.JPG"), Some(1));
    assert_eq!((row("a/x.png"), row("b/x.png")), (Some(2), Some(3)));
    assert_eq!((row("J.K_0001"), row("J"), row("nobody")), (Some(4), None, None));
    let error = names.row("x.jpg").unwrap_err();
    assert!(
        error.message().contains("several images") && error.message().contains("\"x\""),
        "{error}"
    );
    let set = named(&["00012.jpg", "0.jpg", "7"]);
    let names = Names::of(&set);
    assert_eq!(
        (names.row("12").unwrap(), names.row("000.png").unwrap()),
        (Some(0), Some(1))
    );
    assert_eq!((names.row("007").unwrap(), names.row("1").unwrap()), (Some(2), None));
    let bare = Prepared::new(Array2::ones((3, 2)), &[0, 1, 2]).unwrap();
    let names = Names::of(&bare);
    assert_eq!(
        (
            names.row("2").unwrap(),
            names.row("3").unwrap(),
            names.row("x").unwrap()
        ),
        (Some(2), None, None)
    );
}

#[test]
fn missing_images_are_refused_or_counted() {
    let file = parse("1 2\nA 1 2\nA 1 3\nA 1 B 1\nA 2 B 1\n", PairFormat::Lfw);
    let set = named(&["A_0001", "A_0002", "B_0001"]);
    let error = file.resolve(&set, Missing::Refuse).unwrap_err();
    assert!(
        error.message().contains("1 of 4 pairs") && error.message().contains("\"A_0003\""),
        "{error}"
    );
    let resolved = file.resolve(&set, Missing::LeaveOut).unwrap();
    assert_eq!(
        (resolved.left_out, resolved.folds.len(), resolved.list.count().genuine),
        (1, 3, 1)
    );
    assert_eq!(
        resolved.list.pairs()[1],
        Pair {
            a: 0,
            b: 2,
            genuine: false
        }
    );
    let nothing = named(&["X"]);
    assert!(
        file.resolve(&nothing, Missing::LeaveOut)
            .unwrap_err()
            .message()
            .contains("4 of 4")
    );
}

#[test]
fn people_follow_from_genuine_pairs() {
    let pair = |a, b, genuine| Pair { a, b, genuine };
    let pairs = [pair(0, 3, true), pair(3, 4, true), pair(1, 2, true), pair(0, 1, false)];
    assert_eq!(people_of(6, &pairs).unwrap(), [0, 1, 1, 0, 0, 5]);
    let error = people_of(6, &[pairs[0], pairs[1], pair(4, 0, false)]).unwrap_err();
    assert!(error.message().contains("images 4 and 0"), "{error}");
    assert!(people_of(3, &pairs).unwrap_err().message().contains("pair 0"));
}

#[test]
fn template_lists_are_read() {
    let images = parse_template_images(&b"1.jpg 1 69544\n2.jpg 1 69544\r\n3.jpg 7 2\n"[..]).unwrap();
    assert_eq!(
        (
            images.len(),
            images[2].image.as_str(),
            images[2].template,
            images[2].media
        ),
        (3, "3.jpg", 7, 2)
    );
    let pairs = parse_template_pairs(&b"1 7 1\n7 1 0\n"[..]).unwrap();
    assert_eq!(
        (pairs[0].a, pairs[0].b, pairs[0].genuine, pairs[1].genuine),
        (1, 7, true, false)
    );
    for text in ["1.jpg 1", "1.jpg x 1", "1.jpg 1 -1", "1.jpg 1 2 3"] {
        let error = parse_template_images(text.as_bytes()).unwrap_err();
        assert!(error.message().starts_with("line 1 should be"), "{error}");
    }
    for text in ["1 2", "1 2 2", "1 4294967296 0"] {
        assert!(
            parse_template_pairs(text.as_bytes())
                .unwrap_err()
                .message()
                .starts_with("line 1")
        );
    }
    assert!(
        parse_template_pairs(&b""[..])
            .unwrap_err()
            .message()
            .contains("no line")
    );
}
