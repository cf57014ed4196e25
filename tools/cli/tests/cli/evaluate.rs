//! `qmagface evaluate` as a person or a script uses it: every command on small made-up sets, the files of its report, and
//! one wrong input for each command with the message it gives.

use crate::common;
use crate::made_up::Set;
use crate::program::{Run, bare, program, qmagface};
use crate::report::Checked;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The made-up set's own parameters; any will do.
const PARAMETERS: [&str; 4] = ["--alpha", "0.17", "--beta", "0.28"];

/// Runs an evaluation of `set` and checks its report.
fn evaluated(set: &Set, command: &str, more: &[&str]) -> Checked {
    let out = set.path("report");
    let mut run = bare();
    run.args(["evaluate", command]).args(set.arguments()).args(more);
    let run = Run::of(run.arg("-o").arg(&out)).ok();
    let page = out.join("index.html");
    assert!(run.out.contains(&format!("report: {}", page.display())), "{}", run.out);
    Checked::read(&out)
}

/// Fails with `code` and all of `words`, and leaves no report.
fn refused(set: &Set, command: &str, more: &[&str], code: i32, words: &[&str]) {
    let out = set.path("none");
    let mut run = bare();
    run.args(["evaluate", command]).args(set.arguments()).args(more);
    Run::of(run.arg("-o").arg(&out)).fails(code, words);
    assert!(!out.exists(), "a failed run leaves no report");
}

#[test]
fn single_image_gives_the_same_figures_from_every_layout() {
    let set = Set::new();
    let named = set.lfw_pairs(2);
    let report = evaluated(
        &set,
        "single-image",
        &[&["--pairs", &named, "--format", "lfw"], &PARAMETERS[..]].concat(),
    );
    // The people are far apart but for one image that looks like another person's: its pairs are wrong.
    let accuracy = report.column("accuracy", "accuracy (%)");
    assert_eq!(accuracy.len(), 4, "two scores, two definitions");
    assert!(
        accuracy.iter().all(|&value| (70.0..100.0).contains(&value)),
        "{accuracy:?}"
    );
    assert_eq!(report.rows("folds"), 2);
    assert!(report.figures().contains(&"det".to_owned()), "{:?}", report.figures());
    assert!(report.page.contains("Worst genuine pairs, quality-aware"));

    // The same pairs by number, and with labels: the same figures.
    let layouts = [("agedb", set.numbered_pairs(2)), ("calfw", set.labelled_pairs(2))];
    for (format, pairs) in &layouts {
        let numbered = match *format {
            "agedb" => set.by_number(),
            _ => set.arguments(),
        };
        let out = set.path(format);
        let mut run = bare();
        run.args(["evaluate", "single-image"]).args(numbered);
        run.args(["--pairs", pairs, "--format", format]).args(PARAMETERS);
        Run::of(run.arg("-o").arg(&out)).ok();
        let rates = Checked::read(&out).column("errors", "EER (%)");
        assert_eq!(rates, report.column("errors", "EER (%)"), "{format}");
    }

    let one_fold = "1\t1\nann\t1\t2\nann\t1\tbob\t1\n";
    let one_fold = set.write("one.txt", one_fold);
    let words = ["one.txt", "one fold", "--folds N"];
    let list = ["--pairs", &one_fold, "--format", "lfw", "--score", "cosine"];
    refused(&set, "single-image", &list, 1, &words);
    let missing = "2\t1\nann\t1\t2\nann\t1\tnobody\t1\nann\t1\t3\nann\t1\tbob\t1\n";
    let missing = set.write("missing.txt", missing);
    let words = ["missing.txt", "\"nobody_0001\""];
    refused(
        &set,
        "single-image",
        &["--pairs", &missing, "--format", "lfw", "--score", "cosine"],
        1,
        &words,
    );
    let wrong = set.write("wrong.txt", "1\t1\nann\t1\n");
    let words = ["wrong.txt", "line 2"];
    refused(
        &set,
        "single-image",
        &["--pairs", &wrong, "--format", "lfw", "--score", "cosine"],
        1,
        &words,
    );
}

