"""The cache folder: outside the checkout, shared by all checkouts, the same one that the program uses."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Iterator

from .report import SetupError, say

# Work in progress is in folders of this prefix; one that a killed set-up left behind is removed by the next.
PARTIAL = ".partial-"


def folder() -> Path:
    """QMAGFACE_CACHE, else $XDG_CACHE_HOME/qmagface, else ~/.cache/qmagface (src/model/mod.rs says the same)."""
    if own := os.environ.get("QMAGFACE_CACHE"):
        return Path(own).absolute()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg).absolute() / "qmagface"
    try:
        return Path.home() / ".cache" / "qmagface"
    except RuntimeError:
        raise SetupError("no cache folder: set QMAGFACE_CACHE to a folder that can be written") from None


@contextlib.contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Makes the folder and keeps a second set-up out of it; the lock goes with the process, however that ends."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("cache", f"another set-up works in {cache}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob(PARTIAL + "*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextlib.contextmanager
def partial(cache: Path) -> Iterator[Path]:
    """A folder for work in progress, on the cache's own file system so that a rename finishes it."""
    work = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=cache))
    work.chmod(0o755)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def publish(work: Path, target: Path) -> None:
    """Puts a finished folder in its place in one step, so that an incomplete one is never found there."""
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.exists():
        shutil.rmtree(target)
    work.rename(target)
