"""What the embedding networks are made of, as plain data: two frameworks build them from it."""

# Blocks of an iResNet's four stages, and their channels.
IRESNET_BLOCKS = {"iresnet50": (3, 4, 14, 3), "iresnet100": (3, 13, 30, 3)}
IRESNET_CHANNELS = (64, 128, 256, 512)
IRESNET_EPSILON = 2e-5

SFACE_EPSILON_BODY = 1e-3
SFACE_EPSILON_HEAD = 2e-5
# SFace's depthwise convolutions that halve the map.
SFACE_HALVING = (3, 5, 7, 13)
SFACE_LAST = 14


def iresnet_blocks(network):
    """(name, input channels, output channels, stride) of each block; the first of a stage halves the map."""
    channels = IRESNET_CHANNELS[0]
    for stage, (count, width) in enumerate(zip(IRESNET_BLOCKS[network], IRESNET_CHANNELS), 1):
        for block in range(count):
            yield f"layer{stage}.{block}", channels, width, 2 if block == 0 else 1
            channels = width


def preprocessed(network, chips):
    """Chips (n x 112 x 112 x 3, u8, BGR) as the network's own input: n x 3 x 112 x 112, f32."""
    import numpy

    planes = chips.transpose(0, 3, 1, 2).astype(numpy.float32)
    # SFace takes RGB, and its file does the rest.
    return numpy.ascontiguousarray(planes[:, ::-1] if network == "sface" else planes / numpy.float32(255))
