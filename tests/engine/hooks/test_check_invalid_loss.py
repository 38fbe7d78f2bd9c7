"""A loss that is not finite ends the training where a config asks for it."""

from types import SimpleNamespace

import pytest
import torch

from posenas.engine import NonFiniteError
from posenas.engine.hooks import CheckInvalidLossHook


@pytest.mark.parametrize('loss', [float('nan'), float('inf')])
def test_a_loss_that_is_not_finite_is_refused_at_the_interval(loss):
    hook, outputs = CheckInvalidLossHook(interval=2), dict(loss=torch.tensor(loss))
    hook.after_train_iter(SimpleNamespace(iter=0), 0, outputs=outputs)
    with pytest.raises(NonFiniteError, match='loss must be finite'):
        hook.after_train_iter(SimpleNamespace(iter=1), 1, outputs=outputs)


def test_finite_losses_and_iterations_left_out_pass():
    hook = CheckInvalidLossHook(interval=1)
    hook.after_train_iter(SimpleNamespace(iter=0), 0, outputs=dict(loss=torch.tensor(2.0)))
    hook.after_train_iter(SimpleNamespace(iter=1), 1, outputs={})
