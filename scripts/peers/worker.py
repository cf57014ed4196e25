"""A contender's process, spoken to line by line; workers/protocol.py and benches/peer/protocol.rs are its other side."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy

from steps.report import SetupError

_WORKERS = Path(__file__).resolve().parent / "workers"


def python(script: str, *arguments) -> list:
    """The command of a worker written in Python."""
    return [sys.executable, "-B", str(_WORKERS / script), *map(str, arguments)]


class Worker:
    """One process that is loaded and waits."""

    def __init__(self, name: str, command: list, threads: int, scratch: Path):
        self.name, self._scratch = name, scratch
        # Libraries that ask the environment get the same number.
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
        self._log = open(scratch / "worker.log", "w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self.about = self._answer()["ready"]

    @property
    def pid(self) -> int:
        return self._process.pid

    def case(self, name: str) -> dict:
        """Makes ready for a case and warms up; what the worker says of the case."""
        return self._ask(f"case {name}").get("case") or {}

    def run(self, count: int) -> list:
        """The seconds of each of `count` iterations."""
        return self._ask(f"run {count}")["seconds"]

    def output(self) -> numpy.ndarray:
        """The result of the case."""
        path = self._scratch / "output"
        shape = self._ask(f"output {path}")["shape"]
        return numpy.fromfile(path, "<f4").reshape(shape)

    def close(self) -> None:
        """Ends the process."""
        if self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def _ask(self, request: str) -> dict:
        try:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        return self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        try:
            answer = json.loads(line)
        except ValueError:
            answer = {"error": f"it ended with {self._process.wait()}"}
        if "error" in answer:
            self._log.flush()
            self._log.seek(0)
            words = "\n".join(self._log.read().splitlines()[-20:])
            self.close()
            raise SetupError(f"{self.name}: {answer['error']}" + (f"\n{words}" if words else ""))
        return answer
