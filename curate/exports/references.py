"""What a dataset card says of where the data comes from: licences by the names of the Hub, and whom to cite."""

from curate.datasets.catalog import CATALOG

HUB_LICENCES = {"CC BY-SA 3.0": "cc-by-sa-3.0", "CC BY-SA 4.0": "cc-by-sa-4.0", "MIT": "mit", "no licence stated": "unknown"}
"""How a licence of the catalog begins, and its identifier on the Hub. Source: https://huggingface.co/docs/hub/repositories-licenses"""

CITATIONS = {
    "mnist": "LeCun, Bottou, Bengio & Haffner 1998: Gradient-based learning applied to document recognition. Proc. IEEE 86(11), 2278–2324.",
    "fashion-mnist": "Xiao, Rasul & Vollgraf 2017: Fashion-MNIST, a novel image dataset for benchmarking machine learning algorithms. "
    "arXiv:1708.07747.",
    "kmnist": "Clanuwat, Bober-Irizar, Kitamoto, Lamb, Yamamoto & Ha 2018: Deep learning for classical Japanese literature. "
    "arXiv:1812.01718.",
    "cifar10": "Krizhevsky 2009: Learning multiple layers of features from tiny images. Technical report, University of Toronto.",
    "cifar100": "Krizhevsky 2009: Learning multiple layers of features from tiny images. Technical report, University of Toronto.",
    "svhn": "Netzer, Wang, Coates, Bissacco, Wu & Ng 2011: Reading digits in natural images with unsupervised feature learning. "
    "NIPS workshop on deep learning and unsupervised feature learning.",
    "gtsrb": "Stallkamp, Schlipsing, Salmen & Igel 2012: Man vs. computer, benchmarking machine learning algorithms for traffic sign "
    "recognition. Neural Networks 32, 323–332.",
}


def hub_licence(source: str) -> dict[str, str]:
    """`license`, and for one that the Hub has no name for also `license_name` and `license_link`; `unknown` outside the catalog."""
    entry = CATALOG.get(source)
    if entry is None:
        return {"license": "unknown"}
    for start, identifier in HUB_LICENCES.items():
        if entry.licence.startswith(start):
            return {"license": identifier}
    return {"license": "other", "license_name": f"terms-of-{entry.name}", "license_link": entry.homepage}


def source_text(source: str) -> list[str]:
    """Paragraphs on source, licence and citation."""
    entry = CATALOG.get(source)
    if entry is None:
        return [
            "The images are the exporter's own. No licence is known: state one here and as `license` at the top of this file "
            "before you publish."
        ]
    return [
        f"{entry.title}, from <{entry.homepage}>.",
        f"Terms of the original, which hold for this version as well: {entry.licence}.",
        f"Please cite: {CITATIONS[entry.name]}",
    ]
