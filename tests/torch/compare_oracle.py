#!/usr/bin/python3
"""The oracle against PyTorch in float64, on the same bytes: every operator in several shapes and attributes, and every
problem of the suite. Usage: compare_oracle.py ORACLE_DUMP [ROOT]; prints "ok - ..." lines and "N passed, N failed"."""
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F

TOLERANCE = 1e-12  # of the error scale: float64 rounds at 1e-16, and sums are a few thousand long
DTYPES = {"f32": numpy.float32, "f16": numpy.float16, "i32": numpy.int32}


def scalar(a):
    """A number in a problem file is used as a float32, as kernels do."""
    return float(numpy.float32(a["scalar"]))


def second(x, a):
    return x[1] if len(x) > 1 else scalar(a)


def avg_pool1d(x, a):
    kernel = a["kernel"][0]
    return F.avg_pool1d(x[0], kernel, a.get("stride", [kernel])[0], a.get("padding", [0])[0],
                        count_include_pad=a.get("count_include_pad", True))


def argmax(x, a):
    """The lowest index of several equal ones, which torch.argmax leaves open."""
    return torch.tensor(numpy.argmax(x[0].numpy(), a["axis"][0]), dtype=torch.float64)


def conv_transpose2d(x, a):
    return F.conv_transpose2d(x[0], x[1], x[2] if len(x) > 2 else None, a.get("stride", 1), a.get("padding", 0),
                              a.get("output_padding", 0), a.get("groups", [1])[0], a.get("dilation", 1))


def layer_norm(x, a):
    return F.layer_norm(x[0], x[1].shape, x[1], x[2], float(numpy.float32(a.get("eps", 1e-5))))


def matmul(x, a):
    left = x[0].transpose(-1, -2) if a.get("transpose_a") else x[0]
    return left @ (x[1].transpose(-1, -2) if a.get("transpose_b") else x[1])


OPS = {
    "add": lambda x, a: x[0] + second(x, a),
    "sub": lambda x, a: x[0] - second(x, a),
    "mul": lambda x, a: x[0] * second(x, a),
    "div": lambda x, a: x[0] / second(x, a),
    "argmax": argmax,
    "relu": lambda x, a: torch.relu(x[0]),
    "sigmoid": lambda x, a: torch.sigmoid(x[0]),
    "tanh": lambda x, a: torch.tanh(x[0]),
    "gelu": lambda x, a: F.gelu(x[0], approximate=a.get("approximate", "none")),
    "softmax": lambda x, a: torch.softmax(x[0], a["axis"][0]),
    "layer_norm": layer_norm,
    "matmul": matmul,
    "linear": lambda x, a: F.linear(x[0], x[1], x[2] if len(x) > 2 else None),
    "avg_pool1d": avg_pool1d,
    "conv_transpose2d": conv_transpose2d,
}

