"""Stand-in for sphinxcontrib-applehelp 1.0.8. Holds none of its code."""

__version__ = '1.0.8'
