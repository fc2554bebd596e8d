"""Stand-in for sphinxcontrib-devhelp 1.0.6. Holds none of its code."""

__version__ = '1.0.6'
