#[path = "../tests/common/formula.rs"]
mod formula;
use qmagface::align::Chip;
use qmagface::network::{self, EmbeddingNetwork, IResNet, Precision, spec::Network};
use std::time::Instant;
fn cpu() -> f64 {
    let mut u: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut u) };
    u.ru_utime.tv_sec as f64
        + u.ru_utime.tv_usec as f64 * 1e-6
        + u.ru_stime.tv_sec as f64
        + u.ru_stime.tv_usec as f64 * 1e-6
}
fn main() {
    let name = std::env::args().nth(1).unwrap();
    let batches: Vec<usize> = std::env::args()
        .nth(2)
        .unwrap()
        .split(',')
        .map(|b| b.parse().unwrap())
        .collect();
    let with_torch = std::env::args().nth(3).is_some();
    let network = Network::from_name(&name).unwrap();
    let weights = if network == Network::SFace {
        qmagface::model::Store::default_location()
            .unwrap()
            .open("sface")
            .unwrap()
            .load_weights()
            .unwrap()
    } else {
        formula::weights(network)
    };
    let native = network::build(network, &weights, tch::Device::Cpu, Precision::F32).unwrap();
    let torch: Option<Box<dyn EmbeddingNetwork>> = with_torch.then(|| {
        if network == Network::SFace {
            Box::new(network::SFace::new(&weights, tch::Device::Cpu, Precision::F32).unwrap())
                as Box<dyn EmbeddingNetwork>
        } else {
            Box::new(IResNet::new(network, &weights, tch::Device::Cpu, Precision::F32).unwrap())
        }
    });
    let mut x = 12345u32;
    let chips: Vec<Chip> = (0..64)
        .map(|_| {
            Chip::from_bgr(
                (0..Chip::BYTES)
                    .map(|_| {
                        x = x.wrapping_mul(1664525).wrapping_add(1013904223);
                        (x >> 24) as u8
                    })
                    .collect(),
            )
            .unwrap()
        })
        .collect();
    if let Some(torch) = &torch {
        let refs: Vec<&Chip> = chips[..3].iter().collect();
        let (a, b) = (native.forward(&refs).unwrap(), torch.forward(&refs).unwrap());
        let d = a
            .iter()
            .flatten()
            .zip(b.iter().flatten())
            .map(|(x, y)| (x - y).abs())
            .fold(0f32, f32::max);
        let m = b.iter().flatten().map(|y| y.abs()).fold(0f32, f32::max);
        let alone: Vec<_> = refs.iter().flat_map(|c| native.forward(&[*c]).unwrap()).collect();
        println!("max difference {d:e} of {m}, alone the same bits: {}", alone == a);
    }
    for batch in batches {
        let refs: Vec<&Chip> = chips[..batch].iter().collect();
        let time = |n: &dyn EmbeddingNetwork| {
            let t = Instant::now();
            n.forward(&refs).unwrap();
            t.elapsed().as_secs_f64() * 1e3 / batch as f64
        };
        let c0 = cpu();
        native.forward(&refs).unwrap();
        native.forward(&refs).unwrap();
        println!("cpu ms/image {:.2}", (cpu() - c0) * 500.0 / batch as f64);
        let (mut a, mut b) = (vec![], vec![]);
        for _ in 0..9 {
            a.push(time(&*native));
            if let Some(torch) = &torch {
                b.push(time(&**torch));
            }
        }
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        println!(
            "{name} batch {batch}: native {:.2} (best {:.2}) ms/image, libtorch {:.2}",
            a[4],
            a[0],
            b.get(4).unwrap_or(&0.0)
        );
    }
}
