import torch

from curate.judge.models.base import GlobalPooling


def test_global_pooling_is_mean_then_maximum_of_each_map():
    maps = torch.randn(3, 5, 4, 2, generator=torch.Generator().manual_seed(0))
    pooled = GlobalPooling()(maps)
    for b in range(3):
        for c in range(5):
            values = [maps[b, c, i, j].item() for i in range(4) for j in range(2)]
            assert abs(pooled[b, c].item() - sum(values) / 8) < 1e-6
            assert pooled[b, 5 + c].item() == max(values)
    assert pooled.shape == (3, 10)


def test_global_pooling_of_bf16_maps_computes_in_float32():
    maps = torch.full((1, 1, 3, 3), 1.0, dtype=torch.bfloat16)
    maps[0, 0, 0, 0] = 1.0078125  # the next bfloat16 after 1
    assert GlobalPooling()(maps)[0, 0].item() == torch.tensor(1 + 0.0078125 / 9, dtype=torch.float32).item()
