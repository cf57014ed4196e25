//! The processor's vector instructions, chosen at run time: what the kernels need beyond [`pulp::Simd`].

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use pulp::Simd;
use pulp::bytemuck::{cast_slice, pod_read_unaligned};
use std::sync::OnceLock;

/// One set of vector instructions. Having a value of it proves that this processor has them.
pub(crate) trait Machine: Copy {
    /// pulp's set, for what is the same everywhere.
    type Simd: Simd;

    /// pulp's set, for what is the same everywhere.
    fn simd(self) -> Self::Simd;

    /// `a * b + c`, rounded once where the processor can; otherwise twice.
    fn multiply_add(
        self,
        a: <Self::Simd as Simd>::f32s,
        b: <Self::Simd as Simd>::f32s,
        c: <Self::Simd as Simd>::f32s,
    ) -> <Self::Simd as Simd>::f32s;

    /// As [`Machine::multiply_add`], in f64.
    fn multiply_add_f64(
        self,
        a: <Self::Simd as Simd>::f64s,
        b: <Self::Simd as Simd>::f64s,
        c: <Self::Simd as Simd>::f64s,
    ) -> <Self::Simd as Simd>::f64s;

    /// As many floats as a vector has f64 lanes, as f64.
    fn widen(self, values: &[f32]) -> <Self::Simd as Simd>::f64s;

    /// As many halves (bits of IEEE binary16, finite) as a vector has f32 lanes, as f32.
    fn widen_halves(self, bits: &[u16]) -> <Self::Simd as Simd>::f32s;

    /// Adds the products of twice as many bytes as a vector has i32 lanes with as many `factors` to the lanes of `sums`,
    /// which must not overflow.
    fn multiply_add_bytes(
        self,
        bytes: &[i8],
        factors: &[i16],
        sums: <Self::Simd as Simd>::i32s,
    ) -> <Self::Simd as Simd>::i32s;
}

/// A vector of floats of a machine.
pub(crate) type F32s<M> = <<M as Machine>::Simd as Simd>::f32s;

/// The vector of as many floats as it has lanes.
#[inline(always)]
pub(crate) fn load<S: Simd>(values: &[f32]) -> S::f32s {
    pod_read_unaligned(cast_slice(values))
}

/// Work that is compiled once for each machine. `ROWS` is how many rows of two vectors the machine's registers hold as
/// sums, with room for the operands.
pub(crate) trait Operation {
    type Output;

    /// Must be `#[inline(always)]`, with everything it calls, for the instructions to be used.
    fn run<M: Machine, const ROWS: usize>(self, machine: M) -> Self::Output;
}

/// The sets of vector instructions that are known, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Instructions {
    Portable,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    #[cfg(target_arch = "x86_64")]
    const ALL: [Instructions; 3] = [Instructions::Portable, Instructions::Avx2, Instructions::Avx512];
    #[cfg(target_arch = "aarch64")]
    const ALL: [Instructions; 2] = [Instructions::Portable, Instructions::Neon];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    const ALL: [Instructions; 1] = [Instructions::Portable];

    fn name(self) -> &'static str {
        match self {
            Instructions::Portable => "portable",
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => "NEON",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => "AVX-512",
        }
    }

    fn is_available(self) -> bool {
        match self {
            Instructions::Portable => true,
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => neon::try_new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => x86::Avx2::is_available(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => x86::Avx512::is_available(),
        }
    }

    /// Does the work with these instructions, which are available.
    #[inline(always)]
    fn run<O: Operation>(self, operation: O) -> O::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => {
                if let Some(machine) = x86::Avx512::try_new() {
                    return machine.vectorize(
                        #[inline(always)]
                        || operation.run::<_, 12>(machine),
                    );
                }
            }
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => {
                if let Some(machine) = x86::Avx2::try_new() {
                    return machine.vectorize(
                        #[inline(always)]
                        || operation.run::<_, 6>(machine),
                    );
                }
            }
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => {
                if let Some(machine) = neon::try_new() {
                    return machine.vectorize(
                        #[inline(always)]
                        || operation.run::<_, 12>(machine),
                    );
                }
            }
            Instructions::Portable => {}
        }
        operation.run::<_, 2>(portable::Portable)
    }
}

/// Name of the environment variable that names the instructions in place of the best ones: `portable`, `NEON`, `AVX2` or
/// `AVX-512`, in any case. It is read once. For tests, and for finding out whether a difference comes from the processor; a
/// set that this processor doesn't have is not taken.
const VARIABLE: &str = "QMAGFACE_INSTRUCTIONS";

/// The instructions that are used: those the environment names, else the best.
fn chosen() -> Instructions {
    static CHOSEN: OnceLock<Instructions> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let available = || Instructions::ALL.into_iter().filter(|set| set.is_available());
        let named = std::env::var(VARIABLE).ok();
        let named = named.and_then(|name| available().find(|set| set.name().eq_ignore_ascii_case(&name)));
        named
            .or_else(|| available().next_back())
            .unwrap_or(Instructions::Portable)
    })
}

/// Does the work with the instructions that are used here.
#[inline]
pub(crate) fn dispatch<O: Operation>(operation: O) -> O::Output {
    chosen().run(operation)
}

/// The name of the instructions that the kernels use here: "AVX-512", "AVX2", "NEON" or "portable".
pub fn instructions() -> &'static str {
    chosen().name()
}

/// What the work gives with every set of instructions that this processor has, for tests that compare them.
#[cfg(test)]
pub(crate) fn on_each<O: Operation + Clone>(operation: &O) -> Vec<(&'static str, O::Output)> {
    let available = Instructions::ALL.into_iter().filter(|set| set.is_available());
    available.map(|set| (set.name(), set.run(operation.clone()))).collect()
}
