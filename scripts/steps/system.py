"""System packages and the Rust toolchain."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, Optional, Sequence

from .report import SetupError, say

# Cargo.toml's rust-version.
RUST = (1, 89)
# examples/cpp/CMakeLists.txt's minimum.
CMAKE = (3, 22)

# Fonts for names in pictures, which the tests draw: Debian's package, languages that it is for, and a file of it.
FONTS = (
    ("fonts-wqy-microhei", ("zh-cn", "zh-tw", "ja", "ko"), "wqy-microhei.ttc"),
    ("fonts-dejavu-core", ("ar", "fa", "he", "hy"), "DejaVuSans.ttf"),
    ("fonts-lohit-deva", ("hi",), "Lohit-Devanagari.ttf"),
    ("fonts-tlwg-loma-ttf", ("th",), "Loma.ttf"),
)
# Where fonts are; fontconfig, which may be missing, knows more places.
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")


def check_rust() -> None:
    """Cargo is there and new enough: the distribution's own package is too old, so it isn't installed from there."""
    version = _version(["cargo", "--version"])
    if version is None or version < RUST:
        found = "is missing" if version is None else f"is {version[0]}.{version[1]}"
        raise SetupError(
            f"Rust {found}, and {RUST[0]}.{RUST[1]} or newer is needed: install it with rustup (and see that cargo is"
            " on the PATH)"
        )


def install_packages(for_tests: bool) -> None:
    """Installs what the build and the demo, or the tests too, are missing, as root or through sudo without a password.

    Where that may not be, says how to do it by hand, and stops.
    """
    missing = _missing(for_tests)
    if not missing:
        more = ", Mono, NUnit, valgrind and fonts" if for_tests else ""
        say("system", f"compiler, CMake, NASM and pip{more} are there")
        return
    names = " ".join(missing)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    by_hand = f"apt-get update && apt-get install -y --no-install-recommends {names}"
    if shutil.which("apt-get") is None:
        raise SetupError(
            f"missing: {names} (their Debian names). This system has no apt-get: install them with its own package"
            " manager and run this again"
        )
    prefix = _privilege()
    if prefix is None:
        raise SetupError(
            f"missing system packages: {names}. This user may not install them; run this, then the set-up again:\n"
            f"  sudo sh -c '{by_hand}'"
        )
    say("system", f"installing {names}")
    for step in (["apt-get", "update", "-q"], command):
        # env passes through sudo, which drops the environment.
        done = subprocess.run([*prefix, "env", "DEBIAN_FRONTEND=noninteractive", *step], stdin=subprocess.DEVNULL)
        if done.returncode != 0 and step is command:
            raise SetupError(f"apt-get could not install {names} (its own words are above)")
    if still := _missing(for_tests):
        raise SetupError(f"{' '.join(still)}: installed, yet not found or too old on the PATH")


def has_nvidia_driver() -> bool:
    """An NVIDIA driver in the kernel, or that of Windows seen from its Linux: what the library's own look goes by."""
    return any(Path(path).exists() for path in ("/proc/driver/nvidia/version", "/usr/lib/wsl/lib/libcuda.so.1"))


def python_with_pip() -> Optional[str]:
    """A Python that has pip: the running one, else the system's."""
    for python in (sys.executable, "/usr/bin/python3"):
        if python and os.access(python, os.X_OK):
            pip = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, stdin=subprocess.DEVNULL)
            if pip.returncode == 0:
                return python
    return None


def _missing(for_tests: bool) -> List[str]:
    missing = []
    # Of the C++ examples, and of the GPU back end, whose build calls `c++` unless CXX says otherwise.
    if shutil.which("c++") is None or shutil.which("g++") is None:
        missing.append("g++")
    cmake = _version(["cmake", "--version"])
    if cmake is None or cmake < CMAKE:
        missing.append("cmake")
    # libjpeg-turbo's vector code is built with it; without it, decoding is several times slower.
    if shutil.which("nasm") is None:
        missing.append("nasm")
    if shutil.which("make") is None:
        missing.append("make")
    if python_with_pip() is None:
        missing.append("python3-pip")
    if not for_tests:
        return missing
    # For the tests of the installed library.
    missing.extend(name for name in ("valgrind", "pkg-config") if shutil.which(name) is None)
    if not _python_has_venv():
        missing.append("python3-venv")
    # The C# library is compiled and tested with Mono and NUnit.
    if shutil.which("mcs") is None or shutil.which("mono") is None:
        missing.append("mono-devel")
    if shutil.which("nunit-console") is None:
        missing.append("nunit-console")
    if not _has_nunit_framework():
        missing.append("libnunit-cil-dev")
    missing.extend(package for package, languages, file in FONTS if not _has_font(languages, file))
    return missing


def _python_has_venv() -> bool:
    """The `python3` that the tests call can make a virtual environment: the distribution packs that part on its own."""
    try:
        done = subprocess.run(["python3", "-c", "import ensurepip, venv"], capture_output=True, stdin=subprocess.DEVNULL)
    except OSError:
        return False
    return done.returncode == 0


def _has_nunit_framework() -> bool:
    """Debian keeps it in a folder named after its version."""
    return any(Path("/usr/lib/cli").glob("nunit.framework-*/nunit.framework.dll"))


def _has_font(languages: Sequence[str], file: str) -> bool:
    """Some font is there for each of the languages: any that fontconfig knows, else the one in this file."""
    if shutil.which("fc-list"):
        commands = (["fc-list", f":lang={language}", "file"] for language in languages)
        known = (subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL) for command in commands)
        return all(done.stdout for done in known)
    return any(next(Path(folder).expanduser().rglob(file), None) for folder in FONT_FOLDERS)


def _privilege() -> Optional[List[str]]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, stdin=subprocess.DEVNULL)
        if allowed.returncode == 0:
            return ["sudo", "-n"]
    return None


def _version(command: List[str]) -> Optional[tuple]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    match = re.search(r"(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if done.returncode == 0 and match else None
