"""What the entries of a config may be called, and where the classes they name are registered."""

from typing import Literal

#: Top-level entries that the runner or a command reads.
RUNNER_KEYS = frozenset(
    {
        *('activation_checkpointing', 'auto_scale_lr', 'compile', 'custom_hooks'),
        *('custom_imports', 'data_preprocessor', 'default_hooks', 'default_scope'),
        *('efficient_conv_bn_eval', 'env_cfg', 'experiment_name', 'find_unused_parameters'),
        *('launcher', 'load_from', 'log_level', 'log_processor', 'model', 'model_wrapper_cfg'),
        *('optim_wrapper', 'param_scheduler', 'randomness', 'resume', 'runner_type', 'sync_bn'),
        *('test_cfg', 'test_dataloader', 'test_evaluator', 'train_cfg', 'train_dataloader'),
        *('tta_model', 'val_cfg', 'val_dataloader', 'val_evaluator', 'visualizer', 'work_dir'),
    }
)
#: Variables that configs customarily copy values from.
VARIABLES = frozenset(
    {
        *('backend_args', 'channel_cfg', 'codec', 'data_mode', 'data_root', 'dataset_type'),
        *('max_epochs', 'test_pipeline', 'train_pipeline', 'val_pipeline', 'vis_backends'),
    }
)
#: Key of a config -> registries of the class that its value names.
REGISTRIES = {
    'model': ('MODELS',),
    'data_preprocessor': ('MODELS',),
    'backbone': ('MODELS',),
    'representation': ('MODELS',),
    'dataset': ('DATASETS',),
    'pipeline': ('TRANSFORMS',),
    'switch_pipeline': ('TRANSFORMS',),
    'train_pipeline': ('TRANSFORMS',),
    'val_pipeline': ('TRANSFORMS',),
    'test_pipeline': ('TRANSFORMS',),
    'sampler': ('DATA_SAMPLERS',),
    'batch_sampler': ('DATA_SAMPLERS',),
    'collate_fn': ('FUNCTIONS',),
    'codec': ('KEYPOINT_CODECS',),
    'algorithm': ('TASK_UTILS',),
    'costs': ('TASK_UTILS',),
    'distillation': ('MODELS',),
    'counter': ('TASK_UTILS',),
    'evaluator': ('TASK_UTILS',),
    'cache': ('TASK_UTILS',),
    'parts': ('TASK_UTILS',),
    'space': ('TASK_UTILS',),
    'rules': ('TASK_UTILS',),
    'decoder': ('KEYPOINT_CODECS', 'MODELS'),
    'encoder': ('KEYPOINT_CODECS', 'MODELS'),
    'optim_wrapper': ('OPTIM_WRAPPERS',),
    'optimizer': ('OPTIMIZERS',),
    'param_scheduler': ('PARAM_SCHEDULERS',),
    'default_hooks': ('HOOKS',),
    'custom_hooks': ('HOOKS',),
    'train_cfg': ('LOOPS',),
    'val_cfg': ('LOOPS',),
    'test_cfg': ('LOOPS',),
    'val_evaluator': ('METRICS', 'EVALUATORS'),
    'test_evaluator': ('METRICS', 'EVALUATORS'),
    'visualizer': ('VISUALIZERS',),
    'vis_backends': ('VISBACKENDS',),
    'log_processor': ('LOG_PROCESSORS',),
    'init_cfg': ('WEIGHT_INITIALIZERS',),
    'model_wrapper_cfg': ('MODEL_WRAPPERS',),
    'pred_converter': ('TRANSFORMS',),
    'gt_converter': ('TRANSFORMS',),
}
#: End of a key that hooks and other code may have invented -> registries.
_ENDINGS = {'_pipeline': ('TRANSFORMS',), '_dataset': ('DATASETS',)}


