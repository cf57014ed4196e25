"""The embedding networks as PyTorch modules: iResNets with formula weights, SFace from its published file."""

import torch
from torch import nn

import formula
from architecture import (
    IRESNET_CHANNELS,
    IRESNET_EPSILON,
    SFACE_EPSILON_BODY,
    SFACE_EPSILON_HEAD,
    SFACE_HALVING,
    SFACE_LAST,
    iresnet_blocks,
)


def _conv(channels, width, side, stride, groups=1):
    return nn.Conv2d(channels, width, side, stride, padding=side // 2, groups=groups, bias=False)


class _Block(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels, IRESNET_EPSILON)
        self.conv1 = _conv(channels, width, 3, 1)
        self.bn2 = nn.BatchNorm2d(width, IRESNET_EPSILON)
        self.prelu = nn.PReLU(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn3 = nn.BatchNorm2d(width, IRESNET_EPSILON)
        self.downsample = None
        if stride != 1 or channels != width:
            norm = nn.BatchNorm2d(width, IRESNET_EPSILON)
            self.downsample = nn.Sequential(_conv(channels, width, 1, stride), norm)

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        x = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(x)) + identity


class _IResNet(nn.Module):
    def __init__(self, network):
        super().__init__()
        first, last = IRESNET_CHANNELS[0], IRESNET_CHANNELS[-1]
        self.conv1 = _conv(3, first, 3, 1)
        self.bn1 = nn.BatchNorm2d(first, IRESNET_EPSILON)
        self.prelu = nn.PReLU(first)
        for name, channels, width, stride in iresnet_blocks(network):
            stage, _, number = name.partition(".")
            if number == "0":
                self.add_module(stage, nn.Sequential())
            getattr(self, stage).append(_Block(channels, width, stride))
        self.bn2 = nn.BatchNorm2d(last, IRESNET_EPSILON)
        self.fc = nn.Linear(last * 7 * 7, 512)
        self.features = nn.BatchNorm1d(512, IRESNET_EPSILON)

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


class _SFaceUnit(nn.Sequential):
    def __init__(self, conv):
        super().__init__(conv, nn.BatchNorm2d(conv.out_channels, SFACE_EPSILON_BODY), nn.PReLU(conv.out_channels))


class _SFace(nn.Module):
    def __init__(self, tensors):
        super().__init__()
        self.body = nn.Sequential()
        names = ["conv_1"] + [f"conv_{n}{kind}" for n in range(2, SFACE_LAST + 1) for kind in ("_dw", "")]
        for name in names:
            width, channels, side, _ = tensors[f"{name}_conv2d_weight"].shape
            groups = width if name.endswith("_dw") else 1
            stride = 2 if name in [f"conv_{n}_dw" for n in SFACE_HALVING] else 1
            self.body.append(_SFaceUnit(_conv(channels * groups, width, side, stride, groups)))
        length, inputs = tensors["pre_fc1_weight"].shape
        self.bn1 = nn.BatchNorm2d(inputs // 49, SFACE_EPSILON_HEAD)
        self.pre_fc1 = nn.Linear(inputs, length)
        self.fc1 = nn.BatchNorm1d(length, SFACE_EPSILON_HEAD)
        with torch.no_grad():
            for name, (conv, norm, prelu) in zip(names, self.body):
                conv.weight.copy_(torch.from_numpy(tensors[f"{name}_conv2d_weight"]))
                _norm(norm, tensors, f"{name}_batchnorm")
                prelu.weight.copy_(torch.from_numpy(tensors[f"{name}_relu_gamma"].reshape(-1)))
            _norm(self.bn1, tensors, "bn1")
            _norm(self.fc1, tensors, "fc1")
            self.pre_fc1.weight.copy_(torch.from_numpy(tensors["pre_fc1_weight"]))
            self.pre_fc1.bias.copy_(torch.from_numpy(tensors["pre_fc1_bias"]))

    def forward(self, x):
        x = self.body((x - 127.5) * 0.0078125)
        return self.fc1(self.pre_fc1(self.bn1(x).flatten(1)))


def _norm(norm, tensors, name):
    for own, stored in (("weight", "gamma"), ("bias", "beta"), ("running_mean", "moving_mean"), ("running_var", "moving_var")):
        getattr(norm, own).copy_(torch.from_numpy(tensors[f"{name}_{stored}"]))


def module(network, sface_file):
    """The network in inference mode."""
    if network == "sface":
        from graphs import sface_tensors

        return _SFace(sface_tensors(sface_file)).eval()
    made = _IResNet(network)
    with torch.no_grad():
        for name, value in made.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_(torch.from_numpy(formula.tensor(name, tuple(value.shape))))
    return made.eval()
