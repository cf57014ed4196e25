"""Chips to embeddings in one framework: embed.py FRAMEWORK NETWORK PRECISION --threads N --chips FILE [...]

A case is a batch size; the chips' pixels are the network's own floats before the clock starts. The output is that of
all chips, batch by batch.
"""

import argparse

import numpy

import protocol
from architecture import preprocessed


class _Embedder:
    """What the frameworks share: the chips, and the batches made of them."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.chips = numpy.fromfile(arguments.chips, numpy.uint8).reshape(-1, 112, 112, 3)

    def case(self, name):
        self.batch = int(name)
        if len(self.chips) < self.batch:
            raise ValueError(f"{self.batch} chips are wanted, {len(self.chips)} are there")
        self.take(numpy.arange(self.batch))

    def step(self):
        self.forward(self.input)

    def output(self):
        """All chips; what is left over after whole batches is filled up with the first ones."""
        rows = []
        for start in range(0, len(self.chips), self.batch):
            indices = numpy.arange(start, start + self.batch) % len(self.chips)
            self.take(indices)
            rows.append(numpy.array(self.forward(self.input), numpy.float32))
        self.take(numpy.arange(self.batch))
        return numpy.concatenate(rows)[: len(self.chips)]

    def take(self, indices):
        """Makes these chips the next iterations' input."""
        self.prepare(preprocessed(self.arguments.network, self.chips[indices]))

    def prepare(self, chips):
        self.input = chips


class Torch(_Embedder):
    """PyTorch, operator by operator, as a Python program runs it."""

    def __init__(self, arguments, channels_last):
        super().__init__(arguments)
        import torch

        from torch_networks import module

        torch.set_num_threads(arguments.threads)
        torch.set_grad_enabled(False)
        self.torch = torch
        self.dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[arguments.precision]
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.module = module(arguments.network, arguments.sface).to(dtype=self.dtype, memory_format=self.layout)
        self.about = {"version": torch.__version__, "threads": torch.get_num_threads()}

    def prepare(self, chips):
        self.input = self.torch.from_numpy(chips).to(dtype=self.dtype, memory_format=self.layout)

    def forward(self, chips):
        return self.module(chips).float().numpy()


class OnnxRuntime(_Embedder):
    """ONNX Runtime on the CPU, all its graph optimisations on."""

    def __init__(self, arguments):
        super().__init__(arguments)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(
            model_bytes(arguments), options, providers=["CPUExecutionProvider"]
        )
        self.about = {"version": onnxruntime.__version__, "threads": arguments.threads}

    def forward(self, chips):
        return self.session.run(None, {"data": chips})[0]


class OpenVino(_Embedder):
    """OpenVINO on the CPU, compiled for the batch, with the hint for the least latency."""

    def __init__(self, arguments):
        super().__init__(arguments)
        import openvino

        self.openvino, self.core = openvino, openvino.Core()
        self.model = self.core.read_model(model_bytes(arguments))
        self.about = {"version": openvino.__version__, "threads": arguments.threads}

    def compile(self, batch, hint):
        self.model.reshape({"data": [batch, 3, 112, 112]})
        options = {
            "INFERENCE_PRECISION_HINT": self.arguments.precision,
            "INFERENCE_NUM_THREADS": self.arguments.threads,
            "PERFORMANCE_HINT": hint,
        }
        return self.core.compile_model(self.model, "CPU", options)

    def case(self, name):
        self.request = self.compile(int(name), "LATENCY").create_infer_request()
        super().case(name)

    def forward(self, chips):
        return self.request.infer([chips], share_inputs=True, share_outputs=True)[0]


class OpenVinoThroughput(OpenVino):
    """OpenVINO with the hint for the most throughput: a batch is that many requests of one chip, side by side."""

    def case(self, name):
        compiled = self.compile(1, "THROUGHPUT")
        self.about["streams"] = compiled.get_property("NUM_STREAMS")
        self.queue = self.openvino.AsyncInferQueue(compiled)
        self.queue.set_callback(self.keep)
        _Embedder.case(self, name)

    def keep(self, request, index):
        self.rows[index] = request.get_output_tensor().data[0].copy()

    def forward(self, chips):
        self.rows = [None] * len(chips)
        for index in range(len(chips)):
            self.queue.start_async([chips[index : index + 1]], index, share_inputs=True)
        self.queue.wait_all()
        return self.rows


def model_bytes(arguments):
    """The ONNX model, as a file holds it."""
    if arguments.model:
        with open(arguments.model, "rb") as file:
            return file.read()
    import graphs

    return graphs.model(arguments.network, arguments.sface).SerializeToString()


FRAMEWORKS = {
    "torch": lambda arguments: Torch(arguments, False),
    "torch-channels-last": lambda arguments: Torch(arguments, True),
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
    "openvino-throughput": OpenVinoThroughput,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("framework", choices=FRAMEWORKS)
    parser.add_argument("network", choices=["iresnet50", "iresnet100", "sface"])
    parser.add_argument("precision", choices=["f32", "bf16"])
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--chips", required=True, help="the chips' bytes: 112 x 112 x 3 each, BGR")
    parser.add_argument("--sface", help="SFace's ONNX file")
    parser.add_argument("--model", help="an ONNX file in place of the network's own graph, of the same input and output")
    arguments = parser.parse_args()
    protocol.serve(lambda: FRAMEWORKS[arguments.framework](arguments))


if __name__ == "__main__":
    main()
