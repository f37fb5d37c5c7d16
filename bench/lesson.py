#!/usr/bin/env python3
"""What bench/lesson runs against its cluster; see there."""
import argparse
import pathlib
import subprocess
import time

import scratch_venv

# views, and the batch size of each: with 60 images one of 64 would be no epoch
VIEWS = {"all_labels": 64, "few_labels": 16}
STARTS = ("pretrained", "random")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    ARGS = arguments()
    if ARGS.venv:
        scratch_venv.enter(ARGS.venv, ["fastai", "scikit-learn"])

import warnings

warnings.filterwarnings("ignore")

import numpy as np
import pandas
import safetensors.torch
import torch
import torchvision
from fastai.callback.core import Callback
from fastai.vision.all import (DataBlock, CategoryBlock, ColReader, ColSplitter, ImageBlock,
                               Normalize, Resize, accuracy, imagenet_stats, model_meta, set_seed,
                               vision_learner)


def psql(command):
    return subprocess.run(["psql", "-X", "-qAt", "-F", "\t", "-v", "ON_ERROR_STOP=1"],
                          input=command, check=True, capture_output=True, text=True).stdout


def wilson(right, count):
    """The 95 % interval of a share."""
    z, p = 1.96, right / count
    centre, half = p + z * z / 2 / count, z * (p * (1 - p) / count + z * z / 4 / count ** 2) ** .5
    return (centre - half) / (1 + z * z / count), (centre + half) / (1 + z * z / count)


def resnet18(weights=None):
    """torchvision's network with the weights of the data folder, or random ones."""
    network = torchvision.models.resnet18()
    if weights:
        network.load_state_dict(safetensors.torch.load_file(
            ARGS.data / "weights" / "resnet18.safetensors"), strict=False)
    return network


def learner(view, batch, start):
    rows = [line.split("\t") for line in psql(f"SELECT file, label, split = 'valid' FROM {view} ORDER BY 1").splitlines()]
    frame = pandas.DataFrame(rows, columns=["file", "label", "valid"])
    frame["valid"] = frame["valid"] == "t"
    block = DataBlock((ImageBlock, CategoryBlock),
                      get_x=ColReader("file", pref=ARGS.data / "chapbooks" / "images"),
                      get_y=ColReader("label"), splitter=ColSplitter("valid"),
                      item_tfms=Resize(224, method="squish"),
                      batch_tfms=Normalize.from_stats(*imagenet_stats))
    meta = model_meta[torchvision.models.resnet18]
    network = resnet18(start == "pretrained")
    learn = vision_learner(block.dataloaders(frame, bs=batch, num_workers=0, device="cpu"),
                           lambda **_: network, pretrained=start == "pretrained", cut=meta["cut"],
                           splitter=meta["split"], normalize=False, metrics=accuracy)
    return learn, frame[frame["valid"]]["file"].tolist()


class Keep(Callback):
    """Keeps train_loss, valid_loss and accuracy of each epoch."""
    order = 60

    def __init__(self, rows):
        self.rows = rows

    def after_epoch(self):
        self.rows.append([float(v) for v in self.learn.recorder.values[-1]])


def train_fastai(view, batch, start, seed):
    """The rows of fastai's tables, and the learner."""
    set_seed(seed, reproducible=True)
    learn, files = learner(view, batch, start)
    rows = []
    begin = time.perf_counter()
    with learn.no_bar(), learn.no_logging():
        learn.add_cb(Keep(rows))
        learn.fine_tune(ARGS.epochs)
    return rows, time.perf_counter() - begin, learn, files


def train_visclf(view, batch, start, seed):
    pretrained = "'imagenet-resnet18'" if start == "pretrained" else "NULL"
    begin = time.perf_counter()
    psql(f"""SET client_min_messages = warning; SET visclf.threads = {ARGS.threads};
        CALL visclf.train('lesson', '{view}', key_column => 'file', split_column => 'split',
            pretrained => {pretrained}, freeze_epochs => 1, lr_mult => 100, architecture => 'resnet18',
            epochs => {ARGS.epochs}, batch_size => {batch}, seed => {seed})""")
    seconds = time.perf_counter() - begin
    lines = psql("SELECT train_loss, valid_loss, accuracy FROM visclf.training_log "
                 "WHERE model_id = (SELECT max(model_id) FROM visclf.model) ORDER BY finished_at")
    return [[float(v) for v in line.split("\t")] for line in lines.splitlines()], seconds


def compare_imported(learn, files):
    """The learner's probabilities of the validation crops, and those in SQL."""
    path = "/tmp/visclf-lesson.safetensors"
    safetensors.torch.save_file(learn.model.state_dict(), path)
    classes = ",".join(learn.dls.vocab)
    psql(f"\\lo_import '{path}'\nSELECT visclf.import_model('learner', lo_get(:LASTOID), classes => '{{{classes}}}');\n"
         "\\lo_unlink :LASTOID\n")
    pathlib.Path(path).unlink()
    with learn.no_bar():
        theirs = dict(zip(files, learn.get_preds()[0].numpy()))
    off = []
    for line in psql("SELECT c.file, (visclf.image_info(c.image)).width, (visclf.image_info(c.image)).height, p.probabilities "
                     "FROM crops c CROSS JOIN LATERAL visclf.classify('learner', c.image) p WHERE split = 'valid'").splitlines():
        file, width, height, probabilities = line.split("\t")
        ours = np.array([float(p) for p in probabilities[1:-1].split(",")])
        off.append((min(int(width), int(height)) < 448, np.abs(ours - theirs[file]).max()))
    whole = [d for full, d in off if full]
    print(f"\nfastai's learner in SQL, {len(off)} crops: probabilities differ by at most {max(whole):.2g} "
          f"where the crop is decoded at full scale ({len(whole)}), {max(d for _, d in off):.2g} in all", flush=True)


def show(view, start, seed, count, theirs, ours):
    (a, a_seconds), (b, b_seconds) = theirs, ours
    print(f"\n{view}, {start}, seed {seed}: fastai ({a_seconds:.0f} s) and visclf ({b_seconds:.0f} s)")
    print("epoch  " + 2 * "train_loss  valid_loss  accuracy    ")
    for epoch, (x, y) in enumerate(zip(a, b)):
        print(f"{'frozen' if epoch == 0 else epoch - 1:<6}" + "".join(
            f"{v[0]:10.4f}  {v[1]:10.4f}  {v[2]:8.4f}    " for v in (x, y)))
    low, high = wilson(a[-1][2] * count, count)
    print(f"fastai's 95 % interval: {low:.3f} to {high:.3f}; visclf {b[-1][2]:.3f} "
          f"{'inside' if low <= b[-1][2] <= high else 'outside'}", flush=True)


def main():
    torch.set_num_threads(ARGS.threads)
    for view, batch in VIEWS.items():
        for start in STARTS:
            for seed in ARGS.seeds:
                rows, seconds, learn, files = train_fastai(view, batch, start, seed)
                show(view, start, seed, len(files), (rows, seconds), train_visclf(view, batch, start, seed))
                if view == "all_labels" and start == "pretrained" and seed == ARGS.seeds[0]:
                    compare_imported(learn, files)


if __name__ == "__main__":
    main()
