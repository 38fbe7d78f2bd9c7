# FPD on MPII, 256x256, as published (PCKh 89.040): the student was trained alone before (87.934)
# and starts again at the full learning rate.
_base_ = 'hourglass_s4_f128_mpii_256x256_fpd_scratch.py'
model = dict(student_checkpoint='checkpoints/hourglass_s4_f128_mpii_256x256.pth')
