"""Files made to harm whoever loads them, and sound files damaged at random."""

import io
import pickle
import struct
import zipfile

import numpy as np
import torch
from mmengine.logging import MessageHub


class Call:
    """Pickles as a call of ``function``, which unpickling would make."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class Named:
    """Pickles as a call of what a name stands for, importable here or not."""

    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments


class _Pickler(pickle._Pickler):
    """Writes :class:`Named` objects by name alone."""

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Named):
            module, _, name = obj.name.rpartition('.')
            self.write(b'c' + f'{module}\n{name}\n'.encode())
            self.save(obj.arguments)
            return self.write(b'R')
        return super().save(obj, save_persistent_id)


def pickled(value):
    """Pickle ``value`` as torch.save does, protocol 2."""
    buffer = io.BytesIO()
    _Pickler(buffer, 2).dump(value)
    return buffer.getvalue()


def write_zip(path, data, **entries):
    """Write a checkpoint in zip form with the pickle ``data`` and other entries as given."""
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('archive/data.pkl', data)
        archive.writestr('archive/version', '3\n')
        archive.writestr('archive/byteorder', 'little')
        for name, content in entries.items():
            archive.writestr(f'archive/data/{name.removeprefix("_")}', content)


def write_legacy(path, data, keys=(), storages=b''):
    """Write a checkpoint in the form that torch used before zip files."""
    sizes = dict(short=2, int=4, long=4)
    head = [0x1950A86A20F9469CFC6C, 1001, dict(protocol_version=1001, type_sizes=sizes)]
    path.write_bytes(
        b''.join(pickle.dumps(item, 2) for item in head)
        + data
        + pickle.dumps(list(keys), 2)
        + storages
    )


def gadgets(marker):
    """Calls known from attacks on pickle; each would create the file ``marker``."""
    shell = f'touch {marker}'
    code = f'open({str(marker)!r}, "w").close()'
    return {
        'os.system': Named('os.system', shell),
        'posix.system': Named('posix.system', shell),
        'subprocess.Popen': Named('subprocess.Popen', ['touch', str(marker)]),
        'builtins.eval': Named('builtins.eval', code),
        'builtins.exec': Named('builtins.exec', code),
        'python 2 eval': Named('__builtin__.eval', code),
        'builtins.open': Named('builtins.open', str(marker), 'w'),
        'runpy': Named('runpy._run_code', code, {}),
        'pty.spawn': Named('pty.spawn', ['touch', str(marker)]),
        'timeit.timeit': Named('timeit.timeit', 'pass', code),
        'importlib': Named('importlib.import_module', 'antigravity'),
        'pickle in pickle': Named('pickle.loads', pickle.dumps(Call(eval, code))),
        'storage from bytes': Named('torch.storage._load_from_bytes', b'x'),
        'numpy runstring': Named('numpy.testing._private.utils.runstring', code, {}),
        'functools.partial': Named('functools.partial', Named('os.system', shell)),
        'operator.methodcaller': Named('operator.methodcaller', 'system', shell),
        'getattr chain': Named('builtins.getattr', Named('builtins.__import__', 'os'), 'system'),
        'stand-in chain': Named('numpy.dtype', Named('builtins.getattr', 'x', '__class__')),
        'mmengine config': Named('mmengine.config.Config.fromstring', code, '.py'),
        'torch.hub': Named('torch.hub._load_local', str(marker.parent), 'entry'),
    }


def training_checkpoint():
    """Small checkpoint as mmengine writes it: log histories, NumPy arrays and scalars in it."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    hub = MessageHub('hostile')
    for step in range(20):
        hub.update_scalar('train/loss', 1 / (1 + step))
    hub.update_info('best_score', np.float64(0.5))
    meta = dict(epoch=1, iter=20, seed=3, cfg='model = dict()', dataset_meta=dict(s=np.ones(3)))
    return dict(
        meta=meta,
        state_dict=model.state_dict(),
        message_hub=hub.state_dict(),
        optimizer=optimizer.state_dict(),
        param_schedulers=[dict(last_step=20)],
    )


def damage(data, rng):
    """Truncate ``data`` or flip up to 20 of its bytes."""
    damaged = bytearray(data)
    if rng.random() < 0.5:
        return bytes(damaged[: int(rng.integers(len(damaged)))])
    for place in rng.integers(len(damaged), size=int(rng.integers(1, 21))):
        damaged[place] ^= int(rng.integers(1, 256))
    return bytes(damaged)


def tensor_pickle(numel, size, stride, is_zip=True):
    """Pickle of {'state_dict': {'a': tensor}} whose storage and shape claim what they like."""

    def number(value):
        raw = value.to_bytes(value.bit_length() // 8 + 1, 'little', signed=True)
        return b'\x8a' + bytes([len(raw)]) + raw

    def text(value):
        return b'X' + struct.pack('<I', len(value)) + value.encode()

    def numbers(values):
        return b'(' + b''.join(map(number, values)) + b't'

    storage = b'(' + text('storage') + b'ctorch\nFloatStorage\n' + text('0') + text('cpu')
    storage += number(numel) + (b'tQ' if is_zip else b'NtQ')
    tensor = b'ctorch._utils\n_rebuild_tensor_v2\n(' + storage + number(0)
    tensor += numbers(size) + numbers(stride) + b'\x89ccollections\nOrderedDict\n)RtR'
    return b'\x80\x02}' + text('state_dict') + b'}' + text('a') + tensor + b'ss.'
