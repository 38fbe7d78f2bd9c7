"""Small files in COCO's layout, in memory, and what label tools make of such."""

import copy

NAMES = ['head', 'left_hand', 'right_hand', 'foot']
POINTS = [50, 20, 2, 80, 50, 2, 20, 50, 1, 50, 90, 2]
PEOPLE = 3


def make_content():
    """Return three images of 100 x 100 pixels with one person each."""
    images = [
        dict(id=i, file_name=f'{i:03}.jpg', width=100, height=100) for i in range(1, PEOPLE + 1)
    ]
    people = [
        dict(
            id=i,
            image_id=i,
            category_id=1,
            iscrowd=0,
            area=4000.0,
            bbox=[10.0, 10.0, 80.0, 85.0],
            keypoints=list(POINTS),
            num_keypoints=4,
        )
        for i in range(1, PEOPLE + 1)
    ]
    category = dict(id=1, name='person', keypoints=list(NAMES), skeleton=[[1, 2], [1, 3], [1, 4]])
    return dict(images=images, annotations=people, categories=[category])


def changed(change):
    """Return a content on which ``change`` was let loose."""
    content = make_content()
    replaced = change(content)
    return copy.deepcopy(content if replaced is None else replaced)


def each(section, **values):
    """Change all records of a list; values may be functions of the record, None of it drops."""

    def change(content):
        for record in content[section]:
            for key, value in values.items():
                record[key] = value(record) if callable(value) else value

    return change


def drop(section, *keys):
    def change(content):
        for record in content[section]:
            for key in keys:
                record.pop(key)

    return change


def first(**values):
    return lambda content: content['annotations'][0].update(values)


def category(**values):
    return lambda content: content['categories'][0].update(values)


def _cvat(content):
    """Add a category of boxes before, with ``keypoints`` [], and a box for each person."""
    content['categories'][0]['id'] = 2
    box = dict(id=1, name='person_bbox', keypoints=[], skeleton=[])
    content['categories'].insert(0, box)
    for person in list(content['annotations']):
        person['category_id'] = 2
        extra = dict(person, id=person['id'] + 50, category_id=1, keypoints=[], num_keypoints=0)
        content['annotations'].append(extra)


def _roboflow(content):
    content['categories'].insert(0, dict(id=0, name='people-a1b2', supercategory='none'))


def _uuid_images(content):
    for image, person in zip(content['images'], content['annotations'], strict=True):
        image['id'] = person['image_id'] = f'a{image["id"]}-b'


def _named_images(content):
    for image, person in zip(content['images'], content['annotations'], strict=True):
        image.pop('id')
        person['image_id'] = image['file_name']


def _set_levels(*levels):
    def change(content):
        content['annotations'][0]['keypoints'][2::3] = levels

    return change


def _null_place(content):
    content['annotations'][0]['keypoints'][:3] = [None, float('nan'), 0]


def _category_0(content):
    content['categories'][0]['id'] = 0
    each('annotations', category_id=0)(content)


def _boxes_alone(content):
    """Make each keypoint an annotation of its own, as RectLabel does."""
    content['categories'] = [dict(id=i, name=name) for i, name in enumerate(NAMES, start=1)]
    for person in content['annotations']:
        person.pop('keypoints')


def _addresses(content):
    for image in content['images']:
        image['coco_url'] = f'http://host/{image.pop("file_name")}'


def _same_image_again(content):
    content['images'].append(dict(content['images'][0]))


