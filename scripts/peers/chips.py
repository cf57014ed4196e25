"""Aligned faces to embed: those on the photos, and their mirror images."""

from pathlib import Path

import numpy

from steps import photos

from .bench import Bench


def write(bench: Bench) -> Path:
    """A file with the bytes of twelve chips."""
    path = bench.scratch / "chips"
    if not path.exists():
        with bench.workers([bench.ours("align")]) as (aligner, *_):
            chips = []
            for name in photos.NAMES:
                aligner.case(str(bench.photo(name)))
                chips.append(aligner.output().astype(numpy.uint8))
        chips = numpy.stack(chips)
        numpy.concatenate([chips, chips[:, :, ::-1]]).tofile(path)
    return path
