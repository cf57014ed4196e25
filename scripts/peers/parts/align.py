"""Pixels and a similarity transform to a chip: against OpenCV's warpAffine."""

import json

from .. import checks, table
from ..bench import Bench

# Grey levels, of the fixed-point weights.
_MOST_DIFFERENCE = 2


def run(bench: Bench):
    """A table for each photo."""
    for name in ("obama.jpg", "obama3.jpg"):
        path = str(bench.photo(name))
        with bench.workers([bench.ours("align")]) as (ours, *_):
            about = ours.case(path)
            matrix = json.dumps(about["matrix"])
            with bench.workers([bench.peer("OpenCV", "images.py", "align-opencv", "--matrix", matrix)]) as peers:
                workers = [ours, *[worker for worker in peers if worker.name != ours.name]]
                for worker in workers[1:]:
                    worker.case(path)
                outputs = [worker.output() for worker in workers]
                told = checks.within(workers, outputs, outputs[0], _MOST_DIFFERENCE)
                title = f"the face on {name}, {about['width']} x {about['height']}, to 112 x 112"
                yield table.make(title, bench.measure(workers, title), told, "largest difference in grey levels")
