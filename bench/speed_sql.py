#!/usr/bin/env python3
"""What bench/speed_sql runs against its cluster; see there.

A round times classify_batch over all crops in float32 and in int8, then PyTorch
in float32 over the same files: with Pillow, and with libjpeg-turbo by torchvision,
each decoding in the main thread or ahead in as many threads as there are, the
best of the four; the ratios are the medians of the rounds'.  Then the
time of one classify is set against its parts, timed apart in the same
machine: decoding one image, one forward pass.
"""
import argparse
import collections
import concurrent.futures
import io
import pathlib
import re
import statistics
import subprocess
import time

from scratch_venv import enter

SIZE = 224
BATCH = 32
BATCHED = "SELECT count((p).label) FROM (SELECT visclf.classify_batch('crops', image) OVER () AS p FROM crops) x"
SINGLE = "SELECT count((visclf.classify('crops', image)).label) FROM crops"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--venv")
    parser.add_argument("--images", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--driver", default="build/device_driver.so")
    return parser.parse_args()


def sql_seconds(query, threads, precision):
    """Seconds of a query's second run in a new session."""
    out = subprocess.run(["psql", "-X", "-c", f"SET visclf.threads = {threads}",
                          "-c", f"SET visclf.precision = {precision}", "-c", query,
                          "-c", "\\timing on", "-c", query],
                         capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"Time: ([0-9.]+) ms", out)[-1]) / 1000


def pillow(data):
    import numpy
    from PIL import Image
    image = Image.open(io.BytesIO(data)).convert("RGB").resize((SIZE, SIZE), Image.BILINEAR)
    return numpy.asarray(image)


def turbo(data):
    import numpy
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg
    image = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
    image = torch.nn.functional.interpolate(image[None].float(), (SIZE, SIZE), mode="bilinear", antialias=True)
    return numpy.asarray(image[0].round().byte().permute(1, 2, 0))


def decoded(files, threads, decode):
    """Pixels of the files in order; with threads, decoded ahead."""
    if threads == 0:
        yield from map(decode, files)
        return
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        waiting = collections.deque()
        for data in files:
            waiting.append(pool.submit(decode, data))
            if len(waiting) > 2 * BATCH:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def torch_seconds(model, files, threads, decode):
    import numpy
    import torch
    start = time.perf_counter()
    batch, labels = [], []

    def run():
        x = torch.from_numpy(numpy.stack(batch)).permute(0, 3, 1, 2).float().div_(255)
        with torch.inference_mode():
            labels.extend(model(x.contiguous(memory_format=torch.channels_last)).argmax(1).tolist())
        batch.clear()

    for pixels in decoded(files, threads, decode):
        batch.append(pixels)
        if len(batch) == BATCH:
            run()
    if batch:
        run()
    assert len(labels) == len(files)
    return time.perf_counter() - start


def parts(args, files):
    """Seconds of decoding one image and of one forward pass."""
    import numpy
    from device_driver import Device, Network, Plan
    device = Device(args.driver, "cpu", args.threads)
    network = Network(device, "resnet18", "concat", size=SIZE, classes=2)
    plan = Plan(network, training=False, direct=False, max_batch=1)
    plan.set(network.start(seed=1))
    image = numpy.zeros((1, SIZE, SIZE, 3), numpy.uint8)
    for _ in range(20):
        plan.forward(image)
    start = time.perf_counter()
    for _ in range(len(files)):
        plan.forward(image)
    forward = (time.perf_counter() - start) / len(files)
    out = subprocess.run(["build/decode_images", "-s", str(SIZE), "-r", "3",
                          *sorted(map(str, pathlib.Path(args.images).iterdir()))],
                         capture_output=True, text=True, check=True).stdout
    return 1 / float(out.split()[0]), forward


def main():
    args = arguments()
    if args.venv:
        enter(args.venv)
    import torch
    import torchvision
    torch.set_num_threads(args.threads)
    files = [path.read_bytes() for path in sorted(pathlib.Path(args.images).iterdir())]
    model = torchvision.models.resnet18(num_classes=2).eval().to(memory_format=torch.channels_last)
    for decode in (pillow, turbo):
        torch_seconds(model, files[:64], 0, decode)
    rounds = []
    for _ in range(args.rounds):
        rates = [len(files) / sql_seconds(BATCHED, args.threads, precision) for precision in ("float32", "int8")]
        rates += [len(files) / min(torch_seconds(model, files, n, decode) for n in (0, args.threads))
                  for decode in (pillow, turbo)]
        rounds.append(rates)
    print(f"{len(files)} crops, ResNet-18 at {SIZE}, {args.threads} threads, "
          f"PyTorch {torch.__version__}, median of {args.rounds} rounds, images/s")
    print("classify_batch float32 %.1f, int8 %.1f; PyTorch with Pillow %.1f, with libjpeg-turbo %.1f" % tuple(
        statistics.median(r[i] for r in rounds) for i in range(4)))
    for i, precision in enumerate(("float32", "int8")):
        ratios = sorted(r[i] / max(r[2:]) for r in rounds)
        print(f"{precision}: {statistics.median(ratios):.2f} times the better PyTorch "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})")
    shares = []
    for _ in range(args.rounds):
        decode, forward = parts(args, files)
        row = sql_seconds(SINGLE, args.threads, "float32") / len(files)
        shares.append((row, decode, forward, row / (decode + forward)))
    print("classify %.2f ms a row; decoding %.2f ms, forward %.2f ms; %.3f times their sum (%.3f to %.3f)" % (
        *(1000 * statistics.median(s[i] for s in shares) for i in range(3)),
        statistics.median(s[3] for s in shares),
        min(s[3] for s in shares), max(s[3] for s in shares)))


if __name__ == "__main__":
    main()
