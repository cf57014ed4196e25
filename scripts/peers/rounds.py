"""Contenders take turns: what disturbs one of them disturbs all alike, and what is compared is near in time."""

import math
import statistics
import time
from typing import List, NamedTuple

from . import machine
from .worker import Worker

# Between two turns, so that one's waiting threads have gone to sleep before the next starts.
_PAUSE = 0.1


class Settings(NamedTuple):
    """How long is measured."""

    threads: int
    rounds: int
    turn: float
    disturbed: float
    patience: float


class Timing(NamedTuple):
    """One contender in one case: the median seconds of an iteration, turn by turn."""

    name: str
    seconds: List[float]
    # Turns that count although other programs took much of the processors.
    disturbed: int
    # Whether it took turns itself; a sum of others did not.
    measured: bool = True

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def ratios(self, other: "Timing") -> List[float]:
        """This one's time over the other's, round by round."""
        return [mine / its for mine, its in zip(self.seconds, other.seconds)]


def measure(workers: List[Worker], settings: Settings) -> List[Timing]:
    """All workers' timings in the case that they were made ready for. Every other round runs in reverse order."""
    counts = {worker.name: max(1, math.ceil(settings.turn / max(worker.run(1)[0], 1e-7))) for worker in workers}
    seconds = {worker.name: [] for worker in workers}
    disturbed = dict.fromkeys(seconds, 0)
    for number in range(settings.rounds):
        for worker in workers if number % 2 == 0 else reversed(workers):
            took, was_disturbed = _turn(worker, counts[worker.name], settings)
            seconds[worker.name].append(took)
            disturbed[worker.name] += was_disturbed
    return [Timing(worker.name, seconds[worker.name], disturbed[worker.name]) for worker in workers]


def _turn(worker: Worker, count: int, settings: Settings):
    """The median of a turn's iterations, and whether it was disturbed to the end."""
    until = time.monotonic() + settings.patience
    while True:
        time.sleep(_PAUSE)
        # The first iteration finds the caches full of another's data.
        worker.run(1)
        started, before, own = time.monotonic(), machine.busy(), machine.busy_of(worker.pid)
        seconds = worker.run(count)
        others = (machine.busy() - before) - (machine.busy_of(worker.pid) - own)
        share = others / (time.monotonic() - started) / machine.cores()
        if share <= settings.disturbed:
            return statistics.median(seconds), False
        if time.monotonic() > until:
            return statistics.median(seconds), True
        time.sleep(1)
