"""The embedding networks as ONNX graphs with floats: iResNets with formula weights, SFace from its published file."""

import numpy
import onnx
from onnx import helper, numpy_helper

import formula
from architecture import IRESNET_CHANNELS, IRESNET_EPSILON, iresnet_blocks

OPSET = 17


class _Graph:
    """An ONNX graph being built; each method adds a layer and gives the name of its result."""

    def __init__(self):
        self.nodes, self.tensors = [], []

    def tensor(self, name, shape, reshaped=None):
        value = formula.tensor(name, shape)
        self.tensors.append(numpy_helper.from_array(value if reshaped is None else value.reshape(reshaped), name))
        return name

    def node(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def norm(self, x, name, channels):
        fields = ("weight", "bias", "running_mean", "running_var")
        tensors = [self.tensor(f"{name}.{field}", (channels,)) for field in fields]
        return self.node("BatchNormalization", [x, *tensors], name, epsilon=IRESNET_EPSILON)

    def conv(self, x, name, shape, stride):
        pad = shape[2] // 2
        weight = self.tensor(f"{name}.weight", shape)
        return self.node(
            "Conv", [x, weight], name, kernel_shape=shape[2:], strides=[stride] * 2, pads=[pad] * 4
        )

    def prelu(self, x, name, channels):
        return self.node("PRelu", [x, self.tensor(f"{name}.weight", (channels,), (channels, 1, 1))], name)

    def block(self, x, name, channels, width, stride):
        identity = x
        if stride != 1 or channels != width:
            identity = self.conv(x, f"{name}.downsample.0", (width, channels, 1, 1), stride)
            identity = self.norm(identity, f"{name}.downsample.1", width)
        x = self.norm(x, f"{name}.bn1", channels)
        x = self.conv(x, f"{name}.conv1", (width, channels, 3, 3), 1)
        x = self.prelu(self.norm(x, f"{name}.bn2", width), f"{name}.prelu", width)
        x = self.norm(self.conv(x, f"{name}.conv2", (width, width, 3, 3), stride), f"{name}.bn3", width)
        return self.node("Add", [x, identity], name)


def iresnet(network):
    """The model of an iResNet; the batch is free."""
    graph = _Graph()
    first, last = IRESNET_CHANNELS[0], IRESNET_CHANNELS[-1]
    x = graph.norm(graph.conv("data", "conv1", (first, 3, 3, 3), 1), "bn1", first)
    x = graph.prelu(x, "prelu", first)
    for block in iresnet_blocks(network):
        x = graph.block(x, *block)
    x = graph.node("Flatten", [graph.norm(x, "bn2", last)], "flatten", axis=1)
    weight = graph.tensor("fc.weight", (512, last * 7 * 7))
    x = graph.node("Gemm", [x, weight, graph.tensor("fc.bias", (512,))], "fc", transB=1)
    x = graph.norm(x, "features", 512)
    floats = onnx.TensorProto.FLOAT
    made = helper.make_graph(
        graph.nodes,
        network,
        [helper.make_tensor_value_info("data", floats, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info(x, floats, ["n", 512])],
        graph.tensors,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])


# What the operators behind a stored tensor append to its name.
_UNFOLDED = ("_reshaped", "_dequantized")


def _unfolded(file):
    """The file's graph, and its float tensors by the names that the layers use: most are stored as blocks of int8."""
    model = onnx.load(file)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear":
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            axis, block = attributes["axis"], attributes["block_size"]
            values, scales, zeros = (tensors[name].astype(numpy.float32) for name in node.input)
            # The last block of an axis may be short.
            spread = [numpy.repeat(x, block, axis).take(range(values.shape[axis]), axis) for x in (scales, zeros)]
            tensors[node.output[0]] = (values - spread[1]) * spread[0]
        elif node.op_type == "Reshape":
            tensors[node.output[0]] = tensors[node.input[0]].reshape(tensors[node.input[1]])
    return model, tensors


def sface_tensors(file):
    """SFace's float tensors by the names that they are stored under."""
    _, tensors = _unfolded(file)
    plain = {}
    for name, value in tensors.items():
        for suffix in _UNFOLDED:
            # A reshaped tensor comes after its dequantised one and takes its place.
            name = name.removesuffix(suffix)
        plain[name] = value
    return plain


def sface(file):
    """SFace's model with float tensors in place of blocks of int8; the batch is free."""
    model, tensors = _unfolded(file)
    graph = model.graph
    nodes = [node for node in graph.node if node.op_type not in ("DequantizeLinear", "Reshape")]
    used = {name for node in nodes for name in node.input}
    data = next(value for value in graph.input if value.name == "data")
    for value in (data, graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    made = helper.make_graph(
        nodes,
        "sface",
        [data],
        list(graph.output),
        [numpy_helper.from_array(value, name) for name, value in tensors.items() if name in used],
    )
    return helper.make_model(made, opset_imports=list(model.opset_import), ir_version=model.ir_version)


def model(network, sface_file):
    """The model of the network."""
    return sface(sface_file) if network == "sface" else iresnet(network)
