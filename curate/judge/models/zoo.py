"""ZOO: the well-known CNNs and transformers of torchvision and timm, as a table. A further one is an entry here."""

from types import ModuleType

from curate.errors import DependencyError
from curate.judge.models.zoo_net import VisionTransformerNet, ZooNet, ZooSpec

HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Mean and deviation of the nets whose weights came from TensorFlow."""

LAYERS = ("layer1",), ("layer2",), ("layer3",), ("layer4",)


def _features(*ends: int) -> tuple[tuple[str, ...], ...]:
    """Stages of a net whose body is one sequence `features`: the first is 0 .. ends[0] - 1, and so on."""
    return tuple(tuple(f"features.{i}" for i in range(a, b)) for a, b in zip((0, *ends), ends, strict=False))


def _residual(description: str, published: str, num_maps: int) -> ZooSpec:
    stages = ("conv1", "bn1", "relu", "maxpool"), *LAYERS
    return ZooSpec(description, published, stages, ("avgpool", "flatten", "fc"), num_maps, 8, ("conv1", "maxpool"))


def _vgg(description: str, published: str, *ends: int) -> ZooSpec:
    head = ("avgpool", "flatten", "classifier")
    return ZooSpec(description, published, _features(*ends), head, 512, 16, (f"features.{ends[-1] - 1}",), has_hidden_head=True)


ZOO: dict[str, ZooSpec] = {
    "alexnet": ZooSpec(
        "AlexNet in its one-column form: five convolutions (2012)",
        "alexnet",
        _features(3, 6, 13),
        ("avgpool", "flatten", "classifier"),
        256,
        21,
        ("features.0",),
        has_hidden_head=True,
    ),
    "vgg11": _vgg("VGG of 11 layers, with batch norm (2014)", "vgg11_bn", 4, 8, 15, 22, 29),
    "vgg16": _vgg("VGG of 16 layers, with batch norm (2014)", "vgg16_bn", 7, 14, 24, 34, 44),
    "vgg19": _vgg("VGG of 19 layers, with batch norm (2014)", "vgg19_bn", 7, 14, 27, 40, 53),
    "googlenet": ZooSpec(
        "GoogLeNet, Inception v1, with batch norm, without auxiliary heads (2014)",
        "googlenet",
        (
            ("conv1", "maxpool1", "conv2", "conv3", "maxpool2"),
            ("inception3a", "inception3b", "maxpool3"),
            ("inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "maxpool4"),
            ("inception5a", "inception5b"),
        ),
        ("avgpool", "flatten", "dropout", "fc"),
        1024,
        8,
        ("conv1.conv", "maxpool1"),
        options={"aux_logits": False, "init_weights": True},
        input_statistics=HALF,
    ),
    "inception-v3": ZooSpec(
        "Inception v3, without its auxiliary head (2015)",
        "inception_v3",
        (
            ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
            ("Mixed_5b", "Mixed_5c", "Mixed_5d"),
            ("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
            ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
        ),
        ("avgpool", "dropout", "flatten", "fc"),
        2048,
        21,
        ("Conv2d_1a_3x3.conv", "maxpool1"),
        options={"aux_logits": False, "init_weights": True},
        input_statistics=HALF,
    ),
    "resnet18": _residual("ResNet of 18 layers (2015)", "resnet18", 512),
    "resnet50": _residual("ResNet of 50 layers, with bottlenecks (2015)", "resnet50", 2048),
    "resnet152": _residual("ResNet of 152 layers, with bottlenecks (2015)", "resnet152", 2048),
    "resnext50": _residual("ResNeXt of 50 layers, 32 groups (2016)", "resnext50_32x4d", 2048),
    "wide-resnet50": _residual("ResNet of 50 layers, bottlenecks twice as wide (2016)", "wide_resnet50_2", 2048),
    "densenet121": ZooSpec(
        "DenseNet of 121 layers (2016)",
        "densenet121",
        (
            ("features.conv0", "features.norm0", "features.relu0", "features.pool0"),
            ("features.denseblock1", "features.transition1"),
            ("features.denseblock2", "features.transition2"),
            ("features.denseblock3", "features.transition3"),
            ("features.denseblock4", "features.norm5", "relu"),
        ),
        ("avgpool", "flatten", "classifier"),
        1024,
        8,
        ("features.conv0", "features.pool0"),
    ),
    "mobilenet-v2": ZooSpec(
        "MobileNet v2: inverted residuals (2018)",
        "mobilenet_v2",
        _features(2, 4, 7, 14, 19),
        ("avgpool", "flatten", "classifier"),
        1280,
        8,
        ("features.0.0", "features.2.conv.1.0"),
    ),
    "mobilenet-v3": ZooSpec(
        "MobileNet v3, the large one (2019)",
        "mobilenet_v3_large",
        _features(2, 4, 7, 13, 17),
        ("avgpool", "flatten", "classifier"),
        960,
        8,
        ("features.0.0", "features.2.block.1.0"),
    ),
    "shufflenet-v2": ZooSpec(
        "ShuffleNet v2 of width 1 (2018)",
        "shufflenet_v2_x1_0",
        (("conv1", "maxpool"), ("stage2",), ("stage3",), ("stage4", "conv5")),
        ("avgpool", "flatten", "fc"),
        1024,
        8,
        ("conv1.0", "maxpool"),
    ),
    "squeezenet": ZooSpec(
        "SqueezeNet 1.1, without the ReLU after its last layer, whose logits could not be negative (2016)",
        "squeezenet1_1",
        _features(3, 6, 9, 13),
        ("classifier.0", "classifier.1", "avgpool", "flatten"),
        512,
        10,
        ("features.0",),
    ),
    "efficientnet-b0": ZooSpec(
        "EfficientNet B0 (2019)",
        "efficientnet_b0",
        _features(2, 3, 4, 6, 9),
        ("avgpool", "flatten", "classifier"),
        1280,
        8,
        ("features.0.0", "features.2.0.block.1.0"),
    ),
    "convnext-tiny": ZooSpec(
        "ConvNeXt, the tiny one (2022)",
        "convnext_tiny",
        _features(2, 4, 6, 8),
        ("avgpool", "classifier"),
        768,
        11,
        ("features.0.0",),
    ),
    "vit-b16": ZooSpec(
        "Vision transformer B: patches of 16, of 4 on small images (2020)",
        "vit_b_16",
        (
            ("conv_proj", "class_token", "encoder.pos_embedding", *(f"encoder.layers.encoder_layer_{i}" for i in range(3))),
            tuple(f"encoder.layers.encoder_layer_{i}" for i in range(3, 6)),
            tuple(f"encoder.layers.encoder_layer_{i}" for i in range(6, 9)),
            (*(f"encoder.layers.encoder_layer_{i}" for i in range(9, 12)), "encoder.ln"),
        ),
        ("avgpool", "flatten", "heads"),
        768,
        8,
    ),
    "swin-t": ZooSpec(
        "Swin transformer, the tiny one (2021)",
        "swin_t",
        (*_features(2, 4, 6), ("features.6", "features.7", "norm", "permute")),
        ("avgpool", "flatten", "head"),
        768,
        8,
        ("features.0.0",),
    ),
    "xception": ZooSpec(
        "Xception; needs timm (2016)",
        "legacy_xception",
        (
            ("conv1", "bn1", "act1", "conv2", "bn2", "act2"),
            ("block1", "block2", "block3"),
            tuple(f"block{i}" for i in range(4, 12)),
            ("block12", "conv3", "bn3", "act3", "conv4", "bn4", "act4"),
        ),
        ("avgpool", "flatten", "fc"),
        2048,
        8,
        ("conv1", "block1.rep.5", "block1.skip"),
        package="timm",
        input_statistics=HALF,
    ),
}


def make_zoo_net(name: str, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> ZooNet:
    """A new net of the table, with random weights.

    Raises:
        DependencyError: it comes from timm, which is not installed.
    """
    spec = ZOO[name]
    if spec.package == "timm":
        published = import_timm(name).create_model(spec.published, num_classes=num_classes)
    else:
        from torchvision.models import get_model

        published = get_model(spec.published, weights=None, num_classes=num_classes, **spec.options)
    net = VisionTransformerNet if name == "vit-b16" else ZooNet
    return net(spec, published, num_classes=num_classes, in_channels=in_channels, image_size=image_size)


def import_timm(name: str) -> ModuleType:
    """timm, for the net `name`.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import timm
    except ImportError as error:
        raise DependencyError(f"model '{name}' needs timm; install it with: pip install 'curate[zoo]'") from error
    return timm
