//! Who is on each image: by its name, and by a rule that the user may give.

use clap::Args;
use qmagface::pairs::{Count, Pair, common_folder, composed, is_hidden, parts, subject_of};
use qmagface::{Error, ErrorKind, Result};
use regex::Regex;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The rule that says who is on an image.
#[derive(Args, Default, Clone)]
pub struct PersonRule {
    /// A person is the first N folders of an image's path, whatever folders are inside [default: the folder that the
    /// image lies in, or PERSON_NUMBER for an image in no folder]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), conflicts_with = "person_pattern")]
    pub person_depth: Option<u8>,
    /// A person is what this regular expression finds in an image's path: its group `person`, else its first group, else
    /// all of it. '^([0-9]+)-' is for 0012-left.jpg
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    pub person_pattern: Option<Regex>,
}

/// Longest pattern that is compiled, in bytes, and the most memory that it may take.
const LONGEST_PATTERN: usize = 4096;

/// Compiles a pattern.
pub fn pattern(text: &str) -> Result<Regex, String> {
    if text.len() > LONGEST_PATTERN {
        return Err(format!("a pattern has at most {LONGEST_PATTERN} bytes"));
    }
    Regex::new(text).map_err(|error| error.to_string())
}

/// The people of a set.
pub struct People {
    /// Who is on each image.
    pub labels: Vec<String>,
    /// What the user should know of them.
    pub notes: Vec<String>,
}

impl People {
    /// How many people there are.
    pub fn count(&self) -> usize {
        self.labels.iter().collect::<HashSet<_>>().len()
    }

    /// How many pairs of two different images there are.
    pub fn pairs(&self) -> Count {
        let mut images: HashMap<&String, u64> = HashMap::new();
        for label in &self.labels {
            *images.entry(label).or_default() += 1;
        }
        let pairs = |images: u64| images * images.saturating_sub(1) / 2;
        let genuine = images.into_values().map(pairs).sum();
        Count {
            genuine,
            impostor: pairs(self.labels.len() as u64) - genuine,
        }
    }
}

impl PersonRule {
    /// Whether the user gave a rule.
    pub fn is_given(&self) -> bool {
        self.person_depth.is_some() || self.person_pattern.is_some()
    }

    /// The rule in words.
    pub fn described(&self) -> String {
        match (self.person_depth, &self.person_pattern) {
            (Some(depth), _) => format!("by the first {depth} folders of the images' names"),
            (_, Some(pattern)) => format!("by {pattern} in the images' names"),
            _ => "by the folders that the images lie in, or by PERSON_NUMBER".to_owned(),
        }
    }

    /// Who is on the image `name`, of whose folders the first `root` only say where the set lies.
    fn person(&self, name: &str, root: usize) -> Option<String> {
        if !self.is_given() {
            return subject_of(name);
        }
        let (_, parts) = parts(name);
        let inside = &parts[root.min(parts.len())..];
        if let Some(depth) = self.person_depth {
            let folders = &inside[..inside.len().saturating_sub(1)];
            return folders
                .get(..usize::from(depth))
                .map(|person| composed(&person.join("/")));
        }
        let pattern = self.person_pattern.as_ref()?;
        let path = composed(&inside.join("/"));
        let found = pattern.captures(&path)?;
        let person = found.name("person").or_else(|| match pattern.captures_len() {
            1 => None,
            _ => found.iter().skip(1).flatten().next(),
        });
        let person = person.or_else(|| found.get(0))?;
        (!person.as_str().is_empty()).then(|| person.as_str().to_owned())
    }

