"""What every part gets: the settings, and a way to start contenders."""

import contextlib
import os
from pathlib import Path
from typing import Iterator, List

from steps import cache
from steps.report import SetupError, say

from . import rounds, table
from .worker import Worker, python

OURS = "qmagface"
# What `--before` names: another build of our own worker.
BEFORE = "qmagface, before"
_ROOT = Path(__file__).resolve().parents[2]


class Bench:
    """One run of the script."""

    def __init__(self, arguments, native: Path, scratch: Path):
        self.arguments, self.scratch, self._native = arguments, scratch, native
        self.settings = rounds.Settings(
            arguments.threads, arguments.rounds, arguments.turn, arguments.disturbed, arguments.patience
        )

    def ours(self, *command) -> tuple:
        """A name and command of this library's worker."""
        return OURS, [str(self._native), "--threads", str(self.settings.threads), *map(str, command)]

    def peer(self, name: str, script: str, *arguments) -> tuple:
        """A name and command of a worker in Python."""
        return name, python(script, *arguments, "--threads", self.settings.threads)

    @contextlib.contextmanager
    def workers(self, commands: List[tuple]) -> Iterator[List[Worker]]:
        """The wanted ones of the contenders, loaded; ended afterwards."""
        only = self.arguments.only
        wanted = [(name, command) for name, command in commands if name.startswith(OURS) or not only or only in name]
        if self.arguments.before:
            wanted = [both for one in wanted for both in (one, *self._before(one))]
        with contextlib.ExitStack() as stack:
            started = []
            for name, command in wanted:
                worker = Worker(name, command, self.settings.threads, self.scratch)
                stack.callback(worker.close)
                started.append(worker)
            yield started

    def _before(self, contender: tuple) -> List[tuple]:
        """The same work by the other build of our own worker, where it is ours."""
        name, command = contender
        return [(BEFORE, [self.arguments.before, *command[1:]])] if name == OURS else []

    def measure(self, workers: List[Worker], what: str) -> List[rounds.Timing]:
        """The workers' timings in their case."""
        say("measure", f"{what}: {len(workers)} contenders, {self.settings.rounds} turns each")
        return rounds.measure(workers, self.settings)

    def publish(self, made: table.Table) -> table.Table:
        """Prints a table as soon as it is there."""
        print("\n" + table.text(made) + "\n")
        return made

    def photo(self, name: str) -> Path:
        """One of the photos that the set-up fetches."""
        path = cache.folder() / "photos" / name
        if not path.exists():
            raise SetupError(f"{path} is missing: run `make setup`")
        return path

    def test_data(self, relative: str):
        """A file of the project's test data, or None where it is not beside the checkout."""
        root = Path(os.environ.get("QMAGFACE_TEST_DATA") or _ROOT.parent / "shared")
        return path if (path := root / relative).exists() else None
