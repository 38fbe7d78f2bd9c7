"""The three modes of every pose estimator."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from mmengine.model import BaseModel
from torch import Tensor, nn

from posenas.models.fused import fuse, unfuse
from posenas.models.layers.pruning import apply_pruning
from posenas.registry import MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError, check_choice

#: Options of prediction that are on or off.
_SWITCHES = {'flip_test', 'shift_heatmap', 'shift_coords', 'output_heatmaps'}


class BasePoseEstimator(BaseModel, ABC):
    """Own ``backbone``, ``neck`` and ``head``, and dispatch to the mode asked for.

    Args:
        backbone: Config of the network from images to a tuple of features.
        neck: Config of a module from features to features; None passes them on.
        head: Config of the module from features to heatmaps, with ``loss`` and ``predict``; None
            stops at the features.
        train_cfg: Options of training, handed to the head: ``compute_acc``.
        test_cfg: Options of prediction: ``flip_test``, ``flip_mode``, ``shift_heatmap``,
            ``output_heatmaps``.
        data_preprocessor: Config of the module that makes batches of images, or that module.
        init_cfg: Initialisation of the whole model, such as a pretrained file.
        metainfo: What is known of the dataset the model was trained for; carried along only.
        pruning: Sizes of layers that were pruned, as genotypes of the family 'pruned' hold them:
            see :func:`~posenas.models.layers.pruning.apply_pruning`.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict | None = None,
        head: dict | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | list[dict] | None = None,
        metainfo: dict | None = None,
        pruning: Mapping | None = None,
    ) -> None:
        if isinstance(data_preprocessor, dict):
            # mmengine would look it up in its own registry when no default scope is set.
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = None if neck is None else MODELS.build(neck)
        self.head = None if head is None else MODELS.build(head)
        self.train_cfg, self.test_cfg = dict(train_cfg or {}), dict(test_cfg or {})
        for key in _SWITCHES & self.test_cfg.keys():
            check_choice(f'test_cfg.{key}', self.test_cfg[key], (None, False, True))
        self.metainfo = dict(metainfo or {})
        if pruning:
            apply_pruning(self, pruning)

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute the features of normalised images ``inputs``, (B, 3, H, W)."""
        feats = self.backbone(inputs)
        return feats if self.neck is None else self.neck(feats)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | tuple[Tensor, ...] | dict[str, Tensor] | list[PoseDataSample]:
        """Run one mode.

        Args:
            inputs: Normalised images, (B, 3, H, W).
            data_samples: One per image; needed by 'loss' and 'predict'.
            mode: 'tensor' gives the head's heatmaps (features without a head), 'loss' a dict of
                losses, 'predict' the samples with predictions.

        Raises:
            ValueError: ``mode`` is none of these.
            ConfigError: The model has no head, images are no batch, or the batch is too small to
                train batch norms.
        """
        check_choice('mode', mode, ('tensor', 'loss', 'predict'))
        if isinstance(inputs, Sequence):  # mmengine's preprocessor leaves them so
            raise ConfigError(
                'a batch must be one tensor (B, 3, H, W), got a list of images: set '
                "model.data_preprocessor = dict(type='PoseDataPreprocessor', ...)"
            )
        if mode == 'tensor':
            feats = self.extract_feat(inputs)
            return feats if self.head is None else self.head(feats)
        if self.head is None:
            raise ConfigError(f"mode {mode!r} needs a head: set the model's head")
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        with explain_lonely_image(inputs):
            return self.loss(inputs, data_samples)

    def switch_to_deploy(self) -> None:
        """Take the fused form, for inference; outputs change by rounding only.

        Raises:
            ConfigError: The model is in train mode.
        """
        fuse(self)

    def switch_from_deploy(self) -> None:
        """Return to the published form, exactly as it was before :meth:`switch_to_deploy`."""
        unfuse(self)

    @abstractmethod
    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Compute losses and logged numbers of a training batch."""

    @abstractmethod
    def predict(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> list[PoseDataSample]:
        """Return the samples with ``pred_instances`` in image pixels."""


@contextmanager
def explain_lonely_image(inputs: Tensor) -> Iterator[None]:
    """Say what to set when batch norms cannot be trained on the one image of ``inputs``.

    Raises:
        ConfigError: They had a single value per channel.
    """
    try:
        yield
    except ValueError as error:
        if len(inputs) == 1 and 'more than 1 value per channel' in str(error):
            raise ConfigError(
                'batch norm needs at least two values per channel to train, got a batch of '
                f'one image of shape {tuple(inputs.shape[1:])}: set '
                'train_dataloader.batch_size to 2 or more and drop_last=True, so that no '
                'batch of one is left at the end of an epoch'
            ) from error
        raise
