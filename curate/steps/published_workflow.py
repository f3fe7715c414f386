"""The workflow that people use today for out-of-fold probabilities: skorch in scikit-learn's `cross_val_predict`."""

import numpy as np
from numpy.typing import NDArray

from curate.errors import DependencyError
from curate.training.fold_jobs import ModelFactory

EPOCHS, RATE, BATCH_SIZE = 3, 0.001, 128  # Adam's usual rate, skorch's batch


def published_workflow(
    make_model: ModelFactory, images: NDArray[np.uint8], labels: NDArray[np.int64], fold: NDArray[np.int16], *, seed: int
) -> NDArray[np.float32]:
    """Out-of-fold probabilities (N, K), float32, on all threads of this process.

    Args:
        images: (N, C, H, W).
        labels: (N,) in 0..K-1.
        fold: (N,), the fold that holds each sample out.

    Raises:
        DependencyError: skorch is not installed.

    Source: the image tutorial of cleanlab 2; with Adam, without an inner validation split and with 3 epochs for 10, all in its favour.
    """
    import torch
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    try:
        from skorch import NeuralNetClassifier
    except ImportError as error:
        raise DependencyError(
            "the comparison needs skorch; install it with: pip install 'curate[benchmark]', or leave it out by --no-rival"
        ) from error

    def module() -> torch.nn.Module:
        return make_model(seed)

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        net = NeuralNetClassifier(
            module,
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=RATE,
            batch_size=BATCH_SIZE,
            max_epochs=EPOCHS,
            train_split=None,
            verbose=0,
        )
        pixels = images.astype(np.float32) / 255
        return cross_val_predict(net, pixels, labels, cv=PredefinedSplit(fold), method="predict_proba")
