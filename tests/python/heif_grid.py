"""A HEIF file of tiles, as phones write them, out of files of one picture each."""

import struct


def box(name, *contents):
    contents = b"".join(contents)
    return struct.pack(">I4s", 8 + len(contents), name) + contents


def boxes(data):
    at = 0
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        assert 8 <= length <= len(data) - at, "a box of an encoder's file"
        yield name, data[at + 8 : at + length]
        at += length


def find(data, *path):
    """The contents of the first box of these names, each inside the one before."""
    for name in path:
        data = next(contents for found, contents in boxes(data) if found == name)
        if name == b"meta":
            data = data[4:]
    return data


def grid(tiles, columns, width, height, turns=0):
    """`tiles` are HEIC files of one size, row by row; `turns` quarter turns anticlockwise."""
    configurations = [find(tile, b"meta", b"iprp", b"ipco", b"hvcC") for tile in tiles]
    # What an encoder writes of one picture is all there is.
    pictures = [find(tile, b"mdat") for tile in tiles]
    rows, count = len(tiles) // columns, len(tiles)
    said = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    properties = [box(b"hvcC", configuration) for configuration in configurations]
    properties += [
        box(b"ispe", find(tiles[0], b"meta", b"iprp", b"ipco", b"ispe")),
        box(b"ispe", struct.pack(">III", 0, width, height)),
        box(b"irot", bytes([turns])),
    ]
    associations = [struct.pack(">HBBB", item + 1, 2, 0x80 | item + 1, count + 1) for item in range(count)]
    associations.append(struct.pack(">HBBB", count + 1, 2, count + 2, 0x80 | count + 3))
    kinds = [b"hvc1"] * count + [b"grid"]
    infos = [box(b"infe", struct.pack(">BxxxHH4sx", 2, item + 1, 0, kind)) for item, kind in enumerate(kinds)]
    references = box(b"dimg", struct.pack(f">HH{count}H", count + 1, count, *range(1, count + 1)))

    def meta(first):
        places, at = [], first
        for item, data in enumerate([*pictures, said]):
            places.append(struct.pack(">HHHII", item + 1, 0, 1, at, len(data)))
            at += len(data)
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", count + 1)),
            box(b"iloc", bytes(4), b"\x44\x00", struct.pack(">H", count + 1), *places),
            box(b"iinf", bytes(4), struct.pack(">H", count + 1), *infos),
            box(b"iref", bytes(4), references),
            box(
                b"iprp",
                box(b"ipco", *properties),
                box(b"ipma", bytes(4), struct.pack(">I", count + 1), *associations),
            ),
        )

    kind = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    first = len(kind) + len(meta(0)) + 8
    return kind + meta(first) + box(b"mdat", *pictures, said)
