"""This library's own worker, built from the checkout."""

import json
import os
import subprocess
from pathlib import Path

from steps.report import SetupError, say

_ROOT = Path(__file__).resolve().parents[2]


def build() -> Path:
    """Builds benches/peer; the program's path."""
    say("build", "building benches/peer")
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "bench", "--locked", "--bench", "peer", "--no-run", "--message-format=json-render-diagnostics"]
    done = subprocess.run(command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SetupError("benches/peer was not built; cargo's own words are above. `make setup` comes first")
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == "peer":
            return Path(message["executable"])
    raise SetupError("cargo built benches/peer and did not say where it is")
