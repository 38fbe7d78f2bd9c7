from apis.spots import spot_checkpoint, spot_config

__all__ = ['spot_checkpoint', 'spot_config']