/// The faults that lists and names have in the field: who is on an image, and which image a list means.
#[test]
fn lists_and_names_are_never_guessed() {
    // PERSON/frontal/IMAGE and PERSON/profile/IMAGE.
    let set = Set::named(|person, image| {
        format!(
            "{person}/{}/{image}.jpg",
            if image % 2 == 0 { "frontal" } else { "profile" }
        )
    });
    let more = [&["--replicates", "20", "--fmrs", "1e-1", "--score", "cosine"][..]].concat();
    let by_folder = evaluated(&set, "all-pairs", &more);
    assert!(
        by_folder.page.contains("is inside 12 different folders"),
        "the page says what is odd"
    );
    let by_person = evaluated(&set, "all-pairs", &[&more[..], &["--person-depth", "1"]].concat());
    let people = |report: &Checked| report.json["result"]["set"]["subjects"].as_u64().unwrap();
    assert_eq!((people(&by_folder), people(&by_person)), (24, 12));
    let pattern = ["--person-pattern", "^([a-z]+)/"];
    let by_pattern = evaluated(&set, "all-pairs", &[&more[..], &pattern].concat());
    assert_eq!(by_pattern.json["result"], by_person.json["result"]);
    refused(
        &set,
        "all-pairs",
        &[&more[..], &["--person-depth", "3"]].concat(),
        1,
        &["60 of 60 images", "--person-depth 3"],
    );
    refused(
        &set,
        "all-pairs",
        &[&more[..], &["--person-pattern", "("]].concat(),
        2,
        &["--person-pattern"],
    );

    // A list that knows better than the names.
    let line = |person: &str, a: usize, b: usize, label: u8| {
        format!(
            "{person}/{}/{a}.jpg {person}/{}/{b}.jpg {label}\n",
            ["profile", "frontal"][(a + 1) % 2],
            ["profile", "frontal"][(b + 1) % 2]
        )
    };
    let genuine: String = ["ann", "bob", "cid", "dan"]
        .iter()
        .map(|person| line(person, 1, 2, 1))
        .collect();
    let impostor: String = ["ann", "bob", "cid", "dan"]
        .windows(2)
        .map(|people| format!("{}/profile/1.jpg {}/profile/1.jpg 0\n", people[0], people[1]))
        .collect::<String>()
        + "ann/profile/1.jpg eve/profile/1.jpg 0\n";
    let list = set.write("pairs.txt", &(genuine.clone() + &impostor));
    let arguments = [
        "--pairs",
        &list,
        "--format",
        "calfw",
        "--folds",
        "2",
        "--score",
        "cosine",
        "--replicates",
        "20",
    ];
    let report = evaluated(&set, "single-image", &arguments);
    assert!(
        report.page.contains("4 of 8 pairs of the list contradict the images"),
        "{}",
        report.page
    );
    assert!(report.page.contains("With --person-depth 1 they agree"));
    let agreeing = evaluated(
        &set,
        "single-image",
        &[&arguments[..], &["--person-depth", "1"]].concat(),
    );
    assert!(!agreeing.page.contains("contradict"));

    // An image of another folder never stands in for one that isn't there.
    let wrong = set.write(
        "wrong.txt",
        &(genuine + &impostor.replace("bob/profile", "zzz/profile")),
    );
    let arguments = [
        "--pairs", &wrong, "--format", "calfw", "--folds", "2", "--score", "cosine",
    ];
    refused(
        &set,
        "single-image",
        &arguments,
        1,
        &["2 of 8 pairs", "zzz/profile/1.jpg", "--leave-out-missing"],
    );
    let left = evaluated(
        &set,
        "single-image",
        &[&arguments[..], &["--leave-out-missing"]].concat(),
    );
    assert!(left.page.contains("2 pairs of the file were left out"), "{}", left.page);
}

