"""Stand-in for sphinxcontrib-qthelp 1.0.7. Holds none of its code."""

__version__ = '1.0.7'
