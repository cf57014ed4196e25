"""The C and C++ examples, built and run as users would: their numbers are those of the command line program.

`make test` runs this with QMAGFACE_TARGET, cargo's target folder, after the build and scripts/build-examples.
"""

import itertools
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("QMAGFACE_TARGET") or ROOT / "target").absolute()
PROGRAM = TARGET / "release" / "qmagface"
EXAMPLE = TARGET / "cpp-example" / "compare"
C_EXAMPLE = TARGET / "c-example" / "compare"


def run(*command):
    # Without a library path: the rpaths must do.
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
    )


class Header(unittest.TestCase):
    def test_it_is_c99_and_cpp17_without_warnings(self):
        for compiler, language, standard in (("cc", "c", "c99"), ("c++", "c++", "c++17")):
            with self.subTest(standard):
                done = run(
                    compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                    "-include", ROOT / "include" / "qmagface.h", "-x", language, "/dev/null",
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""))


class Library(unittest.TestCase):
    def test_its_soname_is_that_of_the_abi(self):
        done = run("readelf", "-d", TARGET / "release" / "libqmagface.so")
        self.assertIn("[libqmagface.so.0]", done.stdout)

    def test_it_needs_no_libtorch(self):
        done = run("ldd", TARGET / "release" / "libqmagface.so")
        self.assertIn("libc.so.6 =>", done.stdout)
        self.assertNotIn("torch", done.stdout)
        self.assertNotIn("not found", done.stdout)


class Compare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cache = run(ROOT / "scripts" / "setup", "--print-cache").stdout.strip()
        cls.photos = [Path(cache) / "photos" / name for name in ("obama.jpg", "obama2.jpg", "biden.jpg")]
        for model in ("yunet", "mtcnn", "sface"):
            done = run(PROGRAM, "models", "fetch", model)
            if done.returncode != 0:
                raise AssertionError(f"{model} can't be fetched: {done.stderr}")

    def test_its_numbers_are_those_of_the_command_line(self):
        done = run(EXAMPLE, "sface", *self.photos)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        quality = {name: float(q) for name, q in re.findall(r"^(\S+) +quality +(\S+)$", done.stdout, re.M)}
        pairs = {
            (a, b): (float(score), float(cosine))
            for a, b, score, cosine in re.findall(
                r"^(\S+) and (\S+): score (\S+) \(cosine (\S+)\)$", done.stdout, re.M
            )
        }
        self.assertEqual(set(quality), {photo.name for photo in self.photos})
        self.assertEqual(len(pairs), 3)
        for a, b in itertools.combinations(self.photos, 2):
            expected = json.loads(run(PROGRAM, "compare", a, b, "--json").stdout)
            score, cosine = pairs[a.name, b.name]
            # Half of the last digit that each prints.
            self.assertAlmostEqual(score, expected["score"], delta=0.51e-4)
            self.assertAlmostEqual(cosine, expected["cosine"], delta=0.51e-4)
            self.assertAlmostEqual(quality[a.name], expected["quality_a"], delta=0.51e-2)
            self.assertAlmostEqual(quality[b.name], expected["quality_b"], delta=0.51e-2)
        same, other = pairs["obama.jpg", "obama2.jpg"], pairs["obama.jpg", "biden.jpg"]
        self.assertGreater(same[0], other[0] + 0.2)

    def test_the_numbers_of_c_are_the_same(self):
        a, b = self.photos[:2]
        done = run(C_EXAMPLE, "sface", a, b)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        expected = json.loads(run(PROGRAM, "compare", a, b, "--json").stdout)
        qualities = [float(quality) for quality in re.findall(r": quality (\S+)$", done.stdout, re.M)]
        numbers = re.search(r"^score (\S+) \(cosine (\S+)\)$", done.stdout, re.M)
        self.assertAlmostEqual(qualities[0], expected["quality_a"], delta=0.51e-2)
        self.assertAlmostEqual(qualities[1], expected["quality_b"], delta=0.51e-2)
        self.assertAlmostEqual(float(numbers[1]), expected["score"], delta=0.51e-4)
        self.assertAlmostEqual(float(numbers[2]), expected["cosine"], delta=0.51e-4)

    def test_errors_name_the_photo_and_the_reason(self):
        good = self.photos[0]
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "text.jpg").write_text("not a photo")
            (folder / "cut.jpg").write_bytes(good.read_bytes()[:5000])
            grey = folder / "grey.png"
            _write_grey_png(grey)
            for photo, code in (
                (folder / "missing.jpg", 1),
                (folder / "text.jpg", 1),
                (folder / "cut.jpg", 1),
                (grey, 3),
            ):
                for example in (EXAMPLE, C_EXAMPLE):
                    with self.subTest(example.parent.name, photo=photo.name):
                        done = run(example, "sface", good, photo)
                        self.assertEqual(done.returncode, code, done.stderr)
                        self.assertRegex(done.stderr, rf"^error: {re.escape(str(photo))}: \S.*\n$")

    def test_an_unknown_model_is_named(self):
        for example in (EXAMPLE, C_EXAMPLE):
            with self.subTest(example.parent.name):
                done = run(example, "no-such-model", *self.photos[:2])
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"^error: no-such-model: .*no-such-model")

    def test_wrong_arguments_show_the_usage(self):
        for example in (EXAMPLE, C_EXAMPLE):
            with self.subTest(example.parent.name):
                done = run(example, "sface", self.photos[0])
                self.assertEqual(done.returncode, 2)
                self.assertIn("usage:", done.stderr)


def _write_grey_png(path, side=200):
    """A grey picture: well-formed, and without a face."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x80" * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    unittest.main()
