"""A photo's file to a template with the default models: nobody else does it whole, so the peers' parts are summed."""

import json

from .. import chips, table
from ..bench import Bench
from ..rounds import Timing
from .embed import sface_file


def run(bench: Bench):
    """A table for each photo."""
    for name in ("obama.jpg", "obama3.jpg"):
        path = str(bench.photo(name))
        with bench.workers([bench.ours("align")]) as (aligner, *_):
            matrix = json.dumps(aligner.case(path)["matrix"])
        parts = [
            (bench.peer("decode: OpenCV", "images.py", "decode-opencv"), path),
            (bench.peer("detect: facenet-pytorch", "detect.py"), path),
            (bench.peer("align: OpenCV", "images.py", "align-opencv", "--matrix", matrix), path),
            (bench.peer("embed: OpenVINO", "embed.py", "openvino", "sface", "f32", "--chips", chips.write(bench),
                        "--sface", sface_file()), "1"),
        ]
        cases = dict([(contender[0], case) for contender, case in parts])
        with bench.workers([bench.ours("pipeline"), *[contender for contender, _ in parts]]) as workers:
            for worker in workers:
                worker.case(cases.get(worker.name, path))
            timings = bench.measure(workers, f"{name} to a template")
        whole = timings[0]
        if len(timings) == 1 + len(parts):
            each = [sum(turn) for turn in zip(*[timing.seconds for timing in timings[1:]])]
            timings.insert(1, Timing("the sum of the peers' parts", each, 0, measured=False))
        made = table.make(f"{name}, file to template", timings, [""] * len(timings), "share of the sum")
        # A part against the whole is no ratio; its share is told instead.
        total = next((timing.median for timing in timings if not timing.measured), None)
        for at, timing in enumerate(timings):
            if timing is not whole and timing.measured:
                share = f"{100 * timing.median / total:.1f} %" if total else ""
                made.rows[at] = made.rows[at]._replace(ratio=None, least=None, greatest=None, check=share)
        yield made
