"""Takes the folders of the build machine out of a shared library's search path, for the copy that is shipped.

The GPU back end is built with the folder of the build's libtorch behind `$ORIGIN` and `$ORIGIN/../lib`, so that it runs
where it was built. Elsewhere that folder is nobody's: whoever can make it there would choose what the program loads. The
path only gets shorter, so it is changed where it stands, and no tool is needed that a machine may lack.
"""

import struct
import subprocess

# Kinds of a program header, and tags of the dynamic section.
LOAD, DYNAMIC = 1, 2
STRINGS, RPATH, RUNPATH = 5, 15, 29


def copy_for_shipping(source, to):
    """Writes `source` to `to` with a search path of folders that begin with $ORIGIN alone."""
    to.write_bytes(relative_only(source.read_bytes()))
    # The linker lets a name that ends as the path does share its bytes.
    if _names(source) != _names(to):
        to.unlink()
        raise ValueError(f"{source} has names that share the bytes of its search path")


def relative_only(library):
    """The bytes of a library, its search path without the folders that don't begin with $ORIGIN."""
    if library[:6] != b"\x7fELF\x02\x01":
        raise ValueError("this is no ELF file of 64 bits, least byte first")
    segments = _segments(library)
    entries = dict(_entries(library, segments))
    changed = bytearray(library)
    for tag in (RPATH, RUNPATH):
        if tag not in entries:
            continue
        start = _offset(segments, entries[STRINGS]) + entries[tag]
        end = library.index(b"\0", start)
        kept = b":".join(folder for folder in library[start:end].split(b":") if folder.startswith(b"$ORIGIN"))
        changed[start:end] = kept.ljust(end - start, b"\0")
    return bytes(changed)


def _segments(library):
    """(kind, offset in the file, address, bytes in the file) of each program header."""
    (table,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    headers = (struct.unpack_from("<IIQQQQ", library, table + number * size) for number in range(count))
    return [(kind, offset, address, length) for kind, _, offset, address, _, length in headers]


def _entries(library, segments):
    """(tag, value) of each entry of the dynamic section."""
    for kind, offset, _, length in segments:
        if kind == DYNAMIC:
            yield from struct.iter_unpack("<QQ", library[offset:offset + length])


def _offset(segments, address):
    """Where in the file an address is."""
    for kind, offset, start, length in segments:
        if kind == LOAD and start <= address < start + length:
            return address - start + offset
    raise ValueError(f"no part of the file is loaded at address {address:#x}")


def _names(library):
    """All that the loader reads by name, as readelf tells it, but for the search path."""
    told = subprocess.run(
        ["readelf", "-W", "--dynamic", "--dyn-syms", "--version-info", str(library)],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    ).stdout
    return [line for line in told.splitlines() if "(RUNPATH)" not in line and "(RPATH)" not in line]
