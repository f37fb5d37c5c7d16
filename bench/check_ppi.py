#!/usr/bin/env python3
"""engine/counting/ppi.c against ppi-python: means of two classes, no clusters, one group.

    make build/ppi.so
    python3 bench/check_ppi.py          # pip install ppi-python

Point estimates are compared at the same lambda, the slope of y on f among the labelled images.  ppi-python takes the
corpus for a sample of something larger, so the variance of y over the corpus is added to ours before intervals are
compared, and takes them from the normal distribution, which ours come to where labels are many.
"""
import ctypes
import os
import sys

import numpy as np
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from scipy.stats import norm

LIBRARY = os.path.join(os.path.dirname(__file__), "..", "build", "ppi.so")
ROUNDS = 300


class Row(ctypes.Structure):
    _fields_ = [("images", ctypes.c_int64), ("cluster", ctypes.c_uint64), ("weight", ctypes.c_double),
                ("group", ctypes.c_int32), ("truth", ctypes.c_int32), ("said", ctypes.c_int32)]


class Data(ctypes.Structure):
    _fields_ = [("groups", ctypes.c_int32), ("classes", ctypes.c_int32), ("known", ctypes.c_void_p),
                ("said", ctypes.c_void_p), ("rows", ctypes.c_void_p), ("row_count", ctypes.c_int64)]


class Options(ctypes.Structure):
    _fields_ = [("confidence", ctypes.c_double), ("canceled", ctypes.c_void_p), ("argument", ctypes.c_void_p)]


class Share(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("share", "low", "high", "borrowed")]


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 256), ("hint", ctypes.c_char * 256)]


def ours(library, y, f, unlabelled):
    known = np.array([len(y) - y.sum(), y.sum()], dtype=np.int64)
    said = np.array([len(unlabelled) - unlabelled.sum(), unlabelled.sum()], dtype=np.int64)
    cells = [(t, s, int(((y == t) & (f == s)).sum())) for t in (0, 1) for s in (0, 1)]
    rows = (Row * 4)(*[Row(count, 0, 1, 0, t, s) for t, s, count in cells if count > 0])
    data = Data(1, 2, known.ctypes.data, said.ctypes.data, ctypes.addressof(rows), sum(c[2] > 0 for c in cells))
    ppi, error = ctypes.c_void_p(), Error()
    if library.vc_ppi_create(ctypes.byref(Options(0.95, None, None)), ctypes.byref(data), ctypes.byref(ppi), ctypes.byref(error)):
        sys.exit(error.message.decode())
    share = library.vc_ppi_get(ppi, 0, 1)
    library.vc_ppi_free(ppi)
    return share


def draw(rng, labelled, unlabelled):
    """Truth and prediction of a random share and classifier."""
    y = (rng.random(labelled + unlabelled) < rng.uniform(0.1, 0.9)).astype(int)
    f = np.where(rng.random(len(y)) < rng.uniform(0.6, 0.97), y, 1 - y)
    return y[:labelled], f[:labelled], f[labelled:]


def compare(library, rng, labelled, unlabelled):
    """Differences of the estimate and of the interval's half width, and the ratio of the widths."""
    y, f, g = draw(rng, labelled, unlabelled)
    total = labelled + unlabelled
    slope = np.cov(y, f)[0, 1] / np.var(f, ddof=1)
    share = ours(library, y, f, g)
    point = ppi_mean_pointestimate(y, f, g, lam=slope * unlabelled / total)
    low, high = ppi_mean_ci(y, f, g, alpha=0.05, lam=slope * unlabelled / total)
    tuned = ppi_mean_pointestimate(y, f, g)
    z = norm.ppf(0.975)
    half = np.hypot((share.high - share.low - 1 / total) / 2, z * np.sqrt(np.var(y) / total))
    return (abs(share.share - float(np.squeeze(point))), abs(half - float(np.squeeze(high - low)) / 2),
            half / (float(np.squeeze(high - low)) / 2), abs(share.share - float(np.squeeze(tuned))))


def main():
    library, rng, failed = ctypes.CDLL(LIBRARY), np.random.default_rng(1), 0
    library.vc_ppi_get.restype = Share
    library.vc_ppi_get.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    library.vc_ppi_free.argtypes = [ctypes.c_void_p]
    for labelled, unlabelled, rounds in ((60, 600, ROUNDS), (500, 2500, ROUNDS), (5000, 50000, ROUNDS), (1000000, 3000000, 10)):
        found = np.array([compare(library, rng, labelled, unlabelled) for _ in range(rounds)])
        failed += (found[:, 0] > 1e-6).any() or (labelled >= 1000000 and (found[:, 1] > 1e-6).any())
        print(f"{labelled} labelled, {unlabelled} not: estimates differ by {found[:, 0].max():.1e} at most, half widths by "
              f"{found[:, 1].max():.1e} ({found[:, 2].min():.3f} to {found[:, 2].max():.3f} of theirs); "
              f"from lambda as ppi-python tunes it by {np.median(found[:, 3]):.1e} in the median")
    sys.exit(int(failed > 0))


if __name__ == "__main__":
    main()
