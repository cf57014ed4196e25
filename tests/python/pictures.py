"""Writes a picture in many kinds of image files, and the pixels that Pillow reads from each.

Arguments: width, height, a folder that holds the picture as `pixels` (RGB). The folder gets the files, `NAME.pixels` (RGB) for
each, and `list`: a line `NAME WIDTH HEIGHT` for each.
"""

import io
import pathlib
import sys

import heif_grid
import numpy
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()


def tiles_of(pixels, side):
    """HEIC files of the picture's tiles, row by row, and how many a row has. What is beyond the picture repeats its border."""
    height, width, _ = pixels.shape
    rows, columns = -(-height // side), -(-width // side)
    padded = numpy.pad(pixels, ((0, rows * side - height), (0, columns * side - width), (0, 0)), "edge")
    files = []
    for y in range(0, rows * side, side):
        for x in range(0, columns * side, side):
            file = io.BytesIO()
            tile = Image.fromarray(padded[y : y + side, x : x + side])
            tile.save(file, format="HEIF", quality=90, chroma=444)
            files.append(file.getvalue())
    return files, columns


def main(width, height, folder):
    pixels = numpy.frombuffer((folder / "pixels").read_bytes(), numpy.uint8).reshape(height, width, 3)
    picture = Image.fromarray(pixels)
    grey = picture.convert("L")
    lying = Image.Exif()
    # To be turned by a quarter clockwise.
    lying[0x0112] = 6
    mirrored = Image.Exif()
    mirrored[0x0112] = 5
    picture.save(folder / "colour.jp2")
    picture.save(folder / "codestream.j2k")
    grey.save(folder / "grey.jp2")
    picture.convert("RGBA").save(folder / "opacity.jp2")
    picture.save(folder / "tiles.jp2", tile_size=(64, 48))
    picture.save(folder / "precincts.jp2", precinct_size=(64, 64), num_resolutions=4, progression="RPCL")
    picture.save(folder / "lossy.jp2", irreversible=True, quality_mode="rates", quality_layers=[40, 20, 10])
    picture.save(folder / "colour.heic", quality=90)
    picture.save(folder / "full.heic", quality=90, chroma=444)
    grey.save(folder / "grey.heic", quality=90)
    picture.save(folder / "lying.heic", quality=90, exif=lying)
    tiles = tiles_of(pixels, 128)
    (folder / "tiles.heic").write_bytes(heif_grid.grid(*tiles, width, height))
    (folder / "turned.heic").write_bytes(heif_grid.grid(*tiles, width, height, turns=3))
    picture.save(folder / "colour.avif", quality=90)
    picture.save(folder / "full.avif", quality=90, subsampling="4:4:4")
    picture.save(folder / "half.avif", quality=90, subsampling="4:2:2")
    grey.save(folder / "grey.avif", quality=90)
    picture.save(folder / "limited.avif", quality=90, range="limited")
    picture.save(folder / "lying.avif", quality=90, exif=lying)
    picture.save(folder / "mirrored.avif", quality=90, exif=mirrored)
    picture.save(folder / "colour.gif")
    grey.save(folder / "grey.gif")
    picture.save(folder / "colour.ppm")
    grey.save(folder / "grey.pgm")
    picture.convert("1").save(folder / "black.pbm")
    Image.fromarray(numpy.asarray(grey).astype(numpy.uint16) * 257).save(folder / "sixteen.pgm")
    lines = []
    for path in sorted(folder.iterdir()):
        if path.name in ("pixels", "list"):
            continue
        with Image.open(path) as image:
            if path.name == "sixteen.pgm":
                read = grey.convert("RGB")
            else:
                read = image.convert("RGB")
                # Pillow turns HEIC by itself, AVIF not.
                if path.suffix == ".avif":
                    turns = {"lying": [Image.Transpose.ROTATE_270], "mirrored": [Image.Transpose.TRANSPOSE]}.get(path.stem, [])
                    if read.size == picture.size:
                        for turn in turns:
                            read = read.transpose(turn)
        (folder / f"{path.name}.pixels").write_bytes(numpy.asarray(read).tobytes())
        lines.append(f"{path.name} {read.width} {read.height}\n")
    (folder / "list").write_text("".join(lines))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3]))
