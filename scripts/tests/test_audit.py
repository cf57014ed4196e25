"""The look-up of known weaknesses in a list: what may be wrong with the list, and that what it names is found."""

import datetime
import importlib.machinery
import importlib.util
import io
import subprocess
import sys
import tarfile
import unittest
from pathlib import Path
from unittest import mock

from test_setup import InFolder

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SCRIPTS))

from steps import advisories  # noqa: E402
from steps.report import SetupError  # noqa: E402


def advisory(crate: str, number: str, date: str = "2026-01-31") -> bytes:
    return f"""```toml
[advisory]
id = "{number}"
package = "{crate}"
date = "{date}"

[versions]
patched = []
```

# {crate} is made up to be weak

It isn't.
""".encode("ascii")


class InList(InFolder):
    def tar(self, members, name="rustsec-advisories-2026-08-21.tar.gz") -> Path:
        """A list of (name, bytes or a TarInfo of another kind)."""
        path = self.folder / name
        with tarfile.open(path, "w:gz") as archive:
            for inside, content in members:
                info = tarfile.TarInfo(inside)
                if isinstance(content, bytes):
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
                else:
                    info.type, info.linkname = content
                    archive.addfile(info)
        return path

    def ready(self, source: Path) -> advisories.Ready:
        work = self.folder / "work"
        work.mkdir()
        return advisories.ready(source, work)

    def written(self):
        """What was unpacked, and that nothing lies beside it."""
        work = self.folder / "work"
        self.assertEqual([path.name for path in work.iterdir()], ["list"])
        inside = (path for path in (work / "list").rglob("*") if path.is_file() and ".git" not in path.parts)
        return sorted(path.relative_to(work / "list").as_posix() for path in inside)


