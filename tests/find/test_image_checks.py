import numpy as np
import pytest

from curate.data.picture_facts import measure
from curate.find.image_checks import CHECKS, check_images


@pytest.fixture(scope="module")
def pictures():
    """60 coarse colour noises of 120 x 120; numbers 0 to 6 are spoilt, each in its own way."""
    generator = np.random.default_rng(0)
    made = [generator.integers(0, 256, (3, 12, 12)).repeat(10, 1).repeat(10, 2).astype(np.uint8) for _ in range(60)]
    made[0] = (made[0] * 0.15).astype(np.uint8)
    made[1] = 245 + (made[1] // 26)
    made[2] = np.full((3, 120, 120), 120, np.uint8)
    y, x = np.mgrid[:120, :120]
    made[3] = np.stack([127 + 100 * np.sin(x / 40 + y / 90 + c) for c in range(3)]).astype(np.uint8)
    made[4] = made[4].repeat(9, 1).repeat(9, 2)
    made[5] = made[5][:, :, :30]
    made[6] = made[7].copy()
    return made


def measured(pictures):
    from PIL import Image

    images = [Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))) for pixels in pictures]
    return np.array([measure(image, key=bytes(16), width=image.width, height=image.height, is_grey=False) for image in images])


def test_each_spoilt_picture_is_found_by_its_check(pictures):
    found = check_images(measured(pictures))
    wanted = {"dark": 0, "light": 1, "low_information": 2, "odd_size": 4, "odd_aspect_ratio": 5}
    assert all(found.is_issue[check][i] for check, i in wanted.items())
    assert found.scores["blurry"].argmin() == 3
    assert not any(found.is_issue[check][8:].any() for check in CHECKS)
    assert np.flatnonzero(found.hash_set >= 0).tolist() == [6, 7]
    assert all(score.min() >= 0 and score.max() <= 1 for score in found.scores.values())


def test_scores_are_those_of_cleanvision(pictures, tmp_path):
    from cleanvision import Imagelab
    from PIL import Image

    paths = [str(tmp_path / f"{i:02}.png") for i in range(20)]
    for path, pixels in zip(paths, pictures, strict=False):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(path)
    lab = Imagelab(filepaths=paths, verbose=False)
    lab.find_issues({check: {} for check in CHECKS}, n_jobs=1, verbose=False)
    ours = check_images(measured(pictures[:20]))
    for check in CHECKS:
        theirs = lab.issues[f"{check}_score"].to_numpy()
        same = np.arange(20) != 4  # that one is larger than what is measured, and scaled down first
        np.testing.assert_allclose(ours.scores[check][same], theirs[same], rtol=1e-5)
        np.testing.assert_allclose(ours.scores[check][4], theirs[4], atol=0.06)
        assert ours.is_issue[check].tolist() == lab.issues[f"is_{check}_issue"].tolist()
