"""The installed SDK: clients in C99 and C++ that call all of it, with sanitizers and under valgrind.

`make test` runs this with QMAGFACE_TARGET, cargo's target folder, after the build.
"""

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import unittest
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TARGET = Path(os.environ.get("QMAGFACE_TARGET") or ROOT / "target").absolute()
PROGRAM = TARGET / "release" / "qmagface"
WORK = TARGET / "sdk-tests"
PREFIX = WORK / "prefix"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:check_initialization_order=1",
    "LSAN_OPTIONS": f"suppressions={HERE / 'lsan.supp'}:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
# Valgrind knows no AVX-512.
VALGRIND_ENVIRONMENT = {"QMAGFACE_INSTRUCTIONS": "AVX2"}
# Of the shared library.
MOST_BYTES = 8_000_000

VALGRIND = [
    "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible",
    "--show-leak-kinds=definite,indirect,possible", "--gen-suppressions=all", f"--suppressions={HERE / 'valgrind.supp'}",
]


def run(*command, env=None, cwd=None, timeout=600):
    # Without a library path: the rpaths must do.
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    environment.update(env or {})
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, errors="replace", env=environment, cwd=cwd,
        stdin=subprocess.DEVNULL, timeout=timeout,
    )


def must(*command, **options):
    done = run(*command, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def install(prefix, *more):
    must(ROOT / "scripts" / "install", "--target", TARGET, "--prefix", prefix, *more)


def pkg_config(package, prefix=PREFIX):
    environment = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    return must("pkg-config", "--cflags", "--libs", package, env=environment).split()


def build_c(name, package, *flags, prefix=PREFIX, source="client.c"):
    """Compiles a C client as a user of pkg-config would."""
    program = WORK / name
    must(
        os.environ.get("CC", "cc"), "-std=c99", *WARNINGS, *flags, "-o", program, HERE / source,
        *pkg_config(package, prefix), "-lm", f"-Wl,-rpath,{prefix}/lib",
    )
    return program


def configure(source, build, prefix, *more):
    return run("cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", *more)


def write_blank_picture(path, side=120):
    """A grey picture: well-formed, and without a face."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x80" * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def setUpModule():
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    install(PREFIX)
    for model in ("yunet", "mtcnn", "sface"):
        must(PROGRAM, "models", "fetch", model)
    must(PROGRAM, "models", "export", "sface", WORK / "sface.qmfmodel")
    # A small picture with a face in it, for the sake of valgrind: an aligned chip.
    photos = Path(must(ROOT / "scripts" / "setup", "--print-cache").strip()) / "photos"
    (WORK / "photos").mkdir()
    shutil.copy(photos / "obama.jpg", WORK / "photos")
    must(PROGRAM, "align", "-s", WORK / "photos", "-r", WORK / "chips")
    write_blank_picture(WORK / "blank.png")
    configured = configure(HERE, WORK / "clients", PREFIX)
    if configured.returncode != 0:
        raise AssertionError(configured.stdout + configured.stderr)
    must("cmake", "--build", WORK / "clients", "--parallel", "2")


def tearDownModule():
    # The clients with the static library are large.
    shutil.rmtree(WORK, ignore_errors=True)


def arguments():
    return ["sface", WORK / "sface.qmfmodel", WORK / "chips" / "obama.png", WORK / "blank.png", WORK / "calibration"]


class Coverage(unittest.TestCase):
    def functions(self):
        header = (PREFIX / "include" / "qmagface.h").read_text(encoding="utf-8")
        code = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
        functions = set(re.findall(r"\b(qmf_\w+)\(", code))
        self.assertGreater(len(functions), 40)
        return functions

    def test_the_c_client_calls_every_function(self):
        called = set(re.findall(r"\b(qmf_\w+)\(", (HERE / "client.c").read_text(encoding="utf-8")))
        self.assertEqual(self.functions() - called, set())

    def test_every_function_has_a_face_in_cpp(self):
        header = (PREFIX / "include" / "qmagface.hpp").read_text(encoding="utf-8")
        named = set(re.findall(r"\b(qmf_\w+)\b", re.sub(r"/\*.*?\*/|//[^\n]*", "", header, flags=re.S)))
        self.assertEqual(self.functions() - named, set())


class Headers(unittest.TestCase):
    def test_cpp_is_clean_in_every_mode(self):
        (WORK / "only.cpp").write_text("#include <qmagface.hpp>\nint main() {}\n", encoding="ascii")
        compilers = ["g++"] + (["clang++"] if shutil.which("clang++") else [])
        for compiler in compilers:
            for standard in ("c++17", "c++20"):
                for mode in ([], ["-fno-exceptions"], ["-DQMAGFACE_NO_EXCEPTIONS"], ["-fno-rtti"]):
                    with self.subTest(compiler, standard=standard, mode=mode):
                        done = run(
                            compiler, f"-std={standard}", *WARNINGS, *mode, "-fsyntax-only",
                            f"-I{PREFIX}/include", WORK / "only.cpp",
                        )
                        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_an_older_standard_is_told(self):
        done = run("g++", "-std=c++14", "-fsyntax-only", f"-I{PREFIX}/include", "-x", "c++", PREFIX / "include/qmagface.hpp")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("qmagface.hpp needs C++17", done.stderr)


class Install(unittest.TestCase):
    def test_the_archive_has_no_global_names_but_the_interface(self):
        symbols = must("readelf", "-sW", PREFIX / "lib" / "libqmagface.a")
        fields = [line.split() for line in symbols.splitlines()]
        defined = {f[7] for f in fields if len(f) == 8 and f[4] in ("GLOBAL", "WEAK", "UNIQUE") and f[6] != "UND"}
        self.assertTrue({"qmf_abi_version", "qmf_compare"} <= defined)
        self.assertEqual({name for name in defined if not name.startswith("qmf_")}, set())

    def test_the_library_has_its_names(self):
        lib = PREFIX / "lib"
        self.assertEqual(os.readlink(lib / "libqmagface.so"), "libqmagface.so.0")
        self.assertEqual(os.readlink(lib / "libqmagface.so.0"), "libqmagface.so.0.1.0")
        self.assertIn("[libqmagface.so.0]", must("readelf", "-d", lib / "libqmagface.so.0.1.0"))
        version = must("pkg-config", "--modversion", "qmagface", env={"PKG_CONFIG_PATH": str(lib / "pkgconfig")})
        self.assertEqual(version.strip(), "0.1.0")

    def test_cmake_refuses_another_version(self):
        for version, good in (("0.1.0", True), ("0.1...0.2", True), ("0.2", False), ("0.0.9", False), ("1.0", False)):
            with self.subTest(version):
                done = configure(HERE, WORK / "versions" / version, PREFIX, f"-DQMAGFACE_VERSION={version}")
                self.assertEqual(done.returncode == 0, good, done.stderr)

    def test_a_moved_tree_and_uninstall(self):
        first, moved = WORK / "first" / "tree", WORK / "moved"
        install(first)
        first.rename(moved)
        build = WORK / "moved-example"
        self.assertEqual(configure(ROOT / "examples" / "c", build, moved).returncode, 0)
        must("cmake", "--build", build)
        self.assertIn(f"=> {moved}/lib/libqmagface.so.0", must("ldd", build / "compare"))
        flags = pkg_config("qmagface", moved)
        self.assertEqual({Path(flag[2:]).resolve() for flag in flags if flag.startswith("-L")}, {moved / "lib"})
        install(moved)  # over itself
        (moved / "lib" / "other.txt").write_text("not ours", encoding="ascii")
        install(moved, "--uninstall")
        left = [path.relative_to(moved) for path in moved.rglob("*") if not path.is_dir()]
        self.assertEqual(left, [Path("lib/other.txt")])
        again = run(ROOT / "scripts" / "install", "--prefix", moved, "--uninstall")
        self.assertEqual(again.returncode, 1)
        self.assertIn("no qmagface is installed", again.stderr)

    def test_the_tree_needs_nothing_else(self):
        stage = WORK / "stage"
        install("/opt/qmagface", "--destdir", stage)
        prefix = stage / "opt" / "qmagface"
        self.assertIn("qmagface 0.1.0", must(prefix / "bin" / "qmagface", "--version"))
        for package in ("qmagface", "qmagface-static"):
            program = build_c(f"c-{package}-staged", package, prefix=prefix)
            self.assertEqual(must(program, *arguments()), "the C client is content\n")

    def test_the_library_stands_alone(self):
        library = PREFIX / "lib" / "libqmagface.so.0.1.0"
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", must("readelf", "-dW", library)))
        self.assertLessEqual(needed, {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"})
        self.assertNotIn("RUNPATH", must("readelf", "-dW", library))
        self.assertLessEqual(library.stat().st_size, MOST_BYTES)

    def test_the_gpu_back_end_is_found_beside_the_library(self):
        # `make test` builds it. In a process of its own: the library is asked, as any program would.
        ask = (
            "import ctypes, json, sys\n"
            "text = ctypes.create_string_buffer(65536)\n"
            "ctypes.CDLL(sys.argv[1]).qmf_build_info(text, ctypes.c_size_t(65536), None)\n"
            "print(json.loads(text.value)['gpu_back_end'])"
        )
        library = PREFIX / "lib" / "libqmagface.so.0.1.0"
        beside = PREFIX / "lib" / "libqmagface_torch.so"
        self.assertEqual(must(sys.executable, "-c", ask, library).strip(), str(beside.resolve()))
        self.assertEqual(must(sys.executable, "-c", ask, library, env={"QMAGFACE_GPU_BACKEND": "/nowhere"}).strip(), "")
        self.assertIn("libtorch_cpu.so", must("readelf", "-dW", beside))
        exported = must("nm", "-D", "--defined-only", "--format=just-symbols", beside).split()
        self.assertIn("qmagface_backend", exported)
        self.assertFalse([name for name in exported if name.startswith("qmf_")])


class Clients(unittest.TestCase):
    def check(self, program, says, **environment):
        done = run(program, *arguments(), env=environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""), program)
        self.assertEqual(done.stdout, says)

    def test_c99(self):
        for kind, package in (("shared", "qmagface"), ("static", "qmagface-static")):
            with self.subTest(kind):
                program = build_c(f"c-{kind}", package)
                self.assertEqual("libqmagface" in must("ldd", program), kind == "shared")
                self.check(program, "the C client is content\n")

    def test_cpp(self):
        for form in ("cpp17", "cpp20", "no-exceptions"):
            for kind in ("shared", "static"):
                with self.subTest(form, kind=kind):
                    program = WORK / "clients" / f"{form}-{kind}"
                    self.assertEqual("libqmagface" in must("ldd", program), kind == "shared")
                    self.check(program, "the C++ client is content\n")

    def test_the_value_of_a_failure_aborts(self):
        done = run(WORK / "clients" / "no-exceptions-shared", "--take-a-failure", cwd=WORK)
        self.assertEqual(done.returncode, -signal.SIGABRT)

    def test_a_header_newer_than_the_library(self):
        self.assertEqual(must(WORK / "clients" / "newer-header"), "the newer header says so\n")

    def test_with_sanitizers(self):
        # The library itself is not instrumented: what is checked is what it does to the clients' memory, and leaks.
        self.check(build_c("c-sanitized", "qmagface", *SANITIZERS), "the C client is content\n", **SANITIZER_ENVIRONMENT)
        for kind in ("shared", "static"):
            with self.subTest(kind):
                self.check(WORK / "clients" / f"sanitized-{kind}", "the C++ client is content\n", **SANITIZER_ENVIRONMENT)

    def test_under_valgrind(self):
        face = WORK / "chips" / "obama.png"
        short_runs = (
            (build_c("c-valgrind", "qmagface", "-g"), ["--short", "sface", face, WORK / "calibration"], "C"),
            (WORK / "clients" / "cpp17-shared", ["--short", "sface", face], "C++"),
        )
        for program, more, language in short_runs:
            with self.subTest(language):
                done = run("valgrind", *VALGRIND, program, *more, env=VALGRIND_ENVIRONMENT, timeout=1800)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, f"the {language} client is content\n")

    def test_extraction_does_not_leak(self):
        # What is in use on the heap is counted; then LeakSanitizer looks for what nobody points to any more; then valgrind, under
        # which an extraction takes half a minute: QMAGFACE_EXTRACTIONS says how many.
        plain = build_c("extractions", "qmagface", "-g", source="extractions.c")
        sanitized = build_c("extractions-sanitized", "qmagface", *SANITIZERS, source="extractions.c")
        few = int(os.environ.get("QMAGFACE_EXTRACTIONS", "3"))
        face = WORK / "chips" / "obama.png"
        for what, count, command, environment in (
            ("by itself", 1000, [plain], {}),
            ("sanitized", 1000, [sanitized], SANITIZER_ENVIRONMENT),
            ("valgrind", few, ["valgrind", *VALGRIND, plain], VALGRIND_ENVIRONMENT),
        ):
            with self.subTest(what):
                done = run(*command, count, "sface", face, env=environment, timeout=1200 + 60 * few)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout.startswith(f"{count} extractions, "), done.stdout)
                print(f"{what}: {done.stdout}", end="")


if __name__ == "__main__":
    unittest.main()
