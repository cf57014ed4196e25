"""iResNet in plain PyTorch, timed as the others are: from u8 chips in memory to f32 embeddings in memory.

`scripts/gpu-check` runs it, eagerly or compiled (torch.compile, max-autotune), in 16 bits with the channels innermost on a
GPU. The weights are random: this is about time only. With --how ceiling it times one large matrix product in place of a
network: what the device can do. One JSON object a line.
"""

import argparse
import json
import time

import torch
from torch import nn

BLOCKS = {"iresnet18": (2, 2, 2, 2), "iresnet34": (3, 4, 6, 3), "iresnet50": (3, 4, 14, 3), "iresnet100": (3, 13, 30, 3)}
EPS = 2e-5


class Block(nn.Module):
    """Batch norm, convolution, batch norm, PReLU, convolution (which may halve the map), batch norm; added to the input."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(inputs, eps=EPS),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs, eps=EPS),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs, eps=EPS),
        )
        self.identity = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.identity = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs, eps=EPS)
            )

    def forward(self, x):
        return self.branch(x) + self.identity(x)


class IResNet(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        layers = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64, eps=EPS), nn.PReLU(64)]
        inputs = 64
        for count, outputs in zip(blocks, (64, 128, 256, 512)):
            for block in range(count):
                layers.append(Block(inputs, outputs, 2 if block == 0 else 1))
                inputs = outputs
        layers.append(nn.BatchNorm2d(512, eps=EPS))
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(512 * 7 * 7, 512)
        self.features = nn.BatchNorm1d(512, eps=EPS)

    def forward(self, x):
        return self.features(self.head(self.body(x).flatten(1)))


def ceiling(device, kind, side, seconds):
    """TFLOP/s of the product of two square matrices."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.float).to(kind) for _ in range(2))
    # Several at a time, so that the calls cost nothing.
    products = 1 if device == "cpu" else 10
    best, runs, end = float("inf"), 0, time.perf_counter() + seconds
    while runs < 2 or time.perf_counter() < end:
        started = time.perf_counter()
        for _ in range(products):
            torch.matmul(a, b)
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - started) / products)
        runs += 1
    tflops = 2 * side**3 / best / 1e12
    print(json.dumps({"check": "ceiling", "precision": str(kind), "side": side, "tflops": tflops}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", required=True)
    parser.add_argument("--how", required=True, choices=["eager", "compiled", "ceiling"])
    parser.add_argument("--network", choices=sorted(BLOCKS))
    parser.add_argument("--batches")
    parser.add_argument("--side", type=int, default=8192, help="of the matrices")
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    cuda = arguments.device != "cpu"
    kind = torch.half if cuda else torch.float
    if arguments.how == "ceiling":
        ceiling(arguments.device, kind, arguments.side, arguments.seconds)
        return
    if not arguments.network or not arguments.batches:
        parser.error("--network and --batches are needed")
    torch.backends.cudnn.benchmark = True
    network = IResNet(BLOCKS[arguments.network]).eval().to(arguments.device, kind, memory_format=torch.channels_last)
    run = network
    if arguments.how == "compiled":
        run = torch.compile(network, mode="max-autotune", dynamic=False)

    @torch.inference_mode()
    def embed(chips):
        x = chips.to(arguments.device, non_blocking=True).to(kind).permute(0, 3, 1, 2) / 255
        return run(x).float().cpu()

    for batch in map(int, arguments.batches.split(",")):
        chips = torch.randint(0, 256, (batch, 112, 112, 3), dtype=torch.uint8)
        if cuda:
            chips = chips.pin_memory()
        for _ in range(5 if cuda else 1):
            embed(chips)
        latencies, started = [], time.perf_counter()
        while len(latencies) < 2 or time.perf_counter() - started < arguments.seconds:
            one = time.perf_counter()
            embed(chips)
            latencies.append(time.perf_counter() - one)
        total = time.perf_counter() - started
        latencies.sort()
        result = {
            "check": "speed", "how": arguments.how, "network": arguments.network, "precision": str(kind), "batch": batch,
            "runs": len(latencies), "images_per_s": batch * len(latencies) / total,
            "p50_ms": latencies[len(latencies) // 2] * 1e3, "p99_ms": latencies[int(len(latencies) * 0.99)] * 1e3,
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
