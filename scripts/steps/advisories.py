"""A list of RustSec's advisories that is there as a file or a folder, made ready for cargo-deny, which reads git
repositories only."""

import datetime
import gzip
import os
import re
import subprocess
import tarfile
import zlib
from pathlib import Path
from typing import Dict, Iterator, NamedTuple, Optional, Tuple

from .report import SetupError

# Where a checkout finds a list: the newest of these.
_BESIDE = "shared/data"
_NAMES = "rustsec-advisories-*.tar.gz"

# An advisory in the list. Whatever else is there is passed over.
_ADVISORY = re.compile(r"(?:^|/)crates/(?P<crate>[A-Za-z0-9_-]{1,128})/(?P<id>RUSTSEC-\d{4}-\d{4,6})\.md$")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATED = re.compile(rb'^date *= *"(\d{4}-\d{2}-\d{2})"', re.MULTILINE)

# The whole list has some megabytes.
_MOST_BYTES = 256_000_000

# What cargo-deny is told to clone. No such host can exist; git is told where it is instead.
_URL = "https://advisories.invalid/list"


class Ready(NamedTuple):
    """A list that cargo-deny can read."""

    # How many advisories it has.
    count: int
    # The day it is of.
    date: datetime.date
    # What belongs into cargo-deny's settings, section [advisories].
    settings: str
    # What belongs into its environment.
    environment: Dict[str, str]

    def age(self) -> str:
        """How old it is, for people."""
        days = (datetime.date.today() - self.date).days
        return f"of {self.date}, {days} {'day' if days == 1 else 'days'} old"


def beside(checkout: Path) -> Optional[Path]:
    """The newest list in the folder that may lie beside a checkout."""
    # By their names: those end with the day.
    return max((checkout.parent / _BESIDE).glob(_NAMES), default=None, key=lambda path: path.name)


def ready(source: Path, work: Path) -> Ready:
    """Unpacks `source`, a .tar.gz or a folder with `crates/NAME/RUSTSEC-....md` in it, below `work`."""
    repository = work / "list"
    count, newest = 0, b""
    for crate, name, text in _read(source):
        target = repository / "crates" / crate / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
        count += 1
        newest = max([newest, *_DATED.findall(text)])
    if count == 0:
        raise SetupError(f"{source} holds no advisories: it needs files crates/NAME/RUSTSEC-....md")
    dates = [*_DATE.findall(source.name), newest.decode("ascii"), "1970-01-01"]
    environment = _git(repository)
    environment["GIT_CONFIG_COUNT"] = "1"
    environment["GIT_CONFIG_KEY_0"] = f"url.{repository.as_uri()}.insteadOf"
    environment["GIT_CONFIG_VALUE_0"] = _URL
    settings = f"""db-path = "{work / 'database'}"\ndb-urls = ["{_URL}"]\ngit-fetch-with-cli = true\n"""
    return Ready(count, _day(dates), settings, environment)


def _read(source: Path) -> Iterator[Tuple[str, str, bytes]]:
    """Crate, number and text of each advisory in the list. Nothing in it decides where anything is written."""
    if source.is_dir():
        for path in sorted(source.rglob("*.md")):
            found = _ADVISORY.search(path.relative_to(source).as_posix())
            if found and path.is_file() and not path.is_symlink():
                yield found["crate"], found["id"], path.read_bytes()
        return
    try:
        with gzip.open(source) as plain:
            with tarfile.open(fileobj=plain, mode="r:") as archive:
                for member in archive:
                    # A member that is passed over is unpacked too, on the way to the next.
                    _limit(source, member.offset_data + member.size)
                    found = _ADVISORY.search(member.name)
                    if found and member.isreg():
                        with archive.extractfile(member) as text:
                            yield found["crate"], found["id"], text.read()
            # The checksum is at the end.
            while plain.read(1 << 20):
                _limit(source, plain.tell())
    except FileNotFoundError:
        raise SetupError(f"{source} is not there") from None
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise SetupError(f"{source} is damaged, or no .tar.gz: {error}") from error


def _limit(source: Path, size: int) -> None:
    if size > _MOST_BYTES:
        raise SetupError(f"{source} unpacks to more than {_MOST_BYTES // 1_000_000} MB: it is no list of advisories")


def _git(repository: Path) -> Dict[str, str]:
    """Makes the folder a git repository; returns the environment that keeps a user's own settings of git out."""
    plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    who = ["-c", "user.name=audit", "-c", "user.email=audit@localhost"]
    # cargo-deny asks for the branch main.
    make = ["init", "--quiet", "--initial-branch=main"]
    for step in (make, ["add", "--all"], [*who, "commit", "--quiet", "--message=list"]):
        try:
            done = subprocess.run(["git", *step], cwd=repository, env={**os.environ, **plain}, stdin=subprocess.DEVNULL)
        except FileNotFoundError:
            raise SetupError("git is missing: the list of advisories is read with it") from None
        if done.returncode != 0:
            raise SetupError("git could not take the list of advisories: see above")
    return plain


def _day(dates) -> datetime.date:
    """The first of the texts that is a day."""
    for text in dates:
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            continue
    raise AssertionError("the last one is a day")
