#!/usr/bin/env python3
"""Compares a device with PyTorch: the same logits, losses and weights.

    bench/check_pytorch.py --venv DIR [--device cpu] [--threads 1]
        [--driver build/device_driver.so] [--data DIR] [--only resnet18]
        [--size 224] [--random-size 96] [--batch 16]

DIR is a virtual environment with torch, torchvision, numpy, safetensors and
pillow; where it does not exist it is made and they are installed into it.
Without --venv this Python must have them.  "make build/device_driver.so" builds
the driver; for --device cuda the environment variable VISCLF_CUDA names the
module, else it is ./visclf_cuda.so.

For each network and head, with the same weights and batches: logits and
features by running statistics, then three training steps (losses, every
parameter and running statistic, logits afterwards), then three again with the
groups before the head frozen; with direct convolutions, and with those that
the device finds fastest.  Dropout is 0: PyTorch draws other random numbers.
First come weights/resnet18.safetensors and the images of chapbooks/ in --data,
where they are there; then random weights and images of --random-size pixels.

The truth is PyTorch in float64.  PyTorch in float32 is measured against it
too, in the rows called "torch32": training at random weights multiplies
rounding errors, and a device may always be twice as far from the truth.

Errors of logits and features are the largest difference as a share of the
largest value; of weights the norm of the difference of all of them together
as a share of their norm, or a running statistic's own where that is worse.
Labels must be the same wherever PyTorch's own
lead of the first over the second exceeds the allowed error.  Prints a table;
exits with 1 where an error is over its limit and twice PyTorch's own.
"""

import argparse
import copy
import pathlib
import sys

import scratch_venv

# Allowed errors: forward; losses and logits of three steps; weights after them.
LIMITS = {
    ("oracle", "direct"): (1e-4, 1e-3, 1e-3),
    ("oracle", "auto"): (1e-4, 1e-3, 1e-3),
    ("cpu", "direct"): (1e-4, 1e-3, 1e-3),
    ("cpu", "auto"): (2e-4, 1e-2, 1e-3),
    ("cuda", "direct"): (1e-4, 1e-3, 1e-3),
    ("cuda", "auto"): (5e-2, 1e-1, 1e-2),
}
RATES = (2e-6, 2e-5, 2e-4)      # of the layer groups, as fastai's one-cycle begins
STEPS = 3
FROZEN = (0, 2)                 # groups frozen in each run of steps


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--venv")
    parser.add_argument("--device", default="cpu", choices=["oracle", "cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--driver", default=str(here / "build" / "device_driver.so"))
    parser.add_argument("--data", type=pathlib.Path, default=here / ".." / "shared" / "data")
    parser.add_argument("--only", default="")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--random-size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=16)
    return parser.parse_args()


if __name__ == "__main__":
    ARGS = arguments()
    if ARGS.venv:
        scratch_venv.enter(ARGS.venv)

import numpy as np
import torch
import torchvision
from torch import nn

from device_driver import (BIAS, NORM_BIAS, RUNNING_MEAN, RUNNING_VARIANCE, WEIGHT,
                           Device, Network, Plan, Step)

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


class BasicBlock(nn.Module):
    """A block of the CIFAR network; its shortcut has no parameters."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.pad = (channels - inputs) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        x = x[:, :, ::self.stride, ::self.stride]
        return torch.relu(y + nn.functional.pad(x, (0, 0, 0, 0, self.pad, self.pad)))


def cifar_body():
    """Names and modules of resnet20 before its head."""
    yield "conv1", nn.Conv2d(3, 16, 3, 1, 1, bias=False)
    yield "bn1", nn.BatchNorm2d(16)
    yield "relu", nn.ReLU()
    for number, (inputs, channels) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
        first = BasicBlock(inputs, channels, 1 if number == 1 else 2)
        yield f"layer{number}", nn.Sequential(
            first, BasicBlock(channels, channels, 1), BasicBlock(channels, channels, 1))


def imagenet_body(architecture):
    """Names and modules of torchvision's network before its head."""
    for name, module in getattr(torchvision.models, architecture)().named_children():
        if name not in ("avgpool", "fc"):
            yield name, module


