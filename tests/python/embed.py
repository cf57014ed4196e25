"""Embeds face chips with an ONNX model in ONNX Runtime: embed.py MODEL CHIPS OUTPUT

CHIPS holds 112 x 112 chips one after another, three bytes a pixel (blue, green, red), row by row.
OUTPUT gets one row of 32-bit floats (native byte order) for each chip, one after another.
"""

import sys

import numpy
import onnx
import onnxruntime

SIDE = 112


def main(model_file, chips_file, output_file):
    model = onnx.load(model_file)
    # The file lists weights as inputs too, under names that the quantised graph no longer has.
    images = [value for value in model.graph.input if value.name == "data"]
    del model.graph.input[:]
    model.graph.input.extend(images)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    chips = numpy.fromfile(chips_file, numpy.uint8).reshape(-1, SIDE, SIDE, 3)
    rgb = chips[..., ::-1].transpose(0, 3, 1, 2).astype(numpy.float32)
    # The graph's batch size is fixed at one.
    rows = [session.run(None, {"data": image[None]})[0] for image in rgb]
    numpy.concatenate(rows).astype(numpy.float32).tofile(output_file)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
