class Center:
    def subtract_mean(self, X):
        return X - X.mean(axis=0)