class Reference(nn.Module):
    """The network in PyTorch, under torchvision's names."""

    def __init__(self, architecture, head, classes):
        super().__init__()
        small = architecture == "resnet20"
        features = {"resnet20": 64, "resnet50": 2048}.get(architecture, 512)
        self.body = []
        for name, module in cifar_body() if small else imagenet_body(architecture):
            self.add_module(name, module)
            self.body.append(name)
        self.concat = head == "concat"
        if self.concat:
            self.head = nn.ModuleDict({
                "norm1": nn.BatchNorm1d(2 * features),
                "linear1": nn.Linear(2 * features, 512, bias=False),
                "norm2": nn.BatchNorm1d(512),
                "linear2": nn.Linear(512, classes, bias=False)})
        else:
            self.last = "linear" if small else "fc"
            self.add_module(self.last, nn.Linear(features, classes))

    def forward(self, images):
        """Logits and features of uint8 images [n, size, size, 3]."""
        x = torch.from_numpy(images).permute(0, 3, 1, 2).to(self.bn1.weight.dtype)
        return self.run((x / 255 - MEAN) / STD)

    def run(self, x):
        """Logits and features of normalised images [n, 3, size, size]."""
        for name in self.body:
            x = getattr(self, name)(x)
        if not self.concat:
            features = x.mean((2, 3))
            return getattr(self, self.last)(features), features
        features = torch.cat([x.amax((2, 3)), x.mean((2, 3))], 1)
        x = torch.relu(self.head["linear1"](self.head["norm1"](features)))
        return self.head["linear2"](self.head["norm2"](x)), features

    def load(self, values):
        state = {name: torch.from_numpy(value.copy()) for name, value in values.items()}
        missing, unexpected = self.load_state_dict(state, strict=False)
        assert not unexpected, unexpected
        assert all("num_batches" in name for name in missing), missing


class Adam:
    """The update that device.h states, for a Reference."""

    def __init__(self, model, network, step):
        self.state = {name: (torch.zeros_like(p), torch.zeros_like(p))
                      for name, p in model.named_parameters()}
        self.model = model
        self.what = {name: (role, group) for name, role, group, _ in network.parameters}
        self.settings = step

    @torch.no_grad()
    def update(self, t):
        s = self.settings
        for name, p in self.model.named_parameters():
            role, group = self.what[name]
            if group < s.frozen_groups and role in (WEIGHT, BIAS):
                continue
            m, v = self.state[name]
            rate = s.rate[group]
            if role == WEIGHT:
                p.mul_(1 - rate * s.weight_decay)
            m.mul_(s.momentum).add_(p.grad, alpha=1 - s.momentum)
            v.mul_(s.square_momentum).addcmul_(p.grad, p.grad, value=1 - s.square_momentum)
            denominator = (v / (1 - s.square_momentum ** t)).sqrt() + s.epsilon
            p.sub_(rate / (1 - s.momentum ** t) * m / denominator)


def settings(frozen):
    return Step(rate=RATES, momentum=0.95, square_momentum=0.99, epsilon=1e-5,
                weight_decay=0.01, frozen_groups=frozen, step=0, seed=1)


def largest(got, expected):
    """The largest difference, as a share of the largest value."""
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def distance(got, expected):
    """The norm of the difference, as a share of the norm."""
    return float(np.linalg.norm(got - expected) / max(np.linalg.norm(expected), 1e-12))


def other_labels(got, expected, limit):
    """How many clear labels of PyTorch's the device does not give."""
    ordered = np.sort(expected, 1)
    clear = ordered[:, -1] - ordered[:, -2] > 2 * limit * np.abs(expected).max()
    return int((clear & (got.argmax(1) != expected.argmax(1))).sum())


@torch.no_grad()
def torch_forward(model, images):
    model.eval()
    return [x.numpy() for x in model(images)]


def torch_steps(model, network, batches, frozen):
    """Three steps; returns their losses."""
    adam = Adam(model, network, settings(frozen))
    losses = []
    for t, (images, labels) in enumerate(batches[:STEPS], 1):
        model.train()
        model.zero_grad()
        loss = nn.functional.cross_entropy(model(images)[0], torch.from_numpy(labels))
        loss.backward()
        adam.update(t)
        losses.append(loss.item())
    return losses


def run_torch(network, model, batches):
    """What results() gives for PyTorch; the last batch is not trained on."""
    runs = []
    for frozen in FROZEN:
        trained = copy.deepcopy(model)
        losses = torch_steps(trained, network, batches, frozen)
        logits = torch_forward(trained, batches[-1][0])[0]
        values = {name: value.numpy() for name, value in trained.state_dict().items()}
        runs.append((losses, logits, values))
    return [torch_forward(model, batches[-1][0])], runs


def run_device(network, weights, batches, direct):
    """Forward results of both kinds of plan, then of each run of three steps."""
    images = batches[-1][0]
    forward, runs = [], []
    for training in (False, True):
        plan = Plan(network, training, direct, len(images))
        plan.set(weights)
        forward.append(plan.forward(images))
    for frozen in FROZEN:
        plan = Plan(network, True, direct, len(images))
        plan.set(weights)
        step = settings(frozen)
        losses = []
        for step.step, batch in enumerate(batches[:STEPS], 1):
            losses.append(plan.step(*batch, step)[0])
        runs.append((losses, plan.forward(images)[0], plan.get()))
    return forward, runs


def weights_error(network, got, expected):
    """The error of all weights together, or of the worst running statistic."""
    trained = [name for name, role, _, _ in network.parameters if role <= NORM_BIAS]
    running = [name for name, role, _, _ in network.parameters
               if role in (RUNNING_MEAN, RUNNING_VARIANCE)]
    together = [np.concatenate([values[name].ravel() for name in trained])
                for values in (got, expected)]
    return max([distance(*together)] + [distance(got[n], expected[n]) for n in running])


