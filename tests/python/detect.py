"""Finds faces with YuNet in ONNX Runtime: detect.py MODEL THRESHOLD FOLDER

FOLDER/sizes holds a line for each image, its width and height, and FOLDER/N.pixels the N-th one from 0 on, three bytes a
pixel (blue, green, red), row by row. FOLDER/N.faces gets for each face, best first, 15 doubles: left, top, right, bottom,
score, and x and y of the five landmarks.

What is made of the network's maps is written down here once more, from the paper's definitions, in double precision.
"""

import pathlib
import sys

import numpy
import onnx
import onnxruntime

STRIDES = (8, 16, 32)
OVERLAP = 0.3


def main(model_file, threshold, folder):
    session = opened(model_file)
    for index, line in enumerate((folder / "sizes").read_text().splitlines()):
        width, height = map(int, line.split())
        pixels = numpy.fromfile(folder / f"{index}.pixels", numpy.uint8).reshape(height, width, 3)
        detect(session, pixels, threshold).tofile(folder / f"{index}.faces")


def opened(model_file, options=None):
    model = onnx.load(model_file)
    # The file's input has a fixed size, which the network doesn't need.
    for value, names in [(model.graph.input[0], ("height", "width")), *((output, None) for output in model.graph.output)]:
        shape = value.type.tensor_type.shape
        if names:
            for axis, name in zip(shape.dim[2:], names):
                axis.dim_param = name
        else:
            shape.dim[1].dim_param = value.name
    # The file's biases have one scale each, although their nodes state the size of blocks.
    sizes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and sizes.get(node.input[1]) == [1]:
            del node.attribute[:]
    # It says of each shape in the file that nothing uses it.
    onnxruntime.set_default_logger_severity(3)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def detect(session, pixels, threshold):
    height, width, _ = pixels.shape
    whole = [-(-length // STRIDES[-1]) * STRIDES[-1] for length in (height, width)]
    image = numpy.zeros((*whole, 3), numpy.float32)
    image[:height, :width] = pixels
    names = [output.name for output in session.get_outputs()]
    made = dict(zip(names, session.run(names, {session.get_inputs()[0].name: image.transpose(2, 0, 1)[None]})))
    faces = []
    for stride in STRIDES:
        of = {name: made[f"{name}_{stride}"][0].astype(float) for name in ("cls", "obj", "bbox", "kps")}
        columns = whole[1] // stride
        scores = numpy.sqrt(of["cls"][:, 0].clip(0, 1) * of["obj"][:, 0].clip(0, 1))
        for cell in numpy.flatnonzero(scores >= threshold):
            place = numpy.array([cell % columns, cell // columns], float)
            centre = (place + of["bbox"][cell, :2]) * stride
            half = numpy.exp(of["bbox"][cell, 2:]) * stride / 2
            points = (place + of["kps"][cell].reshape(5, 2)) * stride
            faces.append(numpy.concatenate([centre - half, centre + half, [scores[cell]], points.ravel()]))
    faces.sort(key=lambda face: -face[4])
    kept = []
    for face in faces:
        if all(overlap(face, better) <= OVERLAP for better in kept):
            kept.append(face)
    return numpy.array(kept, float)


def overlap(a, b):
    sides = numpy.minimum(a[2:4], b[2:4]) - numpy.maximum(a[:2], b[:2])
    shared = numpy.prod(numpy.maximum(sides, 0))
    return shared / (numpy.prod(a[2:4] - a[:2]) + numpy.prod(b[2:4] - b[:2]) - shared)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], float(sys.argv[2]), pathlib.Path(sys.argv[3]))
