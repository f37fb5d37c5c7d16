#!/usr/bin/env python3
"""What bench/check_weights runs against its cluster; see there.

For each network in weights/ of the data folder: its logits by
visclf.classify and by PyTorch on the same crops, with the pixels that the image
loader gives and, for the crops that it decodes at full scale, with Pillow's; then
by PyTorch with what visclf.export_model gives, for resnet18 loaded with
strict=True into torchvision's class.  Only probabilities cross SQL, so logits
are compared less their mean, as a share of the largest.
"""
import argparse
import pathlib
import subprocess
import sys

import scratch_venv

LIMIT = 1e-3
NETWORKS = (("resnet18", "resnet18.safetensors", 224, 1000),
            ("resnet20", "resnet20_cifar10.safetensors", 32, 10))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--venv")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--decoder", default="build/decode_images")
    parser.add_argument("--count", type=int, default=100)
    return parser.parse_args()


if __name__ == "__main__":
    ARGS = arguments()
    if ARGS.venv:
        scratch_venv.enter(ARGS.venv)

import numpy as np
import safetensors.torch
import torch
import torchvision
from PIL import Image

from check_images import load, resize, scale, upright
from check_pytorch import Reference


def psql(command, variables=()):
    return subprocess.run(
        ["psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", *(f"-v{v}" for v in variables)],
        input=command, check=True, capture_output=True, text=True).stdout


def import_weights(name, path):
    psql(f"\\lo_import '{path}'\nSELECT visclf.import_model('{name}', lo_get(:LASTOID));\n"
         "\\lo_unlink :LASTOID\n")


def centred(logits):
    return logits - logits.mean(1, keepdims=True)


def our_logits(name, files):
    """Logarithms of the probabilities, less their mean."""
    names = ",".join(f"'{file.name}'" for file in files)
    lines = psql(f"SELECT p.probabilities FROM crops c CROSS JOIN LATERAL visclf.classify('{name}', c.image) p "
                 f"WHERE c.file IN ({names}) ORDER BY c.file COLLATE \"C\"").split()
    return centred(np.log(np.array([[float(p) for p in line[1:-1].split(",")] for line in lines])))


def torch_logits(model, pixels):
    with torch.inference_mode():
        logits = [model(pixels[i:i + 20])[0] for i in range(0, len(pixels), 20)]
    return centred(torch.cat(logits).double().numpy())


def reference(architecture, classes, tensors):
    model = Reference(architecture, "linear", classes)
    model.load({name.removeprefix("module."): value.float().numpy() for name, value in tensors.items()
                if "num_batches" not in name})
    return model.eval()


def exported(name):
    """The tensors of the model, by way of export_model."""
    text = psql(f"SELECT encode(visclf.export_model('{name}'), 'hex')").strip()
    return safetensors.torch.load(bytes.fromhex(text))


def report(network, what, ours, theirs):
    error = np.abs(ours - theirs).max() / np.abs(theirs).max()
    same = (ours.argmax(1) == theirs.argmax(1)).sum()
    print(f"{network:9} {what:37} {len(ours):5} {error:9.2g} {same:6}   {'' if error <= LIMIT else 'OVER'}", flush=True)
    return error <= LIMIT


def check(architecture, file, size, classes):
    path = ARGS.data / "weights" / file
    files = sorted((ARGS.data / "chapbooks" / "images").glob("*.jpg"), key=lambda f: f.name)[:ARGS.count]
    pixels = np.stack([image for image, _ in load(ARGS.decoder, files, "squish", size)])
    whole = [i for i, f in enumerate(files) if scale(Image.open(f), "squish", size) == 8]
    original = reference(architecture, classes, safetensors.torch.load_file(path))
    theirs = torch_logits(original, pixels)
    import_weights(architecture, path)
    ours = our_logits(architecture, files)
    good = [report(architecture, "imported, PyTorch on the same pixels", ours, theirs)]
    if whole:
        pillow = np.stack([np.asarray(resize(upright(files[i]), size)) for i in whole])
        good.append(report(architecture, "imported, PyTorch on Pillow's pixels", ours[whole],
                           torch_logits(original, pillow)))
    tensors = exported(architecture)
    if architecture == "resnet18":
        network = torchvision.models.resnet18(num_classes=classes)
        counters = {name: value for name, value in network.state_dict().items() if "num_batches" in name}
        network.load_state_dict({**tensors, **counters}, strict=True)
    again = torch_logits(reference(architecture, classes, tensors), pixels)
    good.append(report(architecture, "exported, loaded into PyTorch", again, theirs))
    return all(good)


def main():
    print(f"{'network':9} {'what':37} {'crops':>5} {'error':>9} {'labels':>6}")
    return 0 if all([check(*network) for network in NETWORKS]) else 1


if __name__ == "__main__":
    sys.exit(main())
