"""Decoding and aligning elsewhere: images.py JOB --threads N [--matrix JSON]; a case is a photo's path."""

import argparse
import io
import json

import numpy

import protocol


class DecodeOpenCv:
    """Bytes to pixels, as the reference reads them."""

    def __init__(self, arguments):
        import cv2

        cv2.setNumThreads(arguments.threads)
        self.cv2, self.about = cv2, {"version": cv2.__version__, "threads": cv2.getNumThreads()}

    def case(self, name):
        self.bytes = numpy.fromfile(name, numpy.uint8)

    def step(self):
        return self.cv2.imdecode(self.bytes, self.cv2.IMREAD_COLOR)

    def output(self):
        return self.step()


class DecodePillow:
    """Bytes to an array of pixels; it has one thread."""

    def __init__(self, arguments):
        import PIL
        from PIL import Image

        self.image, self.about = Image, {"version": PIL.__version__, "threads": 1}

    def case(self, name):
        with open(name, "rb") as file:
            self.bytes = file.read()

    def step(self):
        return numpy.asarray(self.image.open(io.BytesIO(self.bytes)).convert("RGB"))

    def output(self):
        return self.step()[..., ::-1]


class AlignOpenCv(DecodeOpenCv):
    """Pixels and a matrix to a chip."""

    def __init__(self, arguments):
        super().__init__(arguments)
        self.matrix = numpy.array(json.loads(arguments.matrix))

    def case(self, name):
        self.photo = self.cv2.imread(name)

    def step(self):
        return self.cv2.warpAffine(self.photo, self.matrix, (112, 112))


JOBS = {"decode-opencv": DecodeOpenCv, "decode-pillow": DecodePillow, "align-opencv": AlignOpenCv}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--matrix", help="of align-opencv: two rows of three numbers")
    arguments = parser.parse_args()
    protocol.serve(lambda: JOBS[arguments.job](arguments))


if __name__ == "__main__":
    main()
