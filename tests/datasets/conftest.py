import copy
import json

import pytest
from tiny_data import write_people


@pytest.fixture
def people(tmp_path):
    """Folder with six pictures of one person each and people.json in COCO layout."""
    write_people(tmp_path, num_images=6, seed=2)  # upright enough to arouse no suspicion
    return tmp_path


@pytest.fixture
def rewrite(people):
    """Function that lets a change loose on a copy of the annotations and returns the new file."""
    original = json.loads((people / 'people.json').read_text())

    def write(change):
        data = copy.deepcopy(original)
        replaced = change(data)
        path = people / 'changed.json'
        path.write_text(json.dumps(data if replaced is None else replaced))
        return path

    return write
