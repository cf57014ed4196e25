"""The demo's photos: the test images of the face_recognition package's source distribution."""

import shutil
import tarfile
from pathlib import Path

from . import cache, download
from .report import SetupError, say

_INSIDE = "face_recognition-1.3.0/tests/test_images/"
NAMES = ("biden.jpg", "obama.jpg", "obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "obama_partial_face2.jpg")


def fetch(cache_folder: Path) -> Path:
    """The folder of the photos."""
    target = cache_folder / "photos"
    if all((target / name).exists() for name in NAMES):
        say("photos", f"{len(NAMES)} photos are in {target}")
        return target
    (sdist,) = download.fetch(cache_folder, [download.pinned()["face_recognition"]])
    with cache.partial(cache_folder) as work:
        made = work / "photos"
        made.mkdir()
        with tarfile.open(sdist) as archive:
            for name in NAMES:
                # File by file and by name: nothing in the archive decides where anything is written.
                source = archive.extractfile(_INSIDE + name)
                if source is None:
                    raise SetupError(f"{sdist} has no {_INSIDE}{name}")
                with source, open(made / name, "wb") as sink:
                    shutil.copyfileobj(source, sink)
        cache.publish(made, target)
    say("photos", f"{len(NAMES)} photos unpacked into {target}")
    return target
