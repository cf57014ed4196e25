"""Whether the contenders compute the same: one that doesn't is an error, however fast it is."""

from typing import List

import numpy

from steps.report import SetupError

from .worker import Worker


def within(workers: List[Worker], outputs: List[numpy.ndarray], reference: numpy.ndarray, limit: float) -> List[str]:
    """The largest absolute difference of each output from the reference, all of them within the limit."""
    told = []
    for worker, output in zip(workers, outputs):
        if output.shape != reference.shape:
            raise SetupError(f"{worker.name} gives an array of shape {output.shape}, not {reference.shape}")
        difference = float(numpy.abs(output - reference).max())
        if not difference <= limit:
            raise SetupError(f"{worker.name} is wrong: it differs by up to {difference:.3g}, and {limit:.3g} is allowed")
        told.append(f"{difference:.1e}")
    return told


def cosines(workers: List[Worker], outputs: List[numpy.ndarray], reference: numpy.ndarray, least: float) -> List[str]:
    """The least cosine of each output's rows with the reference's, none below the limit."""
    told = []
    for worker, output in zip(workers, outputs):
        products = (output * reference).sum(1)
        lengths = numpy.linalg.norm(output, axis=1) * numpy.linalg.norm(reference, axis=1)
        cosine = float((products / lengths).min())
        if not cosine >= least:
            raise SetupError(f"{worker.name} is wrong: a cosine of {cosine:.5f}, and {least} is the least allowed")
        told.append(f"{cosine:.6f}")
    return told