# operator, shapes of its operands, call; X, Y, Z stand for the operands
VARIANTS = [
    ("add", [[5, 7], [5, 7]], "add(x, y)"),
    ("add", [[2, 3, 5, 7], [3, 1, 1]], "add(x, y)"),
    ("add", [[7], [5, 1]], "add(x, y)"),
    ("add", [[600, 3]], "add(x, 0.1)"),
    ("sub", [[4, 1, 6], [5, 6]], "sub(x, y)"),
    ("sub", [[1300]], "sub(x, 2.5)"),
    ("mul", [[3, 1, 5, 1], [1, 4, 1, 6]], "mul(x, y)"),
    ("mul", [[33, 9]], "mul(x, -0.3)"),
    ("div", [[8, 9], [9]], "div(x, y)"),
    ("div", [[8, 9]], "div(x, 3.0)"),
    ("argmax", [[5, 1201]], "argmax(x, axis=1)"),
    ("argmax", [[5, 13, 6, 4]], "argmax(x, axis=-3)"),
    ("argmax", [[9]], "argmax(x, axis=0)"),
    ("relu", [[5, 401]], "relu(x)"),
    ("sigmoid", [[5, 401]], "sigmoid(x)"),
    ("tanh", [[5, 401]], "tanh(x)"),
    ("gelu", [[5, 401]], "gelu(x)"),
    ("gelu", [[5, 401]], "gelu(x, approximate=none)"),
    ("gelu", [[5, 401]], "gelu(x, approximate=tanh)"),
    ("softmax", [[5, 1201]], "softmax(x, axis=1)"),
    ("softmax", [[5, 13, 6, 4]], "softmax(x, axis=1)"),
    ("softmax", [[9, 7]], "softmax(x, axis=0)"),
    ("softmax", [[3, 4, 11]], "softmax(x, axis=-1)"),
    ("layer_norm", [[6, 777], [777], [777]], "layer_norm(x, y, z)"),
    ("layer_norm", [[2, 3, 5, 7], [5, 7], [5, 7]], "layer_norm(x, y, z, eps=1e-3)"),
    ("matmul", [[70, 150], [150, 140]], "matmul(x, y)"),
    ("matmul", [[150, 70], [150, 33]], "matmul(x, y, transpose_a=true)"),
    ("matmul", [[3, 70, 20], [3, 35, 20]], "matmul(x, y, transpose_b=true)"),
    ("matmul", [[2, 1, 20, 7], [5, 9, 20]], "matmul(x, y, transpose_a=true, transpose_b=true)"),
    ("matmul", [[4, 6, 8], [8, 5]], "matmul(x, y)"),
    ("matmul", [[1, 1], [1, 1]], "matmul(x, y)"),
    ("matmul", [[1, 5000], [5000, 3]], "matmul(x, y)"),
    ("linear", [[65, 129], [17, 129], [17]], "linear(x, y, z)"),
    ("linear", [[2, 3, 40], [50, 40]], "linear(x, y)"),
    ("linear", [[40], [50, 40], [50]], "linear(x, y, z)"),
    ("avg_pool1d", [[2, 3, 50]], "avg_pool1d(x, kernel=8, stride=1, padding=4)"),
    ("avg_pool1d", [[2, 3, 50]], "avg_pool1d(x, kernel=5)"),
    ("avg_pool1d", [[3, 50]], "avg_pool1d(x, kernel=7, stride=3, padding=2, count_include_pad=false)"),
    ("conv_transpose2d", [[2, 3, 7, 9], [3, 5, 4, 4], [5]],
     "conv_transpose2d(x, y, z, stride=2, padding=1, output_padding=1)"),
    ("conv_transpose2d", [[1, 4, 6, 5], [4, 7, 3, 2]], "conv_transpose2d(x, y)"),
    ("conv_transpose2d", [[2, 6, 5, 8], [6, 4, 3, 5], [8]],
     "conv_transpose2d(x, y, z, stride=3, padding=2, output_padding=1, dilation=2, groups=2)"),
    ("conv_transpose2d", [[2, 4, 5, 6], [4, 3, 2, 3]],
     "conv_transpose2d(x, y, stride=[3, 2], padding=[0, 1], dilation=[1, 2])"),
    ("conv_transpose2d", [[1, 2, 3, 3], [2, 2, 1, 1]], "conv_transpose2d(x, y, stride=4)"),
    ("conv_transpose2d", [[1, 2, 5, 5], [2, 2, 3, 3]], "conv_transpose2d(x, y, stride=2, dilation=4, padding=3)"),
]
CHAIN = """problem: chain
level: 3
sizes: {one: {M: 37, K: 90, N: 53}}
inputs:
  x: {dtype: f32, shape: [M, K], fill: normal(0, 1)}
weights:
  w: {dtype: f32, shape: [N, K], fill: kaiming}
  g: {dtype: f32, shape: [N], fill: uniform(0.5, 1.5)}
  h: {dtype: f32, shape: [N], fill: uniform(-1, 1)}
  v: {dtype: f32, shape: [N, K], fill: normal(0, 0.1)}
graph:
  - a = linear(x, w)
  - b = gelu(a, approximate=tanh)
  - c = layer_norm(b, g, h)
  - d = tanh(c)
  - e = matmul(d, v)
  - f = softmax(e, axis=1)
  - y = div(f, 0.7)
outputs: [y]
"""

passed = failed = 0


def report(good, sentence):
    global passed, failed
    passed, failed = passed + good, failed + (not good)
    print(("ok - " if good else "not ok - ") + sentence, flush=True)


