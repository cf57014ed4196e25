use super::ijb::{parse_template_images, parse_template_pairs};
use super::*;
use proptest::prelude::*;
use qmagface::pairs::{Pair, Prepared};
use qmagface::{ErrorKind, Matrix};

fn parse(text: &str, format: PairFormat) -> PairFile {
    PairFile::parse(text.as_bytes(), format).unwrap()
}

fn refused(text: impl AsRef<[u8]>, format: PairFormat) -> String {
    PairFile::parse(text.as_ref(), format).unwrap_err().to_string()
}

fn named(names: &[&str]) -> Prepared {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let labels: Vec<usize> = (0..names.len()).collect();
    Prepared::new(
        Matrix::new(names.len(), 2, vec![1.0; 2 * names.len()]).unwrap(),
        &labels,
    )
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
    assert_eq!(parse("A 1 2\n", PairFormat::Lfw).folds, 1, "too few for ten");
    assert!(lfw("").contains("no pair"));
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
    let blanks = parse(&"Ann Lee/1.jpg\tBob/2 b.jpg\t1\n".repeat(10), PairFormat::Labelled);
    assert_eq!(blanks.pairs[0], pair("Ann Lee/1.jpg", "Bob/2 b.jpg", true, 0));
    let blanks = parse(&"Ann Lee/1.jpg\t1\nBob/2 b.jpg\t1\n".repeat(10), PairFormat::Labelled);
    assert_eq!(blanks.pairs[0], pair("Ann Lee/1.jpg", "Bob/2 b.jpg", true, 0));
    assert!(refused("Ann Lee.jpg b.jpg 1\n", PairFormat::Labelled).contains("tabs where names have blanks"));
    let on_two_lines = parse(&"a.jpg 3\nb.jpg 3\na.jpg 0\nc.jpg 0\n".repeat(5), PairFormat::Labelled);
    assert_eq!(on_two_lines, labelled);
    assert!(refused("a.jpg 1\nb.jpg 0\n", PairFormat::Labelled).contains("line 2 belongs to the line before"));
    assert!(refused("a.jpg 1\n", PairFormat::Labelled).contains("ends without the other"));
    assert!(refused("a.jpg 1\na.jpg b.jpg 1\n", PairFormat::Labelled).contains("line 2 should be"));
    assert!(refused("a.jpg b.jpg x\n", PairFormat::Labelled).contains("line 1 should be"));
}

