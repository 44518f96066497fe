"""The static gallery: the pages of the app as files, for any web host or a folder."""

from atlas.export.export import export

__all__ = ["export"]
