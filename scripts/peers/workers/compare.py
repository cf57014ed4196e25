"""Exact search elsewhere: compare.py LIBRARY --threads N --probes FILE --gallery FILE --length N

A case is `n:m` for all probes or `1:n` for the first. The files hold directions of Euclidean length 1.
"""

import argparse

import numpy

import protocol


class Numpy:
    """A matrix product and the greatest of each row."""

    def __init__(self, arguments):
        self.probes, self.gallery = (
            numpy.fromfile(path, numpy.float32).reshape(-1, arguments.length)
            for path in (arguments.probes, arguments.gallery)
        )
        # OMP_NUM_THREADS, which the caller sets, is its number of threads.
        self.about = {"version": numpy.__version__, "threads": arguments.threads}

    def case(self, name):
        self.wanted = {"n:m": self.probes, "1:n": self.probes[:1]}[name]

    def step(self):
        scores = self.wanted @ self.gallery.T
        best = scores.argmax(1)
        return scores[numpy.arange(len(best)), best], best

    def output(self):
        scores, best = self.step()
        return numpy.column_stack([best.reshape(-1), scores.reshape(-1)])


class Faiss(Numpy):
    """The index that compares with everything."""

    def __init__(self, arguments):
        super().__init__(arguments)
        import faiss

        faiss.omp_set_num_threads(arguments.threads)
        self.index = faiss.IndexFlatIP(arguments.length)
        self.index.add(self.gallery)
        del self.gallery
        self.about = {"version": faiss.__version__, "threads": faiss.omp_get_max_threads()}

    def step(self):
        return self.index.search(self.wanted, 1)


LIBRARIES = {"numpy": Numpy, "faiss": Faiss}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--probes", required=True)
    parser.add_argument("--gallery", required=True)
    parser.add_argument("--length", type=int, required=True)
    arguments = parser.parse_args()
    protocol.serve(lambda: LIBRARIES[arguments.library](arguments))


if __name__ == "__main__":
    main()
