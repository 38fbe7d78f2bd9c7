"""Supernets that do not fit their data or weights end a run before it begins."""

from collections.abc import Mapping

from mmengine.config import Config
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner


def check_supernet(runner: Runner, checkpoint: Mapping | None = None) -> None:
    """Require a supernet to fit the data of the run, or weights that are about to be loaded.

    Args:
        runner: Runner of any model, whose loops are built.
        checkpoint: What the file of the weights holds; None checks the data.

    Raises:
        CheckpointError: The weights are for other keypoints or another input.
        ConfigError: The data have other keypoints.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    if not hasattr(model, 'set_arch'):  # derived networks need nothing of the search
        return
    from posenas.search.fitting import check_supernet_data, check_supernet_weights

    if checkpoint is not None:
        check_supernet_weights(model, checkpoint, runner.cfg)
        return
    loops = (runner._train_loop, runner._val_loop, runner._test_loop)
    built = (loop for loop in loops if isinstance(loop, BaseLoop))
    check_supernet_data(model, (loop.dataloader.dataset for loop in built), runner.cfg)


def needs_all_weights(cfg: Config) -> bool:
    """Tell whether a config scores candidates by a supernet, which random weights would falsify."""
    loop = cfg.get('train_cfg') or {}
    return (loop.get('evaluator') or {}).get('type') == 'SupernetEvaluator'