def list_registries(key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """List the registries of the classes that the value of ``key`` names."""
    by_ending = [found for ending, found in _ENDINGS.items() if key.endswith(ending)]
    return REGISTRIES.get(key) or (by_ending[0] if by_ending else default)


#: Key or type -> what its config may hold besides the arguments of the class.
EXTRAS: dict[object, set[str]] = {
    'EMAHook': {'momentum', 'gamma', 'interval', 'update_buffers', 'device'},
    'norm_cfg': {'requires_grad'},
    'optim_wrapper': {'arch', 'constructor', 'optimizer', 'paramwise_cfg'},
    'param_scheduler': {'convert_to_iter_based'},
    'default_hooks': {'priority'},
    'custom_hooks': {'priority'},
    'train_cfg': {'by_epoch'},
}
#: Place of an entry -> class it stands for without a type.
DEFAULT_TYPES = {
    'model.cache': 'TeacherCache',
    'model.unlabelled': 'FPDLoss',
    'train_cfg.distillation': 'FPDLoss',
    'optim_wrapper': 'OptimWrapper',
    'val_cfg': 'ValLoop',
    'test_cfg': 'TestLoop',
    'log_processor': 'LogProcessor',
    'visualizer': 'Visualizer',
}
#: Arguments of ``torch.utils.data.DataLoader`` and of the runner that builds it.
_LOADER = {
    *('dataset', 'batch_size', 'shuffle', 'sampler', 'batch_sampler', 'num_workers'),
    *('collate_fn', 'pin_memory', 'drop_last', 'timeout', 'worker_init_fn', 'generator'),
    *('multiprocessing_context', 'prefetch_factor', 'persistent_workers', 'pin_memory_device'),
    *('in_order', 'num_batch_per_epoch', 'disable_subprocess_warning'),
}
#: Keys of estimators: alone, in a distillation, in networks for videos.
_ESTIMATORS = ('model', 'student', 'student_cfg', 'teacher', 'teacher_cfg', 'key')
_TEST_CFG = {
    *('flip_test', 'flip_mode', 'shift_heatmap', 'shift_coords', 'output_heatmaps'),
    *('output_keypoint_indices', 'score_thr', 'default_thr'),
}
#: What a spatial search space decides about stem, stages and head.
_GENES = {'width', 'depth', 'kernel', 'groups', 'attention', 'expand', 'kind'}
#: Key of a dict without a class, alone or behind that of the dict around it -> names it may hold.
NAMES = {
    'train_dataloader': _LOADER,
    'val_dataloader': _LOADER,
    'test_dataloader': _LOADER,
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'mp_cfg': {'mp_start_method', 'opencv_num_threads'},
    'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'custom_imports': {'imports', 'allow_failed_imports'},
    'data_prefix': {'img'},
    'filter_cfg': {'bbox_score_thr'},
    'image_subset': {'exclude', 'seed', 'start', 'stop'},
    'video_subset': {'seed', 'start', 'stop'},
    'arch_dataloader': _LOADER,
    'arch_objective': {
        *('cost_weight', 'target_macs', 'input_size', 'entropy_weight', 'normalise')
    },
    'budget': {'costs', 'limits', 'input_size', 'num_keypoints'},
    'temperature': {'start', 'end', 'begin', 'curve'},
    'space.stem': _GENES,
    'space.stages': _GENES,
    'space.head': _GENES,
    **{f'{model}.test_cfg': _TEST_CFG for model in _ESTIMATORS},
    # configs of DWPose hand the length of the training on
    **{f'{m}.train_cfg': {'compute_acc', 'max_epochs', 'val_interval'} for m in _ESTIMATORS},
}
#: Settings of one stage of HRNet.
_STAGE = {'num_modules', 'num_branches', 'block', 'num_blocks', 'num_channels'}
#: A skeleton in MMPose's form, or the name of one.
_SKELETON = {
    *('dataset_name', 'from_file', 'paper_info', 'keypoint_info', 'skeleton_info'),
    *('joint_weights', 'sigmas', 'flip_indices', 'flip_pairs', 'num_keypoints', 'classes'),
}
#: As NAMES, but other names are allowed too; only slips of these are reported.
USUAL_NAMES = {
    'metainfo': _SKELETON,
    'dataset_info': _SKELETON,
    'default_hooks': {
        *('timer', 'logger', 'param_scheduler', 'checkpoint', 'sampler_seed', 'visualization'),
        *('nan_guard', 'plain_checkpoint', 'stop_signal', 'badcase'),
    },
    'param_scheduler': {'weights', 'arch'},
    'dist_cfg': {'backend', 'timeout', 'port'},
    'extra': {
        *('stage1', 'stage2', 'stage3', 'stage4', 'upsample'),
        *('stem', 'num_stages', 'stages_spec', 'with_head', 'dynamic'),
    },
    **{f'stage{i}': _STAGE | {'multiscale_output'} for i in range(1, 5)},
    'stages_spec': (_STAGE - {'block'}) | {'with_fuse', 'module_type', 'reduce_ratios'},
    'stem': {'stem_channels', 'out_channels', 'expand_ratio'},
    'gau_cfg': {
        *('hidden_dims', 's', 'expansion_factor', 'dropout_rate', 'drop_path', 'act_fn'),
        *('use_rel_bias', 'pos_enc'),
    },
    'fabric': {
        *('depth', 'cut_layers', 'reserve_layers', 'num_levels', 'size_types', 'factor'),
        *('hidden_states', 'operators', 'share_alpha', 'genotype', 'finetune_arch'),
        'normalise',
    },
    'fusion': {'stage', 'at', 'op', 'in_channels', 'num_keypoints'},
    'refine': {'layers', 'channels', 'reductions', 'taps'},
    'backend_args': {'backend'},
    'paramwise_cfg': {
        *('custom_keys', 'lr_mult', 'decay_mult', 'bias_lr_mult', 'bias_decay_mult'),
        *('norm_decay_mult', 'flat_decay_mult', 'dwconv_decay_mult', 'bypass_duplicate'),
    },
    'clip_grad': {'type', 'max_norm', 'norm_type', 'clip_value', 'error_if_nonfinite', 'foreach'},
}
#: Place -> least number; ``dataloader`` is any of the three.
LEAST = {
    'dataloader.batch_size': 1,
    'dataloader.num_workers': 0,
    'train_cfg.max_epochs': 1,
    'train_cfg.max_iters': 1,
    'train_cfg.val_interval': 1,
    'optim_wrapper.accumulative_counts': 1,
    'auto_scale_lr.base_batch_size': 1,
    'randomness.seed': 0,
}
#: Place -> type of its value; ``dataloader`` is any of the three.
TYPES: dict[str, object] = {
    'model': dict,
    'codec': dict | list[dict] | None,
    'model.data_preprocessor': dict | None,
    'model.backbone': dict,
    'model.neck': dict | None,
    'model.head': dict | None,
    'model.test_cfg': dict | None,
    'dataloader': dict | None,
    'dataloader.batch_size': int,
    'dataloader.num_workers': int,
    'dataloader.persistent_workers': bool,
    'dataloader.pin_memory': bool,
    'dataloader.drop_last': bool,
    'dataloader.dataset': dict,
    'dataloader.dataset.pipeline': list,
    'dataloader.sampler': dict,
    'train_cfg': dict | None,
    'val_cfg': dict | None,
    'test_cfg': dict | None,
    'optim_wrapper': dict | None,
    'optim_wrapper.optimizer': dict,
    'optim_wrapper.optimizer.lr': float,
    'optim_wrapper.clip_grad': dict | None,
    'param_scheduler': dict | list[dict] | None,
    'auto_scale_lr': dict | None,
    'auto_scale_lr.enable': bool,
    'auto_scale_lr.base_batch_size': int,
    'val_evaluator': dict | list[dict] | None,
    'test_evaluator': dict | list[dict] | None,
    'default_hooks': dict | None,
    'custom_hooks': list[dict] | None,
    'visualizer': dict | None,
    'log_processor': dict | None,
    'log_level': int | str,
    'env_cfg': dict,
    'randomness': dict,
    'randomness.seed': int | None,
    'load_from': str | None,
    'resume': bool | Literal['auto'],
    'work_dir': str | None,
    'experiment_name': str | None,
    'launcher': str,
}