    /// Who is on each of the images; `None` where the names don't say and no rule was given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming an image that the rule finds nobody for.
    pub fn people(&self, names: &[String]) -> Result<Option<People>> {
        let root = common_folder(names.iter().map(String::as_str));
        let labels: Vec<Option<String>> = names.iter().map(|name| self.person(name, root)).collect();
        let lost = labels.iter().filter(|label| label.is_none()).count();
        if let Some(first) = labels.iter().position(Option::is_none) {
            if !self.is_given() {
                return Ok(None);
            }
            let rule = match (self.person_depth, &self.person_pattern) {
                (Some(depth), _) => format!("--person-depth {depth}: the path has fewer folders"),
                (_, Some(pattern)) => format!("--person-pattern {pattern}: it is not found in the path"),
                _ => String::new(),
            };
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{lost} of {} images are of nobody, the first is {:?} ({rule})",
                    names.len(),
                    names[first]
                ),
            ));
        }
        let labels: Vec<String> = labels.into_iter().flatten().collect();
        let notes = self.odd(names, &labels);
        Ok(Some(People { labels, notes }))
    }

    /// As [`PersonRule::people`], where the names must say it, and must give pairs of one person and of two.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the first image that is of nobody; when each image is of another person, or all
    /// are of one.
    pub fn people_needed(&self, names: &[String]) -> Result<People> {
        if let Some(people) = self.people(names)? {
            let (count, images) = (people.count(), people.labels.len());
            if images > 1 && (count == images || count == 1) {
                return Err(Error::new(ErrorKind::InvalidArgument, one_kind(count, images)));
            }
            return Ok(people);
        }
        let first = names.iter().find(|name| subject_of(name).is_none());
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{:?} doesn't say who is on the image: names are PERSON/IMAGE or PERSON_NUMBER, or else give \
                 --person-depth or --person-pattern",
                first.map_or("", String::as_str)
            ),
        ))
    }

    /// What is odd about the people that were found.
    fn odd(&self, names: &[String], labels: &[String]) -> Vec<String> {
        let people: HashSet<&String> = labels.iter().collect();
        let mut notes = Vec::new();
        if people.len() == labels.len() && labels.len() > 1 {
            notes.push(one_kind(people.len(), labels.len()));
            return notes;
        }
        if self.is_given() {
            return notes;
        }
        if let Some((outer, inner)) = nested(&people) {
            notes.push(format!(
                "The folder {outer:?} counts as one person and {inner:?} inside it as another. If all images inside a folder \
                 are of one person, give --person-depth {}.",
                depth_of(names, labels, outer)
            ));
        } else if let Some((folder, parents)) = repeated_folder(labels) {
            let ending = format!("/{folder}");
            let inside = labels
                .iter()
                .find(|label| label.ends_with(&ending))
                .map_or(folder, String::as_str);
            notes.push(format!(
                "The folder {folder:?} is inside {parents} different folders, and each of these counts as a person of its \
                 own, such as {:?}. If the outer folders are the people, give --person-depth {}; if the inner ones are, \
                 give --person-pattern '([^/]+)/[^/]+$'.",
                inside,
                depth_of(names, labels, inside).saturating_sub(1).max(1)
            ));
        } else if let Some((person, folders)) = scattered(names, labels) {
            notes.push(format!(
                "Files called like one person, {person:?}, lie in {folders} folders, and each of these counts as a person of its \
                 own. If the files' names say who is on them, give --person-pattern '([^/]+)_[0-9]+\\.[^./]+$'."
            ));
        } else if let Some((outer, inside)) = few_inside(&people) {
            notes.push(format!(
                "{} people are told apart by the folders that their images lie in, and these lie in {outer} folders, such as \
                 {inside:?}. If the outer folders are the people, give --person-depth {}.",
                people.len(),
                depth_of(names, labels, inside).saturating_sub(1).max(1)
            ));
        }
        notes
    }

    /// What a pair list says otherwise than the people of the set do; `None` where they agree. `people` are the numbers of
    /// the people on each image.
    pub fn contradiction(&self, names: &[String], people: &[u32], pairs: &[Pair]) -> Option<String> {
        let contradicts =
            |people: &[u32], pair: &Pair| (people[pair.a as usize] == people[pair.b as usize]) != pair.genuine;
        let count = pairs.iter().filter(|pair| contradicts(people, pair)).count();
        let first = pairs.iter().find(|pair| contradicts(people, pair))?;
        let (says, names_say) = match first.genuine {
            true => ("one person", "two people"),
            false => ("two people", "one person"),
        };
        let advice = match self.is_given() {
            true => "Check --person-depth or --person-pattern, or the list.".to_owned(),
            false => match agreeing_depth(names, pairs) {
                Some(depth) => format!("With --person-depth {depth} they agree."),
                None => "Say who is on an image with --person-depth or --person-pattern, or check the list.".to_owned(),
            },
        };
        Some(format!(
            "{count} of {} pairs of the list contradict the images' names: {:?} and {:?} are of {says} by the list and of \
             {names_say} by their names. {advice}",
            pairs.len(),
            names[first.a as usize],
            names[first.b as usize]
        ))
    }
}

