import numpy as np

from autograder import adapter


class ArithmeticAdapter(adapter.Adapter):
    def loops(self):
        yield "center", "twenty rows as for two", {"X": np.ones((2, 3))}, {"X": np.ones((20, 3))}


ADAPTER = ArithmeticAdapter()
