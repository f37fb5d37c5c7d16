#!/usr/bin/env python3
"""Images per second of the CPU device and of PyTorch on the CPU.

    bench/speed_cpu.py --venv DIR [--threads 2] [--rounds 5] [--networks resnet18]
        [--driver build/device_driver.so]

The same network (torchvision's head), the same batch, as many threads; a
round times one, then the other, and the ratio is the median of the rounds'.
PyTorch runs in its default layout and in channels_last, and the better one of
a round counts.  Training is a whole step: forward, backward, Adam.
make build/device_driver.so builds the driver.  DIR is as in check_pytorch.py.
"""
import argparse
import statistics
import time

from scratch_venv import enter


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--venv")
    parser.add_argument("--driver", default="build/device_driver.so")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--networks", nargs="+", default=["resnet18"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--training", type=int, nargs="*", default=[32, 64])
    parser.add_argument("--inference", type=int, nargs="*", default=[1, 8, 32])
    return parser.parse_args()


def rate(function, images, least=1.0):
    """Images per second of a call on `images` images, over at least a second."""
    calls, start = 0, time.perf_counter()
    while True:
        function()
        calls += 1
        elapsed = time.perf_counter() - start
        if elapsed >= least:
            return calls * images / elapsed


def torch_runs(name, images, labels, training):
    """PyTorch's step or forward pass, by layout."""
    import torch
    import torchvision
    runs = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        model = getattr(torchvision.models, name)(num_classes=10).to(memory_format=layout)
        x = torch.tensor(images).permute(0, 3, 1, 2).float().div(255).contiguous(memory_format=layout)
        y = torch.tensor(labels).long()
        if training:
            model.train()
            adam = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

            def run(model=model, x=x, adam=adam):
                adam.zero_grad(set_to_none=True)
                torch.nn.functional.cross_entropy(model(x), y).backward()
                adam.step()
        else:
            model.eval()

            def run(model=model, x=x):
                with torch.inference_mode():
                    model(x)
        runs[str(layout)] = run
    return runs


def our_run(device, name, images, labels, training, size):
    """The device's step or forward pass."""
    from device_driver import Network, Plan, Step
    network = Network(device, name, "linear", size=size, classes=10)
    plan = Plan(network, training=training, direct=False, max_batch=len(images))
    plan.set(network.start(seed=1))
    step = Step((1e-4,) * 3, 0.9, 0.99, 1e-5, 0.01, 0, 1, 0)
    if training:
        return lambda: plan.step(images, labels, step)
    return lambda: plan.forward(images)


def compare(args, device, name, batch, training):
    import numpy
    random = numpy.random.default_rng(0)
    images = random.integers(0, 256, (batch, args.size, args.size, 3), numpy.uint8)
    labels = random.integers(0, 10, batch)
    ours = our_run(device, name, images, labels, training, args.size)
    theirs = torch_runs(name, images, labels, training)
    for run in (ours, *theirs.values()):
        run()
        run()
    pairs = []
    for _ in range(args.rounds):
        mine = rate(ours, batch)
        best = max(rate(run, batch) for run in theirs.values())
        pairs.append((mine, best, mine / best))
    ratios = sorted(p[2] for p in pairs)
    print(f"{name:9} {'training' if training else 'inference':9} {batch:5} "
          f"{statistics.median(p[0] for p in pairs):9.1f} {statistics.median(p[1] for p in pairs):9.1f} "
          f"{statistics.median(ratios):7.2f}  {ratios[0]:.2f} to {ratios[-1]:.2f}", flush=True)


def main():
    args = arguments()
    if args.venv:
        enter(args.venv)
    import torch
    from device_driver import Device
    torch.set_num_threads(args.threads)
    device = Device(args.driver, "cpu", args.threads)
    print(f"PyTorch {torch.__version__}, {args.threads} threads, {args.size} pixels, "
          f"median of {args.rounds} paired rounds")
    print(f"{'network':9} {'what':9} {'batch':>5} {'visclf':>9} {'PyTorch':>9} {'ratio':>7}  range")
    for name in args.networks:
        for batch in args.training:
            compare(args, device, name, batch, True)
        for batch in args.inference:
            compare(args, device, name, batch, False)


if __name__ == "__main__":
    main()
