"""Configs as PNFS, PoseNAS and FPD write them, from the tables of their keys."""


def pnfs(stem):
    """One of PNFS's four: example, MobileNetV2 or HRNet on COCO, HRNet on MPII."""
    is_hrnet, is_mpii = stem.startswith('hrnet'), 'mpii' in stem
    is_mobile, is_example = stem.startswith('mobilenet'), stem == 'example'
    size = {'example': (192, 256), 'hrnet_w32_CNFx5_mpii_256x256': (256, 256)}.get(stem, (288, 384))
    operators = ['Zero', 'skip_connect', 'Atr_Conv_3x3', 'Sep_Conv_3x3']
    cells = {
        'vector_in_pixel': not is_mpii,
        'vector_dim': 8,
        'convolution_mode': '2D',
        'search_alpha': True,
        'search_beta': True,
        'operators': ['skip_connect', 'Sep_Conv_3x3', 'Atr_Conv_3x3'] if is_mobile else operators,
        'depth': 7 if is_example else 6,
        'cut_layers_num': 4 if is_example else 3,
        'size_types': [4, 8, 16, 32],
        'hidden_states_num': 1,
        'factor': 16,
        'input_nodes_num': 1,
    }
    if not is_mobile:
        cells['one-shot-search'] = True
    dataset = 'mpii' if is_mpii else 'coco'
    name = 'hrnet' if is_hrnet else 'mobilenet_v2' if is_mobile else 'resnet'
    model = dict(
        use_pretrained=False,
        pretrained='',
        backbone_net_name=name,
        backbone_layers=50,
        backbone_feature_num=4,
        backbone_pretrained_path='models/imagenet.pth',
        init_weights=True,
        frozen_resnet=False,
        frozen_mobilenet=False,
        use_backbone=True,
        subnetwork_name='cnf',
        branchnet_W=4,
        branchnet_D=9,
        dataset_name=dataset,
        keypoints_num=16 if is_mpii else 17,
        input_size=dict(w=size[0], h=size[1]),
        heatmap_size=dict(w=size[0] // 4, h=size[1] // 4),
        margin_to_border=1.25,
        use_mask=False,
        mask_num=1,
        backbone=dict(depth=8, factor=16),
        subnetwork_config=dict(
            dataset_name=dataset, parts_num=5 if is_hrnet else 3, cell_config=cells
        ),
    )
    train = dict(
        batchsize=24,
        random_seed=2,
        arch_search_strategy='sync',
        arch_search_epoch=0,
        arch_search_weight_optimization_flag=False,
        epoch_begin=0,
        epoch_end=200,
        w_lr_cosine_begin=0.001,
        w_lr_cosine_end=0.00005,
        scheduler_name='MultiStepLR',
        LR_STEP=[90, 120, 150],
        LR_FACTOR=0.25,
        w_momentum=0.9,
        split_for_train=2,
        split_for_archvalid=1,
        arch_lr=0.03,
        arch_weight_decay=0.01,
        heatmap_peak_sigma_factor=3 if is_hrnet and not is_mpii else 2,
        augmentation=True,
        aug_scale=0.3,
        aug_rotation=45,
        aug_flip=True,
        aug_occlusion=False,
        occlusion_prob=0.5,
        occlusion_size=[25, 25],
        occlusion_nums=3,
        w_optim_name='Adam',
        w_weight_decay=0.0,
    )
    test = dict(
        dataset_name=dataset,
        batchsize=32,
        bbox_score_threshold=0.0,
        confidence_threshold=0.2,
        oks_nms_threshold=0.9,
        flip_test=True,
        ckpt='',
    )
    cfg = dict(
        images_root_dir='/data/images',
        annotation_root_dir='/data/annotations',
        person_detection_results_path='/data/detections.json',
        model=model,
        train=train,
        test=test,
    )
    if is_hrnet:
        cfg['HRNET'] = dict(
            MODEL=dict(
                INIT_WEIGHTS=True,
                PRETRAINED='models/hrnet_w32.pth',
                EXTRA=hrnet_extra(32) | dict(PRETRAINED_LAYERS=['conv1']),
                NAME='pose_hrnet',
            )
        )
    return cfg


def hrnet_extra(width):
    """Stages 2 to 4 of an HRNet."""
    return {
        f'STAGE{n}': dict(
            NUM_MODULES=modules,
            NUM_BRANCHES=n,
            BLOCK='BASIC',
            NUM_BLOCKS=[4] * n,
            NUM_CHANNELS=[width * 2**i for i in range(n)],
            FUSE_METHOD='SUM',
        )
        for n, modules in ((2, 1), (3, 4), (4, 3))
    }


def yacs(dataset, size, **sections):
    """What HRNet, FPD and PoseNAS share; ``sections`` add keys to the sections they name."""
    is_coco = dataset == 'coco'
    cfg = dict(
        GPUS='0',
        WORKERS=24 if is_coco else 16,
        PRINT_FREQ=100,
        CUDNN=dict(BENCHMARK=True, DETERMINISTIC=False, ENABLED=True),
        DATASET=dict(
            DATASET=dataset,
            ROOT=f'data/{dataset}/',
            COLOR_RGB=True,
            FLIP=True,
            SCALE_FACTOR=0.3 if is_coco else 0.25,
            ROT_FACTOR=40 if is_coco else 30,
        ),
        MODEL=dict(
            IMAGE_SIZE=list(size),
            HEATMAP_SIZE=[side // 4 for side in size],
            NUM_JOINTS=17 if is_coco else 16,
            SIGMA=3 if size[0] == 288 else 2,
            TARGET_TYPE='gaussian',
        ),
        LOSS=dict(USE_TARGET_WEIGHT=True),
        TRAIN=dict(LR=0.001, LR_FACTOR=0.1, LR_STEP=[170, 200], OPTIMIZER='adam', WD=0.0001),
        TEST=dict(
            COCO_BBOX_FILE='data/coco/person_detection_results/boxes.json',
            USE_GT_BBOX=not is_coco,
            IMAGE_THRE=0.0,
            IN_VIS_THRE=0.2,
            OKS_THRE=0.9,
            NMS_THRE=1.0,
            BBOX_THRE=1.0,
            FLIP_TEST=True,
            POST_PROCESS=True,
            SHIFT_HEATMAP=True,
        ),
    )
    for name, keys in sections.items():
        cfg[name] = cfg.get(name, {}) | keys
    return cfg


def posenas(dataset, size, layers, channels):
    """One of PoseNAS's six."""
    data = dict(PROB_HALF_BODY=0.3 if dataset == 'coco' else -1.0, NUM_JOINTS_HALF_BODY=8)
    train = dict(
        LAYERS=layers,
        INIT_CHANNELS=channels,
        EPOCHS=210,
        BATCH_SIZE=32,
        TRAIN_SET='train2017' if dataset == 'coco' else 'train',
        TEST_SET='val2017' if dataset == 'coco' else 'valid',
        MOMENTUM=0.9,
        NESTEROV=False,
        GAMMA1=0.99,
        GAMMA2=0.0,
        SHUFFLE=True,
        BEGIN_EPOCH=0,
        RESUME=False,
        CHECKPOINT='',
        GENOTYPE='PoseEncoder',
    )
    model = dict(FINAL_CONV_KERNEL=1) if dataset == 'mpii' else {}
    return yacs(dataset, size, DATASET=data, TRAIN=train, MODEL=model, TEST=dict(BATCH_SIZE=32))


def _split(dataset):
    names = ('train2017', 'val2017') if dataset == 'coco' else ('train', 'valid')
    return dict(TRAIN_SET=names[0], TEST_SET=names[1], DATA_FORMAT='jpg')


def hourglass(stacks, features, dataset='mpii', size=(256, 256), **sections):
    """A stacked hourglass of FPD; blue first."""
    network = dict(
        NAME='hourglass',
        INIT_WEIGHTS=False,
        PRETRAINED='models/resnet50.pth',
        EXTRA=dict(NUM_STACKS=stacks, NUM_FEATURES=features, NUM_BLOCKS=1),
    )
    train = dict(BATCH_SIZE_PER_GPU=4, LR=0.00025, LR_STEP=[90, 120], BEGIN_EPOCH=0, END_EPOCH=140)
    return yacs(
        dataset,
        size,
        MODEL=network,
        DATASET=_split(dataset) | dict(COLOR_RGB=False),
        TRAIN=train,
        TEST=dict(BATCH_SIZE_PER_GPU=4, MODEL_FILE=''),
        DEBUG=dict(DEBUG=True),
        **sections,
    )


def hrnet(width, dataset='coco', size=(192, 256), **sections):
    """An HRNet of its own project or of FPD."""
    extra = hrnet_extra(width) | dict(FINAL_CONV_KERNEL=1, PRETRAINED_LAYERS=['conv1', 'bn1'])
    network = dict(
        NAME='pose_hrnet',
        INIT_WEIGHTS=True,
        PRETRAINED=f'models/hrnet_w{width}.pth',
        EXTRA=extra,
    )
    data = dict(PROB_HALF_BODY=0.3, NUM_JOINTS_HALF_BODY=8, SCALE_FACTOR=0.35, ROT_FACTOR=45)
    return yacs(
        dataset,
        size,
        MODEL=network,
        DATASET=_split(dataset) | (data if dataset == 'coco' else {}),
        TRAIN=dict(BATCH_SIZE_PER_GPU=32, BEGIN_EPOCH=0, END_EPOCH=210, SHUFFLE=True),
        TEST=dict(BATCH_SIZE_PER_GPU=32),
        **sections,
    ) | dict(GPUS=[0, 1, 2, 3], OUTPUT_DIR='output', LOG_DIR='log', AUTO_RESUME=True)


def resnet(depth, dataset='coco', size=(192, 256)):
    """A SimpleBaseline."""
    network = dict(
        NAME='pose_resnet',
        INIT_WEIGHTS=True,
        PRETRAINED=f'models/resnet{depth}.pth',
        EXTRA=dict(
            NUM_LAYERS=depth,
            DECONV_WITH_BIAS=False,
            NUM_DECONV_LAYERS=3,
            NUM_DECONV_FILTERS=[256, 256, 256],
            NUM_DECONV_KERNELS=[4, 4, 4],
            FINAL_CONV_KERNEL=1,
        ),
    )
    train = dict(BATCH_SIZE_PER_GPU=32, LR_STEP=[90, 120], BEGIN_EPOCH=0, END_EPOCH=140)
    return yacs(
        dataset,
        size,
        MODEL=network,
        DATASET=_split(dataset) | dict(COLOR_RGB=False),
        TRAIN=train,
        TEST=dict(BATCH_SIZE_PER_GPU=32),
    )
