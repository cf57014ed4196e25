"""A JPEG's bytes to pixels: against OpenCV, which the reference reads with, and Pillow."""

from .. import checks, table
from ..bench import Bench

# Grey levels: all use libjpeg-turbo, of different years.
_MOST_DIFFERENCE = 4


def run(bench: Bench):
    """A table for each photo."""
    peers = [bench.peer("OpenCV", "images.py", "decode-opencv"), bench.peer("Pillow", "images.py", "decode-pillow")]
    with bench.workers([bench.ours("decode"), *peers]) as workers:
        for name in ("obama.jpg", "obama3.jpg"):
            about = [worker.case(str(bench.photo(name))) for worker in workers][0]
            outputs = [worker.output() for worker in workers]
            told = checks.within(workers, outputs, outputs[0], _MOST_DIFFERENCE)
            title = f"{name}, {about['width']} x {about['height']}"
            yield table.make(title, bench.measure(workers, title), told, "largest difference in grey levels")