def errors(network, got, expected):
    """Five errors: forward, then of each run those of its outputs and weights."""
    (truth,), runs = expected
    row = [max(largest(x, y) for outputs in got[0] for x, y in zip(outputs, truth))]
    for mine, theirs in zip(got[1], runs):
        losses = [abs(x - y) / y for x, y in zip(mine[0], theirs[0])]
        row.append(max([largest(mine[1], theirs[1])] + losses))
        row.append(weights_error(network, mine[2], theirs[2]))
    return row


def labels_lost(got, expected, allowed):
    """How many clear labels of the truth's are others now."""
    lost = sum(other_labels(logits, expected[0][0][0], allowed[0]) for logits, _ in got[0])
    for mine, theirs, limit in zip(got[1], expected[1], (allowed[1], allowed[3])):
        lost += other_labels(mine[1], theirs[1], limit)
    return lost


def check(args, device, architecture, head, weights, classes, size, batches):
    """Prints a row for PyTorch's float32 and each mode; whether all is well."""
    network = Network(device, architecture, head, size, classes)
    title = f"{architecture} {head} {size}"
    start = network.start(seed=3)
    if weights is not None:
        title += " real"
        start.update((k, v) for k, v in weights.items() if k in start)
    model = Reference(architecture, head, classes)
    model.load(start)
    own = run_torch(network, model, batches)
    expected = run_torch(network, model.double(), batches)
    floor = errors(network, own, expected)
    show(title, "torch32", floor, labels_lost(own, expected, floor), "")
    good = True
    for mode in ("direct", "auto"):
        forward, steps, moved = LIMITS[args.device, mode]
        allowed = [max(limit, 2 * own_error) for limit, own_error in
                   zip((forward, steps, moved, steps, moved), floor)]
        got = run_device(network, start, batches, mode == "direct")
        row = errors(network, got, expected)
        lost = labels_lost(got, expected, allowed)
        passed = lost == 0 and all(x <= y for x, y in zip(row, allowed))
        show("", mode, row, lost, "ok" if passed else "FAILED")
        good &= passed
    return good


def show(title, mode, row, lost, verdict):
    print(f"{title:27s} {mode:8s}", *(f"{error:8.1e}" for error in row), f"{lost:7d}", verdict,
          flush=True)


def random_batches(size, batch, classes, seed):
    """Images of waves with noise, which differ behind a global pool too."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] * 9 / size
    batches = []
    for _ in range(STEPS + 1):
        f = rng.uniform(0, 1, (2, batch, 1, 1, 3))
        waves = np.sin(f[0] * x[None, :, :, None] + f[1] * y[None, :, :, None])
        base = rng.uniform(70, 180, (batch, 1, 1, 3))
        images = base + 40 * waves + rng.uniform(-20, 20, (batch, size, size, 3))
        batches.append((np.ascontiguousarray(images.clip(0, 255).astype(np.uint8)),
                        rng.integers(0, classes, batch)))
    return batches


def real_batches(folder, size, batch):
    """Images squished to a square, label 1 where the file is in an even place."""
    from PIL import Image
    files = sorted((folder / "chapbooks" / "images").glob("*.jpg"))[:batch * (STEPS + 1)]
    if len(files) < batch * (STEPS + 1):
        return None
    images = np.stack([np.asarray(Image.open(f).convert("RGB").resize(
        (size, size), Image.Resampling.BILINEAR)) for f in files])
    labels = np.arange(len(files)) % 2
    return [(np.ascontiguousarray(images[i:i + batch]), labels[i:i + batch])
            for i in range(0, len(files), batch)]


def real_weights(folder):
    path = folder / "weights" / "resnet18.safetensors"
    if not path.exists():
        return None
    from safetensors.numpy import load_file
    return load_file(path)


def cases(args):
    """(architecture, head, weights, classes, size, batches)"""
    weights = real_weights(args.data)
    photographs = real_batches(args.data, args.size, args.batch)
    if weights is None or photographs is None:
        print(f"no weights and images in {args.data}: only random ones")
    else:
        yield "resnet18", "linear", weights, 1000, args.size, photographs
        yield "resnet18", "concat", weights, 2, args.size, photographs
    for architecture in ("resnet18", "resnet34", "resnet50", "resnet20"):
        for head in ("linear", "concat"):
            size = 32 if architecture == "resnet20" else args.random_size
            yield (architecture, head, None, 10, size,
                   random_batches(size, args.batch, 10, 5))


def main(args):
    torch.set_num_threads(args.threads)
    device = Device(args.driver, args.device, args.threads)
    print(f"{args.device} against PyTorch {torch.__version__}, {args.batch} images a batch; "
          "errors as shares")
    print(f"{'network':27s} {'mode':8s} {'forward':>8s} {'3 steps':>8s} {'weights':>8s} "
          f"{'frozen':>8s} {'weights':>8s} {'labels':>7s}")
    good = [check(args, device, *case) for case in cases(args) if args.only in case[0]]
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main(ARGS))
