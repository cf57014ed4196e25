"""Labeled Faces in the Wild: its aligned faces, and error rates over all their pairs."""

import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple, Sequence

import cv2
import numpy

from steps.report import SetupError, say

from .bench import Bench

_ROOT = Path(__file__).resolve().parents[2]
# Thresholds are told apart to this.
_STEP = 1e-5
_ROWS_AT_ONCE = 500


class Faces(NamedTuple):
    """The aligned faces."""

    # A file with their bytes.
    chips: Path
    # The number of each face's person.
    people: numpy.ndarray
    # Photos on which none was found.
    without: int


def align(bench: Bench, archive: str) -> Faces:
    """Unpacks the archive (a folder for each person) and aligns each photo's most central face with `qmagface align`."""
    photos, aligned, chips = (bench.scratch / name for name in ("lfw", "lfw-aligned", "lfw-chips"))
    say("lfw", f"unpacking {archive} and aligning its faces")
    with tarfile.open(archive) as files:
        files.extractall(photos, filter="data")
    build = [os.environ.get("CARGO", "cargo"), "build", "--release", "--locked", "--message-format=json-render-diagnostics"]
    built = subprocess.run([*build, "--bin", "qmagface"], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    programs = [json.loads(line).get("executable") for line in built.stdout.splitlines()]
    if built.returncode != 0 or not any(programs):
        raise SetupError("the command line program was not built; cargo's own words are above")
    command = [next(filter(None, programs)), "align", "--source", str(photos), "--result", str(aligned)]
    command += ["--face", "central", "--format", "bmp", "--device", "cpu", "--threads", str(bench.settings.threads)]
    # Photos without a face give a status of their own.
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = sorted(aligned.rglob("*.bmp"))
    if not found:
        raise SetupError(f"no face was aligned on the photos in {archive}")
    names = {name: number for number, name in enumerate(sorted({path.parent.name for path in found}))}
    numpy.stack([cv2.imread(str(path)) for path in found]).tofile(chips)
    people = numpy.array([names[path.parent.name] for path in found])
    return Faces(chips, people, len(list(photos.rglob("*.jpg"))) - len(found))


def fnmr(embeddings: numpy.ndarray, people: numpy.ndarray, fmrs: Sequence[float]) -> list:
    """the share of genuine pairs below the threshold that no more than this share of the impostor pairs reaches."""
    directions = embeddings / numpy.linalg.norm(embeddings, axis=1, keepdims=True)
    edges = int(round(2.2 / _STEP))
    # Cosines reach a little beyond 1 by rounding.
    counts = {kind: numpy.zeros(edges, numpy.int64) for kind in ("genuine", "impostor")}
    columns = numpy.arange(len(people))
    for start in range(0, len(people), _ROWS_AT_ONCE):
        rows = columns[start : start + _ROWS_AT_ONCE]
        bins = ((directions[rows] @ directions.T + 1.1) / _STEP).astype(numpy.int64)
        once = columns[None] > rows[:, None]
        same = people[rows][:, None] == people[None]
        counts["genuine"] += numpy.bincount(bins[once & same], minlength=edges)
        counts["impostor"] += numpy.bincount(bins[once & ~same], minlength=edges)
    above = {kind: count[::-1].cumsum()[::-1] for kind, count in counts.items()}
    result = []
    for fmr in fmrs:
        # The lowest threshold that no more than this share of the impostor pairs reaches.
        at = int(numpy.argmax(above["impostor"] <= fmr * above["impostor"][0]))
        result.append(1 - above["genuine"][at] / above["genuine"][0])
    return result
