"""The optional package QMagFace.Gpu: what it asks for, and that a program which has it finds and loads the GPU back end.

No GPU is needed, and none is used: a driver of three functions stands in for NVIDIA's where the back end is to be loaded.
`make test` builds the back end before it runs this; without it these tests fail.
"""

import json
import os
import re
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

import packing
from packing import HERE, TARGET, photos, run, succeed

PLUGIN = "libqmagface_torch.so"
BUILT = TARGET / "release" / PLUGIN
NAMES = ("QMagFace.0.1.0", "QMagFace.Models.SFace.0.1.0", "QMagFace.Gpu.0.1.0")
# As much of a driver as the library asks before it loads the back end.
DRIVER = """
int cuInit(unsigned flags) { return flags ? 1 : 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
"""


def search_path(library):
    """The folders of a library's rpath."""
    found = re.search(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", succeed("readelf", "-dW", library))
    return found[1].split(":") if found else []


class WithTheBackEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not BUILT.exists():
            raise AssertionError(f"{BUILT} is missing: run `make gpu` first")
        packing.write_all()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        root = Path(folder.name)
        cls.app, cls.driver, cls.empty = root / "app", root / "driver", root / "empty"
        for made in (cls.app, cls.driver, cls.empty):
            made.mkdir()
        packing.lay_out(cls.app, *NAMES)
        packing.compile_program(cls.app, "Gpu")
        (root / "driver.c").write_text(DRIVER)
        succeed("cc", "-shared", "-fPIC", "-o", cls.driver / "libcuda.so.1", root / "driver.c")

    def ask(self, *library_path, **environment):
        """The back end's file as the program sees it, and what it is told when it asks for a GPU."""
        # An empty part of the path would be the working folder.
        environment["LD_LIBRARY_PATH"] = ":".join(str(folder) for folder in library_path) or str(self.empty)
        told = succeed("mono", self.app / "Gpu.exe", env={"QMAGFACE_GPU_BACKEND": "", **environment})
        info, said = told.split("\n", 1)
        return json.loads(info)["gpu_back_end"], said

    def test_it_wants_the_package_of_its_own_version(self):
        with packing.opened("QMagFace.Gpu.0.1.0") as package:
            root = xml.fromstring(package.read("QMagFace.Gpu.nuspec"))
            readme = package.read("README.md").decode()
        space = {"n": root.tag[1:].partition("}")[0]}
        version = root.find(".//n:version", space).text
        wanted = [(one.get("id"), one.get("version")) for one in root.findall(".//n:dependency", space)]
        self.assertEqual(wanted, [("QMagFace", f"[{version}]")])
        # Its own readme, not the other packages'.
        for word in ("# QMagFace.Gpu", "libtorch 2.11.0", "LD_LIBRARY_PATH"):
            self.assertIn(word, readme)

    def test_no_folder_of_this_machine_is_searched(self):
        packed = self.app / PLUGIN
        self.assertEqual(search_path(packed), ["$ORIGIN", "$ORIGIN/../lib"])
        built = [folder for folder in search_path(BUILT) if not folder.startswith("$ORIGIN")]
        self.assertTrue(built, "the back end that was built has no folder to be taken out")
        for folder in built:
            self.assertNotIn(f":{folder}".encode(), packed.read_bytes())
        # Nothing but the path was changed.
        exported = [succeed("nm", "-D", file) for file in (BUILT, packed)]
        self.assertEqual(exported[0], exported[1])
        self.assertIn("qmagface_backend", exported[1])

    def test_without_a_driver_or_libtorch_a_program_is_told_so(self):
        found, said = self.ask()
        self.assertEqual(found, str((self.app / PLUGIN).resolve()))
        # Of a machine with a GPU, the back end's libtorch is what is missing.
        self.assertRegex(said, r"^Device: cuda:0 can't be used: [^\n]*(NVIDIA driver|libtorch_cpu\.so)[^\n]*\n$")
        found, said = self.ask(self.driver)
        self.assertRegex(
            said, rf"^Device: cuda:0 can't be used: [^\n]*{re.escape(PLUGIN)} does not load: libtorch_cpu\.so[^\n]*\n$"
        )

    def test_it_loads_with_the_library_path_that_its_readme_sets(self):
        libtorch = next(Path(one) for one in search_path(BUILT) if (Path(one) / "libtorch_cpu.so").exists())
        found, said = self.ask(self.driver, libtorch, QMAGFACE_LIBTORCH_CUDA=str(self.empty))
        self.assertEqual(found, str((self.app / PLUGIN).resolve()))
        # The back end itself says this: it was loaded, and is of the library's release.
        self.assertEqual(
            said,
            f"Device: cuda:0 can't be used: libc10_cuda.so is not in {self.empty} (the folder named by "
            "QMAGFACE_LIBTORCH_CUDA)\n",
        )

    def test_a_program_that_asks_for_no_gpu_runs_as_before(self):
        program = packing.compile_program(self.app, "Consumer")
        self.assertEqual(succeed("mono", program, *(photos() / name for name in ("obama.jpg", "obama2.jpg"))), "sface same\n")


class WithoutTheBackEnd(unittest.TestCase):
    def test_it_is_left_out_in_a_line_and_refused_by_name(self):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder)
            portable = (f"csharp/portable/QMagFace.{ending}" for ending in ("dll", "xml"))
            for file in ("release/libqmagface.so", "release/qmagface", *portable):
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                os.symlink(TARGET / file, target / file)
            packages = target / "csharp" / "packages"
            packages.mkdir()
            (packages / "QMagFace.Gpu.0.1.0.nupkg").write_text("of an earlier build")
            said = succeed(HERE.parent / "pack", target)
            self.assertRegex(said, r"(?m)^left out QMagFace\.Gpu: .* `make gpu` builds it")
            self.assertEqual(
                {file.name for file in packages.iterdir()}, {"QMagFace.0.1.0.nupkg", "QMagFace.Models.SFace.0.1.0.nupkg"}
            )
            done = run(HERE.parent / "pack", target, "QMagFace.Gpu")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("run `make gpu` first", done.stderr)


if __name__ == "__main__":
    unittest.main()