#[test]
fn what_a_list_has_twice_is_told() {
    let set = Set::new();
    let list = fs::read_to_string(set.labelled_pairs(2)).unwrap();
    let first = list.lines().next().unwrap();
    let file = first.split(' ').next().unwrap();
    let twice = set.write("twice.txt", &format!("{list}{list}{file} {file} 1\n"));
    let more = [
        "--format",
        "calfw",
        "--folds",
        "2",
        "--score",
        "cosine",
        "--replicates",
        "0",
    ];
    let report = evaluated(&set, "single-image", &[&["--pairs", &twice], &more[..]].concat());
    let pairs = list.lines().count();
    let note = format!("{pairs} pairs of images that it has already, and 1 of one with itself");
    assert!(report.page.contains(&note), "{}", report.page);
    let once = set.write("once.txt", &list);
    let report = evaluated(&set, "single-image", &[&["--pairs", &once], &more[..]].concat());
    assert!(!report.page.contains("it has already"));

    let (templates, pairs) = set.ijb();
    let (lines, of_pairs) = (
        fs::read_to_string(&templates).unwrap(),
        fs::read_to_string(&pairs).unwrap(),
    );
    let templates = set.write("t2.txt", &format!("{lines}{}\n", lines.lines().next().unwrap()));
    let again = of_pairs.lines().next().unwrap();
    let pairs = set.write("p2.txt", &format!("{of_pairs}{again}\n1 1 1\n"));
    let more = [
        "--templates",
        &templates,
        "--pairs",
        &pairs,
        "--score",
        "cosine",
        "--replicates",
        "0",
    ];
    let report = evaluated(&set, "ijb", &more);
    for note in [
        "1 pairs of templates that it has already, and 1 of one with itself",
        "1 lines of the template list name an image that the template has already",
    ] {
        assert!(report.page.contains(note), "{note}: {}", report.page);
    }
    let wrong = set.write(
        "p3.txt",
        &format!("{of_pairs}{}\n", again.replace(" 1", " 0").replace("1 2 1", "1 2 0")),
    );
    let more = ["--templates", &templates, "--pairs", &wrong, "--score", "cosine"];
    refused(&set, "ijb", &more, 1, &["template 1 and template 2"]);

    // Names that come twice, and one that nothing can tell from another.
    let twice = Set::named(|person, image| format!("{person}/{}.jpg", image.max(2)));
    let report = evaluated(
        &twice,
        "all-pairs",
        &["--score", "cosine", "--replicates", "0", "--fmrs", "1e-1"],
    );
    assert!(
        report
            .page
            .contains("12 of 60 images have a name that another has already"),
        "{}",
        report.page
    );
    let list = twice.write("l.txt", "ann/2.jpg ann/3.jpg 1\nann/3.jpg bob/3.jpg 0\n");
    let more = [
        "--pairs", &list, "--format", "calfw", "--folds", "2", "--score", "cosine",
    ];
    refused(&twice, "single-image", &more, 1, &["pairs can't be in 2 folds"]);
    let list = twice.write("l.txt", &"ann/2.jpg ann/3.jpg 1\nann/3.jpg bob/3.jpg 0\n".repeat(4));
    refused(&twice, "single-image", &more, 1, &["which the set has more than once"]);
    let _ = list;
    for (text, words) in [
        ("", "no pair"),
        (" \n\r\n", "no pair"),
        ("ann/3.jpg ann/4.jpg 1\n", "all 1 pairs are genuine"),
        ("ann/3.jpg bob/4.jpg 0\n", "all 1 pairs are impostor"),
    ] {
        let list = twice.write("l.txt", text);
        let more = ["--pairs", &list, "--format", "calfw", "--score", "cosine"];
        refused(&twice, "single-image", &more, 1, &["l.txt", words]);
    }
}

#[test]
fn chips_that_are_not_found_are_told() {
    let set = Set::new();
    let chips = set.chips();
    fs::remove_file(Path::new(&chips).join("ann/ann_0001.png")).unwrap();
    let more = [
        "--chips",
        &chips,
        "--score",
        "cosine",
        "--replicates",
        "0",
        "--fmrs",
        "1e-1",
    ];
    let report = evaluated(&set, "all-pairs", &more);
    assert!(report.page.contains("has no chip of 1 of 60 images"), "{}", report.page);
    fs::create_dir(set.path("other")).unwrap();
    fs::copy(Path::new(&chips).join("ann/ann_0002.png"), set.path("other/x.png")).unwrap();
    let other = set.path("other");
    let more = [&["--chips", other.to_str().unwrap()], &more[2..]].concat();
    assert!(
        evaluated(&set, "all-pairs", &more)
            .page
            .contains("has no chip of 60 of 60 images")
    );
}

