"""Train a network of every family for two updates as one of several processes.

Prints the names of the families whose weights agree between the processes afterwards. Data-parallel
training raises an error in the second update where a trained parameter got no gradient.
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from models.family_configs import build_family_model, find_families
from registry_cases import pose_samples

from posenas.engine.distributed import leave_gloo
from posenas.registry import MODEL_WRAPPERS

#: Sides of the crops: the smallest that every network takes.
SIDE = 64


def train(path: Path) -> bool:
    """Make two updates; tell whether all processes hold the same weights afterwards."""
    torch.manual_seed(0)
    model, _ = build_family_model(path)
    wrapper = MODEL_WRAPPERS.build(
        dict(type='MMDistributedDataParallel', module=model, find_unused_parameters=False)
    )
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    noise = torch.Generator().manual_seed(dist.get_rank())
    for _ in range(2):
        images = torch.randn((2, 3, SIDE, SIDE), generator=noise)
        samples = pose_samples(2, num_joints=model.head.out_channels, heatmap_size=(16, 16))
        loss = wrapper(images, samples, mode='loss')['loss_kpt']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    other = weights.clone()
    dist.broadcast(other, src=0)
    return torch.equal(weights, other)


def main() -> None:
    """Train every family; rank 0 prints those that stayed in step."""
    torch.set_num_threads(1)
    dist.init_process_group('gloo')
    in_step = [path.stem for path in find_families() if train(path)]
    if dist.get_rank() == dist.get_world_size() - 1:
        sys.stdout.write('\n' + json.dumps(in_step))
    leave_gloo()


if __name__ == '__main__':
    main()
