#!/usr/bin/env python3
"""What bench/lesson runs against its cluster; see there."""
import argparse
import pathlib
import subprocess
import tempfile
import time

import scratch_venv

# views, and the batch size of each: with 60 images one of 64 would be no epoch
VIEWS = {"all_labels": 64, "few_labels": 16}
STARTS = ("pretrained", "random")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--decoder", default="build/decode_images")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42])
    parser.add_argument("--views", nargs="+", default=list(VIEWS), choices=list(VIEWS))
    parser.add_argument("--starts", nargs="+", default=STARTS, choices=STARTS)
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
                               Normalize, Resize, TensorImage, accuracy, imagenet_stats, model_meta, set_seed,
                               vision_learner)

from check_images import load


def psql(command):
    return subprocess.run(["psql", "-X", "-qAt", "-F", "\t", "-v", "ON_ERROR_STOP=1"],
                          input=command, check=True, capture_output=True, text=True).stdout


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


def import_learner(learn):
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        safetensors.torch.save_file(learn.model.state_dict(), file.name)
        classes = ",".join(learn.dls.vocab)
        psql(f"\\lo_import '{file.name}'\n"
             f"SELECT visclf.import_model('learner', lo_get(:LASTOID), classes => '{{{classes}}}');\n\\lo_unlink :LASTOID\n")


def compare_imported(learn, names):
    """The learner's probabilities of the validation crops, and those in SQL."""
    import_learner(learn)
    lines = psql("SELECT c.file, p.probabilities FROM crops c CROSS JOIN LATERAL visclf.classify('learner', c.image) p "
                 "WHERE split = 'valid'").splitlines()
    ours = {file: [float(p) for p in numbers[1:-1].split(",")] for file, numbers in map(lambda x: x.split("\t"), lines)}
    ours = np.array([ours[name] for name in names])
    with learn.no_bar():
        theirs = learn.get_preds()[0].numpy()
    pixels = np.stack([image for image, _ in load(
        ARGS.decoder, [ARGS.data / "chapbooks" / "images" / name for name in names], "squish", 224)])
    x = Normalize.from_stats(*imagenet_stats, cuda=False)(TensorImage(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255))
    with torch.inference_mode():
        same = torch.softmax(learn.model.eval()(torch.Tensor(x)), 1).numpy()
    print(f"\nfastai's learner in SQL, {len(ours)} crops: probabilities differ by at most {np.abs(ours - same).max():.2g} "
          f"on the same pixels, by {np.abs(ours - theirs).max():.2g} from its own get_preds", flush=True)


def show(view, start, seed, theirs, ours):
    (a, a_seconds), (b, b_seconds) = theirs, ours
    print(f"\n{view}, {start}, seed {seed}: fastai ({a_seconds:.0f} s) and visclf ({b_seconds:.0f} s)")
    print("epoch  " + 2 * "train_loss  valid_loss  accuracy    ")
    for epoch, (x, y) in enumerate(zip(a, b)):
        print(f"{'frozen' if epoch == 0 else epoch - 1:<6}" + "".join(
            f"{v[0]:10.4f}  {v[1]:10.4f}  {v[2]:8.4f}    " for v in (x, y)))


def summarise(view, start, theirs, ours, count):
    """Whether visclf's accuracies could be fastai's, as far as the seeds tell."""
    theirs, ours = np.array(theirs), np.array(ours)
    # of a difference of means: what seeds do, or what so few images leave open where that is more
    share = (theirs.mean() + ours.mean()) / 2
    variance = max((theirs.var(ddof=1) + ours.var(ddof=1)) / len(ours) if len(ours) > 1 else 0,
                   2 * share * (1 - share) / count / len(ours))
    print(f"{view}, {start}: accuracy of fastai {' '.join(f'{a:.3f}' for a in theirs)}, mean {theirs.mean():.3f}; "
          f"of visclf {' '.join(f'{a:.3f}' for a in ours)}, mean {ours.mean():.3f}; "
          f"difference {ours.mean() - theirs.mean():+.3f}, 95 % of chance within {1.96 * variance ** .5:.3f}", flush=True)


def main():
    torch.set_num_threads(ARGS.threads)
    for view in ARGS.views:
        for start in ARGS.starts:
            accuracies = ([], [])
            for seed in ARGS.seeds:
                rows, seconds, learn, names = train_fastai(view, VIEWS[view], start, seed)
                ours = train_visclf(view, VIEWS[view], start, seed)
                show(view, start, seed, (rows, seconds), ours)
                accuracies[0].append(rows[-1][2])
                accuracies[1].append(ours[0][-1][2])
                if view == "all_labels" and start == "pretrained" and seed == ARGS.seeds[0]:
                    compare_imported(learn, names)
            summarise(view, start, *accuracies, len(names))


if __name__ == "__main__":
    main()
