"""The Rust version that is asked for is one that builds the library: none of its dependencies needs a newer one."""

import json
import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def version(text):
    """`1.95.0` as numbers, the last part left out where it is."""
    return tuple(int(part) for part in text.split("."))[:2]


class RustVersion(unittest.TestCase):
    def test_no_dependency_needs_a_newer_one(self):
        command = [os.environ.get("CARGO", "cargo"), "metadata", "--format-version", "1", "--locked", "--all-features"]
        output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        packages = json.loads(output)["packages"]
        ours = next(package["rust_version"] for package in packages if package["name"] == "qmagface")
        self.assertGreater(len(packages), 50)
        newer = {package["name"]: package["rust_version"] for package in packages
                 if package["rust_version"] and version(package["rust_version"]) > version(ours)}
        self.assertEqual(newer, {}, f"Cargo.toml asks for {ours}")
        for name in ["README.md", "docs/setup.md"]:
            asked = re.findall(r"(1\.\d+) or newer", (ROOT / name).read_text(encoding="utf-8"))
            self.assertEqual(asked, [".".join(map(str, version(ours)))], name)


if __name__ == "__main__":
    unittest.main()
