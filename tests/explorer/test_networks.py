"""Networks are shared by all pages: whoever opens them at once gets the same, whole."""

import threading
import time

import pretrained
from explorer import networks
from pretrained import layers

PAGES = 4


def at_once(ask):
    """The answers that several threads get that ask in the same moment."""
    gate, answers = threading.Barrier(PAGES), []

    def wait_and_ask():
        gate.wait()
        answers.append(ask())

    threads = [threading.Thread(target=wait_and_ask) for _ in range(PAGES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_layers_that_are_found_at_once_are_all_found():
    """The hooks that follow one pass must not see another's: 13 layers, not the one to three that stay in order."""
    model = pretrained.load("embedded", "cpu").model
    for _ in range(3):
        assert [len(found) for found in at_once(lambda: layers.features(model))] == [13] * PAGES
    assert not any(module._forward_hooks for module in model.modules()), "the network is left as it was"


def test_pages_that_open_at_once_share_one_network(monkeypatch):
    """It is loaded, and its layers are found, once, however many pages ask in the same moment."""
    loaded, found, load, features = [], [], pretrained.load, networks.features

    def loading(*arguments):
        loaded.append(arguments)
        time.sleep(0.1)  # until the others have asked, too
        return load(*arguments)

    def finding(model):
        found.append(model)
        time.sleep(0.1)
        return features(model)

    monkeypatch.setattr(pretrained, "load", loading)
    monkeypatch.setattr(networks, "features", finding)
    for name in ("load", "layers"):
        monkeypatch.setattr(networks, name, networks.once(getattr(networks, name).__wrapped__))
    pages = at_once(lambda: (source := networks.load("embedded", "cpu"), len(networks.layers(source))))
    assert len({id(source) for source, _ in pages}) == len(loaded) == len(found) == 1
    assert {count for _, count in pages} == {13}
