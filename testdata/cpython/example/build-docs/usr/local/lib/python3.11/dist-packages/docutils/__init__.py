"""Stand-in for docutils 0.19. Holds none of its code."""

__version__ = '0.19'
