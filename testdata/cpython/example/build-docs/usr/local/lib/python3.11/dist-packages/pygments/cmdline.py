"""Stand-in for Pygments 2.17.2. Holds none of its code."""


def main():
    print('Pygments 2.17.2')
