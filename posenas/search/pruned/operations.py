"""Pruned networks as lists of operations and as counts, without building them."""

import json
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from torch import nn

from posenas.genotype import Genotype, describe_pruned_model
from posenas.registry import TASK_UTILS
from posenas.search.archive import digest
from posenas.search.costs import CostContext, Counts
from posenas.search.operation import Operation, lists_operations
from posenas.search.pruned.units import Structure, is_below, read_counts
from posenas.search.pruned.walk import Call, Layer
from posenas.utils import ConfigError


@TASK_UTILS.register_module()
class PrunedModelCounter:
    """Counts the networks that a network is pruned to, exactly, from the sizes of their layers.

    Memory is not counted: build the network for it, with a ``NetworkCounter``.

    Args:
        model: Config of the network or of its :class:`PrunedModelSupernet`.
    """

    def __init__(self, model: Mapping) -> None:
        self._macro = describe_pruned_model(model)
        self._keypoints = model['head']['out_channels']

    def fingerprint(self) -> str:
        """Return a hash of the config."""
        return f'PrunedModelCounter {digest(json.dumps(self._macro, sort_keys=True))}'

    def __call__(self, genotype: Genotype, context: CostContext) -> Counts:
        """Count the network of ``genotype``.

        Raises:
            ConfigError: It is of another network, or has other keypoints.
        """
        if genotype.family != 'pruned' or genotype.macro != self._macro:
            raise ConfigError(
                f'a genotype must be a pruned form of the counted network to be counted, got '
                f'{genotype.name!r} of family {genotype.family!r}'
            )
        if self._keypoints != context.num_keypoints:
            raise ConfigError(
                f'num_keypoints must be that of the counted head, {self._keypoints}, got '
                f'{context.num_keypoints}'
            )
        structure = _find_structure(json.dumps(genotype.macro, sort_keys=True), context)
        skipped = genotype.choices['skipped']
        weights = {
            name: _count_weights(layer, genotype.choices['layers'].get(name, {}))
            for name, layer in structure.layers.items()
            if not is_below(name, skipped)
        }
        macs = 0
        for call in structure.calls:
            if call.layer in weights:
                width, height = call.output_size if call.kind == 'conv' else call.size
                macs += width * height * weights[call.layer][0]
        return Counts(structure.unused + sum(map(sum, weights.values())), macs)


@lists_operations('pruned')
def list_pruned_networks(genotype: Genotype, context: CostContext) -> list[list[Operation]]:
    """List those of the one network.

    Attention is listed by its convolutions; dilation is left out.

    Raises:
        ConfigError: The genotype is of another family.
    """
    if genotype.family != 'pruned':
        raise ConfigError(f"the genotype must be of family 'pruned', got {genotype.family!r}")
    structure = _find_structure(json.dumps(genotype.macro, sort_keys=True), context)
    counts = read_counts(structure, genotype)
    layers, skipped = genotype.choices['layers'], {*genotype.choices['skipped']}
    operations = [
        _make_operation(structure, call, counts, layers.get(call.layer, {}))
        for call in structure.calls
        if call.block not in skipped
    ]
    return [operations]


@lru_cache(maxsize=16)
def _find_structure(macro: str, context: CostContext) -> Structure:
    model = json.loads(macro)
    model['head']['out_channels'] = context.num_keypoints
    if model['backbone']['type'] == 'Hourglass':  # its backbone makes the heatmaps
        model['backbone']['num_joints'] = context.num_keypoints
    return Structure(model, context.input_size)


def _count_weights(layer: Layer, sizes: Mapping[str, int]) -> tuple[int, int]:
    """Return the weights of a layer, each of which works at every position, and its other ones."""
    module = layer.module
    if layer.is_norm:
        return 0, 2 * sizes.get('num_features', len(layer.outputs))
    inputs, outputs, groups, kernel = (
        sizes.get(name, full)
        for name, full in (
            ('in_channels', module.in_channels),
            ('out_channels', module.out_channels),
            ('groups', module.groups),
            ('kernel_size', module.kernel_size[0]),
        )
    )
    bias = 0 if module.bias is None else outputs
    return inputs * outputs // groups * kernel**2, bias


def _make_operation(
    structure: Structure, call: Call, counts: NDArray[np.int64], sizes: Mapping[str, int]
) -> Operation:
    """Write one step of the forward pass as an operation."""
    inputs, outputs = (structure.axis(ids).count(counts) for ids in (call.inputs, call.outputs))
    if call.layer:
        layer = structure.layers[call.layer]
        module: nn.Conv2d | nn.ConvTranspose2d = layer.module
        return Operation(
            call.kind,
            call.size,
            inputs,
            outputs,
            sizes.get('kernel_size', module.kernel_size[0]),
            module.stride[0],
            sizes.get('groups', module.groups),
            call.act,
            bool(layer.norm),
        )
    width, height = call.output_size
    if call.kind == 'upsample':  # what is written takes the time, however often it is repeated
        return Operation('upsample', (width // 2, height // 2), outputs, outputs)
    if call.kind == 'pool':
        return Operation('pool', call.size, inputs, outputs, 3, call.size[0] // width)
    return Operation('add', call.output_size, outputs, outputs, act=call.act)