def problem_text(shapes, call, dtype):
    names = "xyz"[:len(shapes)]
    # A divisor must stay away from 0, where quotients and their scale grow without bound.
    # No powers of two, or the sums come out exact.
    fills = ["normal(0.1, 1.9)", "uniform(0.6, 2.1)" if call.startswith("div") else "uniform(-0.7, 0.9)", "uniform(-1.1, 0.7)"]
    rows = "".join(f"  {n}: {{dtype: {dtype}, shape: {s}, fill: {f}}}\n" for n, s, f in zip(names, shapes, fills))
    return f"problem: variant\nlevel: 1\nsizes: {{one: {{Q: 1}}}}\ninputs:\n{rows}graph:\n  - r = {call}\noutputs: [r]\n"


def load(folder, graph, index):
    tensor = graph["tensors"][index]
    kind = DTYPES[tensor["dtype"]] if tensor["given"] else numpy.float64
    suffix = "data" if tensor["given"] else "value"
    raw = numpy.fromfile(f"{folder}/{index}.{suffix}", dtype=kind).astype(numpy.float64)
    return torch.from_numpy(raw.reshape(tensor["shape"]))


def compare(folder, change=0.0):
    """Worst difference in units of the scale, over every tensor of the graph; each node gets PyTorch's own inputs.
    `change` is added to one element of ours, in units of the scale, to see that it is noticed."""
    with open(f"{folder}/graph.json") as f:
        graph = json.load(f)
    values = {i: load(folder, graph, i) for i, t in enumerate(graph["tensors"]) if t["given"]}
    worst = 0.0
    for node in graph["nodes"]:
        out = OPS[node["op"]]([values[i] for i in node["in"]], node["attrs"])
        values[node["out"]] = out
        ours = load(folder, graph, node["out"])
        scale = torch.from_numpy(numpy.fromfile(f"{folder}/{node['out']}.scale").reshape(ours.shape))
        if list(out.shape) != list(ours.shape) or not torch.isfinite(scale).all() or (scale < 0).any():
            return graph, float("inf")
        whole = graph["tensors"][node["out"]]["dtype"] == "i32"  # integers have no scale
        ours.view(-1)[-1] += (1.0 if change else 0.0) if whole else change * scale.view(-1)[-1]
        difference = (out - ours).abs()
        ratio = torch.where(difference == 0, torch.zeros_like(scale), difference / scale)
        worst = max(worst, float(ratio.max()))
    return graph, worst


def check(tool, path, size, distribution, what):
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([tool, path, size, distribution, "7", folder], capture_output=True, text=True)
        if run.returncode != 0:
            report(False, f"{what}: {run.stderr.strip()}")
            return
        graph, worst = compare(folder)
        if compare(folder, 1e-9)[1] <= TOLERANCE:
            report(False, f"{what}: a difference of 1e-9 of the scale goes unnoticed")
        report(worst <= TOLERANCE, f"{what} on {distribution} data agrees with PyTorch (worst {worst:.1e} of the scale)")
        if not graph["identical"]:
            report(False, f"{what}: the number of threads changes the result")


def main():
    tool = sys.argv[1]
    root = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    torch.manual_seed(0)
    missing = set(OPS) ^ {v[0] for v in VARIANTS}
    report(not missing, "every operator has a variant" + (f", except {sorted(missing)}" if missing else ""))
    with open(os.path.join(root, "problems/ops/ops.def")) as f:
        table = {line[2:line.index(")")] for line in f if line.startswith("X(")}
    report(table == set(OPS), "this script knows every operator of the table")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "variant.yaml")
        for _, shapes, call in VARIANTS:
            for dtype, distribution in (("f32", "declared"), ("f32", "precision probe"), ("f16", "declared")):
                with open(path, "w") as f:
                    f.write(problem_text(shapes, call, dtype))
                if call.startswith("div(x, y") and distribution != "declared":
                    continue  # zeros among the divisors
                check(tool, path, "one", distribution, f"{call} of {dtype} {shapes}")
        with open(path, "w") as f:
            f.write(CHAIN)
        for distribution in ("declared", "signed uniform", "heavy tail", "needle", "small integers", "wide normal"):
            check(tool, path, "one", distribution, "a chain of seven operators")
    for path in sorted(glob.glob(os.path.join(root, "problems/level*/*.yaml"))):
        for size in ("check", "held1"):
            check(tool, path, size, "declared", f"{os.path.basename(path)} at size {size}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
