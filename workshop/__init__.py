"""The embedded network: the pictures it is trained on, its training, and its evaluation."""
