# As t_vipnas_res50_half_synthetic_video_128x96.py, without light networks: the heatmaps of key frames
# are moved from crop to crop. Only their scale is trained.
_base_ = ['./t_vipnas_res50_half_synthetic_video_128x96.py']
_copy = dict(type='HeatmapCopy', num_keypoints=17)
model = dict(frames=[_copy, _copy, _copy])
