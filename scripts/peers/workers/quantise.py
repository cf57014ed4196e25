"""Makes an int8 ONNX model by static quantisation: quantise.py NETWORK RESULT --chips FILE --sface FILE [--vnni]

Weights by channel, activations by the range that the chips give; convolutions and dense layers only.
"""

import argparse
import logging
import tempfile
from pathlib import Path

import numpy
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import graphs
from architecture import preprocessed


class _Chips(CalibrationDataReader):
    def __init__(self, network, file):
        chips = numpy.fromfile(file, numpy.uint8).reshape(-1, 1, 112, 112, 3)
        self.inputs = iter([{"data": preprocessed(network, chip)} for chip in chips])

    def get_next(self):
        return next(self.inputs, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("result")
    parser.add_argument("--chips", required=True)
    parser.add_argument("--sface", required=True)
    parser.add_argument("--vnni", action="store_true", help="the processor adds up products of bytes without saturation")
    arguments = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(dir=Path(arguments.result).parent) as work:
        given, folded = Path(work) / "given.onnx", Path(work) / "folded.onnx"
        onnx.save(graphs.model(arguments.network, arguments.sface), given)
        # Batch norms are folded into the convolutions before those are rounded.
        quant_pre_process(str(given), str(folded), skip_symbolic_shape=True)
        quantize_static(
            str(folded),
            arguments.result,
            _Chips(arguments.network, arguments.chips),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # Without it two products of bytes overflow 16 bits on a processor of the AVX2 generation.
            reduce_range=not arguments.vnni,
            op_types_to_quantize=["Conv", "Gemm"],
        )


if __name__ == "__main__":
    main()
