"""Stand-in for sphinxcontrib-htmlhelp 2.0.5. Holds none of its code."""

__version__ = '2.0.5'
