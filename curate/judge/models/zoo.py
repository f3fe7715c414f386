"""ZOO: the well-known CNNs and transformers of torchvision and timm, as a table. A further one is an entry here."""

from dataclasses import replace
from types import ModuleType

from curate.errors import DependencyError
from curate.judge.models.early_mobile import MobileNetV1, ShuffleNetV1
from curate.judge.models.light_torchvision import import_torchvision_models
from curate.judge.models.zoo_net import VisionTransformerNet, ZooNet, ZooSpec
from curate.packages import pip_install

HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Mean and deviation of the nets whose weights came from TensorFlow."""

OWN = {"MobileNetV1": MobileNetV1, "ShuffleNetV1": ShuffleNetV1}
"""Nets that neither torchvision nor timm's first releases have, written here after their papers."""

LAYERS = ("layer1",), ("layer2",), ("layer3",), ("layer4",)


def _features(*ends: int) -> tuple[tuple[str, ...], ...]:
    """Stages of a net whose body is one sequence `features`: the first is 0 .. ends[0] - 1, and so on."""
    return tuple(tuple(f"features.{i}" for i in range(a, b)) for a, b in zip((0, *ends), ends, strict=False))


def _residual(description: str, published: str, num_maps: int, parameters: int) -> ZooSpec:
    stages = ("conv1", "bn1", "relu", "maxpool"), *LAYERS
    head = ("avgpool", "flatten", "fc")
    return ZooSpec(description, published, stages, head, num_maps, 8, ("conv1", "maxpool"), parameters=parameters)


def _vgg(layers: int, parameters: int, *ends: int) -> ZooSpec:
    """Plain VGG, as in the paper."""
    stages, head = _features(*ends), ("avgpool", "flatten", "classifier")
    lifted = (f"features.{ends[-1] - 1}",)
    words = f"VGG of {layers} layers, plain, as in the paper (2014)"
    return ZooSpec(words, f"vgg{layers}", stages, head, 512, 16, lifted, has_hidden_head=True, parameters=parameters)


