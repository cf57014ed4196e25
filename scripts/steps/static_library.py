"""Makes the static library that is installed out of the one that cargo writes.

Cargo's archive has every function of every Rust crate and of libjpeg-turbo in it, by their global names: a program with
a libjpeg of its own could not be linked with it, nor could one with a second library written in Rust. Here all of it
becomes one object in which only the C interface is global.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import List

from .report import SetupError


def exported(shared: Path) -> List[str]:
    """The functions that the shared library exports."""
    lines = _run("nm", "-D", "--defined-only", "--format=posix", str(shared)).splitlines()
    return sorted(line.split(" ")[0] for line in lines)


def make(archive: Path, symbols: List[str], target: Path) -> None:
    """Writes `target`, with `archive`'s code that `symbols` need and no other global name."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        work = Path(folder)
        joined, member = work / "joined.o", work / "qmagface.o"
        names = work / "names"
        names.write_text("".join(f"{symbol}\n" for symbol in symbols), encoding="ascii")
        # ld.bfd: other linkers don't join objects and drop what is unused at once. Names in C++ groups can only become
        # local once the groups are dissolved.
        undefined = [part for symbol in symbols for part in ("-u", symbol)]
        _run("ld.bfd", "-r", "--gc-sections", "--force-group-allocation", *undefined, "-o", str(joined), str(archive))
        # Without the bitcode that Rust's own libraries carry: it is 7 MB, and where clang is installed its plugin makes ar,
        # nm and the linker read it, which ends them when it is of a newer LLVM.
        bitcode = ("--remove-section=.llvmbc", "--remove-section=.llvmcmd")
        _run("objcopy", "--strip-debug", *bitcode, f"--keep-global-symbols={names}", str(joined), str(member))
        made = work / "made.a"
        # D: no times or user ids, so that the same input gives the same bytes.
        _run("ar", "crsD", str(made), str(member))
        made.chmod(0o644)
        made.replace(target)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise SetupError(f"{command[0]} can't be run ({error.strerror}): install binutils") from None
    if done.returncode != 0:
        raise SetupError(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout
