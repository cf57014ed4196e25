//! The program, and sets made up for it.

use npyz::WriterBuilder;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Floats of an embedding.
const LENGTH: usize = 16;
/// Images of a person.
const IMAGES: usize = 5;
const PEOPLE: [&str; 12] = [
    "ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal", "ida", "jim", "kim", "lou",
];

/// Embeddings of some people, PERSON/PERSON_000i.jpg: each person's about a direction of their own, with qualities of 8
/// to 14, worse ones further away; and the last image of each third person looks like the next person.
pub struct Set {
    folder: TempDir,
    pub names: Vec<String>,
}

fn lfw_name(person: &str, image: usize) -> String {
    format!("{person}/{person}_{image:04}.jpg")
}

impl Set {
    pub fn new() -> Set {
        Set::of(PEOPLE.len())
    }

    pub fn of(people: usize) -> Set {
        Set::make(people, lfw_name, |quality| quality)
    }

    pub fn named(name: impl Fn(&str, usize) -> String) -> Set {
        Set::make(PEOPLE.len(), name, |quality| quality)
    }

    /// The same embeddings, normalised to length 1.
    pub fn normalised() -> Set {
        Set::make(PEOPLE.len(), lfw_name, |_| 1.0)
    }

    fn make(people: usize, name: impl Fn(&str, usize) -> String, stored: impl Fn(f64) -> f64) -> Set {
        let mut random = fastrand::Rng::with_seed(5);
        let mut draw = || random.f64() * 2.0 - 1.0;
        let centres: Vec<Vec<f64>> = (0..PEOPLE.len())
            .map(|_| (0..LENGTH).map(|_| draw()).collect())
            .collect();
        let (mut names, mut embeddings) = (Vec::new(), Vec::new());
        for (index, person) in PEOPLE[..people].iter().enumerate() {
            for image in 1..=IMAGES {
                let odd = index % 3 == 0 && image == IMAGES;
                let centre = &centres[if odd { (index + 1) % PEOPLE.len() } else { index }];
                let quality = 8.0 + 1.5 * (IMAGES - image) as f64;
                let noise = 1.8 - 0.09 * quality;
                let raw: Vec<f64> = centre.iter().map(|value| value + noise * draw()).collect();
                let length = raw.iter().map(|value| value * value).sum::<f64>().sqrt();
                embeddings.extend(raw.iter().map(|value| (value / length * stored(quality)) as f32));
                names.push(name(person, image));
            }
        }
        let set = Set {
            folder: TempDir::new().unwrap(),
            names,
        };
        let rows = set.names.len() as u64;
        let mut file = writer(&set.path("embeddings_made.npy"), "<f4", &[rows, LENGTH as u64]);
        file.extend(embeddings).unwrap();
        file.finish().unwrap();
        set.write_names("filenames_made.npy", &set.names);
        set
    }

    fn write_names(&self, file: &str, names: &[String]) {
        let width = names.iter().map(String::len).max().unwrap();
        let mut writer: npyz::NpyWriter<str, _> =
            writer(&self.path(file), &format!("<U{width}"), &[names.len() as u64]);
        for name in names {
            writer.push(name).unwrap();
        }
        writer.finish().unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The options that name the set.
    pub fn arguments(&self) -> Vec<String> {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        vec![
            "--embeddings".into(),
            path("embeddings_made.npy"),
            "--filenames".into(),
            path("filenames_made.npy"),
        ]
    }

    /// The same set with numbers for names.
    pub fn by_number(&self) -> Vec<String> {
        let names: Vec<String> = (0..self.names.len()).map(|index| format!("{index:05}.jpg")).collect();
        self.write_names("filenames_numbers.npy", &names);
        let mut arguments = self.arguments();
        arguments[3] = self.path("filenames_numbers.npy").to_str().unwrap().to_owned();
        arguments
    }

    /// Pairs of rows by fold: in each fold as many genuine as impostor pairs, the genuine ones first.
    fn pairs(&self, folds: usize) -> Vec<[usize; 2]> {
        let mut pairs = Vec::new();
        for fold in 0..folds {
            let people: Vec<usize> = (0..PEOPLE.len()).filter(|person| person % folds == fold).collect();
            for person in &people {
                pairs.extend((1..IMAGES).map(|image| [person * IMAGES, person * IMAGES + image]));
            }
            for person in &people {
                let other = (person + folds) % PEOPLE.len();
                pairs.extend((1..IMAGES).map(|image| [person * IMAGES, other * IMAGES + image]));
            }
        }
        pairs
    }

    pub fn lfw_pairs(&self, folds: usize) -> String {
        let pairs = self.pairs(folds);
        let mut text = format!("{folds}\t{}\n", pairs.len() / folds / 2);
        for [a, b] in pairs {
            let name = |row: usize| (PEOPLE[row / IMAGES], row % IMAGES + 1);
            let ((one, i), (other, j)) = (name(a), name(b));
            match one == other {
                true => text += &format!("{one}\t{i}\t{j}\n"),
                false => text += &format!("{one}\t{i}\t{other}\t{j}\n"),
            }
        }
        self.write("lfw.txt", &text)
    }

    pub fn numbered_pairs(&self, folds: usize) -> String {
        let line = |[a, b]: [usize; 2]| format!("{a} {b} {}\n", u8::from(a / IMAGES == b / IMAGES));
        let text: String = self.pairs(folds).into_iter().map(line).collect();
        self.write("numbers.txt", &text)
    }

    pub fn labelled_pairs(&self, folds: usize) -> String {
        let file = |row: usize| self.names[row].rsplit('/').next().unwrap().to_owned();
        let label = |a: usize, b: usize| if a / IMAGES == b / IMAGES { a / IMAGES + 1 } else { 0 };
        let line = |[a, b]: [usize; 2]| format!("{} {} {}\n", file(a), file(b), label(a, b));
        let text: String = self.pairs(folds).into_iter().map(line).collect();
        self.write("labels.txt", &text)
    }

    /// Template and pair lists: two templates of each person.
    pub fn ijb(&self) -> (String, String) {
        let mut images = String::new();
        for (row, name) in self.names.iter().enumerate() {
            let (person, image) = (row / IMAGES, row % IMAGES);
            let template = 2 * person + usize::from(image >= 2) + 1;
            images += &format!("{name} {template} {}\n", row + 1);
        }
        let mut pairs = String::new();
        for person in 0..PEOPLE.len() {
            pairs += &format!("{} {} 1\n", 2 * person + 1, 2 * person + 2);
            for other in person + 1..PEOPLE.len() {
                pairs += &format!("{} {} 0\n", 2 * person + 1, 2 * other + 2);
            }
        }
        (
            self.write("templates.txt", &images),
            self.write("template_pairs.txt", &pairs),
        )
    }

    /// A folder of chips of one colour each.
    pub fn chips(&self) -> String {
        let folder = self.path("chips");
        for (index, name) in self.names.iter().enumerate() {
            let path = folder.join(name).with_extension("png");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let colour = image::Rgb([index as u8 * 4, 100, 150]);
            image::RgbImage::from_pixel(112, 112, colour).save(&path).unwrap();
        }
        folder.to_str().unwrap().to_owned()
    }
}

fn writer<T: npyz::Serialize + ?Sized>(
    path: &Path,
    kind: &str,
    shape: &[u64],
) -> npyz::NpyWriter<T, impl Write + use<T>> {
    npyz::WriteOptions::new()
        .dtype(npyz::DType::Plain(kind.parse().unwrap()))
        .shape(shape)
        .writer(std::io::BufWriter::new(fs::File::create(path).unwrap()))
        .begin_nd()
        .unwrap()
}
