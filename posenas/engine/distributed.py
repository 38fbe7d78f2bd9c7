"""Processes working together on machines without CUDA, and what they must agree on."""

import atexit
import os
import subprocess
import time
from datetime import timedelta

import torch
from mmengine.dist import all_reduce, broadcast, is_distributed
from torch import distributed, nn

from posenas.utils.errors import ConfigError
from posenas.utils.processes import tie_to

#: Launcher -> variables holding rank, number of processes and rank on this machine.
_LAUNCHER_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}
#: Seconds in which gloo's threads end what they do.
_LAST_RELEASE = 0.2


def _first_slurm_host() -> str:
    """Name the machine of rank 0 of this SLURM job."""
    command = ['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]


def init_gloo(launcher: str, timeout: float = 1800, port: int | None = None) -> None:
    """Join the process group over gloo, as the launcher's environment variables say.

    Args:
        launcher: 'pytorch' (torchrun), 'slurm' or 'mpi'.
        timeout: Seconds after which a process gives up waiting for the others.
        port: Port of rank 0 where the launcher sets none; 29500 when not given.

    Raises:
        ConfigError: The launcher is unknown or its variables are missing.
    """
    if launcher not in _LAUNCHER_VARIABLES:
        raise ConfigError(
            f'launcher must be none, pytorch, slurm or mpi, got {launcher!r}: change --launcher'
        )
    missing = [name for name in _LAUNCHER_VARIABLES[launcher] if name not in os.environ]
    if missing:
        raise ConfigError(
            f'launcher {launcher!r} must set {", ".join(missing)}: start this through '
            'tools/dist_train.sh, tools/slurm_train.sh or mpirun, or drop --launcher'
        )
    for name, variable in zip(
        _LAUNCHER_VARIABLES['pytorch'], _LAUNCHER_VARIABLES[launcher], strict=True
    ):
        os.environ[name] = os.environ[variable]
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host() if launcher == 'slurm' else '127.0.0.1'
    os.environ.setdefault('MASTER_PORT', str(port or 29500))
    distributed.init_process_group('gloo', timeout=timedelta(seconds=timeout))
    atexit.register(leave_gloo)


def end_with_torchrun() -> None:
    """Let a rank of torchrun save its state and end when torchrun itself was killed."""
    if 'TORCHELASTIC_RUN_ID' in os.environ:
        tie_to(os.getppid())


def leave_gloo() -> None:
    """Leave the process group, if there is one.

    A thread of gloo lets go of the tensors of its last operation a moment after that is complete,
    and needs the interpreter's lock for it. A group that ends before has the process wait for ever,
    an interpreter that ends before aborts it: hence the pause, and the call at exit.
    """
    time.sleep(_LAST_RELEASE)
    if distributed.is_initialized():
        distributed.destroy_process_group()


def agree_on_largest(value: int) -> int:
    """Return the largest ``value`` over all ranks; every rank must call this."""
    if not is_distributed():
        return value
    tensor = torch.tensor(value)
    all_reduce(tensor, op='max')
    return int(tensor)


def broadcast_buffers(model: nn.Module) -> None:
    """Copy the buffers of rank 0, those a checkpoint holds, to all ranks."""
    for buffer in model.buffers():
        broadcast(buffer)
