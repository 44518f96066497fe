"""Concept Atlas: read, serve and export an atlas of the visual concepts behind each ImageNet class."""

__version__ = "0.1.0"
