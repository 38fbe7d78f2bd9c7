"""Examples of each command, shown at the end of its help; a test runs them in this order.

Those of an action, such as ``posenas dataset init``, are the ones that begin with it.
"""

#: Of ``posenas`` itself.
SOME = (
    'demo',
    'dataset init data/people/annotations/person_keypoints.json --out configs/people.py',
    'train configs/people.py --work-dir work_dirs/people --epochs 30',
    'models rtmpose',
)


#: Command -> its words after ``posenas``. Later ones use what earlier ones have written.
EXAMPLES = {
    'dataset': (
        'dataset synthetic --out data/people --num-images 40 --seed 1',
        'dataset init data/people/annotations/person_keypoints.json --out configs/people.py',
        'dataset synthetic --out data/clips --num-videos 2 --num-frames 6 --level medium',
        'dataset init data/people/annotations/person_keypoints.json --val-share 0.2 '
        '--out configs/small.py',
        'dataset convert lspet data/lspet --out data/lspet/annotations',
        'dataset convert yolo-pose data/yolo/data.yaml --out data/yolo/annotations',
    ),
    'check-data': (
        'check-data data/people/annotations/person_keypoints.json --images data/people/images',
        'check-data configs/people.py --out checked',
    ),
    'browse': (
        'browse configs/people.py --out browsed --num 8',
        'browse configs/people.py --phase val --mode original --out browsed_val',
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
        'eval compare results.keypoints.json results.keypoints.json '
        '--gt data/people/annotations/person_keypoints.json',
        'eval crowdpose results.json --gt data/crowdpose/annotations/crowdpose_test.json',
        'eval mpii pred.mat --gt data/mpii/mpii_gt_val.mat',
        'eval posetrack results --gt data/posetrack18/annotations/val --tracking',
    ),
    'infer': (
        'infer data/people/images --config configs/people.py '
        '--checkpoint work_dirs/people/epoch_30.pth --out found',
        "infer 'data/people/images/*.jpg' --config configs/people.py "
        '--checkpoint work_dirs/people/epoch_30.pth --format coco csv',
    ),
    'export': (
        'export configs/people.py work_dirs/people/epoch_30.pth --out people.onnx',
        'export configs/people.py work_dirs/people/epoch_30.pth --to openvino --precision f16',
    ),
    'visibility': (
        'visibility configs/people.py work_dirs/people/epoch_30.pth --out visibility.json',
        'visibility configs/people.py work_dirs/people/epoch_30.pth --out visibility.json '
        '--val data/people/annotations/person_keypoints.json --images data/people/images '
        '--picture visibility.png',
    ),
    'web': (
        'web --pose people.onnx --out site',
        'web --out site --serve',
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
        'convert work_dirs/people/epoch_30.pth people.safetensors --half',
        'convert first.pth mean.pth --average second.pth third.pth',
    ),
    'genotype': (
        'genotype show s_vipnas_res50_coco_256x192',
        'genotype draw s_vipnas_res50_coco_256x192 stages.svg',
        'genotype convert s_vipnas_res50_coco_256x192 stages.json',
        'genotype compare stages.json s_vipnas_res50_coco_256x192',
        'genotype embed found/genotype.json configs/people.py configs/found.py',
    ),
    'search': (
        'search run data/people/annotations/person_keypoints.json --latency 10 --out found',
        'search run configs/people.py --macs 0.5 --params 2 --hours 24 --seeds 3 --out found',
        'search show work_dirs/vipnas_search --out found.html',
        'search sample SEARCH.py random.json --like found/genotype.json',
        'search rank work_dirs/search --trained work_dirs/trained',
        'search predict SEARCH.py work_dirs/search',
        'search agree work_dirs/search_s0 work_dirs/search_s1',
        'search repeat SEARCH.py --experiment configs/people.py --work-dir work_dirs/repeated',
    ),
    'latency': (
        'latency build SEARCH.py latency.json --threads 1',
        'latency predict latency.json found/genotype.json',
        'latency fit SEARCH.py latency.json --engine openvino',
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
        'benchmark runtime s_vipnas_res50_coco_256x192 --threads 1 --out runtime.json',
        'benchmark blocks --shape 192 144',
        'benchmark data s_vipnas_res50_lspet_128x96 --num-samples 100',
        'benchmark import',
        'benchmark evaluation annotations/person_keypoints.json',
        'benchmark posetrack --num-videos 10 --num-frames 200',
        'benchmark lspet --plan PLAN.py --no-run',
        'benchmark decode --num-samples 500',
        'benchmark search SEARCH.py --batch 4',
        'benchmark distillation STUDENT.py TEACHER.py',
        'benchmark supernet SUPERNET.py --batch 4',
        'benchmark tracking --num-videos 2',
        'benchmark video configs/people.py work_dirs/people/epoch_30.pth --people 1 4',
    ),
    'compare': (
        'compare --plan PLAN.py',
        'compare --plan PLAN.py --executor ray --address auto',
        'compare --plan PLAN.py --write-slurm plan.sh',
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
    'completion': (
        'completion bash --out completion.bash',
        'completion zsh',
    ),
}
