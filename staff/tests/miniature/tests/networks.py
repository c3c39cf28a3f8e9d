"""Networks by name."""


def build(name):
    if name == "embedded":
        from pretrained.weights import EMBEDDED, build_network, read_weights
        import torch

        return build_network(read_weights(EMBEDDED), EMBEDDED, torch.device("cpu"))
    raise ValueError(name)
