"""Photos to faces with facenet-pytorch's MTCNN: detect.py --threads N; a case is a photo's path."""

import argparse

import numpy

import protocol


class Facenet:
    """Of the reference's settings, on the CPU."""

    def __init__(self, threads):
        import cv2
        import facenet_pytorch
        import importlib.metadata
        import torch

        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
        self.cv2 = cv2
        self.detector = facenet_pytorch.MTCNN(
            min_face_size=50, thresholds=[0.6, 0.7, 0.8], factor=0.709, keep_all=True, device="cpu"
        )
        self.about = {"version": importlib.metadata.version("facenet-pytorch"), "threads": torch.get_num_threads()}

    def case(self, name):
        # It takes RGB.
        self.photo = self.cv2.cvtColor(self.cv2.imread(name), self.cv2.COLOR_BGR2RGB)

    def step(self):
        return self.detector.detect(self.photo, landmarks=True)

    def output(self):
        """A row for each face, best score first: left, top, right, bottom, score."""
        boxes, scores, _ = self.step()
        if boxes is None:
            return numpy.zeros((0, 5), numpy.float32)
        rows = numpy.column_stack([boxes.astype(numpy.float32), scores.astype(numpy.float32)])
        return rows[numpy.argsort(-rows[:, 4])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    protocol.serve(lambda: Facenet(arguments.threads))


if __name__ == "__main__":
    main()