#: Name, change, kinds of findings, people that load, labelled keypoints of the first.
SOUND = [
    ('as it should be', lambda content: None, set(), 3, 4),
    ('CVAT boxes and skeletons', _cvat, set(), 3, 4),
    ('Roboflow first category', _roboflow, set(), 3, 4),
    ('num_keypoints 0', each('annotations', num_keypoints=0), {'num_keypoints differs'}, 3, 4),
    (
        'num_keypoints a list',
        each('annotations', num_keypoints=lambda a: a['keypoints']),
        {'num_keypoints differs'},
        3,
        4,
    ),
    ('num_keypoints missing', drop('annotations', 'num_keypoints'), set(), 3, 4),
    ('num_keypoints null', each('annotations', num_keypoints=None), set(), 3, 4),
    (
        'fractional v',
        _set_levels(0.3, 0.97, 0, 2),
        {'v is a fraction', 'num_keypoints differs'},
        3,
        3,
    ),
    ('v = 3', _set_levels(3, 3, 2, 1), {'v = 3'}, 3, 4),
    ('v = -1', _set_levels(-1, 2, 2, 1), {'v < 0', 'num_keypoints differs'}, 3, 3),
    ('v as true and false', _set_levels(True, True, True, False), None, 3, 3),
    ('null where unlabelled', _null_place, None, 3, 3),
    (
        'keypoints as text',
        each('annotations', keypoints=lambda a: [str(v) for v in a['keypoints']]),
        {'keypoints in another form'},
        3,
        4,
    ),
    (
        'keypoints as triples',
        each('annotations', keypoints=[[50, 20, 2], [80, 50, 2], [20, 50, 1], [50, 90, 2]]),
        {'keypoints in another form'},
        3,
        4,
    ),
    ('a person with keypoints []', first(keypoints=[], num_keypoints=0), set(), 2, 4),
    ('a person with keypoints null', first(keypoints=None), {'num_keypoints differs'}, 2, 4),
    (
        'all v 0 of one',
        first(keypoints=[5, 5, 0] * 4, num_keypoints=0),
        {'places without labels'},
        2,
        4,
    ),
    ('box missing', drop('annotations', 'bbox'), {'box missing'}, 3, 4),
    ('box null', each('annotations', bbox=None), {'box missing'}, 3, 4),
    ('box []', each('annotations', bbox=lambda a: []), {'box missing'}, 3, 4),
    (
        'box as text',
        each('annotations', bbox=lambda a: [str(v) for v in a['bbox']]),
        {'box in another form'},
        3,
        4,
    ),
    ('area missing', drop('annotations', 'area'), set(), 3, 4),
    ('area null', each('annotations', area=None), set(), 3, 4),
    ('area NaN', each('annotations', area=float('nan')), set(), 3, 4),
    ('area as text', each('annotations', area='12.5'), set(), 3, 4),
    ('iscrowd missing', drop('annotations', 'iscrowd'), set(), 3, 4),
    ('iscrowd null', each('annotations', iscrowd=None), set(), 3, 4),
    ('iscrowd false', each('annotations', iscrowd=False), set(), 3, 4),
    (
        'a mask as RLE',
        each('annotations', segmentation=dict(counts='Pb2', size=[9, 9])),
        set(),
        3,
        4,
    ),
    ('ids missing', drop('annotations', 'id'), {'annotation id is no integer'}, 3, 4),
    (
        'ids with a point',
        each('annotations', id=lambda a: a['id'] + 0.0),
        {'annotation id is no integer'},
        3,
        4,
    ),
    (
        'ids as text',
        each('annotations', id=lambda a: f'{a["id"]}'),
        {'annotation id is no integer'},
        3,
        4,
    ),
    ('ids that are no numbers', each('annotations', id='x'), {'annotation id is no integer'}, 3, 4),
    ('ids beyond 64 bits', each('annotations', id=2**70), {'annotation id is no integer'}, 3, 4),
    ('ids that repeat', each('annotations', id=7), {'annotation id twice'}, 3, 4),
    (
        'image ids as text',
        each('images', id=lambda i: str(i['id'])),
        {'image id is no integer'},
        3,
        4,
    ),
    (
        'image ids with a point',
        each('images', id=lambda i: float(i['id'])),
        {'image id is no integer'},
        3,
        4,
    ),
    ('links as text', each('annotations', image_id=lambda a: str(a['image_id'])), set(), 3, 4),
    (
        'links by file',
        each('annotations', image_id=lambda a: f'00{a["image_id"]}.jpg'),
        set(),
        3,
        4,
    ),
    ('image ids of letters', _uuid_images, {'image id is no integer'}, 3, 4),
    ('image ids missing', _named_images, {'image id is no integer'}, 3, 4),
    ('an image twice', _same_image_again, {'image listed twice'}, 3, 4),
    ('sizes as text', each('images', width='100', height='100.0'), set(), 3, 4),
    ('sizes null', each('images', width=None, height=None), set(), 3, 4),
    ('sizes missing', drop('images', 'width', 'height'), set(), 3, 4),
    (
        'names as addresses',
        lambda c: (
            [i.update(coco_url=f'http://x/{i.pop("file_name")}') for i in c['images']] and None
        ),
        {'image without file_name'},
        3,
        4,
    ),
    ('category ids as text', each('annotations', category_id='1'), set(), 3, 4),
    ('category ids missing', drop('annotations', 'category_id'), set(), 3, 4),
    (
        'category id 0',
        _category_0,
        set(),
        3,
        4,
    ),
    ('categories missing', lambda c: c.pop('categories') and None, set(), 3, 4),
    ('categories null', lambda c: c.update(categories=None), set(), 3, 4),
    (
        'category without keypoints',
        lambda c: c['categories'][0].pop('keypoints') and None,
        set(),
        3,
        4,
    ),
    ('category with keypoints null', category(keypoints=None), set(), 3, 4),
    ('keypoint names as objects', category(keypoints=[dict(name=n) for n in NAMES]), set(), 3, 4),
    ('a limb beyond', category(skeleton=[[1, 2], [4, 9]]), {'bad limb'}, 3, 4),
    ('a limb from itself', category(skeleton=[[1, 1], [1, 2]]), {'bad limb'}, 3, 4),
    ('a limb of three', category(skeleton=[[1, 2, 3], None, [1, 2]]), {'bad limb'}, 3, 4),
    ('limbs from 0', category(skeleton=[[0, 1], [0, 2], [0, 3]]), {'limbs counted from 0'}, 3, 4),
    ('limbs by name', category(skeleton=[['head', 'foot']]), set(), 3, 4),
    ('limbs null', category(skeleton=None), set(), 3, 4),
    ('limbs as text', category(skeleton='1-2'), {'bad limbs'}, 3, 4),
    ('tracks as text', each('annotations', track_id='a'), {'track_id is text'}, 3, 4),
    ('tracks null', each('annotations', track_id=None), set(), 3, 4),
    ('a category unknown', first(category_id=9), {'labels of another category'}, 2, 4),
]