class Lists(InList):
    def test_a_list_is_unpacked_and_its_age_is_known(self):
        text = advisory("one", "RUSTSEC-2026-0001")
        known = self.ready(self.tar([("LICENSE.txt", b"CC0"), ("crates/one/RUSTSEC-2026-0001.md", text)]))
        self.assertEqual((known.count, known.date), (1, datetime.date(2026, 8, 21)))
        self.assertEqual(self.written(), ["crates/one/RUSTSEC-2026-0001.md"])
        self.assertRegex(known.age(), r"^of 2026-08-21, -?\d+ days? old$")

    def test_a_list_that_says_no_day_is_of_its_newest_advisory(self):
        old = advisory("one", "RUSTSEC-2025-0001", "2025-02-03")
        new = advisory("two", "RUSTSEC-2026-0002", "2026-03-04")
        members = [("db/crates/two/RUSTSEC-2026-0002.md", new), ("db/crates/one/RUSTSEC-2025-0001.md", old)]
        self.assertEqual(self.ready(self.tar(members, "advisory-db.tar.gz")).date, datetime.date(2026, 3, 4))

    def test_a_folder_is_taken_as_it_is(self):
        source = self.folder / "db"
        crate = source / "crates" / "one"
        crate.mkdir(parents=True)
        (crate / "RUSTSEC-2026-0001.md").write_bytes(advisory("one", "RUSTSEC-2026-0001"))
        (crate / "RUSTSEC-2026-0002.md").symlink_to("/etc/hostname")
        (source / "README.md").write_text("no advisory")
        self.assertEqual(self.ready(source).count, 1)
        self.assertFalse((source / ".git").exists(), "the folder was changed")

    def test_nothing_in_a_list_decides_where_it_is_written(self):
        text = advisory("one", "RUSTSEC-2026-0001")
        self.ready(
            self.tar(
                [
                    ("crates/one/RUSTSEC-2026-0001.md", text),
                    ("../../crates/../RUSTSEC-2026-0002.md", text),
                    ("crates/../RUSTSEC-2026-0003.md", text),
                    (f"{self.folder}/out/RUSTSEC-2026-0004.md", text),
                    ("crates/two/RUSTSEC-2026-0005.md", (tarfile.SYMTYPE, "/etc/hostname")),
                    ("crates/two", (tarfile.SYMTYPE, str(self.folder))),
                    ("crates/two/RUSTSEC-2026-0006.md", (tarfile.FIFOTYPE, "")),
                    ("crates/one/.git/RUSTSEC-2026-0007.md", text),
                    (".git/hooks/post-checkout", b"#!/bin/sh\n"),
                    ("../crates/three/RUSTSEC-2026-0008.md", text),
                ]
            )
        )
        # The last one lies where a list of another folder would have it.
        self.assertEqual(self.written(), ["crates/one/RUSTSEC-2026-0001.md", "crates/three/RUSTSEC-2026-0008.md"])
        beside = {path.name for path in self.folder.iterdir()}
        self.assertEqual(beside, {"work", "rustsec-advisories-2026-08-21.tar.gz"})

    def test_a_damaged_list_is_named(self):
        good = self.tar([("crates/one/RUSTSEC-2026-0001.md", advisory("one", "RUSTSEC-2026-0001") * 500)]).read_bytes()
        broken = self.folder / "broken.tar.gz"
        half, hole = good[: len(good) // 2], good[:40] + good[60:]
        for number, content in enumerate((b"", b"no archive", good[:10], half, good[:-4], hole)):
            broken.write_bytes(content)
            damaged = self.assertRaisesRegex(SetupError, r"broken\.tar\.gz is damaged, or no \.tar\.gz")
            with self.subTest(number), damaged:
                advisories.ready(broken, self.folder / f"work{number}")

    def test_a_list_without_advisories_is_an_error(self):
        with self.assertRaisesRegex(SetupError, "holds no advisories"):
            self.ready(self.tar([("README.md", b"nothing")]))
        with self.assertRaisesRegex(SetupError, "holds no advisories"):
            advisories.ready(self.folder / "work", self.folder / "other")

    def test_a_list_that_is_not_there_is_an_error(self):
        with self.assertRaisesRegex(SetupError, "none.tar.gz is not there"):
            self.ready(self.folder / "none.tar.gz")

    def test_a_list_that_unpacks_to_very_much_is_refused(self):
        members = [(f"padding{number}", bytes(1000)) for number in range(30)]
        with mock.patch.object(advisories, "_MOST_BYTES", 20_000):
            with self.assertRaisesRegex(SetupError, "unpacks to more than"):
                self.ready(self.tar(members))

    def test_the_newest_list_beside_a_checkout_is_taken(self):
        checkout, beside = self.folder / "checkout", self.folder / "shared" / "data"
        self.assertIsNone(advisories.beside(checkout))
        beside.mkdir(parents=True)
        self.assertIsNone(advisories.beside(checkout))
        for day in ("2026-08-21", "2026-11-02", "2025-12-31"):
            (beside / f"rustsec-advisories-{day}.tar.gz").touch()
        self.assertEqual(advisories.beside(checkout).name, "rustsec-advisories-2026-11-02.tar.gz")


class Audit(InList):
    """The whole check, by cargo-deny."""

    def audit(self, *arguments):
        command = [sys.executable, "-B", str(SCRIPTS / "audit"), "--offline", *arguments]
        output = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, text=True, **output)
        return done.returncode, done.stdout

    def test_what_the_list_names_fails_in_every_lock_file(self):
        # zeroize is the library's, libfuzzer-sys is used by the fuzz targets alone.
        members = [
            ("crates/zeroize/RUSTSEC-2099-0001.md", advisory("zeroize", "RUSTSEC-2099-0001")),
            ("crates/libfuzzer-sys/RUSTSEC-2099-0002.md", advisory("libfuzzer-sys", "RUSTSEC-2099-0002")),
            ("crates/no-such-crate/RUSTSEC-2099-0003.md", advisory("no-such-crate", "RUSTSEC-2099-0003")),
        ]
        code, said = self.audit("--advisories", str(self.tar(members)))
        self.assertEqual(code, 1, said)
        library, fuzz = said.split("known weaknesses of fuzz/Cargo.lock:")
        self.assertIn("known weaknesses of Cargo.lock:", library)
        self.assertIn("zeroize is made up to be weak", library)
        self.assertNotIn("libfuzzer-sys", library)
        self.assertIn("RUSTSEC-2099-0001", fuzz)
        self.assertIn("libfuzzer-sys is made up to be weak", fuzz)
        self.assertNotIn("no-such-crate", said)
        self.assertIn("3 advisories, of 2026-08-21", said)

    def test_what_the_list_does_not_name_passes(self):
        members = [("crates/no-such-crate/RUSTSEC-2099-0003.md", advisory("no-such-crate", "RUSTSEC-2099-0003"))]
        code, said = self.audit("--advisories", str(self.tar(members)))
        self.assertEqual(code, 0, said)
        self.assertEqual(said.count("advisories ok"), 2, said)

    def test_a_damaged_list_fails(self):
        broken = self.folder / "broken.tar.gz"
        broken.write_bytes(b"no archive")
        code, said = self.audit("--advisories", str(broken))
        self.assertEqual(code, 1, said)
        self.assertIn(f"error: {broken} is damaged", said)

    def test_every_lock_file_is_looked_up_but_those_of_what_was_built(self):
        loader = importlib.machinery.SourceFileLoader("audit", str(SCRIPTS / "audit"))
        audit = importlib.util.module_from_spec(importlib.util.spec_from_loader("audit", loader))
        loader.exec_module(audit)
        ours = [lock.relative_to(audit.ROOT).as_posix() for lock in audit.lock_files()]
        self.assertEqual(ours, ["Cargo.lock", "fuzz/Cargo.lock"])
        for inside in ("target/package/x", "built", "examples/other", ".git"):
            (self.folder / inside).mkdir(parents=True)
            (self.folder / inside / "Cargo.lock").touch()
        with mock.patch.object(audit, "ROOT", self.folder), mock.patch.object(audit, "TARGET", self.folder / "built"):
            found = [lock.relative_to(self.folder).as_posix() for lock in audit.lock_files()]
        self.assertEqual(found, ["examples/other/Cargo.lock"])


if __name__ == "__main__":
    unittest.main()
