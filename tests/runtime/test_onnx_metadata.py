"""Reading the metadata of ONNX files without the package onnx."""

import onnx
import pytest
from exported_spots import describe_spots, make_spot_net

from posenas.runtime.onnx_metadata import read_onnx_metadata
from posenas.utils import DataError


def test_metadata_are_read_as_onnx_reads_them(tmp_path):
    path = tmp_path / 'net.onnx'
    onnx.save(make_spot_net(), path)
    assert read_onnx_metadata(path) == {p.key: p.value for p in onnx.load(path).metadata_props}
    assert read_onnx_metadata(path) == describe_spots().to_metadata()


@pytest.mark.parametrize('share', [0.3, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_an_error(tmp_path, share):
    content = make_spot_net().SerializeToString()
    (tmp_path / 'cut.onnx').write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match='must be a readable ONNX file'):
        read_onnx_metadata(tmp_path / 'cut.onnx')


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match='must be a readable ONNX file'):
        read_onnx_metadata(tmp_path / 'net.onnx')
