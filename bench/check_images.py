#!/usr/bin/env python3
"""Compares the image loader with Pillow: the same pixels, and how fast.

    bench/check_images.py --decoder PROGRAM --images DIR [--awkward DIR]

PROGRAM is bench/decode_images.c, built.  For each folder and way of resizing,
prints how far the loader's pixels are from those of Pillow's
convert("RGB") and resize(BILINEAR) of the whole image, for images that are
decoded at full scale (expected: equal, but 1 off where EXIF turns the image)
and for those that libjpeg scales while decoding (expected: close).  Then
times both on one thread, in turns, and prints the ratio.
"""

import argparse
import io
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy
from PIL import Image, ImageOps

MODES = ("squish", "crop", "pad")


def upright(path):
    """The image as Pillow sees it, in RGB."""
    with Image.open(path) as image:
        if image.format not in ("JPEG", "MPO"):
            raise ValueError(f"{image.format} file")
        return ImageOps.exif_transpose(image).convert("RGB")


def cut(image, mode):
    """What is to become the square, cut out or padded as fastai does it."""
    width, height = image.size
    if mode == "squish":
        return image
    side = min(image.size) if mode == "crop" else max(image.size)
    left, top = int((width - side) / 2), int((height - side) / 2)
    return image.crop((left, top, left + side, top + side))


def resize(image, size):
    """Across, then down: the order that Pillow 13 changes for tall images."""
    bilinear = Image.Resampling.BILINEAR
    return image.resize((size, image.height), bilinear).resize((size, size), bilinear)


def scale(image, mode, size):
    """The eighths at which the loader decodes."""
    shorter = max(image.size) if mode == "pad" else min(image.size)
    return next((n for n in (1, 2, 4) if shorter * n >= 8 * size), 8)


def load(decoder, files, mode, size):
    """The loader's pixels, or None and why, for each file."""
    with tempfile.NamedTemporaryFile() as out:
        run = subprocess.run(
            [decoder, "-s", str(size), "-m", mode, "-o", out.name, *map(str, files)],
            stdout=subprocess.PIPE, check=True, text=True)
        pixels = numpy.fromfile(out.name, dtype=numpy.uint8)
    pixels = pixels.reshape(len(files), size, size, 3)
    for line, image in zip(run.stdout.splitlines(), pixels):
        status, _, message = line.split("\t", 2)
        yield (image, None) if status == "0" else (None, message)


def compare(name, decoder, files, mode, size, verbose):
    """Prints a line for each way of decoding; the differing files if verbose."""
    groups = {"full scale": [], "scaled": []}
    disagree = []
    for file, (ours, why) in zip(files, load(decoder, files, mode, size)):
        try:
            image = upright(file)
        except Exception as error:
            if ours is not None:
                disagree.append(f"{file.name}: only Pillow refuses it: {error}")
            continue
        if ours is None:
            disagree.append(f"{file.name}: only the loader refuses it: {why}")
            continue
        theirs = numpy.asarray(resize(cut(image, mode), size))
        off = numpy.abs(theirs.astype(int) - ours.astype(int))
        group = "full scale" if scale(image, mode, size) == 8 else "scaled"
        groups[group].append((off.mean(), off.max(), file.name))
    for group, rows in groups.items():
        if not rows:
            continue
        equal = sum(row[1] == 0 for row in rows)
        print(f"{name:10} {mode:7} {group:11} {len(rows):6} {equal:6} "
              f"{statistics.fmean(row[0] for row in rows):9.4f} "
              f"{max(row[0] for row in rows):9.4f} {max(row[1] for row in rows):5}")
        if verbose and group == "full scale":
            for mean, most, file in rows:
                if most:
                    print(f"    {file}: mean {mean:.4f}, max {most}")
    if verbose:
        print("".join(f"    {line}\n" for line in disagree), end="")


def pillow_rate(contents, size, draft):
    """Images a second that Pillow loads."""
    start = time.perf_counter()
    for data in contents:
        image = Image.open(io.BytesIO(data))
        if draft:
            image.draft("RGB", (size, size))
        image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return len(contents) / (time.perf_counter() - start)


def our_rate(decoder, files, size, rounds):
    """Images a second that the loader loads."""
    run = subprocess.run(
        [decoder, "-s", str(size), "-r", str(rounds), *map(str, files)],
        stdout=subprocess.PIPE, check=True, text=True)
    return float(run.stdout)


def race(decoder, files, size, pairs):
    """Prints rates on one thread and their ratio, in paired runs."""
    contents = [file.read_bytes() for file in files]
    for draft in (False, True):
        ours, theirs = [], []
        for _ in range(pairs):
            ours.append(our_rate(decoder, files, size, 2))
            theirs.append(pillow_rate(contents, size, draft))
        ratios = sorted(a / b for a, b in zip(ours, theirs))
        print(f"{'Pillow, draft' if draft else 'Pillow':14} "
              f"{statistics.median(ours):8.0f} {statistics.median(theirs):8.0f} "
              f"{statistics.median(ratios):6.2f}  {ratios[0]:.2f}-{ratios[-1]:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--decoder", required=True, type=pathlib.Path)
    parser.add_argument("--images", required=True, type=pathlib.Path)
    parser.add_argument("--awkward", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--pairs", type=int, default=7)
    options = parser.parse_args()
    files = sorted(options.images.glob("**/*.jpg"))

    print("Pixels against Pillow's (0..255)")
    print(f"{'folder':10} {'mode':7} {'decoded at':11} {'images':>6} {'equal':>6} "
          f"{'mean':>9} {'worst':>9} {'max':>5}")
    for mode in MODES:
        compare("images", options.decoder, files, mode, options.size, False)
        if options.awkward:
            awkward = sorted(p for p in options.awkward.iterdir()
                             if p.suffix != ".tsv")
            compare("awkward", options.decoder, awkward, mode, options.size, True)

    print(f"\nImages a second, one thread, {options.size} squish, "
          f"medians of {options.pairs} paired runs")
    print(f"{'against':14} {'visclf':>8} {'Pillow':>8} {'ratio':>6}  range")
    race(options.decoder, files, options.size, options.pairs)


if __name__ == "__main__":
    main()
