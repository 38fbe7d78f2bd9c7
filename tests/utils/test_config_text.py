import math
from pathlib import Path

import pytest
from mmengine.config import Config

from posenas.utils.config import load_config
from posenas.utils.config_text import allow_keywords_as_keys, write_comment

#: mmengine replaces this before it reads a config; what it puts there ends the quotes and runs.
BRACES = '{{$X:(.*|\\\'+__import__("os").mkdir("ran")#)}}'

CONTENTS = {
    'text that runs': dict(work_dir=BRACES),
    'text that runs in a list': dict(a=dict(names=[BRACES])),
    'a variable of the environment': dict(a='{{$HOME:x}}'),
    'a variable of the file': dict(a='{{{fileDirname}}}', b='{{{{fileDirname}}}}'),
    'a key': dict(a={'{{ fileDirname }}': 1}),
    'a value of the base': dict(a='{{_base_.b}}'),
    'infinity': dict(a=[math.inf, dict(b=-math.inf)]),
}


@pytest.mark.parametrize('name', CONTENTS)
def test_what_a_config_holds_is_read_as_it_was_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    allow_keywords_as_keys()
    text = Config(CONTENTS[name]).pretty_text
    Path('written.py').write_text(write_comment(BRACES) + text)
    assert load_config('written.py').to_dict() == CONTENTS[name] | dict(default_scope='posenas')
    assert not Path('ran').exists()
