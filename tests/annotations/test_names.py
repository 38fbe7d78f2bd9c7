import pytest

from posenas.annotations import find_file, locate_files


@pytest.fixture
def folder(tmp_path):
    for name in (
        'a.jpg',
        'images/b.jpg',
        'cam1/c.jpg',
        'cam2/c.jpg',
        'd.JPG',
        'my e.jpg',
        r'x\y.jpg',
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ('name', 'file'),
    [
        ('a.jpg', 'a.jpg'),
        (r'images\b.jpg', 'images/b.jpg'),
        (r'C:\data\images\b.jpg', 'images/b.jpg'),
        ('/datasets/set/a.jpg', 'a.jpg'),
        ('../../label-studio/data/media/upload/1/a.jpg', 'a.jpg'),
        ('/data/local-files/?d=images/b.jpg', 'images/b.jpg'),
        ('https://host/bucket/images/b.jpg?token=1', 'images/b.jpg'),
        ('my%20e.jpg', 'my e.jpg'),
        ('d.jpg', 'd.JPG'),
        ('a.jpg ', 'a.jpg'),
        ('a.JPG', 'a.jpg'),
        (r'x\y.jpg', r'x\y.jpg'),
        ('c.jpg', None),
        ('nowhere.jpg', None),
        ('a' * 5000, None),
    ],
)
def test_a_name_leads_to_its_file(folder, name, file):
    assert find_file(name, folder) == file


def test_names_change_only_where_they_are_not_those_of_files(folder):
    names = ['a.jpg', r'images\b.jpg', r'x\y.jpg', 'cam1/c.jpg']
    assert locate_files(names, folder) == {1: 'images/b.jpg'}


def test_all_names_are_looked_up_where_the_first_are_not_there(folder):
    assert locate_files(['set/a.jpg', 'nowhere.jpg', 'set/d.jpg'], folder) == {
        0: 'a.jpg',
        2: 'd.JPG',
    }


def test_no_two_names_get_one_file(folder):
    assert locate_files([r'one\a.jpg', r'two\a.jpg', r'images\b.jpg'], folder) == {
        2: 'images/b.jpg'
    }


@pytest.mark.parametrize('place', ['http://host/images', 'no/such/folder'])
def test_names_stay_where_nothing_can_be_looked_up(place):
    assert locate_files([r'a\b.jpg'], place) == {}
