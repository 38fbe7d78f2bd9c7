"""Two examples of each command, shown at the end of its help; a test runs them in this order."""

#: Command -> its words after ``posenas``. Later ones use what earlier ones have written.
EXAMPLES = {
    'dataset': (
        'dataset synthetic --out data/people --num-images 40 --seed 1',
        'dataset init data/people/annotations/person_keypoints.json --out configs/people.py',
    ),
    'check-data': (
        'check-data data/people/annotations/person_keypoints.json --images data/people/images',
        'check-data configs/people.py --out-dir checked',
    ),
    'browse': (
        'browse configs/people.py --out-dir browsed --num 8',
        'browse configs/people.py --phase val --mode original --out-dir browsed_val',
    ),
    'train': (
        'train configs/people.py --work-dir work_dirs/people --epochs 30',
        'train configs/people.py --work-dir work_dirs/people --epochs 30 --resume',
    ),
    'test': (
        'test configs/people.py work_dirs/people/epoch_30.pth',
        'test configs/people.py work_dirs/people/epoch_30.pth --eval mAP --out-metrics scores.json',
    ),
    'eval': (
        'eval coco results.keypoints.json --gt data/people/annotations/person_keypoints.json',
        'eval pck results.keypoints.json --gt data/people/annotations/person_keypoints.json',
    ),
    'infer': (
        'infer data/people/images --config configs/people.py '
        '--checkpoint work_dirs/people/epoch_30.pth --out-dir found',
        'infer photo.jpg --config configs/people.py --checkpoint work_dirs/people/epoch_30.pth',
    ),
    'export': (
        'export configs/people.py work_dirs/people/epoch_30.pth --out people.onnx',
        'export configs/people.py work_dirs/people/epoch_30.pth --to openvino --precision f16',
    ),
    'distill': (
        'distill --student configs/people.py --teacher configs/people.py '
        '--teacher-checkpoint work_dirs/people/epoch_30.pth',
        'distill --student configs/people.py --teacher configs/people.py '
        '--teacher-checkpoint work_dirs/people/epoch_30.pth --alpha 0.3 --out distillation.py',
    ),
    'models': (
        'models --dataset coco --max-macs 1 --sort macs',
        'models ditehrnet --details',
    ),
    'summary': (
        'summary s_vipnas_res50_coco_256x192 --shape 256 192',
        'summary ditehrnet_18_coco_256x192 --mode torchstat',
    ),
    'convert': (
        'convert work_dirs/people/epoch_30.pth mmpose0.pth --to mmpose0',
        'convert mmpose0.pth ours.pth --verbose',
    ),
    'genotype': (
        'genotype show s_vipnas_res50_coco_256x192',
        'genotype draw s_vipnas_res50_coco_256x192 stages.svg',
    ),
    'search': (
        'search run data/people/annotations/person_keypoints.json --latency 10 --out found',
        'search show work_dirs/vipnas_search --page found.html',
    ),
    'latency': (
        'latency build SEARCH.py latency.json --threads 1',
        'latency predict latency.json found/genotype.json',
    ),
    'derive': (
        'derive SEARCH.py work_dirs/search/epoch_2.pth derived',
        'derive SEARCH.py work_dirs/search/epoch_2.pth best '
        '--archive work_dirs/vipnas_search/archive.jsonl',
    ),
    'prune': (
        'prune FABRICS.py fabrics.pth pruned',
        'prune FABRICS.py fabrics.pth smaller --threshold 0.05 --no-eval',
    ),
    'prune-threshold': (
        'prune-threshold FABRICS.py fabrics.pth smaller --threshold 0.05',
        'prune-threshold FABRICS.py fabrics.pth unscored --threshold 0.05 --no-eval',
    ),
    'benchmark': (
        'benchmark forward s_vipnas_res50_coco_256x192 --threads 1 2',
        'benchmark runtime s_vipnas_res50_coco_256x192 --threads 1 --json runtime.json',
    ),
    'compare': (
        'compare --plan PLAN.py',
        'compare --plan PLAN.py --no-run',
    ),
    'demo': (
        'demo',
        'demo --work-dir quick --num-images 200 --epochs 2',
    ),
    'doctor': (
        'doctor',
        'doctor --help',
    ),
}
