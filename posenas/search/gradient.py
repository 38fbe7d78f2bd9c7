"""Gradients of architecture parameters: pure functions of losses and dictionaries of tensors.

The objective of the second order is the loss behind one step of the weights,

    f(arch) = L_val(w - s * grad_w L_train(w, arch), arch),

where the steps ``s`` (learning rate and preconditioner) count as constants. The first order takes
``s = 0``. Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019, section 2.3.
Differs from the paper: the mixed product with the second derivatives is exact unless asked
otherwise; next to batch norms its finite difference can be all error.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from mmengine.model import BaseModel
from torch import Tensor
from torch.func import functional_call
from torch.optim import Optimizer

#: One tensor for each parameter, by its name.
Gradients = dict[str, Tensor]
#: A loss () of (weights, architecture parameters), both by name; the same batch at every call.
LossFunction = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]
#: From the gradients of the training loss to the step that each weight takes per unit of it.
StepRule = Callable[[Gradients], Gradients]


def first_order(
    loss: LossFunction, weights: Mapping[str, Tensor], arch: Mapping[str, Tensor]
) -> tuple[Gradients, Tensor]:
    """Differentiate a loss with respect to the architecture alone.

    Args:
        loss: Validation loss L_val.
        weights: Weights w, held constant.
        arch: Architecture parameters; leaves that require gradients.

    Returns:
        The gradients of ``arch``, and the loss ().
    """
    value = loss(weights, arch)
    return _differentiate(value, arch), value.detach()


def second_order(
    train_loss: LossFunction,
    val_loss: LossFunction,
    weights: Mapping[str, Tensor],
    arch: Mapping[str, Tensor],
    steps: StepRule,
    epsilon: float | None = None,
) -> tuple[Gradients, Tensor]:
    """Differentiate f(arch), the validation loss behind one step of the weights.

    Args:
        train_loss: L_train.
        val_loss: L_val.
        weights: Weights w; leaves that require gradients.
        arch: Architecture parameters, likewise.
        steps: Steps s per unit of gradient; see :func:`sgd_steps` and :func:`adam_steps`.
        epsilon: None computes the mixed product by double backward. A number takes the central
            difference at w +- epsilon / |v| * v, where v = s * grad_w' L_val, as published.

    Returns:
        The gradients of ``arch``, and f(arch), ().
    """
    exact = epsilon is None
    first = train_loss(weights, arch)
    gradients = _differentiate(first, weights, create_graph=exact)
    step = steps({name: gradient.detach() for name, gradient in gradients.items()})
    moved = {
        name: (weight - step[name] * gradients[name]).detach().requires_grad_()
        for name, weight in weights.items()
    }
    value = val_loss(moved, arch)
    outer = _differentiate(value, {**_keyed('w', moved), **_keyed('a', arch)})
    with torch.no_grad():
        direction = {name: step[name] * outer['w', name] for name in weights}
    if exact:
        product = _mixed_product(gradients, direction, arch)
    else:
        product = _mixed_difference(train_loss, weights, arch, direction, epsilon)
    return {name: outer['a', name] - product[name] for name in arch}, value.detach()


def model_loss(
    model: BaseModel,
    batch: Mapping,
    start_pass: Callable[[], AbstractContextManager] = nullcontext,
) -> LossFunction:
    """Make the loss of one batch as a function of parameters by their names.

    Buffers are copied for every pass, so running statistics stay as they are.

    Args:
        model: Pose estimator or another model whose mode 'loss' gives losses.
        batch: Its arguments, from its data preprocessor.
        start_pass: Called for each pass, which runs inside what it returns: for the same random
            numbers in all of them, or another precision.
    """

    def loss(weights: Mapping[str, Tensor], arch: Mapping[str, Tensor]) -> Tensor:
        buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
        with start_pass():
            state = {**weights, **arch, **buffers}
            losses = functional_call(model, state, kwargs=dict(batch, mode='loss'))
        return model.parse_losses(losses)[0]

    return loss


def sgd_steps(lr: float) -> StepRule:
    """Return the rule of plain gradient descent: every step is ``lr``."""
    return lambda gradients: {name: torch.full_like(g, lr) for name, g in gradients.items()}


def adam_steps(optimizer: Optimizer, weights: Mapping[str, Tensor]) -> StepRule:
    """Return the rule of an Adam that has just seen the gradient it is to follow.

    Heatmap losses are about 1e-3, so a plain step of the same learning rate would move nothing.
    The running mean of squares includes the gradients at hand. A weight without any gradient so
    far stays where it is.

    Args:
        optimizer: ``torch.optim.Adam`` or ``AdamW`` of the weights; not changed.
        weights: The weights by the names that the gradients have; other parameters do not matter.
    """
    groups = {id(weight): group for group in optimizer.param_groups for weight in group['params']}

    def rule(gradients: Gradients) -> Gradients:
        steps = {}
        for name, gradient in gradients.items():
            group, state = groups[id(weights[name])], optimizer.state.get(weights[name], {})
            beta, count = group['betas'][1], float(state.get('step', 0)) + 1
            square = (1 - beta) * gradient.square() + beta * state.get('exp_avg_sq', 0)
            scale = 1 / ((square / (1 - beta**count)).sqrt() + group['eps'])
            steps[name] = group['lr'] * scale.where(square > 0, 0)
        return steps

    return rule


def _differentiate(value: Tensor, parameters: Mapping, create_graph: bool = False) -> dict:
    """Return the gradients of ``value`` () by name; zeros of parameters that it does not use."""
    if not value.requires_grad:
        return {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    gradients = torch.autograd.grad(
        value,
        list(parameters.values()),
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return dict(zip(parameters, gradients, strict=True))


def _mixed_product(gradients: Gradients, direction: Gradients, arch: Mapping) -> Gradients:
    """Differentiate the product of training gradients and ``direction`` by double backward."""
    used = [name for name, gradient in gradients.items() if gradient.requires_grad]
    if not used:
        return {name: torch.zeros_like(parameter) for name, parameter in arch.items()}
    found = torch.autograd.grad(
        [gradients[name] for name in used],
        list(arch.values()),
        grad_outputs=[direction[name] for name in used],
        allow_unused=True,
        materialize_grads=True,
    )
    return dict(zip(arch, found, strict=True))


def _mixed_difference(
    train_loss: LossFunction,
    weights: Mapping[str, Tensor],
    arch: Mapping[str, Tensor],
    direction: Gradients,
    epsilon: float,
) -> Gradients:
    """Approximate the mixed product by gradients on both sides of the weights."""
    norm = torch.cat([part.flatten() for part in direction.values()]).norm()
    radius = epsilon / norm.clamp(min=torch.finfo(norm.dtype).tiny)
    sides = [
        _differentiate(
            train_loss(
                {
                    name: (w + sign * radius * direction[name]).detach()
                    for name, w in weights.items()
                },
                arch,
            ),
            arch,
        )
        for sign in (1, -1)
    ]
    return {name: (sides[0][name] - sides[1][name]) / (2 * radius) for name in arch}


def _keyed(key: str, parameters: Mapping[str, Tensor]) -> dict[tuple[str, str], Tensor]:
    return {(key, name): parameter for name, parameter in parameters.items()}