#: Name, change, part of the message of what nothing can be made of.
BROKEN = [
    ('no object', lambda content: [1], 'must be an object with images'),
    ('images null', lambda c: c.update(images=None), 'images must be a list'),
    ('annotations null', lambda c: c.update(annotations=None), 'annotations must be a list'),
    ('categories a number', lambda c: c.update(categories=3), 'categories must be a list'),
    (
        'image unknown',
        first(image_id=9),
        r'annotations\[0\].image_id \(id 1\) must occur in images',
    ),
    ('image null', first(image_id=None), 'must occur in images, got None'),
    ('keypoints short', first(keypoints=POINTS[:9]), r'12 finite numbers .*it has 9'),
    ('v = 7', first(keypoints=[5, 5, 7] * 4), 'v 0, 1 or 2'),
    ('v null', first(keypoints=[5, 5, None] * 4), 'v 0, 1 or 2'),
    (
        'shares',
        each('annotations', keypoints=[0.5, 0.2, 2, 0.8, 1, 2, 0.2, 0.5, 2, 7, 7, 0]),
        'must be pixels',
    ),
    ('labelled at null', first(keypoints=[None, 5, 2] * 4), 'labelled keypoints have a place'),
    ('box of three', first(bbox=[1, 2, 3]), r'bbox \(id 1\) must be a list of 4 finite numbers'),
    ('box NaN', first(bbox=[1, 2, float('nan'), 4]), '4 finite numbers'),
    ('box an object', first(bbox=dict(x=1)), '4 finite numbers'),
    ('area a word', first(area='big'), 'area .*must be a finite number'),
    ('iscrowd a word', first(iscrowd='no'), 'iscrowd .*must be an integer'),
    ('a track in a list', first(track_id=[1]), 'track_id .*must be an integer'),
    (
        'an image id of two files',
        lambda c: c['images'][1].update(id=1),
        r'images\[1\].id must occur once',
    ),
    ('an image without a name', drop('images', 'file_name'), r'file_name .*required'),
    (
        'a width of -3',
        lambda c: c['images'][0].update(width=-3),
        r'images\[0\].width .*size in pixels',
    ),
    ('names of keypoints a number', category(keypoints=1), 'must name keypoints'),
    ('nobody', lambda c: c.update(annotations=[]), None),
    ('no keypoints anywhere', _boxes_alone, None),
    ('all v 0', each('annotations', keypoints=[5, 5, 0] * 4), None),
]
