"""What others have reached on well-known datasets: a table with its sources, to set one's own figure beside.

All are accuracies on the test split as published, in percent. They are of other trainings on other machines, chosen among many by their
authors, so that a difference of some tenths of a point means little.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One published result.

    Attributes:
        method: the net, and what was done.
        accuracy: on the test split, in percent.
        source: authors, year and where.
    """

    method: str
    accuracy: float
    source: str


PUBLISHED: dict[str, tuple[Published, ...]] = {
    "mnist": (
        Published("LeNet-5, no distortions", 99.05, "LeCun et al. 1998, Proc. IEEE 86"),
        Published("35 deep CNNs as a committee", 99.77, "Cireşan et al. 2012, arXiv:1202.2745"),
        Published("CNNs with 3x3, 5x5 and 7x7 kernels, ensemble", 99.91, "An et al. 2020, arXiv:2008.10400"),
    ),
    "fashion-mnist": (
        Published("people, three each, on 1,000 of the test images", 83.5, "zalandoresearch/fashion-mnist, README"),
        Published("WRN-28-10 with random erasing", 96.35, "Zhong et al. 2017, arXiv:1708.04896, and zhunzhong07/Random-Erasing, README"),
    ),
    "kmnist": (
        Published("4 nearest neighbours", 92.10, "rois-codh/kmnist, README, images as corrected in February 2019"),
        Published("PreActResNet-18 with manifold mixup", 98.83, "Clanuwat et al. 2018, arXiv:1812.01718, before that correction"),
    ),
    "cifar10": (
        Published("one person, after practice", 94.0, "Karpathy 2011, blog"),
        Published("ResNet-110", 93.57, "He et al. 2015, arXiv:1512.03385"),
        Published("WRN-28-10, median of 5", 96.0, "Zagoruyko & Komodakis 2016, arXiv:1605.07146, and their repository"),
        Published("airbench94, seconds on one GPU", 94.0, "Jordan 2024, arXiv:2404.00498"),
        Published("ViT-H/14, pretrained on 300 M images", 99.50, "Dosovitskiy et al. 2021, arXiv:2010.11929"),
    ),
    "cifar100": (
        Published("WRN-28-10, median of 5", 80.75, "Zagoruyko & Komodakis 2016, arXiv:1605.07146, and their repository"),
        Published("ViT-H/14, pretrained on 300 M images", 94.55, "Dosovitskiy et al. 2021, arXiv:2010.11929"),
    ),
}
"""By dataset of the catalog, the weakest first."""


def published_for(dataset: str) -> tuple[Published, ...]:
    """The table of a dataset, by its name in the catalog; empty where there is none."""
    return tuple(sorted(PUBLISHED.get(dataset, ()), key=lambda each: each.accuracy))