#[test]
fn a_file_of_one_fold_can_be_parted() {
    let text = format!("5\n{}{}", "A 1 2\n".repeat(5), "A 1 B 1\n".repeat(5));
    let file = parse(&text, PairFormat::Lfw);
    assert_eq!(file.folds, 1);
    let error = file.check_folds().unwrap_err();
    assert!(
        error.message().contains("one fold") && error.message().contains("--folds N"),
        "{error}"
    );
    let error = file.clone().with_folds(6).unwrap_err();
    assert!(
        error.message().contains("5 genuine pairs can't be in 6 folds"),
        "{error}"
    );
    assert!(file.clone().with_folds(1).is_err() && file.clone().with_folds(1001).is_err());
    let parted = file.with_folds(3).unwrap();
    parted.check_folds().unwrap();
    let folds: Vec<u16> = parted.pairs.iter().map(|pair| pair.fold).collect();
    assert_eq!((parted.folds, folds), (3, vec![0, 0, 1, 1, 2, 0, 0, 1, 1, 2]));
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

fn names(names: &[&str]) -> Names {
    Names::new(names)
}

#[test]
fn a_name_with_folders_matches_those_folders_only() {
    let set = names(&[
        "p01/0001.jpg",
        "p01/0002.jpg",
        "lfw/lee/Ann_Lee_0002",
        "a/x.png",
        "b/x.png",
        "J.K_0001",
    ]);
    let find = |name: &str| set.find(name);
    for (name, row) in [
        ("p01/0002.jpg", 1),
        ("./p01/0002.jpg", 1),
        ("p01\\0002.png", 1),
        ("p01/0002", 1),
        ("p01//./0002.JPEG", 1),
        ("lee/Ann_Lee_0002.JPG", 2),
        ("a/x.jpg", 3),
        ("b/x", 4),
        ("J.K_0001", 5),
        ("J.K_0001.jpg", 5),
    ] {
        assert_eq!(find(name), Lookup::Row(row), "{name}");
    }
    for name in [
        "zzz/0002.jpg",
        "lfw/p01/0002.jpg",
        "p01/02.jpg",
        "01/0002.jpg",
        "p01/x.png",
        "lfw/Ann_Lee_0002.jpg",
        "x/J.K_0001",
        "J",
        "J.png",
        "2.jpg",
        "nobody",
        "p01/",
        "",
        "/",
    ] {
        assert_eq!(find(name), Lookup::Missing, "{name}");
    }
    // A bare name is looked up by itself, where only one row has it.
    assert_eq!(find("0002.jpg"), Lookup::Row(1));
    assert_eq!(find("x.jpg"), Lookup::Several(3, 4));
    let error = set.row("x.jpg").unwrap_err();
    assert!(
        error.message().contains("a/x.png") && error.message().contains("b/x.png"),
        "{error}"
    );
}

#[test]
fn where_an_absolute_name_begins_does_not_matter() {
    let set = names(&["p01/0002.jpg", "x/p01/0003.jpg", "p01/0003.jpg"]);
    assert_eq!(set.find("/data/set/p01/0002.jpg"), Lookup::Row(0));
    assert_eq!(set.find("C:\\set\\p01\\0002.jpg"), Lookup::Row(0));
    assert_eq!(set.find("/data/zzz/0002.jpg"), Lookup::Missing);
    assert_eq!(set.find("/0002.jpg"), Lookup::Missing);
    assert_eq!(set.find("/data/x/p01/0003.jpg"), Lookup::Row(1), "more folders agree");
    assert_eq!(set.find("/data/p01/0003.jpg"), Lookup::Row(2));

    let set = names(&["/home/me/set/p01/0002.jpg", "/home/me/set/p02/0001.jpg"]);
    for name in [
        "p01/0002.jpg",
        "set/p01/0002.jpg",
        "/home/me/set/p01/0002.jpg",
        "/mnt/p01/0002.jpg",
    ] {
        let wanted = match name {
            // What all of the set have in common says where it lies.
            "set/p01/0002.jpg" => Lookup::Missing,
            _ => Lookup::Row(0),
        };
        assert_eq!(set.find(name), wanted, "{name}");
    }
    assert_eq!(set.find("/mnt/p03/0002.jpg"), Lookup::Missing);
    // A set of one person is still that person's.
    let one = names(&["/home/me/set/p01/0001.jpg", "/home/me/set/p01/0002.jpg"]);
    assert_eq!(one.find("zzz/0002.jpg"), Lookup::Missing);
    assert_eq!(one.find("/mnt/zzz/0002.jpg"), Lookup::Missing);
    assert_eq!(one.find("p01/0002.jpg"), Lookup::Row(1));
}

#[test]
fn equal_names_come_before_alike_ones() {
    let set = names(&["p/a.jpg", "p/a.png", "q/p/a.jpg", "p/b.jpg.png", "p/b.png"]);
    assert_eq!(set.find("p/a.jpg"), Lookup::Row(0));
    assert_eq!(set.find("p/a.png"), Lookup::Row(1));
    assert_eq!(set.find("p/a"), Lookup::Several(0, 1));
    assert_eq!(set.find("p/a.bmp"), Lookup::Several(0, 1));
    assert_eq!(set.find("q/p/a.jpg"), Lookup::Row(2));
    // The chip of b.jpg, and a photo that differs from it in its ending.
    assert_eq!(set.find("p/b.jpg"), Lookup::Row(3));
    assert_eq!(set.find("p/b"), Lookup::Row(4));
    // The same letters, composed and not.
    let set = names(&["Se\u{301}an/1.jpg"]);
    assert_eq!(set.find("S\u{e9}an/1.jpg"), Lookup::Row(0));
}

#[test]
fn numbers_find_their_rows() {
    let set = names(&["00012.jpg", "0.jpg", "7", "a/3.png", "b/03.png", "12a.jpg"]);
    assert_eq!(set.numbered("12"), Lookup::Row(0));
    assert_eq!(set.numbered("0"), Lookup::Row(1));
    assert_eq!(set.numbered("7"), Lookup::Row(2));
    assert_eq!(set.numbered("3"), Lookup::Several(3, 4));
    assert_eq!(set.numbered("1"), Lookup::Missing);
    assert_eq!(set.find("7.jpg"), Lookup::Row(2));
    assert_eq!(
        set.find("007.jpg"),
        Lookup::Missing,
        "only lists of numbers go by the value"
    );
    // A set without names goes by its rows' numbers.
    let bare = Prepared::new(Matrix::new(3, 2, vec![1.0; 6]).unwrap(), &[0, 1, 2]).unwrap();
    let names = Names::of(&bare);
    let found = ["2", "3", "x", "a/2", "2.jpg"].map(|name| names.find(name));
    assert_eq!(found[0], Lookup::Row(2));
    assert!(found[1..].iter().all(|&found| found == Lookup::Missing), "{found:?}");
}

proptest! {
    /// Whatever a set holds, a list's name with folders never means a row in other folders, and a row's own name is found.
    #[test]
    fn no_row_stands_in_for_another(
        rows in proptest::collection::hash_set("([ab]/){0,2}[xy](\\.jpg|\\.png)?", 1..12),
        wanted in "([abc]/){1,3}[xy](\\.jpg)?",
    ) {
        let rows: Vec<String> = rows.into_iter().collect();
        let set = Names::new(&rows);
        let (folders, _) = wanted.rsplit_once('/').unwrap();
        if let Lookup::Row(row) = set.find(&wanted) {
            let (found, _) = rows[row as usize].rsplit_once('/').unwrap_or_default();
            prop_assert!(found == folders || found.ends_with(&format!("/{folders}")), "{wanted} is not {found}");
        }
        for (row, name) in rows.iter().enumerate() {
            prop_assert_eq!(set.find(name), Lookup::Row(row as u32), "{}", name);
        }
    }
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
    // A name that several images have is not guessed, and can be left out too.
    let set = named(&["p/A_0001", "p/A_0002", "A_0003", "q/B_0001", "r/B_0001"]);
    let error = file.resolve(&set, Missing::Refuse).unwrap_err();
    assert!(
        error.message().contains("2 of 4 pairs") && error.message().contains("q/B_0001"),
        "{error}"
    );
    let resolved = file.resolve(&set, Missing::LeaveOut).unwrap();
    assert_eq!((resolved.left_out, resolved.unclear), (2, 2));
    // LFW's own folder comes first.
    let set = named(&["A/A_0001", "A/A_0002", "A/A_0003", "B/B_0001", "copies/B_0001"]);
    let resolved = file.resolve(&set, Missing::Refuse).unwrap();
    assert_eq!(resolved.list.pairs()[2].b, 3);

    // The folder that the list names is not there: the image of another folder doesn't stand in for it.
    let file = parse(&"zzz/0002.jpg p01/0001.jpg 1\n".repeat(10), PairFormat::Labelled);
    let set = named(&["p01/0001.jpg", "p01/0002.jpg"]);
    let error = file.resolve(&set, Missing::Refuse).unwrap_err();
    assert!(
        error.message().contains("10 of 10 pairs") && error.message().contains("\"zzz/0002.jpg\""),
        "{error}"
    );
    assert!(file.resolve(&set, Missing::LeaveOut).is_err(), "nothing is left");
    let file = parse(&"x/p01/0002.jpg x/p01/0001.jpg 1\n".repeat(10), PairFormat::Labelled);
    let error = file.resolve(&set, Missing::Refuse).unwrap_err();
    assert!(error.message().contains("the set has \"p01/0002.jpg\""), "{error}");

    let file = parse("1 2\nA 1 2\nA 1 3\nA 1 B 1\nA 2 B 1\n", PairFormat::Lfw);
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
    assert_eq!(
        people_of(6, &pairs, |at| format!("image {at}")).unwrap(),
        [0, 1, 1, 0, 0, 5]
    );
    let error = people_of(6, &[pairs[0], pairs[1], pair(4, 0, false)], |at| format!("image {at}")).unwrap_err();
    assert!(error.message().contains("image 4 and image 0"), "{error}");
    assert!(
        people_of(3, &pairs, |at| at.to_string())
            .unwrap_err()
            .message()
            .contains("pair 0")
    );
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
    let blanks = parse_template_images(&b"a photo.jpg\t1\t69544\n"[..]).unwrap();
    assert_eq!((blanks[0].image.as_str(), blanks[0].media), ("a photo.jpg", 69544));
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
