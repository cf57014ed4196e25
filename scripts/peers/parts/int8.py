"""What int8 would bring and cost: static quantisation by ONNX Runtime, run by it and by OpenVINO. Measured only."""

import subprocess

from steps.report import SetupError, say

from .. import checks, chips, lfw, machine, table
from ..bench import Bench
from ..worker import python
from .embed import sface_file

_NETWORKS = ("sface", "iresnet100")


def run(bench: Bench):
    """A table for each network and batch size; for SFace with the error rates on LFW, where `--lfw` says where it is."""
    faces = lfw.align(bench, bench.arguments.lfw) if bench.arguments.lfw else None
    for network in _NETWORKS:
        model = _quantised(bench, network)
        with bench.workers(_contenders(bench, network, model, chips.write(bench))) as workers:
            for batch in (1, 8):
                for worker in workers:
                    worker.case(str(batch))
                outputs = [worker.output() for worker in workers]
                # No limit: what it costs is the question.
                told = checks.cosines(workers, outputs, outputs[0], -1.0)
                title = f"{network}, int8 against f32, batch {batch}"
                timings = bench.measure(workers, title)
                yield table.make(title, timings, told, "least cosine with qmagface f32", per=batch, unit="ms per chip")
        if network == "sface" and faces:
            yield _error_rates(bench, model, faces)


def _contenders(bench: Bench, network: str, model: str, chips_file) -> list:
    given = ("--chips", chips_file, "--sface", sface_file())
    return [
        bench.ours("embed", network, "f32", "--chips", chips_file),
        bench.peer("OpenVINO f32", "embed.py", "openvino", network, "f32", *given),
        bench.peer("ONNX Runtime f32", "embed.py", "onnxruntime", network, "f32", *given),
        bench.peer("OpenVINO int8", "embed.py", "openvino", network, "f32", *given, "--model", model),
        bench.peer("ONNX Runtime int8", "embed.py", "onnxruntime", network, "f32", *given, "--model", model),
    ]


def _quantised(bench: Bench, network: str) -> str:
    """The path of the int8 model; its ranges come from the photos' chips, none of LFW's."""
    result = bench.scratch / f"{network}-int8.onnx"
    say("int8", f"quantising {network}")
    command = python("quantise.py", network, result, "--chips", chips.write(bench), "--sface", sface_file())
    if any("vnni" in flag or "amx_int8" in flag for flag in machine.flags()):
        command.append("--vnni")
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SetupError(f"{network} was not quantised:\n{done.stderr}")
    return str(result)


def _error_rates(bench: Bench, model: str, faces: lfw.Faces) -> table.Table:
    """FNMR by cosine over all pairs of LFW, of each contender but the second runtime in f32."""
    rows = []
    for contender in _contenders(bench, "sface", model, faces.chips):
        if contender[0] == "ONNX Runtime f32":
            continue
        with bench.workers([contender]) as workers:
            for worker in workers:
                say("int8", f"embedding {len(faces.people)} faces of LFW with {worker.name}")
                worker.case("8")
                fnmr = lfw.fnmr(worker.output(), faces.people, (1e-3, 1e-4))
                told = ", ".join(f"{100 * value:.3f} %" for value in fnmr)
                rows.append(table.Row(worker.name, None, None, None, None, told))
    note = f"{len(faces.people)} faces, all pairs, compared by cosine; {faces.without} photos without a face are left out."
    return table.Table("sface, error rates on LFW", "", "FNMR at FMR 0.1 %, 0.01 %", rows, [note])
