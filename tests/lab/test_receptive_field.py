"""Receptive fields against an oracle: a pixel that is not a number makes every unit not a number that depends on it."""

import pytest
import torch
import torchvision
from torch import nn

from curate.judge.models.registry import make_model
from curate.lab.receptive_field import Field, Span
from curate.lab.tracing import trace


def columns_seen(net, channels, size):
    """For each call of each layer whose output is a map: its name, and (columns of the image, of the map) whether that sees this."""
    seen = []
    handles = [
        module.register_forward_hook(lambda m, i, o, name=name: seen.append((name, o.isnan().any(1).any(1) if o.ndim == 4 else None)))
        for name, module in net.named_modules()
        if not any(module.children())
    ]
    x = torch.rand(size, channels, size, size, dtype=torch.float64)
    for column in range(size):
        x[column, :, :, column] = torch.nan
    with torch.no_grad():
        net.eval()(x)
    for handle in handles:
        handle.remove()
    return seen


def check_against_oracle(net, *, channels=3, size):
    net = net.double()
    layers = {name for name, module in net.named_modules() if not any(module.children())}
    records = [r for r in trace(net, torch.rand(1, channels, size, size, dtype=torch.float64))[0] if r.name in layers]
    num_checked = 0
    for record, (name, seen) in zip(records, columns_seen(net, channels, size), strict=True):
        assert record.name == name
        if seen is None or len(record.output_shape) != 4:
            continue
        assert record.receptive_field is not None
        for unit in range(seen.shape[1]):
            columns = seen[:, unit].nonzero().flatten().tolist()
            assert record.receptive_field.x.seen_by(unit, size) == (columns[0], columns[-1] + 1), (record.name, unit)
            num_checked += 1
    assert num_checked > 20


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet18", 40),
        ("googlenet", 49),
        ("densenet121", 32),
        ("shufflenet_v2_x1_0", 32),
        ("squeezenet1_1", 63),
        ("mobilenet_v3_small", 32),
    ],
)  # sides at which no stride leaves out a pixel at the border, which a formula does not know
def test_the_fields_of_nets_with_branches_are_those_of_the_oracle(name, size, one_thread):
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    check_against_oracle(torchvision.models.get_model(name, num_classes=10, **options), size=size)


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998", "resnet-small"])
def test_the_fields_of_our_own_nets_are_those_of_the_oracle(name, one_thread):
    net = make_model(name, num_classes=10, in_channels=1, image_size=32, seed=0)
    check_against_oracle(net.body if name == "resnet-small" else net, channels=1, size=32)  # its pooling leaves double precision


class Branches(nn.Module):
    """A net with everything that bends receptive fields."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, stride=2, padding=1, padding_mode="reflect")
        self.wide = nn.Conv2d(8, 8, 3, padding="same", dilation=2, groups=4)
        self.narrow = nn.Conv2d(4, 8, 1)
        self.joined = nn.Conv2d(16, 8, 2, padding="same")
        self.pool = nn.AvgPool2d(3, 2, padding=1)
        self.last = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.stem(nn.functional.pad(x, (2, 1, 2, 1)))
        a, b = x.chunk(2, 1)
        x = torch.cat([self.wide(x), self.narrow(a) + self.narrow(b)], 1)
        x = self.joined(x.permute(0, 2, 3, 1).permute(0, 3, 1, 2))
        return self.last(self.pool(x).transpose(2, 3).transpose(2, 3)[:, :8] * 2)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_fields_go_through_padding_dilation_groups_chunks_and_permutations(one_thread):
    check_against_oracle(Branches(), size=21)


def record_of(net, x, name):
    return next(record for record in trace(net, x)[0] if record.name == name)


def test_a_fully_connected_layer_sees_the_whole_image():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 36, 4), nn.ReLU())
    records = trace(net, torch.rand(1, 1, 8, 8))[0]
    assert [record.receptive_field.is_whole for record in records] == [False, False, True, True]


def test_a_linear_layer_over_channels_sees_no_more_than_before():
    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.linear = nn.Conv2d(1, 4, 3), nn.LayerNorm(4), nn.Linear(4, 4)

        def forward(self, x):
            return self.linear(self.norm(self.conv(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)

    assert record_of(ChannelsLast(), torch.rand(1, 1, 8, 8), "linear").receptive_field.size == (3, 3)


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LayerNorm([4, 6, 6])])
def test_a_norm_over_places_sees_the_whole_image_and_stays_a_map(norm):
    field = trace(nn.Sequential(nn.Conv2d(1, 4, 3), norm), torch.rand(1, 1, 8, 8))[0][-1].receptive_field
    assert (field.is_whole, field.is_map, field.y.jump) == (True, True, 1)


def test_what_moves_places_about_is_unknown_and_so_is_all_after_it():
    class Rolled(nn.Module):
        def forward(self, x):
            return torch.roll(x, 1, 3)

    assert [record.receptive_field for record in trace(nn.Sequential(Rolled(), nn.ReLU()), torch.rand(1, 1, 8, 8))[0]] == [None, None]


def test_branches_of_different_strides_do_not_fit_onto_each_other():
    class Broken(nn.Module):
        def forward(self, x):
            return nn.functional.max_pool2d(x, 2) + x[:, :, :1, :1].expand(1, 1, 4, 4)

    assert trace(Broken(), torch.rand(1, 1, 8, 8))[0][-1].receptive_field is None


def test_the_box_of_a_unit_is_cut_at_the_border_of_the_image():
    field = Field(Span(-2, 4, 2), Span(-2, 4, 2))
    assert field.box(0, 1, (9, 9)) == (0, 5, 0, 7)
    assert field.box(4, 3, (9, 9)) == (6, 9, 4, 9)


def test_the_start_is_the_middle_of_what_the_first_unit_sees():
    span = Span().window(11, stride=4, before=2)
    assert (span.size, span.jump, span.start) == (11, 4, 3)
