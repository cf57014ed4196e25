"""Finds libtorch, or fetches it: LIBTORCH, else an installed Python torch, else the pinned wheels.

Only the CPU half is ever linked. The build of libtorch's bindings links the CUDA half too when it finds it beside the
CPU half, so a libtorch that has both is seen through a folder of links that leaves it out.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import List, Optional

from . import cache, download
from .report import SetupError, say

VERSION = "2.11.0"

# From the wheels: where each file is, and what it becomes in lib/.
_FROM_WHEELS = {
    "torch": {
        "torch/lib/libtorch_cpu.so": "libtorch_cpu.so",
        "torch/lib/libc10.so": "libc10.so",
        "torch/lib/libgomp.so.1": "libgomp.so.1",
    },
    # libtorch_cpu of the CUDA build needs these two, and no GPU.
    "nvidia-cuda-runtime": {"nvidia/cu13/lib/libcudart.so.13": "libcudart.so.13"},
    "nvidia-cuda-cupti": {"nvidia/cu13/lib/libcupti.so.13": "libcupti.so.13"},
}
_HEADERS = "torch/include/"


def find_or_fetch(cache_folder: Path) -> Path:
    """A folder with include/ and lib/ of the right version, ready for LIBTORCH."""
    if named := os.environ.get("LIBTORCH"):
        return _use(cache_folder, Path(named).absolute(), "LIBTORCH")
    if installed := _python_torch():
        return _use(cache_folder, installed, "the installed Python torch")
    target = cache_folder / f"libtorch-{VERSION}"
    if _complete(target):
        say("libtorch", f"{VERSION} is in {target}")
        return target
    _check_platform()
    say("libtorch", f"no LIBTORCH and no Python torch {VERSION} found: fetching the pinned one (once)")
    packages = download.pinned()
    wheels = download.fetch(cache_folder, [packages[name] for name in _FROM_WHEELS])
    _unpack(cache_folder, dict(zip(_FROM_WHEELS, wheels)), target)
    return target


def version_of(root: Path) -> Optional[str]:
    """The version that a libtorch's headers state."""
    # Older releases keep the macros in the second file.
    for name in ("torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"):
        try:
            text = (root / "include" / name).read_text(encoding="utf-8")
        except OSError:
            continue
        parts = [re.search(rf"#define TORCH_VERSION_{part} (\d+)", text) for part in ("MAJOR", "MINOR", "PATCH")]
        if all(parts):
            return ".".join(part[1] for part in parts)
    return None


def _use(cache_folder: Path, root: Path, origin: str) -> Path:
    version = version_of(root)
    if version != VERSION:
        found = f"libtorch {version}" if version else "a folder without libtorch's headers in include/"
        raise SetupError(
            f"{origin} is {root}, {found}, and {VERSION} is needed. Point LIBTORCH at a libtorch {VERSION}, or unset"
            " it to have one fetched"
        )
    if not (root / "lib" / "libtorch_cpu.so").exists():
        raise SetupError(f"{origin} is {root}, which has no lib/libtorch_cpu.so")
    lib = root / "lib"
    ready = not (lib / "libtorch_cuda.so").exists() and all(
        (lib / name).exists() for name in ("libtorch.so", "libc10.so", "libgomp.so")
    )
    target = root if ready else _link(cache_folder, root)
    _check_loads(target)
    say("libtorch", f"{VERSION} from {origin}: {target}")
    return target


def _python_torch() -> Optional[Path]:
    """The folder of an installed torch of the right version, found without importing it."""
    code = (
        "import importlib.metadata as m, importlib.util as u, os\n"
        "try: v = m.version('torch')\n"
        "except m.PackageNotFoundError: raise SystemExit\n"
        "s = u.find_spec('torch')\n"
        "print(v.split('+')[0], os.path.dirname(s.origin)) if s and s.origin else None\n"
    )
    for python in dict.fromkeys(["python3", sys.executable]):
        # From the root, so that no folder called torch of the working directory is taken for it.
        try:
            done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL)
        except OSError:
            continue
        version, _, folder = done.stdout.strip().partition(" ")
        if version == VERSION and (Path(folder) / "lib" / "libtorch_cpu.so").exists():
            return Path(folder)
        if version:
            say("libtorch", f"Python has torch {version}; {VERSION} is needed, so it is left alone")
    return None


