#!/usr/bin/env python3
"""What bench/speed_table runs against its cluster; see there.

The network is trained in SQL from the pretrained weights in the data folder, and
exported, so that all run the same one: PyTorch as TorchScript optimised for
inference, ONNX Runtime in float32 and quantised (per channel, calibrated on 64 of
the images).  Each peer decodes with Pillow and with libjpeg-turbo, in the main
process and in as many DataLoader workers as cores; the best of the four counts.

Seconds of SQL are those of a new connection, the model's start among them; those of
a peer begin when it is loaded and warm.  Processor time and memory (Pss, where pages
that n processes share count as 1/n) are of all processes that took part; of the
server's without its buffer cache.
"""
import argparse
import collections
import json
import os
import pathlib
import pickle
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from scratch_venv import enter

DIRECTORY = pathlib.Path(__file__).parent
WEIGHTS = {"resnet18": "resnet18.safetensors", "resnet20": "resnet20_cifar10.safetensors"}
BATCH_QUERY = "SELECT id, (p).label FROM (SELECT id, visclf.classify_batch('net', image) OVER () AS p FROM sample) x"
ROW_QUERY = "SELECT id, (visclf.classify('net', image)).label FROM sample"
SQL_WAYS = {
    "classify_batch, float32": (BATCH_QUERY, ("visclf.precision = float32",)),
    "classify_batch, int8": (BATCH_QUERY, ("visclf.precision = int8",)),
    "classify, float32, one process": (ROW_QUERY, (
        "visclf.precision = float32", "visclf.threads = 1", "max_parallel_workers_per_gather = 0")),
    "classify, float32, parallel": (ROW_QUERY, ("visclf.precision = float32", "visclf.threads = 1")),
    "classify, int8, parallel": (ROW_QUERY, ("visclf.precision = int8", "visclf.threads = 1")),
}

SERVER, PEER = "Anon|File", "Anon|File|Shmem"     # kinds of memory

Result = collections.namedtuple("Result", "seconds first cpu memory labels")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--venv")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--postmaster", type=int, required=True)
    parser.add_argument("--architecture", choices=WEIGHTS, default="resnet18")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def psql(*commands):
    flags = [flag for command in commands for flag in ("-c", command)]
    return subprocess.run(["psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", *flags],
                          check=True, capture_output=True, text=True).stdout


# Processes

def children(pid):
    """The process and all that it started, and they started."""
    found, queue = [], [pid]
    while queue:
        pid = queue.pop()
        found.append(pid)
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                queue += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        except OSError:
            pass
    return found


