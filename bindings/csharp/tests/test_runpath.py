"""What is taken out of a shipped library's search path, on small libraries that are made for it."""

import re
import sys
import tempfile
import unittest
from pathlib import Path

from packing import HERE, succeed

sys.path.insert(0, str(HERE.parent))
import runpath  # noqa: E402


class SearchPath(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "a.c").write_text("int a_name(void) { return 7; }")

    def built(self, *options):
        library = self.folder / "built.so"
        succeed("cc", "-shared", "-fPIC", "-o", library, self.folder / "a.c", *options)
        return library

    def copied(self, *options):
        runpath.copy_for_shipping(self.built(*options), self.folder / "copied.so")
        found = re.search(r"\((RUNPATH|RPATH)\).*\[(.*)\]", succeed("readelf", "-dW", self.folder / "copied.so"))
        return found and found.groups()

    def test_folders_beside_the_library_stay_and_others_go(self):
        path = "-Wl,-rpath,$ORIGIN:/somebodys/lib:$ORIGIN/../lib:relative"
        for option, kind in (("--enable-new-dtags", "RUNPATH"), ("--disable-new-dtags", "RPATH")):
            with self.subTest(kind):
                self.assertEqual(self.copied(path, f"-Wl,{option}"), (kind, "$ORIGIN:$ORIGIN/../lib"))
        self.assertNotIn(b"somebodys", (self.folder / "copied.so").read_bytes())

    def test_a_library_without_one_is_copied_as_it_is(self):
        self.assertIsNone(self.copied())
        self.assertEqual((self.folder / "copied.so").read_bytes(), (self.folder / "built.so").read_bytes())

    def test_a_name_in_the_same_bytes_is_not_lost(self):
        # GNU's linker keeps `a_name` once, as the path's end; another may keep it twice.
        try:
            self.copied("-Wl,-rpath,$ORIGIN:/somebodys/a_name")
        except ValueError as error:
            self.assertIn("share the bytes", str(error))
            self.assertFalse((self.folder / "copied.so").exists())
        else:
            self.assertIn("a_name", succeed("nm", "-D", self.folder / "copied.so"))

    def test_what_is_no_library_is_refused(self):
        for content in (b"", b"no library", b"\x7fELF\x01\x01"):
            with self.subTest(content), self.assertRaisesRegex(ValueError, "no ELF file"):
                runpath.relative_only(content)


if __name__ == "__main__":
    unittest.main()