def _link(cache_folder: Path, root: Path) -> Path:
    """A folder of links to another libtorch, without its CUDA half."""
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:8]
    target = cache_folder / f"libtorch-{VERSION}-links-{name}"
    links = [target / "include", *(target / "lib").glob("*")]
    if (target / "include").exists() and (target / "include").resolve() == (root / "include").resolve():
        if (target / "lib" / "libtorch.so").exists() and all(link.exists() for link in links):
            return target
    with cache.partial(cache_folder) as work:
        made = work / "libtorch"
        (made / "lib").mkdir(parents=True)
        (made / "include").symlink_to(root / "include")
        for source in sorted((root / "lib").glob("lib*.so*")):
            if source.name.startswith(("libtorch_cpu.so", "libc10.so", "libgomp", "libiomp", "libcudart", "libcupti")):
                (made / "lib" / source.name).symlink_to(source)
        # pip keeps the CUDA runtime in packages of its own beside torch.
        for wanted in ("libcudart.so.*", "libcupti.so.*"):
            for source in sorted(root.parent.glob(f"nvidia/*/lib/{wanted}")):
                link = made / "lib" / source.name
                if not link.is_symlink():
                    link.symlink_to(source)
        _finish(made / "lib")
        cache.publish(made, target)
    return target


def _finish(lib: Path) -> None:
    """What the linker needs beside the libraries themselves."""
    gomp = lib / "libgomp.so"
    if not gomp.exists():
        # libgomp.so.1, or the libgomp-HASH.so.1 that some builds of torch carry.
        for source in sorted(lib.glob("libgomp*.so.1")):
            gomp.symlink_to(source.name)
            break
    if not (lib / "libtorch.so").exists():
        # The real libtorch.so pulls in the CUDA half; for linking, a one-line linker script stands in for it.
        (lib / "libtorch.so").write_text("INPUT(-ltorch_cpu)\n", encoding="ascii")


def _complete(target: Path) -> bool:
    names = [name for files in _FROM_WHEELS.values() for name in files.values()] + ["libgomp.so", "libtorch.so"]
    return version_of(target) == VERSION and all((target / "lib" / name).exists() for name in names)


def _unpack(cache_folder: Path, wheels: dict, target: Path) -> None:
    say("libtorch", f"unpacking into {target}")
    with cache.partial(cache_folder) as work:
        made = work / "libtorch"
        (made / "lib").mkdir(parents=True)
        for package, files in _FROM_WHEELS.items():
            with zipfile.ZipFile(wheels[package]) as archive:
                for member, name in files.items():
                    with archive.open(member) as source, open(made / "lib" / name, "wb") as sink:
                        shutil.copyfileobj(source, sink, 1 << 20)
                    (made / "lib" / name).chmod(0o755)
                if package == "torch":
                    _unpack_headers(archive, made / "include")
        _finish(made / "lib")
        _check_loads(made)
        cache.publish(made, target)


def _unpack_headers(archive: zipfile.ZipFile, include: Path) -> None:
    for member in archive.infolist():
        if not member.filename.startswith(_HEADERS) or member.is_dir():
            continue
        path = include / member.filename[len(_HEADERS):]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive.read(member))


def _check_loads(root: Path) -> None:
    """The dynamic linker accepts it, with all that it needs: better here than in the middle of a build."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    library = root / "lib" / "libtorch_cpu.so"
    environment = dict(os.environ)
    old = environment.get("LD_LIBRARY_PATH")
    environment["LD_LIBRARY_PATH"] = f"{root / 'lib'}:{old}" if old else str(root / "lib")
    done = subprocess.run(
        [sys.executable, "-c", code, str(library)], capture_output=True, text=True, env=environment,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        reason: List[str] = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise SetupError(f"{library} can't be loaded: {reason[0]}")


def _check_platform() -> None:
    machine, libc = platform.machine(), platform.libc_ver()
    if platform.system() == "Linux" and machine == "x86_64" and libc[0] == "glibc":
        if tuple(int(part) for part in libc[1].split(".")[:2]) >= (2, 28):
            return
    raise SetupError(
        f"the pinned libtorch is for Linux x86-64 with glibc 2.28 or newer, and this is {platform.system()} {machine}"
        f" with {' '.join(libc).strip() or 'another C library'}. Get a libtorch {VERSION} for it (a Python torch"
        f" {VERSION} will do: python3 -m pip install torch=={VERSION}) and set LIBTORCH to its folder, the one that"
        " holds include/ and lib/"
    )
