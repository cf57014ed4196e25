"""What the tests of the packages share: how they are written, opened, and laid out as NuGet does it."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TARGET = Path(os.environ.get("QMAGFACE_TARGET") or ROOT / "target").absolute()
FOLDER = TARGET / "csharp" / "packages"
# Each package's files, but for those that make it a package.
PACKAGES = {
    "QMagFace.0.1.0": {
        "README.md", "lib/netstandard2.0/QMagFace.dll", "lib/netstandard2.0/QMagFace.xml",
        "runtimes/linux-x64/native/libqmagface.so",
    },
    "QMagFace.Models.SFace.0.1.0": {"README.md", "contentFiles/any/any/sface.qmfmodel"},
    "QMagFace.Gpu.0.1.0": {"README.md", "runtimes/linux-x64/native/libqmagface_torch.so"},
}


def run(*command, env=None, **options):
    # Without a library path: the rpaths must do.
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    environment.update(env or {})
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL,
        **options,
    )


def succeed(*command, **options):
    done = run(*command, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def photos():
    return Path(succeed(ROOT / "scripts" / "setup", "--print-cache").strip()) / "photos"


def write_all():
    """Writes every package; what it says."""
    return succeed(HERE.parent / "pack", TARGET)


def opened(name):
    """The package of this name and version."""
    path = FOLDER / f"{name}.nupkg"
    if not path.exists():
        how = "`make gpu` builds the back end that it holds" if "Gpu" in name else "bindings/csharp/pack writes it"
        raise AssertionError(f"{path} is missing: {how}")
    return zipfile.ZipFile(path)


def lay_out(folder, *names):
    """Puts beside a program what a build with NuGet would put there of these packages."""
    for name in names:
        with opened(name) as package:
            for file in PACKAGES[name]:
                if file.startswith(("lib/", "runtimes/", "contentFiles/")):
                    with package.open(file) as source, (folder / Path(file).name).open("wb") as to:
                        shutil.copyfileobj(source, to)


def compile_program(folder, name):
    """Compiles consumer/NAME.cs against the assembly that lies in the folder."""
    program = folder / f"{name}.exe"
    succeed(
        "mcs", "-nologo", "-warnaserror", f"-r:{folder / 'QMagFace.dll'}", f"-out:{program}", HERE / "consumer" / f"{name}.cs"
    )
    return program
