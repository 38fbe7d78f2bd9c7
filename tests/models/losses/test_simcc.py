"""The divergence of vectors of bins against recorded values and gradients."""

import json

import numpy as np
import pytest
import torch

from posenas.models import KLDiscretLoss


@pytest.fixture(scope='module')
def records(golden_dir):
    arrays = np.load(golden_dir / 'simcc' / 'simcc_codec.npz')
    return {name: torch.from_numpy(arrays[name]).double() for name in arrays if '_' in name}


def compute(records, options):
    axes = [records[f'loss_pred_{axis}'].clone().requires_grad_() for axis in 'xy']
    targets = [records[f'gaussian_{axis}'] for axis in 'xy']
    loss = KLDiscretLoss(**options)(axes, targets, records['gaussian_weights'])
    loss.backward()
    return loss.item(), [axis.grad for axis in axes]


def test_every_recorded_loss_and_gradient_is_reached(golden_dir, records):
    content = json.loads((golden_dir / 'simcc' / 'cases.json').read_text(encoding='utf-8'))
    for case in content['loss_cases']:
        names = ('loss', 'grad_l2', 'grad_absmax')
        options = {name: value for name, value in case.items() if name not in names}
        loss, gradients = compute(records, options)
        assert loss == pytest.approx(case['loss'], rel=1e-9)
        if 'grad_l2' in case:
            norms = [gradient.norm().item() for gradient in gradients]
            assert norms == pytest.approx(case['grad_l2'], rel=1e-9)
            largest = [gradient.abs().max().item() for gradient in gradients]
            assert largest == pytest.approx(case['grad_absmax'], rel=1e-9)


def test_the_published_gradient_is_reached_in_every_bin(records):
    _, gradients = compute(records, dict(beta=10.0, label_softmax=True))
    for axis, gradient in zip('xy', gradients, strict=True):
        wanted = records[f'loss_grad_{axis}'][0]
        torch.testing.assert_close(gradient[0, :4], wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ('weights', 'bins', 'message'),
    [
        (None, 8, 'target_weights must be given'),
        (torch.ones(2, 4), 8, 'target_weights must have shape'),
        (torch.ones(2, 3), 9, 'target must have shape'),
    ],
)
def test_wrong_shapes_are_refused(weights, bins, message):
    logits = [torch.zeros(2, 3, 8)] * 2
    with pytest.raises(ValueError, match=message):
        KLDiscretLoss()(logits, [torch.zeros(2, 3, bins)] * 2, weights)
