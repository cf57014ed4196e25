"""What of the C# SDK needs no look inside: its declarations, its packages, and the door example.

`make test` runs this with QMAGFACE_TARGET, cargo's target folder, after the build and bindings/csharp/build.
"""

import re
import shutil
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

import packing
from packing import HERE, PACKAGES, ROOT, TARGET, photos, run, succeed

PROGRAM = TARGET / "release" / "qmagface"
INTEROP = HERE.parent / "QMagFace" / "Interop"


class Declarations(unittest.TestCase):
    def test_both_targets_declare_the_same_functions(self):
        # Mono compiles the first only.
        first = self._declared("NativeMethods.DllImport.cs", r"\[DllImport\([^]]*\)\]", "extern")
        second = self._declared(
            "NativeMethods.LibraryImport.cs",
            r"\[LibraryImport\(Library\)\]\s+\[UnmanagedCallConv\(CallConvs = new\[\] { typeof\(CallConvCdecl\) }\)\]",
            "partial",
        )
        self.assertGreater(len(first), 50)
        self.assertEqual(first, second)

    @staticmethod
    def _declared(file, attribute, kind):
        found = re.findall(
            rf"{attribute}\s+internal static {kind} (\w+ \w+\([^;]*\));", (INTEROP / file).read_text()
        )
        return [" ".join(one.split()).replace("( ", "(") for one in found]


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        packing.write_all()

    def test_every_path_is_where_nuget_looks(self):
        for name, files in PACKAGES.items():
            with self.subTest(name), packing.opened(name) as package:
                self.assertIsNone(package.testzip())
                package_id = re.sub(r"\.\d+\.\d+\.\d+$", "", name)
                self.assertEqual(
                    set(package.namelist()),
                    files | {
                        "[Content_Types].xml", "_rels/.rels", f"{package_id}.nuspec",
                        f"package/services/metadata/core-properties/{package_id.lower()}.psmdcp",
                    },
                )
                root = xml.fromstring(package.read(f"{package_id}.nuspec"))
                space = {"n": root.tag[1:].partition("}")[0]}
                self.assertEqual(root.find(".//n:id", space).text, package_id)
                self.assertIsNone(root.find("n:files", space))
                types = package.read("[Content_Types].xml").decode()
                for file in files:
                    self.assertIn(f'Extension="{file.rpartition(".")[2]}"', types)
                self.assertIn(f"/{package_id}.nuspec", package.read("_rels/.rels").decode())

    def test_versions_are_the_librarys(self):
        version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        self.assertEqual({name.rpartition(f".{version}")[1:] for name in PACKAGES}, {(f".{version}", "")})
        for name in PACKAGES:
            with self.subTest(name):
                packing.opened(name).close()
        project = (HERE.parent / "QMagFace" / "QMagFace.csproj").read_text()
        self.assertIn(f"<Version>{version}</Version>", project)

    def test_the_documentation_covers_the_members(self):
        with packing.opened("QMagFace.0.1.0") as package:
            names = [one.get("name") for one in xml.fromstring(package.read("lib/netstandard2.0/QMagFace.xml")).iter("member")]
        self.assertIn("M:QMagFace.Engine.Extract(QMagFace.Image,System.Threading.CancellationToken)", names)
        self.assertGreater(len(names), 200)

    def test_a_program_runs_with_what_the_packages_hold(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            packing.lay_out(folder, "QMagFace.0.1.0", "QMagFace.Models.SFace.0.1.0")
            packing.compile_program(folder, "Consumer")
            self.assertEqual(self._consume(folder, "obama.jpg", "obama2.jpg"), "sface same\n")
            self.assertEqual(self._consume(folder, "obama.jpg", "biden.jpg"), "sface other\n")
            self.assertNotIn("not found", succeed("ldd", folder / "libqmagface.so"))

    def test_a_missing_or_older_native_library_is_said_so(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            shutil.copy(TARGET / "csharp" / "portable" / "QMagFace.dll", folder)
            (folder / "sface.qmfmodel").write_bytes(b"never read")
            packing.compile_program(folder, "Consumer")
            done = run("mono", folder / "Consumer.exe")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("System.DllNotFoundException", done.stderr)
            # A library from before the first version of the interface.
            (folder / "old.c").write_text("unsigned int qmf_abi_version(void) { return 0; }")
            succeed("cc", "-shared", "-fPIC", "-o", folder / "libqmagface.so", folder / "old.c")
            done = run("mono", folder / "Consumer.exe")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("System.NotSupportedException: The native library has version 0", done.stderr)

    @staticmethod
    def _consume(folder, *names):
        return succeed("mono", folder / "Consumer.exe", *(photos() / name for name in names))


class Door(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for model in ("yunet", "mtcnn", "sface"):
            succeed(PROGRAM, "models", "fetch", model)
        cls._folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls._folder.cleanup)
        cls.folder = Path(cls._folder.name)
        cls.people, cls.camera = cls.folder / "people", cls.folder / "camera"
        cls._copy("people/Barack", "obama.jpg", "obama3.jpg")
        cls._copy("camera", "obama2.jpg", "biden.jpg", "obama_partial_face2.jpg")
        (cls.camera / "broken.jpg").write_bytes(b"no picture")
        _write_grey_bmp(cls.camera / "grey.bmp")
        (cls.camera / "notes.txt").write_text("not looked at")

    @classmethod
    def _copy(cls, folder, *names):
        (cls.folder / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(photos() / name, cls.folder / folder / name)

    def _door(self, *arguments):
        return run("mono", TARGET / "csharp" / "Door.exe", *arguments)

    def test_it_opens_for_the_enrolled_alone(self):
        done = self._door(self.people, self.camera, "--gate", "11.5")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
        self.assertEqual(
            set(lines), {"obama2.jpg", "biden.jpg", "obama_partial_face2.jpg", "broken.jpg", "grey.bmp"}
        )
        decision = {name: (fields[0], fields[1], fields[5].split(":")[0]) for name, fields in lines.items()}
        self.assertEqual(decision, {
            "obama2.jpg": ("open", "Barack", "match"),
            "biden.jpg": ("closed", "-", "unknown"),
            "obama_partial_face2.jpg": ("closed", "-", "low quality"),
            "broken.jpg": ("closed", "-", "unreadable"),
            "grey.bmp": ("closed", "-", "no face"),
        })
        self.assertGreater(float(lines["obama2.jpg"][2]), 0)
        self.assertGreaterEqual(float(lines["obama2.jpg"][3]), 3)
        self.assertLess(float(lines["biden.jpg"][3]), 3)
        self.assertAlmostEqual(float(lines["biden.jpg"][4]), 11.84, delta=0.02)
        self.assertAlmostEqual(float(lines["obama_partial_face2.jpg"][4]), 11.04, delta=0.02)

    def test_gate_and_rate_decide(self):
        done = self._door(self.people, self.camera, "--gate", "13.6")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        done = self._door(self.people, self.camera, "--gate", "1", "--fmr", "0.00001")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^obama2\.jpg\topen\tBarack\t")
        self.assertNotIn("low quality", done.stdout)
        # A rate that the calibration can't support is refused, with words.
        done = self._door(self.people, self.camera, "--fmr", "1e-9")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^error: .+")

    def test_people_who_cannot_be_enrolled_are_named(self):
        (self.folder / "nobody" / "Empty").mkdir(parents=True)
        (self.folder / "faceless" / "Grey").mkdir(parents=True)
        _write_grey_bmp(self.folder / "faceless" / "Grey" / "a.bmp")
        (self.folder / "none").mkdir()
        for folder, words in (("nobody", "Empty: no photos"), ("faceless", "Grey: no photo has a face"),
                              ("none", "no folder of a person")):
            with self.subTest(folder):
                done = self._door(self.folder / folder, self.camera)
                self.assertEqual((done.returncode, done.stdout), (3, ""))
                self.assertIn(words, done.stderr)

    def test_wrong_arguments_show_the_usage(self):
        for arguments in ((), (self.people,), (self.people, self.folder / "missing"), (self.people, self.camera, "x"),
                          (self.people, self.camera, "--fmr"), (self.people, self.camera, "--fmr", "-1"),
                          (self.people, self.camera, "--gate", "much"), (self.people, self.camera, "--speed", "9")):
            with self.subTest(arguments):
                done = self._door(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, r"^error: .+\nusage: Door ")

    def test_an_unknown_model_is_named(self):
        done = self._door(self.people, self.camera, "--model", "no-such-model")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no-such-model", done.stderr)


def _write_grey_bmp(path, side=200):
    """A grey picture: well-formed, and without a face."""
    import struct

    pixels = b"\x80" * (side * side * 3)
    path.write_bytes(
        struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + pixels
    )


if __name__ == "__main__":
    unittest.main()
