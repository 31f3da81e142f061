"""The number of the client's release: that of the Resellflow whose API it was made for."""

__version__ = "0.2.0.dev0"
