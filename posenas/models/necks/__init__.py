"""Necks: from the features of a backbone to those that a head reads."""

from .part_reduce import PartReduceNeck

__all__ = ['PartReduceNeck']
