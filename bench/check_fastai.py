#!/usr/bin/env python3
"""Compares what is done as fastai does it with fastai itself.

    bench/check_fastai.py --venv DIR [--driver build/device_driver.so] [--data DIR]

DIR is as in check_pytorch.py, with fastai and scikit-learn besides.  make
build/device_driver.so builds the driver.  On the crops in chapbooks/ of --data, where they are
there, otherwise on random images:

- augment: warp, rotation, zoom, flip, brightness and contrast with the same
  draws, pixel by pixel (the device side rounds to whole values once or twice);
- lr_find: the suggestions valley and steep of a thousand random records;
- multi-label: accuracy_multi, and F1ScoreMulti's scikit-learn, of random predictions.

Prints a line each; exits with 1 where one is over its limit.
"""
import argparse
import ctypes as c
import pathlib
import sys

import scratch_venv


class Change(c.Structure):
    """augment.h's vc_change."""
    _fields_ = [("flip", c.c_bool)] + [(name, c.c_double) for name in (
        "warp_x", "warp_y", "degrees", "zoom", "zoom_x", "zoom_y", "brightness", "contrast")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--venv")
    parser.add_argument("--driver", default=str(here / "build" / "device_driver.so"))
    parser.add_argument("--data", type=pathlib.Path, default=here / ".." / "shared" / "data")
    return parser.parse_args()


if __name__ == "__main__":
    ARGS = arguments()
    if ARGS.venv:
        scratch_venv.enter(ARGS.venv, ["fastai", "scikit-learn"])

import numpy as np
import torch
from fastai.callback.schedule import steep, valley
from fastai.metrics import accuracy_multi
from fastai.vision.augment import (Brightness, Contrast, Flip, Rotate, TensorImage, Warp, Zoom,
                                   setup_aug_tfms)
from PIL import Image
from sklearn.metrics import f1_score


def report(what, worst, limit):
    print(f"{what:42s} {worst:10.3g}   limit {limit:g}   {'' if worst <= limit else 'OVER'}")
    return worst <= limit


def pictures(data, count, size):
    files = sorted((data / "chapbooks" / "images").glob("*.jpg"))[:count]
    if not files:
        return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), np.uint8)
    return np.stack([np.asarray(Image.open(file).convert("RGB").resize((size, size)))
                     for file in files])


def draw(random):
    """A change at the limits that aug_transforms has."""
    return dict(flip=bool(random.integers(2)), warp_x=random.uniform(-.2, .2),
                warp_y=random.uniform(-.2, .2), degrees=random.uniform(-10, 10),
                zoom=random.uniform(1, 1.1), zoom_x=random.uniform(), zoom_y=random.uniform(),
                brightness=random.uniform(.4, .6), contrast=random.uniform(.8, 1.25))


def fastai_augment(image, d):
    x = TensorImage(torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255)
    transforms = setup_aug_tfms([
        Flip(p=1., draw=float(d["flip"])), Warp(p=1., draw_x=d["warp_x"], draw_y=d["warp_y"]),
        Rotate(p=1., draw=d["degrees"]),
        Zoom(p=1., draw=d["zoom"], draw_x=d["zoom_x"], draw_y=d["zoom_y"]),
        Brightness(p=1., draw=d["brightness"]), Contrast(p=1., draw=d["contrast"])])
    for transform in transforms:
        x = transform(x, split_idx=0)
    return x[0].permute(1, 2, 0).numpy() * 255


def check_augment(library, images, lighting):
    """The worst mean and the worst single difference, of 255."""
    random = np.random.default_rng(2)
    mean = most = 0
    for image in images:
        d = draw(random)
        if not lighting:
            d.update(brightness=.5, contrast=1)
        ours = np.empty_like(image)
        image = np.ascontiguousarray(image)
        library.vc_augment_apply(c.byref(Change(**d)), image.ctypes.data_as(c.c_void_p),
                                 image.shape[0], ours.ctypes.data_as(c.c_void_p))
        off = np.abs(ours - fastai_augment(image, d))
        mean, most = max(mean, off.mean()), max(most, off.max())
    return mean, most


def check_lr_find(library):
    """How many of a thousand records are read otherwise than fastai reads them."""
    random = np.random.default_rng(3)
    differ = 0
    for _ in range(1000):
        count = int(random.integers(6, 90))
        rates = np.geomspace(1e-7, 10, count)
        losses = np.cumsum(random.normal(0, .1, count)) + 3
        double = lambda a: a.ctypes.data_as(c.c_void_p)
        theirs = (valley(torch.tensor(rates), torch.tensor(losses), 100)[0],
                  steep(torch.tensor(rates), torch.tensor(losses), 100)[0])
        ours = (rates[library.vc_lr_valley(double(losses), count)],
                rates[library.vc_lr_steep(double(rates), double(losses), count)])
        differ += not np.allclose(ours, theirs, rtol=1e-9)
    return differ


def check_multi_label(library):
    """The worst difference of accuracy and F1 at 0.5."""
    random = np.random.default_rng(4)
    worst = 0
    library.vc_tally_accuracy.restype = library.vc_tally_f1.restype = c.c_double
    for classes in (2, 3, 20):
        logits = random.normal(0, 2, (500, classes)).astype(np.float32)
        members = (random.uniform(size=(500, classes)) < .3).astype(np.uint8)
        tally = c.c_void_p()
        library.vc_tally_create(classes, c.byref(tally), None)
        for row, truth in zip(torch.sigmoid(torch.tensor(logits)).numpy(), members):
            library.vc_tally_add(tally, row.ctypes.data_as(c.c_void_p),
                                 truth.ctypes.data_as(c.c_void_p))
        theirs = [float(accuracy_multi(torch.tensor(logits), torch.tensor(members)))]
        said = (torch.sigmoid(torch.tensor(logits)) > .5).numpy()
        theirs.append(f1_score(members, said, average="macro", zero_division=0))
        ours = [library.vc_tally_accuracy(tally, c.c_double(.5)),
                library.vc_tally_f1(tally, c.c_double(.5))]
        library.vc_tally_free(tally)
        worst = max(worst, np.abs(np.subtract(ours, theirs)).max())
    return worst


def main():
    library = c.CDLL(ARGS.driver)
    images = pictures(ARGS.data, 24, 224)
    good = [report("augment, places: mean difference of 255", check_augment(library, images, False)[0], .3),
            report("augment, places: largest difference", check_augment(library, images, False)[1], .6),
            report("augment, all: mean difference of 255", check_augment(library, images, True)[0], .6),
            report("augment, all: largest difference", check_augment(library, images, True)[1], 1.5),
            report("lr_find: records read otherwise", check_lr_find(library), 0),
            report("multi-label: accuracy and F1", check_multi_label(library), 1e-6)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
