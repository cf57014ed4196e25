"""Pinned downloads through pip: cached, checked by sha256, safe to interrupt."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple

from . import cache, system
from .report import SetupError, megabytes, say

_SCRIPTS = Path(__file__).resolve().parent.parent


class Package(NamedTuple):
    """One line of packages.txt."""

    name: str
    version: str
    file: str
    platform: str
    size: int
    sha256: str

    @property
    def is_sdist(self) -> bool:
        return self.file.endswith(".tar.gz")


def pinned(path: Path = _SCRIPTS / "packages.txt") -> Dict[str, Package]:
    """The pinned packages by name."""
    packages = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, version, file, platform, size, sha256 = line.split()
            packages[name] = Package(name, version, file, platform, int(size), sha256)
    return packages


def fetch(cache_folder: Path, packages: Iterable[Package]) -> List[Path]:
    """The packages' files, from the cache where they are whole, else downloaded."""
    packages = list(packages)
    folder = cache_folder / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [package for package in packages if not _whole(folder / package.file, package)]
    if missing:
        total = sum(package.size for package in missing)
        say("download", f"{len(missing)} of {len(packages)} files, {megabytes(total)} in all, into {folder}")
    for package in missing:
        _download(cache_folder, folder, package)
    return [folder / package.file for package in packages]


def sha256(path: Path) -> str:
    """The file's sha256 in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _whole(path: Path, package: Package) -> bool:
    if not path.exists():
        return False
    if path.stat().st_size == package.size and sha256(path) == package.sha256:
        return True
    path.unlink()
    say("download", f"{path} was damaged (its sha256 is not the pinned one): deleted, to be downloaded again")
    return False


def _download(cache_folder: Path, folder: Path, package: Package) -> None:
    python = system.python_with_pip()
    if python is None:
        raise SetupError("pip is needed to download: install python3-pip")
    say("download", f"{package.file}, {megabytes(package.size)}")
    with cache.partial(cache_folder) as work:
        # pip refuses a file of another hash before it looks inside.
        requirement = work / "requirement.txt"
        requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="ascii")
        result = work / "result"
        command = [python, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"]
        command += ["--require-hashes", "--requirement", str(requirement), "--dest", str(result)]
        # pip's own temporary files go there too: /tmp may be small, and an interrupted set-up leaves nothing elsewhere.
        environment = dict(os.environ, TMPDIR=str(work), PIP_RESUME_RETRIES="5", PYTHONDONTWRITEBYTECODE="1")
        if package.is_sdist:
            # pip asks a source distribution for its name by running its setup.py. Nothing of it needs to run here:
            # a build backend of our own answers instead.
            command += ["--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
            environment["PYTHONPATH"] = str(_SCRIPTS / "sdist_backend")
            environment["QMAGFACE_SDIST"] = f"{package.name} {package.version}"
        else:
            # One fixed wheel, whatever Python runs this.
            command += ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311"]
            command += ["--abi=none", f"--platform={package.platform}"]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise SetupError(
                f"pip could not download {package.name} {package.version} (its own words are above). Check the network"
                f" and run this again, or put {package.file} into {folder} yourself"
            )
        got = result / package.file
        if not got.exists():
            names = ", ".join(sorted(path.name for path in result.iterdir())) or "nothing"
            raise SetupError(f"pip downloaded {names} where {package.file} was expected")
        found = sha256(got)
        if found != package.sha256:
            raise SetupError(
                f"{package.file} has sha256 {found}, and {package.sha256} is pinned in scripts/packages.txt: the"
                " download was deleted. Run this again; if it stays so, the package index serves another file"
            )
        got.replace(folder / package.file)
