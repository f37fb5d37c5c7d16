#!/usr/bin/env python3
"""Point estimates of engine/counting/prevalence.c against QuaPy's: CC, PCC, ACC, PACC, EMQ.

    make build/prevalence.so
    python3 bench/check_quapy.py          # pip install quapy

Random classifiers of 2 to 6 classes, good and bad, random training shares and
groups.  QuaPy's EMQ is asked for its fixed point (epsilon 1e-12), and its ACC
and PACC are compared where the equations have a solution among shares, by its
solver 'exact-raise'; where they have none, the constrained least squares of its
default solver are the reference, solved exactly: QuaPy stops scipy's SLSQP at a
change of 1e-6 of the norm, and how far that is off is printed too.
"""
import ctypes
import os
import sys
import warnings

import numpy as np
import quapy as qp
from quapy.method.aggregative import ACC, CC, EMQ, PACC, PCC
from sklearn.base import BaseEstimator, ClassifierMixin

LIBRARY = os.path.join(os.path.dirname(__file__), "..", "build", "prevalence.so")
METHODS = ["cc", "pcc", "acc", "pacc", "emq"]
ROUNDS = 200
EMQ.MAX_ITER = 100000


class Options(ctypes.Structure):
    _fields_ = [("method", ctypes.c_int), ("classes", ctypes.c_int), ("confidence", ctypes.c_double),
                ("resamples", ctypes.c_int), ("seed", ctypes.c_uint64), ("balanced", ctypes.c_bool),
                ("canceled", ctypes.c_void_p), ("argument", ctypes.c_void_p)]


class Classified(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int64), ("said", ctypes.c_void_p), ("probabilities", ctypes.c_void_p)]


class Prevalence(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("raw", "share", "low", "high")]


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 256), ("hint", ctypes.c_char * 256)]


def classified(probabilities, keep):
    classes = probabilities.shape[1]
    p = np.ascontiguousarray(probabilities, dtype=np.float32)
    said = np.bincount(p.argmax(axis=1), minlength=classes).astype(np.int64)
    keep += [p, said]
    return Classified(len(p), said.ctypes.data, p.ctypes.data)


def ours(library, method, val_p, val_y, group_p):
    classes, keep, error = val_p.shape[1], [], Error()
    options = Options(METHODS.index(method), classes, 0.95, 0, 42, False, None, None)
    validation = (Classified * classes)(*[classified(val_p[val_y == c], keep) for c in range(classes)])
    quantifier = ctypes.c_void_p()
    out = (Prevalence * classes)()
    if library.vc_quantifier_create(ctypes.byref(options), validation, ctypes.byref(quantifier), ctypes.byref(error)):
        sys.exit(error.message.decode())
    group = classified(group_p, keep)
    if library.vc_quantify(quantifier, ctypes.byref(group), out, ctypes.byref(error)):
        sys.exit(error.message.decode())
    library.vc_quantifier_free(quantifier)
    return np.array([p.share for p in out])


class Given(BaseEstimator, ClassifierMixin):
    """A classifier whose answers are the inputs themselves."""
    def __init__(self, classes=2):
        self.classes = classes
        self.classes_ = np.arange(classes)

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X.argmax(axis=1)

    def predict_proba(self, X):
        return X


def theirs(method, val_p, val_y, group_p):
    given = Given(val_p.shape[1])
    said = group_p.argmax(axis=1)
    if method == "cc":
        q = CC(given, fit_classifier=False)
        return q.aggregate(said)
    if method == "pcc":
        return PCC(given, fit_classifier=False).aggregate(group_p)
    if method == "emq":
        shares = np.bincount(val_y, minlength=val_p.shape[1]) / len(val_y)
        return EMQ.EM(shares, group_p, epsilon=1e-12)[0]
    kind = ACC if method == "acc" else PACC
    q = kind(given, fit_classifier=False, solver="exact-raise", norm=None)
    q.aggregation_fit(val_p.argmax(axis=1) if method == "acc" else val_p, val_y)
    return q.aggregate(said if method == "acc" else group_p), q


def constrained(q, method, group_p):
    """QuaPy's loss and constraints, minimised until nothing is gained; and QuaPy's own result."""
    a = q.Pte_cond_estim_
    b = np.bincount(group_p.argmax(axis=1), minlength=len(a)) / len(group_p) if method == "acc" else group_p.mean(axis=0)
    quapy = ACC.solve_adjustment(a, b, method="inversion", solver="minimize")
    return least_squares(a, b), quapy


def least_squares(a, b):
    """Least squares on the simplex, by trying every set of shares that are not 0."""
    n, best, found = len(a), np.inf, None
    for mask in range(1, 2 ** n):
        on = [i for i in range(n) if mask >> i & 1]
        k = len(on)
        m = np.zeros((k + 1, k + 1))
        m[:k, :k] = a[:, on].T @ a[:, on]
        m[:k, k] = m[k, :k] = 1
        try:
            s = np.linalg.solve(m, np.append(a[:, on].T @ b, 1))[:k]
        except np.linalg.LinAlgError:
            continue
        x = np.zeros(n)
        x[on] = s
        loss = np.linalg.norm(a @ x - b)
        if s.min() >= -1e-12 and loss < best:
            best, found = loss, x
    return found


def draw(rng):
    classes = rng.integers(2, 7)
    quality = rng.uniform(1, 4)
    centres = rng.normal(size=(classes, classes))

    def sample(shares, n):
        y = rng.choice(classes, p=shares, size=n)
        logits = quality * np.eye(classes)[y] + 0.3 * centres[y] + rng.normal(size=(n, classes))
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p.astype(np.float32).astype(float), y

    val_p, val_y = sample(rng.dirichlet(np.full(classes, 5.0)), rng.integers(100, 800))
    group_p, _ = sample(rng.dirichlet(np.full(classes, 0.7)), rng.integers(20, 2000))
    return val_p, val_y, group_p


def main():
    warnings.simplefilter("ignore")
    library = ctypes.CDLL(os.path.abspath(LIBRARY))
    rng = np.random.default_rng(1)
    worst = dict.fromkeys(METHODS, 0.0)
    border, slsqp, inside = dict.fromkeys(["acc", "pacc"], 0.0), 0.0, 0
    for _ in range(ROUNDS):
        val_p, val_y, group_p = draw(rng)
        for method in METHODS:
            found, reference = ours(library, method, val_p, val_y, group_p), theirs(method, val_p, val_y, group_p)
            if method in border:
                reference, q = reference
                if reference.min() < 0:
                    reference, quapy = constrained(q, method, group_p)
                    border[method] = max(border[method], abs(found - reference).max())
                    slsqp = max(slsqp, abs(quapy - reference).max())
                    continue
                inside += 1
            worst[method] = max(worst[method], abs(found - reference).max())
    print(f"largest differences from QuaPy {qp.__version__}, {ROUNDS} corpora:")
    for method in METHODS:
        print(f"  {method:4} {worst[method]:.1e}")
    print(f"  acc and pacc on the border of the simplex ({2 * ROUNDS - inside} of {2 * ROUNDS}): "
          f"{border['acc']:.1e} and {border['pacc']:.1e} from the least squares; QuaPy's own solver {slsqp:.1e}")
    return max(*worst.values(), *border.values()) > 1e-6


if __name__ == "__main__":
    sys.exit(int(main()))
