"""Stand-in for blurb 1.1.0. Holds none of its code."""

__version__ = '1.1.0'


def main():
    print('blurb 1.1.0')
