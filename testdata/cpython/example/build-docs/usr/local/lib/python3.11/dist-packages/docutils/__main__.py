"""Stand-in for docutils 0.19. Holds none of its code."""


def main():
    print('docutils 0.19')