def memory(pid, kinds):
    """Megabytes of some kinds that the process and its children hold."""
    total = 0
    for child in children(pid):
        try:
            text = pathlib.Path(f"/proc/{child}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(kb) for kb in re.findall(rf"^Pss_(?:{kinds}): +(\d+)", text, re.M))
    return total / 1024


def reaped_seconds(pid):
    """Processor time of the children of a process that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


class Peak:
    """The largest memory of a process and its children while the block runs."""

    def __init__(self, pid, kinds):
        self.pid, self.kinds, self.most, self.done = pid, kinds, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.done.wait(0.1):
            self.most = max(self.most, memory(self.pid, self.kinds))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


# Ways to classify

def run_sql(args, way):
    """One query in a connection of its own, labels to the client; no first label where there is no cursor."""
    query, settings = SQL_WAYS[way]
    script = "".join(f"SET {setting};\n" for setting in settings) + query + ";\n"
    fetch = 32 if "batch" in way else 0     # a cursor, which has no workers
    idle, cpu = memory(args.postmaster, SERVER), reaped_seconds(args.postmaster)
    with Peak(args.postmaster, SERVER) as peak:
        start = time.perf_counter()
        process = subprocess.Popen(["psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-v", f"FETCH_COUNT={fetch}"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(script)
        process.stdin.close()
        lines = [process.stdout.readline()]
        first = time.perf_counter() - start if fetch else float("nan")
        lines += process.stdout
        assert process.wait() == 0
        seconds = time.perf_counter() - start
    labels = dict(line.strip().split("|") for line in lines)
    time.sleep(0.3)                 # the backend ends after its client
    return Result(seconds, first, reaped_seconds(args.postmaster) - cpu, peak.most - idle,
                  [labels[str(i + 1)] for i in range(args.rows)])


def run_peer(args, folder, network, decoder, workers, classes):
    before = os.times()
    process = subprocess.Popen([sys.executable, DIRECTORY / "pipelines.py", folder / "images", folder / network,
                                decoder, str(workers), str(args.size)], stdout=subprocess.PIPE, text=True)
    with Peak(process.pid, PEER) as peak:
        out = json.loads(process.communicate()[0])
    after = os.times()
    return Result(out["seconds"], out["first"],
                  after.children_user + after.children_system - before.children_user - before.children_system,
                  peak.most, [classes[i] for i in out["labels"]])


def best_peer(args, folder, network, classes):
    return min((run_peer(args, folder, network, decoder, workers, classes)
                for decoder in ("pillow", "turbo") for workers in (0, os.cpu_count())),
               key=lambda result: result.seconds)


# The network

def train(args):
    psql("SET client_min_messages = warning",
         f"\\lo_import '{args.data / 'weights' / WEIGHTS[args.architecture]}'",
         "SELECT visclf.import_model('start', lo_get(max(oid))) FROM pg_largeobject_metadata",
         f"CALL visclf.train('net', 'training', architecture => '{args.architecture}', pretrained => 'start', "
         f"head => 'linear', image_size => {args.size}, epochs => 3, batch_size => 16)")
    return json.loads(psql("SELECT to_json(classes) FROM visclf.model WHERE name = 'net'"))


def export(args, folder, classes):
    """The network as TorchScript and as ONNX in float32 and int8."""
    import safetensors.torch
    import torch
    from check_pytorch import MEAN, STD, Reference
    from pipelines import pillow

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            tensors = safetensors.torch.load(bytes.fromhex(psql("SELECT encode(visclf.export_model('net'), 'hex')")))
            self.network = Reference(args.architecture, "linear", len(classes))
            self.network.load({name: t.numpy() for name, t in tensors.items() if "num_batches" not in name})

        def forward(self, image):
            return self.network.run((image - MEAN) / STD)[0]

    network = Network().eval()
    example = torch.rand(32, 3, args.size, args.size)
    with torch.inference_mode():
        script = torch.jit.freeze(torch.jit.trace(network, example.contiguous(memory_format=torch.channels_last)))
    torch.jit.save(script, folder / "float32.pt")
    torch.onnx.export(network, (example,), folder / "float32.onnx", input_names=["image"], dynamo=False,
                      dynamic_axes={"image": {0: "n"}})
    with open(folder / "images", "rb") as file:
        images = torch.stack([pillow(data, args.size) for data in pickle.load(file)[:64]]).float() / 255
    quantise(folder, images.numpy())


def quantise(folder, images):
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.batches = iter([images[i:i + 16] for i in range(0, len(images), 16)])

        def get_next(self):
            batch = next(self.batches, None)
            return None if batch is None else {"image": batch}

    quant_pre_process(folder / "float32.onnx", folder / "prepared.onnx")
    quantize_static(folder / "prepared.onnx", folder / "int8.onnx", Reader(), quant_format=QuantFormat.QDQ,
                    per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


# Without decoding, and only decoding

def forward_rates(args, folder):
    """Images per second of the network alone, batches of 32: ours and ONNX Runtime's, float32 and int8."""
    import numpy
    import onnxruntime
    from device_driver import Device, Network, Plan
    device = Device("build/device_driver.so", "cpu", os.cpu_count())
    network = Network(device, args.architecture, "linear", size=args.size, classes=2)
    weights = network.start(seed=1)
    images = numpy.random.default_rng(1).integers(0, 256, (32, args.size, args.size, 3), numpy.uint8)
    plans, ranges = [], None
    for _ in range(2):
        plans.append(Plan(network, training=False, direct=False, max_batch=32, ranges=ranges))
        plans[-1].set(weights)
        ranges = plans[-1].calibrate(images) if ranges is None else ranges
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count()
    peers = [onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
             for name in ("float32.onnx", "int8.onnx")]
    batch = numpy.ascontiguousarray(images.transpose(0, 3, 1, 2), numpy.float32) / 255
    calls = [lambda plan=plan: plan.forward(images) for plan in plans]
    calls += [lambda peer=peer: peer.run(None, {"image": batch}) for peer in peers]
    rates = []
    for call in calls:
        call()
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < 2:
            call()
            count += 32
        rates.append(count / (time.perf_counter() - start))
    return rates


def decode_rates(args, folder):
    """Images per second that one thread decodes and resizes: ours, Pillow."""
    from pipelines import pillow
    with open(folder / "images", "rb") as file:
        files = pickle.load(file)[:500]
    paths = []
    for i, data in enumerate(files):
        paths.append(folder / f"{i}.jpg")
        paths[-1].write_bytes(data)
    out = subprocess.run(["build/decode_images", "-s", str(args.size), "-r", "1", *paths],
                         capture_output=True, text=True, check=True).stdout
    start = time.perf_counter()
    for data in files:
        pillow(data, args.size)
    return float(out.split()[0]), len(files) / (time.perf_counter() - start)


def median(values):
    values = sorted(values)
    return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"


def same(a, b):
    return f"{100 * sum(x == y for x, y in zip(a, b)) / len(a):.2f} %"


def print_ways(args, rounds):
    peers = ("PyTorch, float32", "ONNX Runtime, float32", "ONNX Runtime, int8")
    reference = rounds[0]["PyTorch, float32"].labels
    print(f"\n{'':34}{'images/s':>9}{'first, s':>10}{'CPU s':>8}{'MB':>7}  same label as PyTorch")
    for way in rounds[0]:
        results = [round_[way] for round_ in rounds]
        middle = [statistics.median(getattr(r, field) for r in results) for field in ("seconds", "first", "cpu", "memory")]
        print(f"{way:34}{args.rows / middle[0]:9.1f}{middle[1]:10.2f}{middle[2]:8.1f}{middle[3]:7.0f}  {same(results[0].labels, reference)}")
    for way in ("classify_batch, float32", "classify_batch, int8"):
        for peer in peers:
            print(f"{way}: {median(r[peer].seconds / r[way].seconds for r in rounds)} times {peer}")


def print_whole_table(args):
    """classify_table over all rows: its rate and memory."""
    idle = memory(args.postmaster, SERVER)
    with Peak(args.postmaster, SERVER) as peak:
        start = time.perf_counter()
        psql("SET client_min_messages = warning", "SET visclf.precision = int8",
             "CALL visclf.classify_table('net', 'images', 'id', 'said')")
        seconds = time.perf_counter() - start
    count = int(psql("SELECT count(*) FROM said WHERE label IS NOT NULL"))
    print(f"classify_table, int8: {count} rows at {count / seconds:.1f} images/s, {peak.most - idle:.0f} MB")


def main():
    args = arguments()
    if args.venv:
        enter(args.venv, ["onnx", "onnxruntime"])
    print(f"{args.architecture} at {args.size}, {os.cpu_count()} cores, {args.rows} rows of 20,000, median of {args.rounds} rounds")
    classes = train(args)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        psql(f"CREATE TABLE sample AS SELECT * FROM images WHERE id <= {args.rows}", "VACUUM ANALYZE sample")
        images = psql("SELECT encode(image, 'hex') FROM sample ORDER BY id").split()
        (folder / "images").write_bytes(pickle.dumps([bytes.fromhex(image) for image in images]))
        export(args, folder, classes)
        rounds, forward, decode = [], [], []
        for _ in range(args.rounds):
            rounds.append({way: run_sql(args, way) for way in SQL_WAYS})
            rounds[-1]["PyTorch, float32"] = best_peer(args, folder, "float32.pt", classes)
            for precision in ("float32", "int8"):
                rounds[-1][f"ONNX Runtime, {precision}"] = best_peer(args, folder, f"{precision}.onnx", classes)
            forward.append(forward_rates(args, folder))
            decode.append(decode_rates(args, folder))
    print_ways(args, rounds)
    print(f"the network alone, images/s: visclf %.1f float32, %.1f int8; ONNX Runtime %.1f, %.1f" % tuple(
        statistics.median(rates[i] for rates in forward) for i in range(4)))
    for i, precision in enumerate(("float32", "int8")):
        print(f"the network alone, {precision}: {median(r[i] / r[i + 2] for r in forward)} times ONNX Runtime")
    print(f"decoding, one thread: {statistics.median(d[0] for d in decode):.0f} images/s, "
          f"{median(d[0] / d[1] for d in decode)} times Pillow")
    print_whole_table(args)


if __name__ == "__main__":
    main()
