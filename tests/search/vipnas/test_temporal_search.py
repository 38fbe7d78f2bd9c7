"""Searches of networks for videos end with the same bytes wherever they are killed."""

import pytest
from apis.test_videos import make_config
from registry_cases import CODEC, TINY_MODEL, TINY_VIPNAS_SPACE
from search.test_evaluators import search, widen

from posenas.search import read_archive

NUM_TRIALS = 6


def make_search(folder, work_dir):
    """Search light networks of a period of three frames, scored on one video."""
    cfg = make_config(folder).to_dict()
    cfg['work_dir'] = str(work_dir)
    cfg['model'] = dict(
        type='TViPNASSupernet',
        space=dict(type='TViPNASSpace', space=TINY_VIPNAS_SPACE, period=3, key='tiny'),
        key=TINY_MODEL,
        head=dict(type='ViPNASHead', out_channels=17, decoder=CODEC),
    )
    cfg['train_cfg'] = dict(
        type='SearchLoop',
        algorithm=dict(type='EvolutionSearch', objectives=dict(PCK='greater'), num_random=4),
        evaluator=dict(type='SupernetEvaluator'),
        wave=NUM_TRIALS // 2,
        num_waves=2,
        num_calibration=4,
        budget=dict(
            costs=[dict(type='MacsCost', counter=dict(type='ViPNASCounter', model=TINY_MODEL))],
            limits={},
            input_size=(64, 64),
            num_keypoints=17,
        ),
    )
    return widen(cfg)


def read_results(folder):
    files = [folder / 'archive.jsonl', *sorted((folder / 'winners').iterdir())]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_over_frames_killed_at_any_candidate_ends_with_the_same_bytes(tmp_path):
    whole = tmp_path / 'whole'
    search(make_search(tmp_path / 'videos', whole))
    wanted = read_results(whole)
    _, records = read_archive(whole / 'archive.jsonl')
    assert len(records) == NUM_TRIALS
    assert {'PCK at 0', 'PCK at 1', 'PCK at 2'} <= records[0].scores.keys()
    lines = wanted['archive.jsonl'].splitlines(keepends=True)
    for kept in range(1, len(lines) + 1):
        folder = tmp_path / f'kept_{kept}'
        folder.mkdir()
        torn = b''.join(line[:-9] for line in lines[kept : kept + 1])
        (folder / 'archive.jsonl').write_bytes(b''.join(lines[:kept]) + torn)
        search(make_search(tmp_path / 'videos', folder))
        assert read_results(folder) == wanted
