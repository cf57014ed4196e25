"""Tells cargo where libtorch is, so that plain `cargo build -p qmagface-torch` works after the set-up."""

import os
from pathlib import Path

from .report import SetupError, say

ROOT = Path(__file__).resolve().parents[2]
# What begins a file of ours, of whatever release.
_OURS = "# Written by `make "
_FIRST = "# Written by `make gpu`, and by each run of it anew: change nothing here."


def write(libtorch: Path, root: Path = ROOT) -> None:
    """Writes .cargo/config.toml; an equal one is left alone, one that somebody else wrote is never overwritten."""
    path = root / ".cargo" / "config.toml"
    text = (
        f"{_FIRST}\n"
        "# A LIBTORCH in the environment comes first.\n"
        "[env]\n"
        f"LIBTORCH = {_quoted(str(libtorch))}\n"
    )
    if path.exists():
        old = path.read_text(encoding="utf-8")
        if old == text:
            say("cargo", f"{path.relative_to(root)} is current")
            return
        if not old.startswith(_OURS):
            raise SetupError(f"{path} is not the set-up's: add this to it by hand, or move it away\n{text}")
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
    say("cargo", f"wrote {path.relative_to(root)}: LIBTORCH is {libtorch}")


def _quoted(text: str) -> str:
    """A TOML basic string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
