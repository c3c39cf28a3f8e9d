"""Networks by name."""


def build(name):
    if name == "embedded":
        import torch

        from pretrained.weights import EMBEDDED, build_network, read_weights

        return build_network(read_weights(EMBEDDED), EMBEDDED, torch.device("cpu"))
    raise ValueError(name)
