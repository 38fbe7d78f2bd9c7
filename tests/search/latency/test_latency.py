"""Predicted times of networks."""

import json

import numpy as np
import pytest
from registry_cases import TINY_VIPNAS_SPACE

from posenas.apis import latency
from posenas.cli import main
from posenas.genotype import save_genotype
from posenas.registry import TASK_UTILS
from posenas.search import CostContext, LatencyCost, LatencyTable, ViPNASSpace, list_operations
from posenas.search.latency.measure import (
    assess,
    draw_genotypes,
    make_operation,
    measure_networks,
    measure_operations,
)
from posenas.search.latency.table import fit_table
from posenas.utils import ConfigError, DataError

CONTEXT = CostContext((64, 64), 5)
SPACES = dict(tiny=TASK_UTILS.build(TINY_VIPNAS_SPACE), mbv3=ViPNASSpace('ViPNAS_MobileNetV3'))


def plan_table(space):
    """A table whose times follow from the operations by a rule."""
    genotypes = draw_genotypes(space, 400, seed=0)
    operations = {o for g in genotypes for o in list_operations(g, CONTEXT)}
    times = {o: 1e-9 * (o.macs + 100 * o.in_channels) for o in operations}
    return fit_table(LatencyTable('rule', CONTEXT, times, {}), [], [])


@pytest.mark.parametrize('name', SPACES)
def test_every_operation_of_a_space_can_be_run(name):
    kinds = {}
    for genotype in draw_genotypes(SPACES[name], 20, seed=0):
        kinds |= {(o.kind, o.act, o.stride): o for o in list_operations(genotype, CONTEXT)}
    for operation in kinds.values():
        module, x = make_operation(operation)
        shape = module(x).shape
        assert shape == (1, operation.out_channels, *operation.output_size[::-1])


def test_fitting_finds_how_times_add_up():
    space = SPACES['tiny']
    table = plan_table(space)
    genotypes = draw_genotypes(space, 60, seed=3)
    plain = np.array([table.predict(genotype) for genotype in genotypes])
    calls = np.array([len(list_operations(genotype, CONTEXT)) for genotype in genotypes])
    seconds = 1.5 * plain + 2e-6 * calls + 1e-5
    fitted = fit_table(table, genotypes[:30], seconds[:30])
    found = assess(fitted, genotypes[30:], np.tile(seconds[30:], (4, 1)))
    assert found.worst_error < 1e-6
    assert found.tau == found.retest_tau == found.band_tau == 1
    assert found.macs_tau < 1


def test_a_table_without_timed_networks_adds_up_times_in_the_same_order_in_every_process():
    factors = plan_table(SPACES['tiny']).factors
    assert list(factors) == sorted(factors)
    besides = {'network', 'call', 'weights', 'maps', 'macs'}
    # 1x1 convolutions are matrix products, others are slower where groups are narrow
    assert {'conv', 'grouped', 'depthwise', 'deconv', *besides} < factors.keys()
    assert all(factor == (name not in besides) for name, factor in factors.items())


def test_every_number_that_is_read_or_written_takes_its_time():
    space = SPACES['tiny']
    table = plan_table(space)
    genotype = space.to_genotype(space.extremes()[0])
    operations = list_operations(genotype, CONTEXT)
    touched = sum(
        o.in_channels * np.prod(o.size) + o.out_channels * np.prod(o.output_size)
        for o in operations
    )
    wanted = dict(maps=touched, call=len(operations), weights=sum(o.params for o in operations))
    wanted['macs'] = sum(o.macs for o in operations)
    for name, number in wanted.items():
        factors = dict.fromkeys(table.factors, 0.0) | {name: 1.0}
        found = LatencyTable('rule', CONTEXT, table.times, factors).predict(genotype)
        assert found == pytest.approx(number)


def test_a_table_from_before_multiply_accumulates_counted_predicts_as_it_did():
    space = SPACES['tiny']
    table = plan_table(space)
    genotype = space.to_genotype(space.extremes()[1])
    older = {name: factor for name, factor in table.factors.items() if name != 'macs'}
    found = LatencyTable('rule', CONTEXT, table.times, older).predict(genotype)
    assert found == table.predict(genotype)
    del older['conv']
    with pytest.raises(DataError, match='factor for conv'):
        LatencyTable('rule', CONTEXT, table.times, older).predict(genotype)


def test_the_band_holds_only_pairs_of_nearly_equal_cost():
    space = SPACES['tiny']
    table = plan_table(space)
    small, large = (space.to_genotype(arch) for arch in space.extremes())
    for genotypes in ([small, large], [large, small]):
        found = assess(table, genotypes, np.tile([1.0, 2.0], (4, 1)))
        assert np.isnan(found.band_tau)
        assert found.tau in (-1, 1)


def test_a_measured_table_is_written_and_read(tmp_path):
    space = SPACES['tiny']
    table = measure_operations(space, CONTEXT, num_rounds=1)
    genotypes = draw_genotypes(space, 2, seed=1)
    times = measure_networks(genotypes, CONTEXT, num_rounds=2)
    assert times.shape == (2, 2)
    assert (times > 0).all()
    file = tmp_path / 'table.json'
    table.save(file)
    assert LatencyTable.load(file) == table
    cost = LatencyCost(str(file))
    assert cost(genotypes[0], CONTEXT) == 1e3 * table.predict(genotypes[0]) > 0
    assert cost.fingerprint() == LatencyCost(str(file)).fingerprint()
    with pytest.raises(DataError, match='build another'):
        cost(genotypes[0], CostContext((96, 128), 5))
    with pytest.raises(ConfigError, match='MacsCost'):
        cost.per_op(None, (1, 2, 3))
    with pytest.raises(DataError, match='must have every operation'):
        cost(SPACES['mbv3'].to_genotype(SPACES['mbv3'].extremes()[0]), CONTEXT)


