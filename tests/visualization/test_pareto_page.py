"""The Pareto front as a page that stands alone."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from posenas.utils import DataError
from posenas.visualization import Axis, TradePoint, make_pareto_page, write_pareto_page

MACS, AP = Axis('macs', 'less'), Axis('AP', 'greater')
POINTS = [
    TradePoint('first', 1.0e9, 0.60, True),
    TradePoint('second', 1.5e9, 0.55),
    TradePoint('<third>', 2.0e9, 0.70, True, 'trial 2 & more'),
]
MARKS = [TradePoint('published', 1.46e9, 0.711)]


def make_page(points=POINTS, marks=MARKS):
    return make_pareto_page(points, MACS, AP, 'A "search"', marks)


def find_chart(page):
    return ElementTree.fromstring(re.search(r'<svg.*</svg>', page, re.DOTALL)[0])  # noqa: S314


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != 'meta':
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing():
    tags = Tags(make_page())
    assert not tags.open
    assert not {'script', 'link', 'img', 'iframe'} & {tag for tag, _ in tags.seen}
    assert not any({'src', 'href'} & attributes.keys() for _, attributes in tags.seen)


def test_every_architecture_is_drawn_where_it_belongs():
    circles = list(find_chart(make_page()).iter('circle'))
    assert [c.get('class') for c in circles] == ['all', 'front', 'front']
    second, first, third = circles
    across = [float(c.get('cx')) for c in (first, second, third)]
    upward = [-float(c.get('cy')) for c in (second, first, third)]
    assert across == sorted(across)
    assert upward == sorted(upward)
    assert across[1] - across[0] == pytest.approx(across[2] - across[1], abs=0.11)
    assert third.find('title').text == '<third>\nAP 0.7\nmacs 2G\ntrial 2 & more'


def test_the_bound_of_the_front_rises_at_the_costs_of_its_points():
    chart = find_chart(make_page())
    first, third = [c for c in chart.iter('circle') if c.get('class') == 'front']
    (step,) = [p for p in chart.iter('path') if p.get('class') == 'step']
    start = f'M{first.get("cx")} {first.get("cy")}'
    assert step.get('d') == f'{start}H{third.get("cx")}V{third.get("cy")}'


def test_networks_to_compare_with_are_named_in_chart_and_table():
    page = make_page()
    assert 'published' in [t.text for t in find_chart(page).iter('text')]
    assert '<td>published</td><td>1.46G</td><td>0.711</td>' in page


@pytest.mark.parametrize('values', [(0, 0), (5, 5), (-3, 1e-9), (1e12, 2e12)])
def test_any_range_has_an_axis(values):
    points = [TradePoint(str(i), x, x) for i, x in enumerate(values)]
    ticks = [t for t in find_chart(make_page(points, ())).iter('text') if t.get('class') == 'tick']
    assert 4 <= len(ticks) <= 26


def test_the_same_search_gives_the_same_bytes(tmp_path):
    write_pareto_page(tmp_path / 'page.html', POINTS, MACS, AP, 'A "search"', MARKS)
    assert (tmp_path / 'page.html').read_text() == make_page()


def test_a_page_needs_a_point():
    with pytest.raises(DataError, match='at least one'):
        make_page([])
