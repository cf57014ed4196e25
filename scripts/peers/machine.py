"""What a measurement was made on, and what else ran there meanwhile."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
# What decides how fast a network can be.
_FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8")


def _cpu() -> dict:
    """The first processor's entry in /proc/cpuinfo."""
    entry = {}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if not line.strip():
            break
        name, _, value = line.partition(":")
        entry[name.strip()] = value.strip()
    return entry


def flags() -> list:
    """Those of the processor's abilities that matter here."""
    cpu = _cpu()
    has = (cpu.get("flags") or cpu.get("Features") or "").split()
    return [flag for flag in _FLAGS if flag in has] or [flag for flag in ("asimd", "asimddp", "bf16") if flag in has]


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    return any(flag in flags() for flag in ("avx512_bf16", "amx_bf16", "bf16"))


def describe(threads: int) -> dict:
    """Machine, versions and date, as the tables' head says them."""
    cpu = _cpu()
    revision = subprocess.run(
        ["git", "-C", str(_ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.date.today().isoformat(),
        "processor": f"{cpu.get('model name', platform.machine())}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "flags": " ".join(flags()),
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}",
        "qmagface": revision or "not a git checkout",
    }


def versions(names) -> dict:
    """The installed versions of packages."""
    return {name: importlib.metadata.version(name) for name in names}


def busy() -> float:
    """Seconds that the processors were busy since the start, all of them together, the host's other guests included."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _wait, irq, soft, steal = map(int, fields)
    return (user + nice + system + irq + soft + steal) / _TICKS


def busy_of(pid: int) -> float:
    """Seconds that a process was on a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def cores() -> int:
    """How many processors there are."""
    return os.cpu_count() or 1