#[test]
fn embeddings_without_quality_are_told() {
    let set = Set::normalised();
    let more = [&["--replicates", "0", "--fmrs", "1e-1"], &PARAMETERS[..]].concat();
    let report = evaluated(&set, "all-pairs", &more);
    assert!(
        report.page.contains("Quality-aware figures mean nothing here"),
        "the page says it"
    );
    let mut run = bare();
    run.args(["evaluate", "all-pairs"]).args(set.arguments()).args(&more);
    let run = Run::of(run.arg("-o").arg(set.path("again"))).ok();
    assert!(
        run.err.contains("note: Quality-aware figures mean nothing"),
        "{}",
        run.err
    );
    let words = ["length of 1", "normalised"];
    refused(
        &set,
        "all-pairs",
        &[&more[..], &["--score", "quality"]].concat(),
        1,
        &words,
    );
    refused(
        &set,
        "reject",
        &[&PARAMETERS[..], &["--fmrs", "1e-1"]].concat(),
        1,
        &words,
    );
    refused(&set, "optimal-weight", &["--fmrs", "2e-2", "2e-1"], 1, &words);
    let calibration = set.path("none.toml");
    let mut run = bare();
    run.args(["calibrate", "--any-model"])
        .args(set.arguments())
        .arg("-o")
        .arg(&calibration);
    Run::of(&mut run).fails(1, &words);
    assert!(!calibration.exists());
}

#[test]
fn robustness_and_all_pairs_agree_where_all_pairs_are_generated() {
    let set = Set::new();
    let more = [&["--replicates", "20", "--fmrs", "1e-1,1e-2"], &PARAMETERS[..]].concat();
    let robust = evaluated(&set, "robustness", &more);
    assert_eq!(robust.rows("errors"), 4);
    let again = evaluated(&set, "robustness", &more);
    assert_eq!(
        robust.json["result"], again.json["result"],
        "the seed decides everything"
    );
    let other = evaluated(&set, "robustness", &[&more[..], &["--seed", "7"]].concat());
    assert_ne!(robust.json["result"]["results"], other.json["result"]["results"]);

    let all = evaluated(&set, "all-pairs", &more);
    let of = |report: &Checked, field: &str| report.json["result"]["results"][0]["metrics"][field].as_u64();
    assert_eq!(
        of(&all, "genuine"),
        of(&robust, "genuine"),
        "at most ten images of each person: all genuine pairs"
    );
    let (genuine, impostor) = (of(&all, "genuine").unwrap(), of(&all, "impostor").unwrap());
    let images = set.names.len() as u64;
    assert_eq!(genuine + impostor, images * (images - 1) / 2);
    assert!(all.page.contains("Worst impostor pairs, cosine"));

    // Parameters that were fitted on other people.
    let fitted = [
        "--cross-validate",
        "3",
        "--fit-fmrs",
        "5e-2",
        "2e-1",
        "--replicates",
        "0",
    ];
    let crossed = evaluated(&set, "all-pairs", &[&fitted[..], &PARAMETERS[..]].concat());
    assert!(crossed.page.contains("quality-aware, cross-validated"));

    let two = [&["--cross-validate", "2"], &PARAMETERS[..]].concat();
    refused(&set, "all-pairs", &two, 1, &["2 folds of people", "3 to 100"]);

    let words = ["false match rate of 2"];
    refused(&set, "all-pairs", &["--score", "cosine", "--fmrs", "2"], 1, &words);
    refused(
        &set,
        "robustness",
        &["--score", "cosine", "--images", "0"],
        1,
        &["at least 1 image"],
    );
    refused(&set, "robustness", &[], 1, &["16 floats", "sface", "--model"]);
    let nobody = Set::named(|person, image| format!("{person}{image}.jpg"));
    refused(
        &nobody,
        "robustness",
        &["--score", "cosine"],
        1,
        &["doesn't say who is on the image"],
    );
}

#[test]
fn ijb_fuses_templates_by_both_ways() {
    let set = Set::new();
    let (templates, pairs) = set.ijb();
    let lists = [
        "--templates",
        &templates,
        "--pairs",
        &pairs,
        "--fmrs",
        "1e-1",
        "--replicates",
        "10",
    ];
    let report = evaluated(&set, "ijb", &[&lists[..], &PARAMETERS[..]].concat());
    assert_eq!(report.rows("tpr"), 8, "two fusions, two scores, two definitions");
    assert!(report.page.contains("fusion by quality, quality-aware"));
    let one = evaluated(
        &set,
        "ijb",
        &[&lists[..], &["--fusion", "mean", "--score", "cosine"]].concat(),
    );
    assert_eq!(one.rows("tpr"), 2);
    let wrong = set.write("pairs.txt", "1 2 maybe\n");
    let words = ["pairs.txt", "line 1", "maybe"];
    refused(
        &set,
        "ijb",
        &["--templates", &templates, "--pairs", &wrong, "--score", "cosine"],
        1,
        &words,
    );
}

#[test]
fn reject_and_optimal_weight_draw_their_curves() {
    let set = Set::new();
    let report = evaluated(
        &set,
        "reject",
        &[&["--fmrs", "1e-1", "--points", "6", "--most", "0.5"], &PARAMETERS[..]].concat(),
    );
    assert_eq!(
        report.column("reject", "images rejected (%)")[..6],
        [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    );
    let left = report.column("reject", "genuine pairs left");
    assert!(left[..6].windows(2).all(|pair| pair[1] <= pair[0]), "{left:?}");
    assert_eq!(report.figures(), ["reject-cosine", "reject-quality-aware"]);
    refused(&set, "reject", &["--score", "cosine", "--most", "1.5"], 1, &["1.5"]);
    let endless = u64::MAX.to_string();
    refused(
        &set,
        "reject",
        &["--score", "cosine", "--points", &endless],
        1,
        &["2 to 1000"],
    );

    let range = ["--fmrs", "2e-2", "2e-1", "--points", "10"];
    let report = evaluated(
        &set,
        "optimal-weight",
        &[&range[..], &["--procedures", "published,consistent,direct"]].concat(),
    );
    assert_eq!(report.rows("fits"), 3);
    assert_eq!(
        report.figures(),
        ["optimal-weight-consistent", "optimal-weight-published"]
    );
    refused(
        &set,
        "optimal-weight",
        &["--fmrs", "1e-5", "1e-2"],
        1,
        &["300000 impostor pairs"],
    );
    refused(&set, "optimal-weight", &["--procedures", "guess"], 2, &["no procedure"]);
}

#[test]
fn runtime_and_memory_measure_every_task() {
    let set = Set::new();
    for command in ["runtime", "memory"] {
        let report = evaluated(&set, command, &["--repeats", "1"]);
        assert_eq!(report.rows(command), 6, "cosine, score and fit, listed and all");
        assert!(report.column(command, "pairs").iter().all(|&pairs| pairs > 0.0));
    }
    let seconds = evaluated(&set, "runtime", &["--repeats", "1", "--listed-only"]).column("runtime", "median (ms)");
    assert!(
        seconds.len() == 3 && seconds.iter().all(|&time| time > 0.0),
        "{seconds:?}"
    );
    refused(
        &set,
        "runtime",
        &["--repeats", "0"],
        2,
        &["--repeats", "1..=4294967295"],
    );
    let one = Set::of(1);
    refused(&one, "memory", &[], 1, &["no impostor pairs"]);
}

#[test]
fn a_study_keeps_finished_parts_and_runs_what_changed() {
    let set = Set::new();
    let pairs = set.lfw_pairs(2);
    let study = |beta: &str| {
        let text = format!(
            "title = \"Both\"\nreplicates = 5\nfmrs = [1e-1, 1e-2]\n\
             [[models]]\nname = \"first\"\nalpha = 0.17\nbeta = 0.28\n\
             [[models]]\nname = \"second\"\nalpha = 0.1\nbeta = {beta}\n\
             [[sets]]\nname = \"paired\"\nembeddings = \"embeddings_made.npy\"\nfilenames = \"filenames_made.npy\"\n\
             pairs = \"{pairs}\"\nformat = \"lfw\"\n\
             [[sets]]\nname = \"plain\"\nembeddings = \"embeddings_made.npy\"\nfilenames = \"filenames_made.npy\"\n\
             protocols = [\"robustness\", \"all-pairs\"]\n"
        );
        set.write("study.toml", &text)
    };
    let out = set.path("study");
    let run = |file: &str| {
        let run = Run::of(bare().args(["evaluate", "run", file, "-o"]).arg(&out)).ok();
        (Checked::read(&out), run.err.matches("unchanged, kept").count())
    };
    let file = study("0.2");
    let (first, kept) = run(&file);
    assert_eq!(kept, 0);
    // The published form: rows are models and scores, columns are sets (and their metrics).
    for table in [
        "single-image-published",
        "single-image-exact",
        "robustness-published",
        "robustness-exact",
    ] {
        assert_eq!(first.rows(table), 4, "{table}");
    }
    assert_eq!(
        first.headings("robustness-published"),
        [
            "model",
            "score",
            "plain: EER (%)",
            "plain: FNMR at 1e-1 (%)",
            "plain: FNMR at 1e-2 (%)",
            "plain: AUC (%)"
        ]
    );
    assert_eq!(
        first.headings("single-image-published"),
        ["model", "score", "paired (%)"]
    );

    let (again, kept) = run(&file);
    assert_eq!(kept, 6, "nothing changed");
    assert_eq!(again.json["result"], first.json["result"]);
    let (changed, kept) = run(&study("0.25"));
    assert_eq!(kept, 3, "the second model's parameters changed");
    assert_ne!(changed.json["result"], first.json["result"]);
    // A kept part that was damaged is made again.
    let part = set.path("study.parts/first--paired--single-image.json");
    fs::write(&part, &fs::read(&part).unwrap()[..100]).unwrap();
    assert_eq!(run(&study("0.25")).1, 5);

    // Names that differ in nothing that a file's name has.
    let mut text = "replicates = 0\nscores = \"cosine\"\n[[models]]\nname = \"m\"\n".to_owned();
    for name in ["a b", "A-b", "名"] {
        text += &format!(
            "[[sets]]\nname = \"{name}\"\nembeddings = \"embeddings_made.npy\"\nfilenames = \"filenames_made.npy\"\n"
        );
    }
    let (alike, _) = run(&set.write("alike.toml", &text));
    let charts = ["det--3-robustness", "det-a-b-1-robustness", "det-a-b-2-robustness"];
    assert_eq!(alike.figures(), charts);

    let refused = |text: &str, words: &[&str]| {
        let file = set.write("bad.toml", text);
        let out = set.path("bad");
        Run::of(bare().args(["evaluate", "run", &file, "-o"]).arg(&out)).fails(1, words);
        assert!(!out.exists());
    };
    refused("models = []\nsets = []", &["bad.toml", "[[models]]"]);
    refused(
        "[[models]]\nname = \"a\"\n[[sets]]\nname = \"b\"\n",
        &["set b", "embeddings and filenames, or photos"],
    );
    refused(
        "[[models]]\nname = \"a\"\nalfa = 1\n[[sets]]\nname = \"b\"\n",
        &["bad.toml", "alfa"],
    );
    let missing = "[[models]]\nname = \"a\"\nalpha = 0.1\nbeta = 0.2\n[[sets]]\nname = \"b\"\nembeddings = \"no.npy\"\nfilenames = \"no.npy\"\n";
    refused(missing, &["a, b", "no.npy"]);
}

#[test]
fn what_is_no_report_is_never_overwritten_and_arrays_must_fit() {
    let set = Set::new();
    let kept = set.path("photos");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("mine.txt"), "mine").unwrap();
    let mut run = bare();
    run.args(["evaluate", "all-pairs", "--score", "cosine"])
        .args(set.arguments());
    Run::of(run.arg("-o").arg(&kept)).fails(1, &["photos", "not overwritten"]);
    assert_eq!(fs::read_to_string(kept.join("mine.txt")).unwrap(), "mine");

    let few = Set::of(3);
    let mut run = bare();
    run.args(["evaluate", "all-pairs", "--score", "cosine", "--embeddings"]);
    run.arg(set.path("embeddings_made.npy"))
        .arg("--filenames")
        .arg(few.path("filenames_made.npy"));
    Run::of(run.arg("-o").arg(set.path("x"))).fails(1, &["different sets"]);
    let mut run = bare();
    run.args(["evaluate", "all-pairs", "-o", "x"]);
    Run::of(&mut run).fails(2, &["--embeddings"]);
}

