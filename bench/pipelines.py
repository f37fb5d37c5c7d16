#!/usr/bin/env python3
"""One peer of bench/speed_table, in a process of its own: JPEG bytes to labels.

    pipelines.py IMAGES NETWORK DECODER WORKERS SIZE

IMAGES is a pickled list of bytes; NETWORK a TorchScript (.pt) or an ONNX file;
DECODER pillow or turbo (libjpeg-turbo by torchvision), in so many workers of a
DataLoader.  Prints, as JSON, seconds in all and to the first labels, and the
number of the class of each image.
"""
import io
import json
import pickle
import sys
import time
import warnings

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg

BATCH = 32


def pillow(data, size):
    image = Image.open(io.BytesIO(data)).convert("RGB").resize((size, size), Image.BILINEAR)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


def turbo(data, size):
    image = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
    image = torch.nn.functional.interpolate(image[None].float(), (size, size), mode="bilinear", antialias=True)
    return image[0].round_().byte()


class Images(torch.utils.data.Dataset):
    """Decoded and resized images, uint8 [3, size, size]."""

    def __init__(self, files, decode, size):
        self.files, self.decode, self.size = files, decode, size

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return self.decode(self.files[i], self.size)


def torch_network(path):
    model = torch.jit.optimize_for_inference(torch.jit.load(path))

    def run(images):
        with torch.inference_mode():
            return model(images.contiguous(memory_format=torch.channels_last)).argmax(1).tolist()
    return run


def onnx_network(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(images):
        return session.run(None, {"image": images.numpy()})[0].argmax(1).tolist()
    return run


def main():
    images, network, decoder, workers, size = sys.argv[1:]
    warnings.simplefilter("ignore")
    with open(images, "rb") as file:
        files = pickle.load(file)
    run = (torch_network if network.endswith(".pt") else onnx_network)(network)
    run(torch.zeros(BATCH, 3, int(size), int(size)))
    data = Images(files, pillow if decoder == "pillow" else turbo, int(size))
    start = time.perf_counter()
    first, labels = None, []
    for batch in torch.utils.data.DataLoader(data, BATCH, num_workers=int(workers)):
        labels += run(batch.float().div_(255))
        first = first or time.perf_counter() - start
    print(json.dumps({"seconds": time.perf_counter() - start, "first": first, "labels": labels}))


if __name__ == "__main__":
    main()
