# FPD on MPII, 256x256, without labels, for a student that was trained alone before.
_base_ = 'hourglass_s4_f128_mpii_256x256_fpd_unlabelled_scratch.py'
model = dict(student_checkpoint='checkpoints/hourglass_s4_f128_mpii_256x256.pth')