#[test]
fn json_says_where_the_report_is_and_the_chips_are_shown() {
    let set = Set::new();
    let chips = set.chips();
    let out = set.path("json");
    let mut run = bare();
    run.args(["--json", "evaluate", "all-pairs", "--chips", &chips, "--worst", "3"])
        .args(PARAMETERS);
    let run = Run::of(run.args(set.arguments()).arg("-o").arg(&out)).ok();
    let line: serde_json::Value = serde_json::from_str(run.out.trim()).unwrap();
    assert_eq!(line["results"], out.join("results.json").to_string_lossy().as_ref());
    assert!(line["highlights"]["Equal error rate, cosine"].is_string(), "{line}");
    assert!(run.err.is_empty(), "no bar and no word: {}", run.err);
    let page = Checked::read(&out).page;
    assert_eq!(
        page.matches("<img ").count(),
        2 * 2 * 2 * 3,
        "two scores, two kinds, three pairs of two chips"
    );
}

/// A folder of photos of two people, `copies` of each photo.
fn photos(folder: &Path, copies: usize) {
    for (person, photo) in [("obama", "obama.jpg"), ("obama", "obama2.jpg"), ("biden", "biden.jpg")] {
        fs::create_dir_all(folder.join(person)).unwrap();
        // Small, so that they are embedded quickly.
        let small = image::open(common::photos().join(photo)).unwrap().thumbnail(420, 420);
        for copy in 0..copies {
            small.save(folder.join(person).join(format!("{copy}_{photo}"))).unwrap();
        }
    }
}

