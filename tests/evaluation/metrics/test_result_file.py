"""The result file has batches as loaders make them."""

import json

from posenas.evaluation.metrics.result_file import ResultFile


def test_people_are_written_in_batches_of_the_size_that_is_asked_for(tmp_path):
    metric = ResultFile(out_file=str(tmp_path / 'results.json'), batch_size=2)
    people = [
        dict(preds=[[i, 0, 1]], boxes=[0] * 6, image_path=f'{i}.jpg', id=i, img_id=i)
        for i in range(5)
    ]
    assert metric.score(people) == {}
    batches = json.loads((tmp_path / 'results.json').read_text())
    assert [batch['image_paths'] for batch in batches] == [
        ['0.jpg', '1.jpg'],
        ['2.jpg', '3.jpg'],
        ['4.jpg'],
    ]
