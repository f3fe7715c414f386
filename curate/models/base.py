"""ConvNet: what every architecture of the registry is, for training, embeddings and explanations alike."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from curate.models.pooling import GlobalPooling


class ConvNet(nn.Module, ABC):
    """A classifier made of a convolutional part, `forward_maps`, and a head, `forward_head`.

        x (B, C, H, W) ── forward_maps ──► maps (B, M, h, w) ─┬─ forward_head ──► logits (B, K)
                                                              └─ pooling ───────► features (B, D), D = 2M

    Input is float and already normalised. The head takes the maps, not the features, so that heads that flatten have
    pooled features too. Who wants logits and features of one batch calls `forward_maps` once and both on the result.

    Attributes:
        name: the name that `make_model` made it by; None where it was built otherwise.
        num_classes: K.
        in_channels: C.
        image_size: (H, W).
        num_features: D.
        pooling: the GlobalPooling that `forward_features` applies.
    """

    name: str | None = None

    def __init__(self, *, num_classes: int, in_channels: int, image_size: tuple[int, int], num_maps: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.image_size = image_size
        self.num_features = 2 * num_maps
        self.pooling = GlobalPooling()

    @abstractmethod
    def forward_maps(self, x: Tensor) -> Tensor:
        """The last convolutional feature maps, (B, M, h, w)."""

    @abstractmethod
    def forward_head(self, maps: Tensor) -> Tensor:
        """Logits (B, K) from maps (B, M, h, w)."""

    def init_from_images(self, images: Tensor) -> None:
        """Called once before training with some training images, float (B, C, H, W), normalised."""

    def forward_features(self, x: Tensor) -> Tensor:
        """Embeddings from global pooling, (B, D) float32."""
        return self.pooling(self.forward_maps(x))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (B, K)."""
        return self.forward_head(self.forward_maps(x))
