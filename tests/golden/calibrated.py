"""Recorded networks whose norms were calibrated, so that activations stay in range."""

import re

import torch
from golden.records import compare
from golden.seeded import draw_input, draw_state_dict
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def run(network, x):
    """Run backbone and head; the outputs as a tuple."""
    output = network['head'](network['backbone'](x))
    return (output,) if isinstance(output, torch.Tensor) else output


def calibrate(network: nn.ModuleDict, manifest: dict) -> nn.ModuleDict:
    """Give the network its recorded weights, and its norms the statistics of one batch; float64."""
    weights = draw_state_dict(manifest)
    for pattern, factor in manifest.get('calibrated_scale', ()):
        weights.update({n: w * factor for n, w in weights.items() if re.search(pattern, n)})
    network.load_state_dict(weights)
    network.double().train()
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        run(network, draw_input((4, *manifest['input_shape'][1:]), 1).double())
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()


def compare_outputs(network, manifest, recorded, dtype=torch.float64):
    """Return our largest difference from recorded outputs, relative to the largest of each."""
    x = draw_input(tuple(manifest['input_shape']), manifest['input_seed']).to(dtype)
    with torch.no_grad():
        outputs = run(network.to(dtype), x)
    pairs = zip(outputs, recorded, strict=True)
    return max(compare(ours.numpy(), wanted) for ours, wanted in pairs)


def compare_probes(network, manifest):
    """Return our largest relative difference from mean and norm of inner maps; float64."""
    found = {}

    def keep(name):
        def hook(module, args, output):
            maps = [output] if isinstance(output, torch.Tensor) else output
            found[name] = [m.clone() for m in maps]

        return hook

    for name in manifest['probes']:
        ours = name.replace('keypoint_head', 'head')
        network.get_submodule(ours).register_forward_hook(keep(name))
    with torch.no_grad():
        shape, seed = tuple(manifest['input_shape']), manifest.get('input_seed', 0)
        run(network, draw_input(shape, seed).double())
    deviations = []
    for name, records in manifest['probes'].items():
        # of modules that return all their maps, ours may return the one that is used, the first
        for ours, record in zip(found[name], records[: len(found[name])], strict=True):
            assert list(ours.shape) == record['shape'], name
            size = record['l2'] / ours.numel() ** 0.5
            deviations.append(abs(ours.mean().item() - record['mean']) / size)
            deviations.append(abs(ours.norm().item() / record['l2'] - 1))
    return max(deviations)
