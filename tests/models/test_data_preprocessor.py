import torch

from posenas.models import PoseDataPreprocessor
from posenas.registry import BATCH_AUGMENTS


def _images():
    return [torch.randint(0, 256, (3, 4, 6), dtype=torch.uint8) for _ in range(2)]


def test_images_are_reversed_and_normalised():
    images = _images()
    preprocessor = PoseDataPreprocessor(mean=[1.0, 2, 3], std=[2.0, 4, 8], bgr_to_rgb=True)
    batch = preprocessor(dict(inputs=images, data_samples=[None, None]))['inputs']
    mean, std = torch.tensor([1.0, 2, 3]).view(3, 1, 1), torch.tensor([2.0, 4, 8]).view(3, 1, 1)
    torch.testing.assert_close(batch[1], (images[1].flip(0).float() - mean) / std)


def test_memory_order_changes_but_not_the_values():
    images = _images()
    plain = PoseDataPreprocessor()(dict(inputs=images))['inputs']
    dense = PoseDataPreprocessor(channels_last=True)(dict(inputs=images))['inputs']
    assert dense.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(plain, dense)


def test_memory_order_changes_on_the_cpu_only():
    preprocessor = PoseDataPreprocessor(channels_last=True).to('meta')
    batch = preprocessor(dict(inputs=_images()))['inputs']
    assert batch.device.type == 'meta'
    assert batch.is_contiguous()


def test_batch_augments_run_in_training_only():
    @BATCH_AUGMENTS.register_module(name='_Negate')
    class Negate:
        def __call__(self, inputs, data_samples):
            return -inputs, data_samples

    preprocessor = PoseDataPreprocessor(batch_augments=[dict(type='_Negate')])
    images = _images()
    plain = preprocessor(dict(inputs=images))['inputs']
    assert torch.equal(preprocessor(dict(inputs=images), training=True)['inputs'], -plain)
    BATCH_AUGMENTS.module_dict.pop('_Negate')


def test_statistics_stay_out_of_the_state_dict():
    assert not PoseDataPreprocessor(mean=[0.0] * 3, std=[1.0] * 3).state_dict()
