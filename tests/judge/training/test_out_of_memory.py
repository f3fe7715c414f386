"""Out of the device's memory: half the batch is tried once, then it is told; finished folds are kept."""

import numpy as np
import pytest
import torch

from curate.errors import CurateError
from curate.judge.models.registry import make_model
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")


def too_large(limit, *, from_net=0):
    """Makes nets of which those from `from_net` on find no room for more than `limit` images in a training batch."""
    made = []

    def make(seed):
        net = make_model("lenet5", num_classes=3, in_channels=1, image_size=16, seed=seed)
        number = len(made)
        made.append(net)

        def look(net, arguments):
            if net.training and number >= from_net and len(arguments[0]) > limit:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

        net.register_forward_pre_hook(look)
        return net

    return make, made


class Store(dict):
    def load(self, name):
        return self.get(name)

    def save(self, name, array):
        self[name] = array

    def save_model(self, name, model):
        pass


def validated(make, shapes, cpu, **options):
    return cross_validate(
        make, shapes.images, shapes.labels, num_classes=3, recipe=Recipe(epochs=1, batch_size=20), device=cpu, num_folds=3, **options
    )


def test_half_the_batch_is_tried_and_is_that_of_a_recipe_with_half_the_batch(make_shapes, cpu):
    shapes = make_shapes(45)
    make, made = too_large(10)
    result = validated(make, shapes, cpu)
    assert len(made) == 6  # each fold anew, from its first weights
    expected = cross_validate(
        too_large(10)[0], shapes.images, shapes.labels, num_classes=3, recipe=Recipe(epochs=1, batch_size=10), device=cpu, num_folds=3
    )
    assert result.pred_probs.tobytes() == expected.pred_probs.tobytes()


def test_where_half_is_too_much_it_is_told_once_and_finished_folds_are_kept(make_shapes, cpu):
    shapes, store = make_shapes(45), Store()
    make, made = too_large(0, from_net=1)
    with pytest.raises(CurateError, match="fold 1 does not fit into the device's memory, neither with 20 images in a batch nor with 10"):
        validated(make, shapes, cpu, store=store)
    assert len(made) == 3 and "pred_probs-r0-f0" in store and "pred_probs-r0-f1" not in store
    make, made = too_large(20)
    resumed = validated(make, shapes, cpu, store=store)
    assert len(made) == 2 and resumed.pred_probs.tobytes() == validated(make, shapes, cpu).pred_probs.tobytes()


def too_large_to_judge(limit):
    """Makes nets that find no room for more than `limit` images once they are trained."""
    made = []

    def make(seed):
        net = make_model("lenet5", num_classes=3, in_channels=1, image_size=16, seed=seed)
        made.append(net)

        def look(net, arguments):
            if not net.training and len(arguments[0]) > limit:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

        net.register_forward_pre_hook(look)
        return net

    return make, made


def test_no_room_to_judge_makes_smaller_batches_and_trains_nothing_again(make_shapes, cpu):
    shapes = make_shapes(45)
    make, made = too_large_to_judge(4)
    result = validated(make, shapes, cpu)
    assert len(made) == 3
    np.testing.assert_allclose(result.pred_probs, validated(too_large_to_judge(1000)[0], shapes, cpu).pred_probs, atol=1e-5)


def test_no_room_to_judge_a_single_image_is_told_in_one_line_and_trains_nothing_again(make_shapes, cpu):
    make, made = too_large_to_judge(0)
    with pytest.raises(CurateError, match=r"no memory left to judge a single image; .* take a smaller --model or --image-size"):
        validated(make, make_shapes(45), cpu)
    assert len(made) == 1