#[test]
fn photos_are_embedded_once_and_shown() {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("people");
    photos(&source, 1);
    let out = folder.path().join("report");
    let evaluate = |command: &str| {
        let mut run = qmagface();
        run.args(["evaluate", command, "--replicates", "0", "--fmrs", "0.5", "--photos"])
            .arg(&source);
        Run::of(run.arg("-o").arg(&out)).ok()
    };
    let first = evaluate("all-pairs");
    assert!(first.err.contains("embedding 3 photos"), "{}", first.err);
    let page = Checked::read(&out).page;
    assert!(page.contains("<img "));
    assert!(page.contains("model&#39;s fingerprint") || page.contains("model's fingerprint"));
    assert!(
        !evaluate("robustness").err.contains("embedding"),
        "the embeddings are kept"
    );
    // Another photo: embedded anew.
    fs::copy(common::photos().join("obama.jpg"), source.join("biden/more.jpg")).unwrap();
    assert!(evaluate("all-pairs").err.contains("embedding 4 photos"));
    fs::remove_dir_all(&source).unwrap();
    let mut run = bare();
    run.args(["evaluate", "all-pairs", "--photos"]).arg(&source);
    Run::of(run.arg("-o").arg(folder.path().join("none"))).fails(1, &["people"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_report_and_the_same_command_goes_on() {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("people");
    photos(&source, 30); // batches of 16: it must not be done before the first is seen
    let out = folder.path().join("report");
    let command = || {
        let mut command = std::process::Command::new(program());
        command
            .args(["evaluate", "all-pairs", "--replicates", "0", "--photos"])
            .arg(&source);
        command.arg("-o").arg(&out);
        command
    };
    qmagface(); // the models must be there
    let mut child = command().stderr(std::process::Stdio::null()).spawn().unwrap();
    let journal = folder.path().join("report.embeddings/.photos.journal");
    // Once the first batch is in the journal.
    let begun = std::time::Instant::now();
    while fs::read_to_string(&journal).map_or(0, |text| text.lines().count()) < 2 {
        assert!(begun.elapsed().as_secs() < 120, "no batch was embedded");
        assert_eq!(child.try_wait().unwrap(), None, "it ended before a batch was seen");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    // SAFETY: a signal to the child that this test started.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!out.exists(), "nothing half is left");
    let again = command().output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("going on after") || !said.contains("embedding"), "{said}");
    Checked::read(&out);
}
