#!/usr/bin/env python3
"""Times evaluation here and in plain numpy and scikit-learn, on the same pairs in one run.

    python scripts/benchmark_evaluate.py [PATH OF lfw_sface.safetensors]

Needs numpy, scikit-learn and safetensors. The Python side is what one would write: vectorised scores, and the error rates
from scikit-learn's ROC curve.
"""
import os
import resource
import subprocess
import sys
import time

import numpy as np
from safetensors.numpy import load_file
from sklearn.metrics import roc_auc_score, roc_curve

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALPHA, BETA = 0.16790482618198965, 0.2775151002192767


def metrics(match, scores):
    fpr, tpr, thresholds = roc_curve(match, scores)
    fnr = 1 - tpr
    equal = np.nanargmin(np.abs(fnr - fpr))
    fnmr = [fnr[np.where(fpr <= fmr)[0][-1]] for fmr in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)]
    return fpr[equal], thresholds[equal], fnmr, roc_auc_score(match, scores)


def quality_aware(cosine, quality):
    return cosine + np.minimum(0, BETA * cosine - ALPHA) * quality


def listed(embeddings, pairs, match):
    a, b = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    qa, qb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    cosine = np.sum(a * b, axis=1) / (qa * qb)
    return [metrics(match, cosine), metrics(match, quality_aware(cosine, np.minimum(qa, qb)))]


def all_pairs(embeddings, identity):
    quality = np.linalg.norm(embeddings, axis=1)
    directions = embeddings / quality[:, None]
    upper = np.triu_indices(len(embeddings), 1)
    cosine = (directions @ directions.T)[upper]
    match = identity[upper[0]] == identity[upper[1]]
    lower = np.minimum(quality[upper[0]], quality[upper[1]])
    return [metrics(match, cosine), metrics(match, quality_aware(cosine, lower))]


def median(run, runs):
    """The median of some runs, and the processor time of each on average."""
    seconds, processor = [], time.process_time()
    for _ in range(runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    processor = (time.process_time() - processor) / runs
    return f"{sorted(seconds)[runs // 2]:.4f} s, processor {processor:.4f} s"


def main():
    default = os.path.join(os.environ.get("QMAGFACE_TEST_DATA", os.path.join(ROOT, "..", "shared")), "golden")
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(default, "lfw_sface.safetensors")
    print("qmagface:", flush=True)
    subprocess.run(["cargo", "bench", "-q", "--locked", "--bench", "evaluate"], cwd=ROOT, check=True)
    tensors = load_file(path)
    embeddings = tensors["embeddings"].astype(np.float32)
    pairs, match = tensors["train_pairs"], tensors["train_match"].astype(bool)
    print("numpy and scikit-learn:", flush=True)
    print(f"listed {len(pairs)}: {median(lambda: listed(embeddings, pairs, match), 5)}", flush=True)
    print(f"all pairs of the golden set: {median(lambda: all_pairs(embeddings, tensors['identity']), 1)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak resident memory: {peak} kB")


if __name__ == "__main__":
    main()
