"""Weights made from the names of their tensors, as tests/common/formula.rs makes them."""

import numpy

_STEP = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def _hash(name):
    """FNV-1a with 64 bits."""
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


def _centred(name, count):
    """`count` numbers in -1..1: the top 24 bits of splitmix64 from the name's hash."""
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(_hash(name)) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(_STEP)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    return (z >> numpy.uint64(40)).astype(numpy.float64) / (1 << 23) - 1.0


def tensor(name, shape):
    """The tensor `name`, computed in f64 and rounded once."""
    module, _, field = name.rpartition(".")
    module = module.rpartition(".")[2]
    if field in ("running_mean", "bias"):
        offset, factor = 0.0, 0.1
    elif field == "running_var":
        offset, factor = 1.0, 0.2
    elif len(shape) > 1:
        offset, factor = 0.0, (3.0 / numpy.prod(shape[1:])) ** 0.5
    elif module == "prelu":
        offset, factor = 0.25, 0.1
    elif module == "bn3":
        offset, factor = 0.3, 0.03
    else:
        offset, factor = 1.0, 0.1
    values = offset + factor * _centred(name, int(numpy.prod(shape)))
    return values.astype(numpy.float32).reshape(shape)
