"""Tables of ratios, for a terminal and for Markdown."""

import statistics
from typing import List, NamedTuple, Optional

from .rounds import Timing


class Row(NamedTuple):
    """One contender against ours."""

    name: str
    milliseconds: Optional[float]
    # Ours over its: below 1, this library is the faster one. Median, least and greatest of the rounds; None where there
    # is nothing to compare.
    ratio: Optional[float]
    least: Optional[float]
    greatest: Optional[float]
    # What its result says of ours, or of the reference.
    check: str


class Table(NamedTuple):
    """One case of one part."""

    title: str
    # What an iteration is, and what the check's column holds.
    unit: str
    check: str
    rows: List[Row]
    notes: List[str]


def make(title: str, timings: List[Timing], checks: List[str], check: str, per: int = 1, unit: str = "ms") -> Table:
    """The table of a case, ours first; `per` divides the times of an iteration."""
    ours, rows = timings[0], []
    for timing, its in zip(timings, checks):
        ratios = ours.ratios(timing)
        rows.append(
            Row(timing.name, timing.median * 1e3 / per, statistics.median(ratios), min(ratios), max(ratios), its)
        )
    notes = []
    measured = [timing for timing in timings if timing.measured]
    if disturbed := sum(timing.disturbed for timing in measured):
        turns = sum(len(timing.seconds) for timing in measured)
        notes.append(f"{disturbed} of {turns} turns count although other programs disturbed them.")
    return Table(title, unit, check, rows, notes)


_HEAD = ("", "{unit}", "qmagface / it", "least .. most", "{check}")


def _cells(table: Table) -> List[List[str]]:
    cells = [[cell.format(unit=table.unit, check=table.check) for cell in _HEAD]]
    for row in table.rows:
        ratio, spread = "" if row.ratio is None else "1", ""
        if row.ratio is not None and row is not table.rows[0]:
            ratio, spread = f"{row.ratio:.3f}", f"{row.least:.2f} .. {row.greatest:.2f}"
        time = "" if row.milliseconds is None else f"{row.milliseconds:.3g}"
        if row.milliseconds and row.milliseconds >= 100:
            time = f"{row.milliseconds:.0f}"
        cells.append([row.name, time, ratio, spread, row.check])
    return cells


def text(table: Table) -> str:
    """For a terminal."""
    cells = _cells(table)
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    lines = [table.title]
    for row in cells:
        padded = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(padded).rstrip())
    return "\n".join(lines + [f"  {note}" for note in table.notes])


def markdown(table: Table) -> str:
    """For a document."""
    head, *rows = _cells(table)
    lines = [f"#### {table.title}", "", f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines + [""] + [f"{note}\n" for note in table.notes])