def test_what_is_no_table_is_refused(tmp_path):
    wrong = {'[]': 'a latency table', '{"schema": "other"}': 'a latency table', 'no JSON': 'JSON'}
    for text, message in wrong.items():
        (tmp_path / 'table.json').write_text(text)
        with pytest.raises(DataError, match=f'must be .*{message}'):
            LatencyTable.load(tmp_path / 'table.json')


def test_entries_of_other_kinds_are_refused(tmp_path):
    table, file = plan_table(SPACES['tiny']), tmp_path / 'table.json'
    LatencyTable('rule', CONTEXT, table.times, table.factors).save(file)
    content = json.loads(file.read_text())
    file.write_text(json.dumps(dict(content, factors=dict(content['factors'], call='1.0'))))
    with pytest.raises(DataError, match='factors must be numbers'):
        LatencyTable.load(file)


def test_the_command_predicts_genotypes_and_says_if_the_table_is_not_fitted(
    tmp_path, capsys, monkeypatch
):
    said = []
    for module in ('posenas.apis.latency', 'posenas.search.latency.table'):
        monkeypatch.setattr(f'{module}.print_log', lambda text, **_: said.append(text))
    space = SPACES['tiny']
    genotype = space.to_genotype(space.extremes()[0])
    plain = plan_table(space)
    plain.save(tmp_path / 'table.json')
    save_genotype(genotype, tmp_path / 'smallest.json')
    words = ['latency', 'predict', str(tmp_path / 'table.json'), str(tmp_path / 'smallest.json')]
    assert main(words) == 0
    assert 'smallest.json: ' in capsys.readouterr().out
    assert ['run posenas latency fit' in text for text in said] == [True]
    LatencyCost(str(tmp_path / 'table.json'))  # a search says so too
    assert len(said) == 2
    few = draw_genotypes(space, 5, seed=1)
    fitted = fit_table(plain, few, [1.5 * plain.predict(genotype) for genotype in few])
    assert (plain.is_fitted, fitted.is_fitted) == (False, True)
    fitted.save(tmp_path / 'table.json')
    assert main(words) == 0
    assert len(said) == 2


def test_the_command_refuses_what_it_cannot_judge(tmp_path, capsys):
    config = 'configs/search/vipnas/synthetic/vipnas_supernet_tiny_synthetic_128x96.py'
    file = str(tmp_path / 'table.json')
    plan_table(SPACES['tiny']).save(file)
    assert main(['latency', 'fit', config, file]) == 2
    assert 'build it with this config' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(['latency', 'build', config, file, '--rounds', '0'])
    plain = 'configs/top_down/tiny/synthetic/tiny_synthetic_128x96.py'
    assert main(['latency', 'build', plain, file]) == 2
    assert 'config of a supernet' in capsys.readouterr().err


def test_networks_run_again_until_two_measurements_agree(tmp_path, monkeypatch):
    config = 'configs/search/vipnas/synthetic/vipnas_supernet_tiny_synthetic_128x96.py'
    file = tmp_path / 'table.json'
    space, context = latency._read_config(latency.load_checked(config))
    genotypes = draw_genotypes(space, 400, seed=0)
    operations = {o for g in genotypes for o in list_operations(g, context)}
    times = {o: 1e-9 * (o.macs + 100 * o.in_channels) for o in operations}
    LatencyTable('rule', context, times, {}).save(file)
    before = file.read_bytes()
    rng, scales = np.random.default_rng(0), []

    def measure(genotypes, context, num_rounds, engine, decoder):
        macs = [sum(o.macs for o in list_operations(g, context)) for g in genotypes]
        noise = rng.exponential(scales.pop(0), (num_rounds, len(genotypes)))
        return 1e-9 * np.array(macs) * (1 + noise)

    monkeypatch.setattr(latency, 'measure_networks', measure)
    numbers = dict(num_rounds=8, num_fit=30, num_test=30)
    scales[:] = [100.0] * 3
    with pytest.raises(ConfigError, match=r'must agree, rank correlation 0\.95.*unchanged'):
        latency.fit_latency_table(config, file, **numbers)
    assert not scales
    assert file.read_bytes() == before
    scales[:] = [100.0, 1e-6]
    found = latency.fit_latency_table(config, file, **numbers)
    assert not scales
    assert found.retest_tau >= 0.95
    assert LatencyTable.load(file).is_fitted


@pytest.mark.slow
@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_operations_and_networks_are_timed_in_the_engine_that_will_run_them(engine):
    pytest.importorskip('onnxruntime')
    pytest.importorskip('openvino')
    space = SPACES['tiny']
    table = measure_operations(space, CONTEXT, num_rounds=1, engine=engine)
    assert table.engine == engine
    assert engine in table.device
    assert min(table.times.values()) > 0
    genotypes = draw_genotypes(space, 1, seed=1)
    times = measure_networks(genotypes, CONTEXT, num_rounds=1, engine=engine)
    assert 0 < times[0, 0] < 1
    assert table.predict(genotypes[0]) > 0


def test_networks_are_fitted_in_the_engine_of_their_table(tmp_path, capsys):
    table = plan_table(SPACES['tiny'])
    file = tmp_path / 'table.json'
    LatencyTable(table.device, CostContext((96, 128), 17), {}, {}, 'openvino').save(file)
    config = 'configs/search/vipnas/synthetic/vipnas_supernet_tiny_synthetic_128x96.py'
    assert main(['latency', 'fit', config, str(file), '--engine', 'onnxruntime']) == 2
    assert "must be for engine 'onnxruntime', got 'openvino'" in capsys.readouterr().err