def _vgg_bn(layers: int, parameters: int, *ends: int) -> ZooSpec:
    """VGG with batch norm, which trains better from random weights."""
    plain = _vgg(layers, parameters, *ends)
    return replace(plain, description=f"VGG of {layers} layers, with batch norm, which the paper's had not", published=f"vgg{layers}_bn")


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
        parameters=61_100_840,
    ),
    "vgg11": _vgg(11, 132_863_336, 3, 6, 11, 16, 21),
    "vgg16": _vgg(16, 138_357_544, 5, 10, 17, 24, 31),
    "vgg19": _vgg(19, 143_667_240, 5, 10, 19, 28, 37),
    "vgg11-bn": _vgg_bn(11, 132_868_840, 4, 8, 15, 22, 29),
    "vgg16-bn": _vgg_bn(16, 138_365_992, 7, 14, 24, 34, 44),
    "vgg19-bn": _vgg_bn(19, 143_678_248, 7, 14, 27, 40, 53),
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
        parameters=13_004_888,
        note="without its two auxiliary heads (6,379,984 of the published parameters), which serve training only",
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
        parameters=27_161_264,
        own_input=(3, 299, 299),
        note="without its auxiliary head (3,326,696 of the published parameters), which serves training only",
    ),
    "resnet18": _residual("ResNet of 18 layers (2015)", "resnet18", 512, 11_689_512),
    "resnet34": _residual("ResNet of 34 layers (2015)", "resnet34", 512, 21_797_672),
    "resnet50": _residual("ResNet of 50 layers, with bottlenecks (2015)", "resnet50", 2048, 25_557_032),
    "resnet101": _residual("ResNet of 101 layers, with bottlenecks (2015)", "resnet101", 2048, 44_549_160),
    "resnet152": _residual("ResNet of 152 layers, with bottlenecks (2015)", "resnet152", 2048, 60_192_808),
    "resnext50": _residual("ResNeXt of 50 layers, 32 groups (2016)", "resnext50_32x4d", 2048, 25_028_904),
    "wide-resnet50": _residual("ResNet of 50 layers, bottlenecks twice as wide (2016)", "wide_resnet50_2", 2048, 68_883_240),
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
        parameters=7_978_856,
    ),
    "mobilenet-v1": ZooSpec(
        "MobileNet v1 of width 1: depthwise separable convolutions (2017)",
        "MobileNetV1",
        _features(2, 4, 6, 12, 14),
        ("avgpool", "flatten", "classifier"),
        1024,
        8,
        ("features.0.0", "features.2.0"),
        package="curate",
        input_statistics=HALF,
        parameters=4_231_976,
    ),
    "mobilenet-v2": ZooSpec(
        "MobileNet v2: inverted residuals (2018)",
        "mobilenet_v2",
        _features(2, 4, 7, 14, 19),
        ("avgpool", "flatten", "classifier"),
        1280,
        8,
        ("features.0.0", "features.2.conv.1.0"),
        parameters=3_504_872,
    ),
    "mobilenet-v3": ZooSpec(
        "MobileNet v3, the large one (2019)",
        "mobilenet_v3_large",
        _features(2, 4, 7, 13, 17),
        ("avgpool", "flatten", "classifier"),
        960,
        8,
        ("features.0.0", "features.2.block.1.0"),
        parameters=5_483_032,
    ),
    "shufflenet-v1": ZooSpec(
        "ShuffleNet v1 of width 1 with 3 groups (2017)",
        "ShuffleNetV1",
        (("conv1", "maxpool"), ("stage2",), ("stage3",), ("stage4",)),
        ("avgpool", "flatten", "fc"),
        960,
        8,
        ("conv1.0", "maxpool"),
        package="curate",
    ),
    "shufflenet-v2": ZooSpec(
        "ShuffleNet v2 of width 1 (2018)",
        "shufflenet_v2_x1_0",
        (("conv1", "maxpool"), ("stage2",), ("stage3",), ("stage4", "conv5")),
        ("avgpool", "flatten", "fc"),
        1024,
        8,
        ("conv1.0", "maxpool"),
        parameters=2_278_604,
    ),
    "squeezenet": ZooSpec(
        "SqueezeNet 1.1, without the ReLU after its last layer, whose logits could not be negative (2016)",
        "squeezenet1_1",
        _features(3, 6, 9, 13),
        ("classifier.0", "classifier.1", "avgpool", "flatten"),
        512,
        10,
        ("features.0",),
        parameters=1_235_496,
    ),
    "efficientnet-b0": ZooSpec(
        "EfficientNet B0 (2019)",
        "efficientnet_b0",
        _features(2, 3, 4, 6, 9),
        ("avgpool", "flatten", "classifier"),
        1280,
        8,
        ("features.0.0", "features.2.0.block.1.0"),
        parameters=5_288_548,
    ),
    "efficientnet-lite0": ZooSpec(
        "EfficientNet Lite0, for telephones: no squeezing, ReLU6; needs timm (2020)",
        "tf_efficientnet_lite0",
        (
            ("conv_stem", "bn1", "blocks.0"),
            ("blocks.1",),
            ("blocks.2",),
            ("blocks.3", "blocks.4"),
            ("blocks.5", "blocks.6", "conv_head", "bn2"),
        ),
        ("avgpool", "flatten", "classifier"),
        1280,
        8,
        ("conv_stem", "blocks.1.0.conv_dw"),
        package="timm",
        input_statistics=((127 / 255,) * 3, (128 / 255,) * 3),
        parameters=4_652_008,
    ),
    "convnext-tiny": ZooSpec(
        "ConvNeXt, the tiny one (2022)",
        "convnext_tiny",
        _features(2, 4, 6, 8),
        ("avgpool", "classifier"),
        768,
        11,
        ("features.0.0",),
        parameters=28_589_128,
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
        parameters=86_567_656,
    ),
    "swin-t": ZooSpec(
        "Swin transformer, the tiny one (2021)",
        "swin_t",
        (*_features(2, 4, 6), ("features.6", "features.7", "norm", "permute")),
        ("avgpool", "flatten", "head"),
        768,
        8,
        ("features.0.0",),
        parameters=28_288_354,
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
        parameters=22_855_952,
        own_input=(3, 299, 299),
    ),
}


def make_zoo_net(name: str, *, num_classes: int, in_channels: int, image_size: tuple[int, int]) -> ZooNet:
    """A new net of the table, with random weights.

    Raises:
        DependencyError: it comes from timm, which is not installed.
    """
    spec = ZOO[name]
    if spec.package == "curate":
        published = OWN[spec.published](num_classes=num_classes)
    elif spec.package == "timm":
        published = import_timm(name).create_model(spec.published, num_classes=num_classes)
    else:
        published = import_torchvision_models().get_model(spec.published, weights=None, num_classes=num_classes, **spec.options)
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
        raise DependencyError(f"model '{name}' needs timm; install it with: {pip_install('timm')}") from error
    return timm
