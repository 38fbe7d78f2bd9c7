"""Sound files, spoilt at random: in their structure where they have one, else in their bytes."""

import copy
import json
from pathlib import Path

import onnx
import torch
import yaml
from utils.hostile import damage

#: What stands in the place of a sound value. No large counts: they would be obeyed.
JUNK = (None, 'text', '', -1, 0, -0.5, 1e308, float('nan'), [], {}, [1, [2]], True, '\udce4', 3)


def mutate(value, rng, junk=JUNK):
    """Spoil one random place of nested data."""
    if isinstance(value, dict) and value:
        key = list(value)[rng.integers(len(value))]
        action = rng.random()
        if action < 0.2:
            del value[key]
        elif action < 0.5:
            value[key] = copy.deepcopy(junk[rng.integers(len(junk))])
        else:
            mutate(value[key], rng, junk)
    elif isinstance(value, list) and value:
        place = rng.integers(min(len(value), 60))
        if rng.random() < 0.3:
            value[place] = copy.deepcopy(junk[rng.integers(len(junk))])
        else:
            mutate(value[place], rng, junk)


def _spoil_json(path, rng):
    data = json.loads(path.read_text())
    mutate(data, rng)
    return json.dumps(data).encode()


def _spoil_lines(path, rng):
    lines = path.read_text().splitlines()
    place = rng.integers(len(lines))
    data = json.loads(lines[place])
    mutate(data, rng)
    lines[place] = json.dumps(data)
    return '\n'.join(lines).encode()


def _spoil_yaml(path, rng):
    data = yaml.safe_load(path.read_text())
    mutate(data, rng, tuple(value for value in JUNK if value != '\udce4'))
    return yaml.safe_dump(data).encode()


def _spoil_checkpoint(path, rng):
    data = torch.load(path, weights_only=True)
    mutate(data, rng, (*JUNK, torch.ones(2, 3)))
    torch.save(data, path.with_name('spoilt.tmp'))
    return path.with_name('spoilt.tmp').read_bytes()


def _spoil_metadata(path, rng):
    """Spoil what an exported file says of its network."""
    model = onnx.load(path)
    texts = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    mutate(texts, rng)
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in texts.items()})
    return model.SerializeToString()


_STRUCTURED = {
    '.onnx': _spoil_metadata,
    '.json': _spoil_json,
    '.jsonl': _spoil_lines,
    '.yaml': _spoil_yaml,
    '.pth': _spoil_checkpoint,
}


def spoil(path, target, rng):
    """Write a spoilt copy of the file ``path`` to ``target``: one of four is damaged bytes."""
    path = Path(path)
    by_structure = _STRUCTURED.get(path.suffix)
    if by_structure is None or rng.random() < 0.25:
        data = damage(path.read_bytes(), rng)
    else:
        data = by_structure(path, rng)
    Path(target).write_bytes(data)
