//! One SFace engine with the default options under the load of 64 threads with photos of all sizes, for as many seconds as
//! the first argument says (600). `make soak SECONDS=600`
//!
//! Each result must be to the last bit what one thread alone gets, no call may fail, and the process may not grow: the
//! mean of its resident memory in the last quarter of the time may be 5 % and 32 MiB above that of the second quarter.
//! Exits with 1 where anything of it is not so.

#[cfg(target_os = "linux")]
mod common;
#[cfg(target_os = "linux")]
#[path = "../tests/common/load.rs"]
mod load;
#[cfg(target_os = "linux")]
#[path = "../tests/common/process.rs"]
mod process;

#[cfg(target_os = "linux")]
fn main() {
    use common::{photo_path, required};
    use qmagface::{DeviceChoice, Engine, EngineOptions};

    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let seconds = numbers.first().copied().unwrap_or(600);
    let threads = numbers.get(1).copied().unwrap_or(64) as usize;
    let engine = |inline| {
        let options = EngineOptions {
            device: DeviceChoice::Cpu,
            inline,
            ..EngineOptions::default()
        };
        required(Engine::open("sface", &options))
    };
    let (alone, shared) = (engine(true), engine(false));
    let names = ["obama.jpg", "obama2.jpg", "obama3.jpg", "obama_partial_face.jpg"];
    let folder = photo_path(names[0]);
    let folder = folder.parent().expect("a folder");
    let pictures = load::pictures(folder, &names, &[1.0, 0.6, 0.4, 0.25]);
    println!("{threads} threads, {} pictures, {seconds} s", pictures.len());
    let load = load::Load {
        threads,
        duration: std::time::Duration::from_secs(seconds),
        growth: (0.05, 32 << 20),
    };
    let figures = load::run(&shared, &alone, &pictures, &load);
    println!("{figures}");
    for wrong in &figures.wrong {
        println!("WRONG: {wrong}");
    }
    if !figures.wrong.is_empty() {
        std::process::exit(1);
    }
    println!("no error, every result as in one thread, no growth");
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the soak reads /proc: it runs on Linux only");
}
