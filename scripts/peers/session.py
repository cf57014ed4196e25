"""One run of the benchmark: its parts one after another, and what is written of them."""

import importlib
import json
import os
from pathlib import Path

from steps import cache

from . import machine, native, table
from .bench import Bench

_PACKAGES = (
    "torch", "onnxruntime", "openvino", "facenet-pytorch", "opencv-python-headless", "pillow", "faiss-cpu", "numpy"
)


def run(arguments) -> int:
    """Runs the parts that were asked for."""
    # A place that can't be written is told before an hour of measuring.
    for path in filter(None, (arguments.json, arguments.markdown)):
        open(path, "a", encoding="utf-8").close()
    worker = native.build()
    about = machine.describe(arguments.threads) | {"peers": machine.versions(_PACKAGES)}
    print("\n".join(_head(about)))
    tables = {}
    with cache.partial(cache.folder()) as scratch:
        bench = Bench(arguments, worker, Path(scratch))
        for part in arguments.parts:
            tables[part] = []
            for made in importlib.import_module(f"peers.parts.{part}").run(bench):
                tables[part].append(bench.publish(made))
                _write(arguments, about, tables)
    return 0


def _head(about: dict) -> list:
    """The machine and the versions, a line each."""
    peers = ", ".join(f"{name} {version}" for name, version in about["peers"].items())
    return [
        f"{about['date']}, {about['processor']} ({about['flags']}), {about['threads']} threads, {about['system']}",
        f"qmagface {about['qmagface']}; {peers}",
    ]


def _write(arguments, about: dict, tables: dict) -> None:
    """Everything so far, so that an interrupted run leaves what it has."""
    if arguments.json:
        parts = {part: [made._asdict() | {"rows": [row._asdict() for row in made.rows]} for made in of_part]
                 for part, of_part in tables.items()}
        _replace(arguments.json, json.dumps(about | {"parts": parts}, indent=1) + "\n")
    if arguments.markdown:
        lines = [f"{line}\n" for line in _head(about)]
        for part, of_part in tables.items():
            lines += [f"### {part}\n", *map(table.markdown, of_part)]
        _replace(arguments.markdown, "\n".join(lines))


def _replace(path: str, text: str) -> None:
    new = Path(path + ".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
