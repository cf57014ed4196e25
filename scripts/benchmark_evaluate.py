#!/usr/bin/env python3
"""Times evaluation and fitting here and in plain numpy and scikit-learn, on the same pairs in one run, and prints ratios.

    python scripts/benchmark_evaluate.py [--fit-all] [PATH OF lfw_sface.safetensors]

Needs numpy, scikit-learn and safetensors. The Python side is what one would write: vectorised scores, and the error rates
from scikit-learn's ROC curve; the fit has one such curve for each weight. `--fit-all` also fits 29.6 million pairs in
Python, which takes ten minutes.
"""
import argparse
import os
import re
import resource
import subprocess
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


def compare_listed(embeddings, pairs):
    a, b = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    qa, qb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    return np.sum(a * b, axis=1) / (qa * qb), np.minimum(qa, qb)


def compare_all(embeddings, identity):
    quality = np.linalg.norm(embeddings, axis=1)
    directions = embeddings / quality[:, None]
    upper = np.triu_indices(len(embeddings), 1)
    cosine = (directions @ directions.T)[upper]
    match = identity[upper[0]] == identity[upper[1]]
    return cosine, np.minimum(quality[upper[0]], quality[upper[1]]), match


def evaluate(cosine, quality, match):
    return [metrics(match, cosine), metrics(match, quality_aware(cosine, quality))]


def fit(cosine, quality, match):
    """(alpha, beta) by the published procedure."""
    limit = 0.5 / quality.max()
    fmrs = np.logspace(-5, -2, 50)
    best = [(np.inf, None, None)] * len(fmrs)
    for weight in np.linspace(-limit, limit, 20):
        fpr, tpr, thresholds = roc_curve(match, 1 / (1 + np.exp(-(weight * quality + cosine))))
        for at, fmr in enumerate(fmrs):
            reached = np.argmax(tpr[fpr <= fmr])
            fnmr = 1 - tpr[reached]
            if fnmr < best[at][0]:
                best[at] = (fnmr, weight, thresholds[reached])
    beta, minus_alpha = np.polyfit([point[2] for point in best], [point[1] for point in best], 1)
    return -minus_alpha, beta


def median(run, runs):
    """The median of some runs in seconds."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[runs // 2]


def ours():
    """What the benchmark here prints: seconds by name; the rest is shown as it is."""
    command = ["cargo", "bench", "-q", "--locked", "--bench", "evaluate"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(output, flush=True)
    return {name: float(seconds) for name, seconds in re.findall(r"^(.*): ([0-9.]+) s", output, re.MULTILINE)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit-all", action="store_true", help="fit 29.6 million pairs in Python too: ten minutes")
    parser.add_argument("path", nargs="?", metavar="lfw_sface.safetensors")
    arguments = parser.parse_args()
    data = os.environ.get("QMAGFACE_TEST_DATA", os.path.join(ROOT, "..", "shared"))
    tensors = load_file(arguments.path or os.path.join(data, "golden", "lfw_sface.safetensors"))
    embeddings, identity = tensors["embeddings"].astype(np.float32), tensors["identity"]
    pairs, match = tensors["train_pairs"], tensors["train_match"].astype(bool)
    rows = [
        (f"listed {len(pairs)}", lambda: evaluate(*compare_listed(embeddings, pairs), match), 5),
        (f"fit {len(pairs)}", lambda: fit(*compare_listed(embeddings, pairs), match), 5),
        ("all pairs of the golden set", lambda: evaluate(*compare_all(embeddings, identity)), 1),
    ]
    if arguments.fit_all:
        rows.append(("fit all pairs of the golden set", lambda: fit(*compare_all(embeddings, identity)), 1))
    here = ours()
    print(f"{'':34} {'Python':>10} {'here':>10} {'ratio':>7}")
    for name, run, runs in rows:
        seconds = median(run, runs)
        print(f"{name:34} {seconds:8.4f} s {here[name]:8.4f} s {seconds / here[name]:7.1f}", flush=True)
    print("fit in Python: alpha %.9f, beta %.9f" % fit(*compare_listed(embeddings, pairs), match))
    print(f"peak resident memory in Python: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} kB")


if __name__ == "__main__":
    main()
