"""The Python environment of the peers, below the cache folder."""

import subprocess
import sys
from pathlib import Path

from steps import cache
from steps.report import SetupError, say

_REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"


def folder() -> Path:
    """Where it is."""
    return cache.folder() / "peers-venv"


def ready() -> Path:
    """Its interpreter; made anew where it is missing, unfinished or of other versions."""
    target = folder()
    python = target / "bin" / "python"
    # Written last, so that an interrupted installation is not taken for a whole one.
    finished = target / "installed.txt"
    wanted = _REQUIREMENTS.read_text(encoding="utf-8")
    if python.exists() and finished.exists() and finished.read_text(encoding="utf-8") == wanted:
        return python
    with cache.locked(cache.folder()):
        say("peers", f"installing the peers into {target}: about 3 GB to download, 6 GB on disk, once")
        _run([sys.executable, "-m", "venv", "--clear", str(target)], "make a Python environment (is python3-venv there?)")
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--find-links", str(cache.folder() / "downloads")]
        _run([*command, "--requirement", str(_REQUIREMENTS)], "install the peers with pip")
        finished.write_text(wanted, encoding="utf-8")
    return python


def _run(command, what) -> None:
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise SetupError(f"could not {what}; its own words are above")
