"""Photos to faces: MTCNN with the reference's settings, against facenet-pytorch's."""

import numpy

from steps.report import SetupError

from .. import table
from ..bench import BEFORE, Bench

# The reference's detector can't be had for this Python: what it was measured to take, with facenet-pytorch on the same
# two cores, in milliseconds.
_PUBLISHED = {"obama.jpg": (92, 60), "obama3.jpg": (217, 195)}
# facenet-pytorch resizes by areas, the reference linearly: their boxes are near each other, not the same.
_LEAST_OVERLAP = 0.7


def run(bench: Bench):
    """A table for each photo."""
    with bench.workers([bench.ours("detect"), bench.peer("facenet-pytorch", "detect.py")]) as workers:
        for name, (reference, facenet) in _PUBLISHED.items():
            about = [worker.case(str(bench.photo(name))) for worker in workers][0]
            outputs = [worker.output() for worker in workers]
            told = [_compare(worker.name, output, outputs[0]) for worker, output in zip(workers, outputs)]
            title = f"{name}, {about['width']} x {about['height']}"
            made = table.make(title, bench.measure(workers, title), told, "faces, overlap with qmagface's")
            for row in (row for row in made.rows[1:] if row.name != BEFORE):
                derived = row.ratio * facenet / reference
                made.notes.append(
                    f"Derived, not measured here: the reference's detector took {reference} ms where facenet-pytorch"
                    f" took {facenet} ms, so qmagface takes {derived:.3f} of its time (a third is {1 / 3:.3f})."
                )
            yield made


def _compare(name: str, faces: numpy.ndarray, ours: numpy.ndarray) -> str:
    """How many faces, and how well the least fitting one fits one of ours."""
    overlaps = [max((_overlap(face, other) for other in ours), default=0.0) for face in faces]
    least = min(overlaps, default=0.0)
    if least < _LEAST_OVERLAP:
        raise SetupError(f"{name} finds a face that qmagface does not: overlap {least:.2f}")
    return f"{len(faces)}, {least:.2f}"


def _overlap(a: numpy.ndarray, b: numpy.ndarray) -> float:
    """Shared area over joint area of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])  # noqa: E731
    return float(shared / (area(a) + area(b) - shared))
