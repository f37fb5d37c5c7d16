#!/usr/bin/env python3
"""PyTorch on a GPU at what bench/gpu measures, as lines of "name value unit".

    bench/gpu_peer.py [--networks resnet18] [--batches 1 8 32 64 128 256 512]
        [--size 224] [--seconds 1] [--no-compile]

torchvision's network in channels_last under bfloat16 autocast, from uint8
images as bench/gpu has them: in the host's memory (sent, normalised, run), and
"kept" on the card.  Training is forward, cross entropy, backward and fused
AdamW.  First everything as it is, then compiled (mode
max-autotune-no-cudagraphs fails less often than reduce-overhead; both are
tried); a line is printed where a number is better than the one before.
"""
import argparse
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["resnet18"])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32, 64, 128, 256, 512])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--device", default="cuda")
    return parser.parse_args()


def rate(torch, function, images, seconds, device):
    """Images a second, each call waited for as bench/gpu's are."""
    def call():
        function()
        if device == "cuda":
            torch.cuda.synchronize()
    for _ in range(6):
        call()
    calls, start = 0, time.perf_counter()
    while True:
        call()
        calls += 1
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return calls * images / elapsed


def make(torch, torchvision, name, batch, args, training, kept, compiled):
    """A function that runs one batch."""
    device = args.device
    model = getattr(torchvision.models, name)(num_classes=10)
    model = model.to(device, memory_format=torch.channels_last).train(training)
    host = torch.randint(0, 256, (batch, args.size, args.size, 3), dtype=torch.uint8)
    host = host.to(device) if kept else host.pin_memory() if device == "cuda" else host
    labels = torch.randint(0, 10, (batch,), device=device)
    mean = torch.tensor([0.485, 0.456, 0.406], device=device).view(1, 3, 1, 1) * 255
    std = torch.tensor([0.229, 0.224, 0.225], device=device).view(1, 3, 1, 1) * 255

    def forward(x):
        with torch.autocast(device, dtype=torch.bfloat16):
            return model((x.permute(0, 3, 1, 2).float() - mean) / std)

    run = torch.compile(forward, mode=compiled) if compiled else forward
    if not training:
        def infer():
            with torch.inference_mode():
                run(host.to(device, non_blocking=True)).float().cpu()
        return infer
    adam = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=device == "cuda")

    def train():
        adam.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(run(host.to(device, non_blocking=True)).float(), labels)
        loss.backward()
        adam.step()
        loss.item()
    return train


def try_mode(torch, torchvision, name, batch, args, what, mode, best):
    """Prints what a mode reaches, where that is the best so far."""
    try:
        function = make(torch, torchvision, name, batch, args, what.startswith("train"),
                        what.endswith("kept"), mode)
        found = rate(torch, function, batch, args.seconds, args.device)
    except Exception as problem:     # a mode that this PyTorch cannot do
        print(f"# {name} {what} {batch} {mode}: {str(problem).splitlines()[0][:150]}", file=sys.stderr)
        return
    if found > best.get((name, batch, what), 0):
        best[name, batch, what] = found
        print(f"{name}_{what}_{batch} {found:.1f} images/s  # {mode or 'eager'}", flush=True)


def main():
    args = arguments()
    import torch
    import torchvision
    if args.device == "cuda" and not torch.cuda.is_available():
        print("# no GPU that PyTorch can use")
        return 0
    torch.backends.cudnn.benchmark = True
    modes = [None] + ([] if args.no_compile else ["max-autotune-no-cudagraphs", "reduce-overhead"])
    best = {}
    for mode in modes:
        for name in args.networks:
            for batch in args.batches:
                for what in ("train", "train_kept", "infer", "infer_kept"):
                    if batch > 1 or what.startswith("infer"):
                        try_mode(torch, torchvision, name, batch, args, what, mode, best)
    return 0


if __name__ == "__main__":
    sys.exit(main())
