"""Checkpoints and configs of other projects in our form, and checkpoints back in theirs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from posenas.apis.building import ConfigLike, build_model
from posenas.convert import (
    Conversion,
    adapt_checkpoint,
    average_states,
    convert_with_report,
    export_with_report,
    find_config_kind,
    find_family,
    make_distillation,
    merge_teacher,
    take_distillation,
    translate_config,
)
from posenas.convert.report import join_conversions
from posenas.models import load_state
from posenas.utils import ConfigError, save_checkpoint, write_text
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config
from posenas.utils.config_text import write_comment
from posenas.utils.download import fetch_checkpoint, is_address, read_checkpoint
from posenas.utils.safe_load import load_trusted_file
from posenas.utils.safetensors_io import SAFETENSORS, write_safetensors

#: Projects that load a checkpoint with what stands beside the weights; the others a bare state
#: dict.
_WITH_META = ('ours', 'mmpose0', 'mmpose1')
#: What stands beside weights in a file of safetensors.
_KEPT_META = ('dataset_meta', 'epoch', 'iter')


def convert_checkpoint(
    source: str | Path,
    out: str | Path,
    project: str = 'auto',
    to: str | None = None,
    config: ConfigLike | None = None,
    trust: bool = False,
    sha256: str | None = None,
    trust_download: bool = False,
    halve: bool = False,
    average: Sequence[str | Path] = (),
) -> Conversion:
    """Convert a checkpoint, to our names or to those of another project, and write it.

    Args:
        source: Checkpoint: file, or http(s) address.
        out: File to write; .safetensors takes the weights, and what they find, alone.
        project: Whose names its entries have, a key of :data:`posenas.convert.NAMINGS`; 'auto'
            tells it from the names.
        to: Whose names they get, likewise; None takes ours. A network in our names becomes the
            PoseNAS project's by 'posenas'; everything else becomes ours by it.
        config: Network that the entries must fit under our names; None compares with none.
        trust: Whether the file may run code while it is read: only if you trust its author.
        sha256: SHA-256 of the checkpoint, at least its first 8 digits; None takes those that an
            address states.
        trust_download: Whether an address without a SHA-256 may be loaded.
        halve: Whether a file of safetensors stores numbers in half precision.
        average: Further checkpoints of the same network: what is written is the mean of all; see
            :func:`posenas.convert.average_states`.

    Returns:
        What was written, with a report of what became of every entry.

    Raises:
        ConfigError: There is no such file, or arguments do not fit together.
        CheckpointError: It cannot be read safely, is of no known project or does not fit the
            network.
    """
    for path in (source, *average):
        _check_files(path, out)
    is_plain = Path(out).suffix.lower() == SAFETENSORS
    if halve and not is_plain:
        raise ConfigError(f'out must end with {SAFETENSORS} to store half precision, got {out}')
    loaded = _load(source, trust, sha256, trust_download)
    further = [_load(path, trust, None, trust_download) for path in average]
    conversion, target = _convert([loaded, *further], project, to)
    if config is not None:
        if conversion.report.target != 'ours':
            raise ConfigError(
                'config must be left out when a checkpoint gets names of another project, got both'
            )
        model = build_model(config).model
        load_state(model, adapt_checkpoint(conversion.state_dict, model.state_dict()))
    meta = loaded.get('meta')
    kept = {} if not isinstance(meta, Mapping) else {**meta}
    kept.pop('config', None)
    if is_plain:
        kept = {name: kept[name] for name in _KEPT_META if name in kept}
        write_safetensors(conversion.state_dict, out, kept, halve)
    elif target in _WITH_META:
        save_checkpoint(dict(meta=kept, state_dict=conversion.state_dict), out)
    else:
        save_checkpoint(conversion.state_dict, out)
    return conversion


def _check_files(source: str | Path, out: str | Path) -> None:
    """Require a file that is there to become another one."""
    if is_address(source):
        return
    if not Path(source).is_file():
        raise ConfigError(f'no file at {source}: check the path')
    if Path(source).resolve() == Path(out).resolve():
        raise ConfigError(f'out must be another file than the source, got {out} twice')


def _load(source: str | Path, trust: bool, sha256: str | None, trust_download: bool) -> dict:
    if not trust:
        return read_checkpoint(source, sha256=sha256, trust=trust_download)
    if is_address(source):
        raise ConfigError(
            f'a file that is trusted must be on this machine, got {source}: download it and give '
            'its path'
        )
    print_log(f'{source} is trusted: it may run code', 'current', level=30)
    return load_trusted_file(fetch_checkpoint(source, sha256))


def _convert(
    loaded: Sequence[Mapping[str, object]], project: str, to: str | None
) -> tuple[Conversion, str]:
    """Convert to our names, average and, if asked, convert to the names of another project.

    Returns:
        The conversion, its report from the names in the file to those it gets, and whose they
        are, 'ours' for this library's names.
    """
    first, *others = (convert_with_report(each, project) for each in loaded)
    if others:
        states = [each.state_dict for each in (first, *others)]
        first = Conversion(average_states(states), first.report)
    if to is None:
        return first, 'ours'
    if to == 'posenas' and (first.report.renamed or find_family(first.state_dict) != 'PoseNAS'):
        return first, 'ours'
    return join_conversions(first, export_with_report(first.state_dict, to)), to


def convert_config(
    source: str | Path,
    out: str | Path,
    teacher: str | Path | None = None,
    legacy: bool = True,
    strict: bool = False,
) -> list[Path]:
    """Translate a config of another project and write it.

    Args:
        source: Config of MMPose 0.x, HRNet, SimpleBaseline, FPD, PNFS or PoseNAS.
        out: File to write, .py.
        teacher: Config of the teacher that FPD merges over ``source``: ``out`` distils from it
            then, and it is written beside it with ``_teacher``.
        legacy: See :func:`posenas.convert.translate_config`.
        strict: Likewise.

    Returns:
        The files that were written.

    Raises:
        ConfigError: There is no such file, it needs no conversion or cannot be translated.
    """
    _check_files(source, out)
    if Path(out).suffix != '.py':
        raise ConfigError(f'out must be a .py file where a config is converted, got {out}')
    cfg = load_config(source)
    if find_config_kind(cfg) is None:
        raise ConfigError(
            f'{source} must be a config of MMPose 0.x, HRNet, SimpleBaseline, FPD, PNFS or '
            'PoseNAS; one of ours or of MMPose 1.x needs no conversion'
        )
    files = [Path(out)]
    if teacher is None:
        made = [_translate(cfg, legacy, strict)]
    else:
        files.append(files[0].with_name(f'{files[0].stem}_teacher.py'))
        made = _translate_distillation(cfg, load_config(teacher), legacy, strict)
    name = Path(cfg.filename).name
    for path, translated in zip(files, made, strict=True):
        write_text(path, f'{write_comment(f"Translated from {name}.")}{translated.pretty_text}')
    return files


def _translate_distillation(
    student: Config, teacher: Config, legacy: bool, strict: bool
) -> list[Config]:
    """Return the distillation that two configs of FPD describe, and the teacher's config."""
    settings = take_distillation(student)
    if 'teacher_checkpoint' not in settings:
        raise ConfigError(
            f'a teacher needs KD.TRAIN_TYPE and KD.TEACHER in {student.filename}: they say that '
            'it distils, and which file has the weights of the teacher'
        )
    taught_by = _translate(merge_teacher(student, teacher), legacy, strict)
    own = _translate(student, legacy, strict)
    return [make_distillation(own, taught_by.model, **settings), taught_by]


def _translate(cfg: Config, legacy: bool, strict: bool) -> Config:
    translated = translate_config(cfg, legacy, strict)
    verify_config(translated)
    return translated
