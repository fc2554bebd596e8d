"""Stand-in for sphinxext-opengraph 0.7.5. Holds none of its code."""

__version__ = '0.7.5'