/// What is wrong with people that give pairs of one kind only.
fn one_kind(people: usize, images: usize) -> String {
    let what = match people {
        1 => format!("All {images} images are of one person by their names, so that there are no impostor pairs"),
        _ => {
            format!("Each of the {images} images is of another person by its name, so that there are no genuine pairs")
        }
    };
    format!("{what}. If that is wrong, say who is on an image with --person-depth or --person-pattern.")
}

/// A person by the files' names (`Ann_Lee_0001.jpg`) whose files lie in several folders, and in how many; the first of them.
fn scattered(names: &[String], labels: &[String]) -> Option<(String, usize)> {
    let mut folders: BTreeMap<String, HashSet<&str>> = BTreeMap::new();
    for (name, label) in names.iter().zip(labels) {
        let (_, parts) = parts(name);
        // In a folder of its own a number alone tells nobody: `day 1/003-1.jpg`.
        if let Some(person) = parts
            .last()
            .filter(|_| parts.len() > 1)
            .and_then(|file| subject_of(file))
        {
            folders.entry(person).or_default().insert(label);
        }
    }
    let found = folders.into_iter().find(|(_, folders)| folders.len() > 1)?;
    Some((found.0, found.1.len()))
}

/// Most people in an outer folder, on average, that may still be one person's clips or days.
const MOST_INSIDE: usize = 50;

/// How many outer folders the people's folders lie in, where these are more than one and hold a few each, as `p1/clip7` and
/// `p1/clip8` beside `p2/clip3`; and one of the people's folders.
fn few_inside<'a>(people: &HashSet<&'a String>) -> Option<(usize, &'a str)> {
    let mut outer: HashMap<&str, usize> = HashMap::new();
    for person in people {
        *outer.entry(person.rsplit_once('/')?.0).or_default() += 1;
    }
    let is_few = outer.len() > 1 && people.len() > outer.len() && people.len() <= MOST_INSIDE * outer.len();
    let first = people
        .iter()
        .filter(|person| person.rsplit_once('/').is_some_and(|(outside, _)| outer[outside] > 1));
    is_few
        .then(|| first.min())?
        .map(|person| (outer.len(), person.as_str()))
}

/// A folder that stands inside more than one folder where the innermost folders are the people, as `frontal` in
/// `001/frontal/05.jpg` and `002/frontal/01.jpg`, and in how many; the one that is in most.
fn repeated_folder(labels: &[String]) -> Option<(&str, usize)> {
    let mut parents: HashMap<&str, HashSet<&str>> = HashMap::new();
    for label in labels {
        let (parent, folder) = label.rsplit_once('/').unwrap_or(("", label));
        parents.entry(folder).or_default().insert(parent);
    }
    let most = parents
        .into_iter()
        .map(|(folder, parents)| (parents.len(), folder))
        .max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)))?;
    (most.0 > 1).then_some((most.1, most.0))
}

/// A person whose folder holds another person's.
fn nested<'a>(people: &HashSet<&'a String>) -> Option<(&'a str, &'a str)> {
    let outside = |inner: &'a String| {
        let ends = inner.match_indices('/').map(|(end, _)| &inner[..end]);
        ends.rev().find(|&outer| people.contains(&outer.to_owned()))
    };
    let mut found: Vec<_> = people
        .iter()
        .filter_map(|inner| Some((outside(inner)?, inner.as_str())))
        .collect();
    found.sort_unstable();
    found.first().copied()
}

/// At which depth the folder `person` is.
fn depth_of(names: &[String], labels: &[String], person: &str) -> usize {
    let root = common_folder(names.iter().map(String::as_str));
    let place = labels.iter().position(|label| label == person);
    let folders = place.map_or(0, |place| parts(&names[place]).1.len() - 1);
    folders.saturating_sub(root).max(1)
}

/// The least depth of folders at which people agree with every pair.
fn agreeing_depth(names: &[String], pairs: &[Pair]) -> Option<u8> {
    (1..=8).find(|&depth| {
        let rule = PersonRule {
            person_depth: Some(depth),
            person_pattern: None,
        };
        let root = common_folder(names.iter().map(String::as_str));
        let people: Vec<Option<String>> = names.iter().map(|name| rule.person(name, root)).collect();
        pairs.iter().all(|pair| {
            let (a, b) = (&people[pair.a as usize], &people[pair.b as usize]);
            a.is_some() && b.is_some() && (a == b) == pair.genuine
        })
    })
}

