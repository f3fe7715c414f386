import sys

import pytest
import torch
from torch import nn

from curate.errors import DataError, DependencyError, UsageError
from curate.judge.models.base import ConvNet
from curate.judge.models.registry import make_model
from curate.lab.saliency import METHODS, saliency

pytestmark = pytest.mark.usefixtures("one_thread")


class Corners(ConvNet):
    """Class 0: how bright the upper left quarter is, class 1: the lower right one; the rest of the image counts for nothing."""

    def __init__(self, size=16):
        super().__init__(num_classes=2, in_channels=1, image_size=(size, size), num_maps=1)
        self.layer = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.ones_(self.layer.weight)

    def forward_maps(self, x):
        return self.layer(x)

    def forward_head(self, maps):
        half = maps.shape[2] // 2
        return torch.stack([maps[:, 0, :half, :half].mean(dim=(1, 2)), maps[:, 0, half:, half:].mean(dim=(1, 2))], dim=1)


class Brightness(Corners):
    """Class 0 is bright, class 1 is dark."""

    def forward_head(self, maps):
        bright = maps.mean(dim=(1, 2, 3))
        return torch.stack([bright, -bright], dim=1)


@pytest.fixture
def white():
    return torch.ones(1, 16, 16)


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_what_speaks_for_a_class_is_where_the_class_is_decided(method, white):
    for label, own, other in ((0, slice(0, 8), slice(8, 16)), (1, slice(8, 16), slice(0, 8))):
        heat = saliency(Corners(), white, label, method)
        assert heat.shape == (16, 16) and heat.abs().max() == 1
        assert heat[own, own].min() > 0 and heat[other, other].max() < 0
        assert heat[0, 15].abs() < 0.01 and heat[15, 0].abs() < 0.01


def test_grad_cam_shows_what_speaks_for_a_class_and_never_what_against():
    half = torch.zeros(1, 16, 16)
    half[:, :8] = 1
    for_bright = saliency(Brightness(), half, 0, "gradcam")
    assert for_bright[:8].min() == 1 and for_bright[8:].abs().max() == 0
    assert saliency(Brightness(), half, 1, "gradcam").abs().max() == 0


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_of_two_classes_what_speaks_for_one_speaks_against_the_other(method):
    net = make_model("lenet5", num_classes=2, in_channels=1, image_size=28, seed=0)
    x = torch.randn(1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(saliency(net, x, 0, method), -saliency(net, x, 1, method), atol=1e-3, rtol=0)


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_what_is_missing_shows_only_beside_references_that_have_it(method):
    """An empty image: with no reference but emptiness, hiding a part of it changes nothing."""
    empty = torch.zeros(1, 16, 16)
    assert saliency(Corners(), empty, 0, method).abs().max() == 0
    assert saliency(Corners(), empty, 0, method, references=torch.ones(3, 1, 16, 16))[:8, :8].max() < 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_training", [True, False])
def test_the_net_is_left_as_it_was(method, is_training, white):
    net = make_model("mnist-cnn", num_classes=3, in_channels=1, image_size=16, seed=0).train(is_training)
    net.body[0].eval().requires_grad_(False)
    modes = [module.training for module in net.modules()]
    before = {name: (p.requires_grad, p.clone()) for name, p in net.named_parameters()}
    buffers = {name: b.clone() for name, b in net.named_buffers()}
    heat = saliency(net, white, 2, method)
    assert heat.abs().max() <= 1 and not heat.requires_grad
    assert [module.training for module in net.modules()] == modes
    assert all(p.requires_grad is before[n][0] and torch.equal(p, before[n][1]) and p.grad is None for n, p in net.named_parameters())
    assert all(torch.equal(b, buffers[n]) for n, b in net.named_buffers())
    assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in net.modules()) == 0


def test_auto_is_grad_cam_where_the_last_maps_are_fine_enough(white):
    fine, coarse = Corners(), make_model("lenet5", num_classes=3, in_channels=1, image_size=16, seed=0)
    assert torch.equal(saliency(fine, white, 0), saliency(fine, white, 0, "gradcam"))
    assert torch.equal(saliency(coarse, white, 0), saliency(coarse, white, 0, "occlusion"))


def test_methods_classes_and_images_that_are_not_there_are_refused(white):
    with pytest.raises(UsageError, match="auto, occlusion, gradients, gradcam, guided, deconvolution; found 'magic'"):
        saliency(Corners(), white, 0, "magic")
    with pytest.raises(UsageError, match="classes 0 to 1, found 2"):
        saliency(Corners(), white, 2)
    with pytest.raises(DataError, match=r"takes images \(C, H, W\) = \(1, 16, 16\), found \(1, 8, 8\)"):
        saliency(Corners(), white[:, :8, :8], 0)


def test_without_captum_the_command_that_installs_it_is_told(monkeypatch, white):
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(DependencyError, match=r"pip install 'curate\[explain\]'"):
        saliency(Corners(), white, 0, "occlusion")
    assert saliency(Brightness(), white, 0, "gradcam").max() == 1


def test_grad_cam_agrees_with_captum():
    attr = pytest.importorskip("captum.attr")
    net = make_model("cifar-cnn", num_classes=4, in_channels=3, image_size=32, seed=0).eval()
    x = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))

    class Odds(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = nn.Identity()

        def forward(self, images):
            logits = net.forward_head(self.maps(net.forward_maps(images)))
            return logits - torch.stack([logits[:, [j for j in range(4) if j != k]].logsumexp(1) for k in range(4)], dim=1)

    odds = Odds()
    has_heat = []
    for k in range(4):
        expected = attr.LayerGradCam(odds, odds.maps).attribute(x[None], target=k, relu_attributions=True)
        expected = nn.functional.interpolate(expected, (32, 32), mode="bilinear", align_corners=False)[0, 0].detach()
        has_heat.append(bool(expected.max() > 0))
        torch.testing.assert_close(saliency(net, x, k, "gradcam"), expected / (expected.max() if has_heat[-1] else 1))
    assert any(has_heat)
