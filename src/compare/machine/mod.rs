//! The processor's vector instructions, chosen at run time: what the kernels need beyond [`pulp::Simd`].

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use pulp::Simd;
use pulp::bytemuck::{cast_slice, pod_read_unaligned};

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

/// Does the work with the best instructions this processor has.
#[inline]
pub(crate) fn dispatch<O: Operation>(operation: O) -> O::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(machine) = x86::Avx512::try_new() {
            return machine.vectorize(
                #[inline(always)]
                || operation.run::<_, 12>(machine),
            );
        }
        if let Some(machine) = x86::Avx2::try_new() {
            return machine.vectorize(
                #[inline(always)]
                || operation.run::<_, 6>(machine),
            );
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(machine) = neon::try_new() {
        return machine.vectorize(
            #[inline(always)]
            || operation.run::<_, 12>(machine),
        );
    }
    operation.run::<_, 2>(portable::Portable)
}

/// The name of the instructions that the kernels use here.
pub fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if x86::Avx512::is_available() {
            return "AVX-512";
        }
        if x86::Avx2::is_available() {
            return "AVX2";
        }
    }
    #[cfg(target_arch = "aarch64")]
    if neon::try_new().is_some() {
        return "NEON";
    }
    "portable"
}

/// Every machine this processor is, for tests that compare them.
#[cfg(test)]
pub(crate) fn on_each<O: Operation + Clone>(operation: &O) -> Vec<(&'static str, O::Output)> {
    let mut results = vec![("portable", operation.clone().run::<_, 2>(portable::Portable))];
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(machine) = x86::Avx512::try_new() {
            let work = operation.clone();
            let output = machine.vectorize(
                #[inline(always)]
                || work.run::<_, 12>(machine),
            );
            results.push(("AVX-512", output));
        }
        if let Some(machine) = x86::Avx2::try_new() {
            let work = operation.clone();
            let output = machine.vectorize(
                #[inline(always)]
                || work.run::<_, 6>(machine),
            );
            results.push(("AVX2", output));
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(machine) = neon::try_new() {
        let work = operation.clone();
        let output = machine.vectorize(
            #[inline(always)]
            || work.run::<_, 12>(machine),
        );
        results.push(("NEON", output));
    }
    results
}