/// Which of the names are of images in hidden folders or of hidden files, the folders around the whole set aside.
pub fn hidden(names: &[String]) -> Vec<bool> {
    let root = common_folder(names.iter().map(String::as_str));
    let is_inside = |name: &String| {
        let (_, parts) = parts(name);
        parts[root.min(parts.len())..].iter().any(|part| is_hidden(part))
    };
    names.iter().map(is_inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn depth(depth: u8) -> PersonRule {
        PersonRule {
            person_depth: Some(depth),
            person_pattern: None,
        }
    }

    fn by_pattern(text: &str) -> PersonRule {
        PersonRule {
            person_depth: None,
            person_pattern: Some(pattern(text).unwrap()),
        }
    }

    fn labels(rule: &PersonRule, of: &[&str]) -> Vec<String> {
        rule.people(&names(of)).unwrap().unwrap().labels
    }

    const CFP: [&str; 4] = [
        "001/frontal/05.jpg",
        "001/profile/01.jpg",
        "002/frontal/01.jpg",
        "002/profile/02.jpg",
    ];

    #[test]
    fn a_person_is_a_folder_a_depth_or_a_pattern() {
        assert_eq!(
            labels(&PersonRule::default(), &CFP)[..2],
            ["001/frontal", "001/profile"]
        );
        assert_eq!(labels(&depth(1), &CFP), ["001", "001", "002", "002"]);
        assert_eq!(labels(&depth(2), &CFP)[0], "001/frontal");
        assert_eq!(
            labels(&depth(1), &["./001/05.jpg", "001\\x\\y\\06.jpg"]),
            ["001", "001"]
        );
        // Where all lie is no part of their names.
        let absolute = ["/data/cfp/001/frontal/05.jpg", "/data/cfp/002/profile/05.jpg"];
        assert_eq!(labels(&depth(1), &absolute), ["001", "002"]);
        let flat = ["0012-left.jpg", "0012-right.jpg", "0013-left.jpg"];
        assert_eq!(labels(&by_pattern("^([0-9]+)-"), &flat), ["0012", "0012", "0013"]);
        assert_eq!(labels(&by_pattern("^[0-9]+"), &flat), ["0012", "0012", "0013"]);
        assert_eq!(labels(&by_pattern("(left|right)?(?<person>^[0-9]+)"), &flat)[2], "0013");
        assert_eq!(
            labels(&by_pattern("^(?:a/([^/]+)|b_([0-9]+))"), &["a/x/1.jpg", "b_7.jpg"]),
            ["x", "7"]
        );
    }

    #[test]
    fn an_image_of_nobody_is_named() {
        let wrong = |rule: PersonRule, of: &[&str]| rule.people(&names(of)).err().unwrap().message().to_owned();
        let error = wrong(depth(1), &["001/1.jpg", "2.jpg", "3.jpg"]);
        assert!(
            error.contains("2 of 3") && error.contains("\"2.jpg\"") && error.contains("--person-depth 1"),
            "{error}"
        );
        let error = wrong(by_pattern("^([0-9]+)-"), &["001-1.jpg", "x.jpg"]);
        assert!(
            error.contains("\"x.jpg\"") && error.contains("--person-pattern"),
            "{error}"
        );
        assert!(PersonRule::default().people(&names(&["x.jpg"])).unwrap().is_none());
        let error = PersonRule::default()
            .people_needed(&names(&["a/1.jpg", "x.jpg"]))
            .err()
            .unwrap();
        assert!(error.message().contains("\"x.jpg\""), "{error}");
        for (of, what) in [
            (["a/1", "b/1"], "no genuine pairs"),
            (["a/1", "a/2"], "no impostor pairs"),
        ] {
            let error = PersonRule::default().people_needed(&names(&of)).err().unwrap();
            assert!(
                error.message().contains(what) && error.message().contains("--person-depth"),
                "{error}"
            );
        }
        assert!(pattern("(").is_err() && pattern(&"a".repeat(5000)).is_err());
        assert!(pattern("(a{1000}){1000}").is_err(), "memory is limited");
    }

    #[test]
    fn odd_people_are_noted() {
        let notes = |rule: &PersonRule, of: &[&str]| rule.people(&names(of)).unwrap().unwrap().notes;
        let alone = notes(&PersonRule::default(), &["a/1.jpg", "b/1.jpg", "c/1.jpg"]);
        assert!(alone.len() == 1 && alone[0].contains("no genuine pairs"), "{alone:?}");
        assert!(!notes(&PersonRule::default(), &CFP).is_empty());
        let nested = notes(&PersonRule::default(), &["a/1.jpg", "a/2.jpg", "a/left/1.jpg"]);
        assert!(
            nested.len() == 1 && nested[0].contains("\"a/left\"") && nested[0].contains("--person-depth 1"),
            "{nested:?}"
        );
        let two = [&CFP[..], &["001/frontal/06.jpg"]].concat();
        let repeated = notes(&PersonRule::default(), &two);
        assert!(
            repeated.len() == 1 && repeated[0].contains("\"frontal\"") && repeated[0].contains("--person-depth 1"),
            "{repeated:?}"
        );
        assert!(notes(&depth(1), &two).is_empty());
        let clips = ["p1/vid1/1.jpg", "p1/vid1/2.jpg", "p1/vid2/1.jpg", "p2/vid3/1.jpg"];
        let few = notes(&PersonRule::default(), &clips);
        assert!(
            few.len() == 1
                && few[0].contains("3 people")
                && few[0].contains("2 folders")
                && few[0].contains("\"p1/vid1\""),
            "{few:?}"
        );
        assert!(few[0].contains("--person-depth 1"), "{few:?}");
        assert!(notes(&depth(1), &clips).is_empty());
        let one_inside_each = ["a/x/1.jpg", "a/x/2.jpg", "b/y/1.jpg"];
        assert!(notes(&PersonRule::default(), &one_inside_each).is_empty());
        assert!(notes(&PersonRule::default(), &["set/a/1.jpg", "set/a/2.jpg", "set/b/1.jpg"]).is_empty());
        assert!(notes(&PersonRule::default(), &["a/1.jpg", "a/2.jpg", "b/1.jpg"]).is_empty());
        assert!(notes(&PersonRule::default(), &["a/1.jpg"]).is_empty());
        let copies = notes(&PersonRule::default(), &["Ann/1.jpg", "Ann/2.jpg", "copy/Ann/1.jpg"]);
        assert!(copies.len() == 1 && copies[0].contains("\"Ann\""), "{copies:?}");
        let days = ["day1/Ann_Lee_0001.jpg", "day1/Bob_0001.jpg", "day2/Ann_Lee_0002.jpg"];
        let days = notes(&PersonRule::default(), &days);
        assert!(
            days.len() == 1 && days[0].contains("\"Ann_Lee\"") && days[0].contains("--person-pattern"),
            "{days:?}"
        );
        assert!(
            notes(
                &PersonRule::default(),
                &["Ann/Ann_1.jpg", "Ann/Ann_2.jpg", "Bob/Bob_1.jpg"]
            )
            .is_empty()
        );
    }

    #[test]
    fn a_list_that_contradicts_the_names_is_noted() {
        let names = names(&CFP);
        let pair = |a, b, genuine| Pair { a, b, genuine };
        let pairs = [pair(0, 1, true), pair(2, 3, true), pair(0, 2, false)];
        let note = PersonRule::default()
            .contradiction(&names, &[0, 1, 2, 3], &pairs)
            .unwrap();
        for word in ["2 of 3", "001/profile/01.jpg", "With --person-depth 1 they agree"] {
            assert!(note.contains(word), "{word}: {note}");
        }
        assert_eq!(depth(1).contradiction(&names, &[0, 0, 1, 1], &pairs), None);
        let wrong = [pair(0, 1, false), pair(0, 2, true)];
        let note = PersonRule::default()
            .contradiction(&names, &[0, 1, 2, 3], &wrong)
            .unwrap();
        assert!(note.contains("1 of 2") && note.contains("check the list"), "{note}");
    }

    #[test]
    fn hidden_images_are_told_whatever_is_around_the_set() {
        let found = hidden(&names(&[
            "a/1.jpg",
            "a/@eaDir/1.jpg",
            ".AppleDouble/1.jpg",
            "a/._1.jpg",
        ]));
        assert_eq!(found, [false, true, true, true]);
        assert_eq!(
            hidden(&names(&["/home/me/.cache/a/1.jpg", "/home/me/.cache/b/.x/1.jpg"])),
            [false, true]
        );
    }
}
