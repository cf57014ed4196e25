"""Templates against templates: against faiss' exact search and numpy, and against reading the memory."""

import numpy

from steps.report import SetupError

from .. import checks, table
from ..bench import OURS, Bench

_PROBES, _GALLERY, _LENGTH = 256, 100_000, 512
# Of a cosine.
_MOST_DIFFERENCE = 1e-5


def run(bench: Bench):
    """A table for many probes and one for one."""
    probes, gallery, mates = _write(bench)
    files = ("--probes", probes, "--gallery", gallery, "--length", _LENGTH)
    contenders = [
        bench.ours("compare", *files),
        bench.peer("faiss IndexFlatIP", "compare.py", "faiss", *files),
        bench.peer("numpy", "compare.py", "numpy", *files),
    ]
    reader = f"{OURS} only reads the gallery"
    with bench.workers([*contenders, (reader, contenders[0][1])]) as workers:
        for case, count in (("n:m", _PROBES), ("1:n", 1)):
            # Many probes are a matter of arithmetic, one is a matter of the memory.
            taking_part = [worker for worker in workers if case == "1:n" or worker.name != reader]
            compared = [worker for worker in workers if worker.name != reader]
            for worker in taking_part:
                about = worker.case("read" if worker.name == reader else case)
            outputs = [worker.output() for worker in compared]
            for worker, output in zip(compared, outputs):
                if not numpy.array_equal(output[:, 0], mates[:count]):
                    raise SetupError(f"{worker.name} is wrong: it finds other templates than those looked for")
            told = checks.within(compared, [o[:, 1] for o in outputs], outputs[0][:, 1], _MOST_DIFFERENCE)
            title = f"{case}: {count} x {_GALLERY}, {_LENGTH} floats, the best of each probe"
            timings = bench.measure(taking_part, title)
            told += [""] * (len(timings) - len(told))
            made = table.make(title, timings, told, "largest difference of a cosine")
            if case == "1:n":
                size = about["bytes"]
                for timing in (timings[0], timings[-1]):
                    made.notes.append(f"{timing.name}: {size / timing.median / 1e9:.1f} GB/s.")
                share = 1 / made.rows[-1].ratio
                made.notes.append(f"Share of the measured memory bandwidth: {share:.2f}.")
            yield made


def _write(bench: Bench):
    """Random directions; each probe lies near one of the gallery's, at a cosine of about 0.7."""
    random = numpy.random.default_rng(1)
    gallery = _directions(random.standard_normal((_GALLERY, _LENGTH), numpy.float32))
    mates = random.choice(_GALLERY, _PROBES, replace=False)
    noise = _directions(random.standard_normal((_PROBES, _LENGTH), numpy.float32))
    paths = bench.scratch / "probes", bench.scratch / "gallery"
    _directions(gallery[mates] + noise).tofile(paths[0])
    gallery.tofile(paths[1])
    return (*paths, mates)


def _directions(rows: numpy.ndarray) -> numpy.ndarray:
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)
