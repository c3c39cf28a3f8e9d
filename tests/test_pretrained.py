"""The one door to networks and pictures: both sources, one's own weights, downloads, and what can go wrong.

No test reaches the network: whatever is fetched comes from a server on this machine that can also misbehave.
"""

import argparse
import hashlib
import io
import json
import os
import pickle
import random
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

import pretrained
from pretrained import SourceError, addresses, course_file, downloads, scenes
from pretrained.__main__ import main as fetch_everything
from pretrained.addresses import FILES, IMAGES, WEIGHTS, Pinned
from pretrained.weights import EMBEDDED, find_device, read_metadata

ROOT = Path(__file__).resolve().parent.parent
COURSE_DATA = Path(os.environ.get("COURSE_DATA") or ROOT.parent / "shared" / "course_data")
needs_course_data = pytest.mark.skipif(
    not (COURSE_DATA / IMAGES).is_file(),
    reason="the course's own files are not here: set COURSE_DATA to their folder",
)
EMBEDDED_CLASSES = read_metadata(EMBEDDED)["class_names"]
CLASSIC_PICTURES = ("tubingen.jpg", "composition_vii.jpg", "the_scream.jpg", "starry_night.jpg")


# --- a small world of its own ---


class Server(ThreadingHTTPServer):
    """Serves `pages`: path -> bytes, a status, or one of "hang", "drip", "truncated", "endless"."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.asked, self.stopped = {}, [], threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # a client that hung up, as it should


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path, 404)
        if page == "hang":
            self.server.stopped.wait(20)
        elif isinstance(page, int):
            self.send_error(page)
        elif page == "endless":
            self.answer()
            while not self.server.stopped.is_set():
                self.wfile.write(bytes(2**16))
        elif page == "drip":
            self.answer(10**6)
            while not self.server.stopped.wait(0.02):
                self.wfile.write(b".")
                self.wfile.flush()
        elif page == "truncated":
            self.answer(10**6)
            self.wfile.write(b"." * 10**5)
        else:
            self.answer(len(page))
            self.wfile.write(page)

    def answer(self, length=None):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.stopped.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def own_world(tmp_path, monkeypatch):
    """Empty caches, no settings, and no way out of this machine."""
    for name in list(os.environ):
        if name.startswith("COURSE_DATA") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COURSE_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr(downloads, "_unreachable", {})
    look_up = socket.getaddrinfo

    def local_only(host, *args, **kwargs):
        if host not in ("127.0.0.1", "localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", local_only)


@pytest.fixture(scope="module")
def goods():
    """Small files under the classic names: {name: bytes}. The images' label map must never be unpickled."""
    goods = {name: f"a picture called {name}".encode() * 100 for name in CLASSIC_PICTURES}
    goods[WEIGHTS] = as_pth(random_weights(1000))
    file = io.BytesIO()
    rng = np.random.default_rng(0)
    label_map = np.array({0: Trap()}, dtype=object)
    X, y = rng.integers(256, size=(2, 224, 224, 3), dtype=np.uint8), np.array([958, 85])
    np.savez(file, X=X, y=y, label_map=label_map)
    goods[IMAGES] = file.getvalue()
    return goods


@pytest.fixture
def serve(goods, server, monkeypatch):
    """serve(names): the server has these files, and they are pinned and addressed there."""

    def serve(names):
        for name in names:
            server.pages[f"/{name}"] = goods[name]
            sha256 = hashlib.sha256(goods[name]).hexdigest()[: 8 if name == WEIGHTS else 64]
            monkeypatch.setitem(FILES, name, Pinned(sha256, (f"{server.url}/{name}",)))
        return server

    return serve


@pytest.fixture
def classic(goods, serve):
    """The server with all the files that the ImageNet source needs."""
    return serve(goods)


@pytest.fixture
def offline(classic, monkeypatch):
    """The same files, but the server is gone: every connection is refused."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for name, file in list(FILES.items()):
        monkeypatch.setitem(FILES, name, Pinned(file.sha256, (f"{nowhere}/{name}",) if file.urls else ()))


class Trap:
    """Unpickling it fails the test run for good."""

    def __reduce__(self):
        return os._exit, (66,)


def random_weights(num_classes):
    return squeezenet1_1(num_classes=num_classes).state_dict()


def as_pth(state, **kwargs):
    file = io.BytesIO()
    torch.save(state, file, **kwargs)
    return file.getvalue()


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def assert_one_sentence(message):
    """expected ..., got ...: what to try; on one line, without a traceback."""
    assert re.fullmatch(r"expected .+, (got|found) .+: .+", str(message)), f"no sentence of ours: {message}"


# --- the embedded source ---


def test_the_embedded_source_has_everything_a_script_needs():
    """A frozen SqueezeNet, pictures with labels and masks, and targets, that all fit each other."""
    source = pretrained.load("embedded")
    n = len(source.images)
    assert source.kind == "embedded" and source.name == "SqueezeNet 1.1, embedded weights"
    assert n >= 20 and source.images.dtype == np.uint8 and source.images.shape == (n, 224, 224, 3)
    assert source.labels.dtype == np.int64 and source.labels.shape == (n,)
    assert source.masks.dtype == bool and source.masks.shape == (n, 224, 224)
    shares = source.masks.mean(axis=(1, 2))
    assert (shares > 0.01).all() and (shares < 0.7).all(), f"an object cannot cover {shares} of its picture"
    assert source.class_names[source.labels[0]] == "hay"
    assert set(source.labels) <= set(range(len(source.class_names)))
    assert source.class_names[source.fooling_target] == "ray"
    targets = [source.class_names[i] for i in source.visualization_targets]
    assert targets == ["gorilla", "dog", "spider", "guitar"]


def test_the_network_is_ready_to_be_looked_into():
    """Eval mode, frozen, float32, one score a class, channels_last on the CPU where that is twice as fast."""
    source = pretrained.load("embedded", device="cpu")
    model = source.model
    assert source.device == torch.device("cpu")
    assert not any(module.training for module in model.modules())
    assert not any(p.requires_grad for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.features[0].weight.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        scores = model(torch.zeros(2, 3, 224, 224))
    assert scores.shape == (2, len(source.class_names)) and scores.isfinite().all()


def test_pictures_for_style_transfer_are_shipped():
    """One content picture and three paintings of ours, that open."""
    source = pretrained.load("embedded")
    assert list(source.content_images) == ["town"]
    assert set(source.style_images) == {"composition", "waves", "flow"}
    for path in (*source.content_images.values(), *source.style_images.values()):
        with Image.open(path) as picture:
            assert min(picture.size) >= 192, f"{path} is smaller than style transfer wants it"


def test_loading_leaves_the_random_state_alone():
    """Building the network draws no random numbers, so that a seed set before stays good."""
    torch.manual_seed(3), np.random.seed(3), random.seed(3)  # noqa: NPY002 -- the state of students' code
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    pretrained.load("embedded")
    after = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0]) and (before[1] == after[1]).all() and before[2] == after[2]


def test_importing_pretrained_is_cheap():
    """`import pretrained` leaves torchvision, the downloader and safetensors alone until they are needed."""
    code = "import sys, pretrained; print([m for m in sys.modules if m in set(sys.argv[1:])])"
    heavy = ["torchvision", "pooch", "requests", "safetensors", "captum", "matplotlib"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", f"imported too early: {done.stdout}{done.stderr}"


@pytest.fixture
def small_images(tmp_path, monkeypatch):
    """A folder images/scenes with two scenes of its own."""
    folder = tmp_path / "images" / "scenes"
    folder.mkdir(parents=True)
    listed = []
    for label, corner in (("dog", 10), ("hay", 90)):
        mask = np.zeros((224, 224), dtype=bool)
        mask[corner : corner + 40, 100:120] = True
        picture = np.where(mask[..., None], [200, 100, corner], [0, 50, 255]).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{label}.png")
        Image.fromarray(mask).save(folder / f"{label}_mask.png")
        listed.append({"image": f"{label}.png", "mask": f"{label}_mask.png", "label": label})
    (folder / "scenes.json").write_text(json.dumps(listed))
    monkeypatch.setattr(scenes, "FOLDER", tmp_path / "images")
    return folder


def test_scenes_labels_and_masks_stay_together(small_images):
    """Image, mask and label of a scene have the same place in their arrays; a mask is True on the object."""
    source = pretrained.load("embedded")
    assert [source.class_names[label] for label in source.labels] == ["dog", "hay"]
    for image, mask, corner in zip(source.images, source.masks, (10, 90)):
        assert mask.sum() == 40 * 20 and mask[corner, 100] and not mask[corner - 1, 100]
        assert (image[mask] == [200, 100, corner]).all() and (image[~mask] == [0, 50, 255]).all()


def make_all_smaller(folder):
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            smaller = image.resize((200, 200))
        smaller.save(path)


@pytest.mark.parametrize(
    "damage",
    [
        make_all_smaller,
        lambda folder: (folder / "scenes.json").unlink(),
        lambda folder: (folder / "scenes.json").write_text("[{"),
        lambda folder: (folder / "scenes.json").write_text('[{"image": "dog.png"}]'),
        lambda folder: (folder / "scenes.json").write_text("[]"),
        lambda folder: (folder / "dog_mask.png").unlink(),
        lambda folder: (folder / "dog.png").write_bytes((folder / "dog.png").read_bytes()[:200]),
        lambda folder: (folder / "dog.png").write_text("no picture"),
        lambda folder: Image.new("RGB", (224, 200)).save(folder / "hay.png"),
        lambda folder: (folder / "scenes.json").write_text(
            (folder / "scenes.json").read_text().replace('"dog"', '"unicorn"')
        ),
    ],
    ids="all no-list bad-list thin-list empty no-mask truncated no-picture one-size no-class".split(),
)
def test_damaged_scenes_are_told_in_one_sentence(small_images, damage):
    """A scene that is missing or not as shipped ends in a sentence that says how to restore it."""
    damage(small_images)
    with pytest.raises(SourceError, match="git checkout images") as error:
        pretrained.load("embedded")
    assert_one_sentence(error.value)


# --- the ImageNet source ---


def test_imagenet_is_fetched_checked_and_cached(classic, goods, tmp_path):
    """Weights, images and pictures come from their addresses once, and from the caches after that."""
    source = pretrained.load("imagenet")
    assert sorted(classic.asked) == sorted(f"/{name}" for name in goods)
    again = pretrained.load("imagenet")
    assert len(classic.asked) == len(goods), "fetched twice"

    assert source.kind == "imagenet" and source.name == "SqueezeNet 1.1, ImageNet weights"
    assert source.images.shape == (2, 224, 224, 3) and source.images.dtype == np.uint8
    assert source.labels.tolist() == [958, 85] and source.masks is None
    names = [source.class_names[i] for i in (958, 85, source.fooling_target, *source.visualization_targets)]
    assert names == "hay|quail|stingray|gorilla|Yorkshire terrier|tarantula|electric guitar".split("|")
    assert len(set(source.class_names)) == 1000
    assert list(source.content_images) == ["tubingen"]
    assert set(source.style_images) == {"composition_vii", "the_scream", "starry_night"}
    assert source.style_images["the_scream"].read_bytes() == goods["the_scream.jpg"]
    assert len(source.notes) == len(again.notes) == 1

    assert files_below(tmp_path / "cache") == sorted(goods.keys() - {WEIGHTS})
    assert (tmp_path / "torch/hub/checkpoints" / WEIGHTS).read_bytes() == goods[WEIGHTS]
    expected = squeezenet1_1().eval()
    expected.load_state_dict(torch.load(io.BytesIO(goods[WEIGHTS]), weights_only=True))
    x = torch.linspace(-2, 2, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(source.model.cpu()(x), expected(x))


@needs_course_data
def test_the_courses_own_files_are_taken_from_a_folder(serve, monkeypatch):
    """With COURSE_DATA the real images, labels and pictures are used, and only the weights are fetched."""
    server = serve([WEIGHTS])
    monkeypatch.setenv("COURSE_DATA", str(COURSE_DATA))
    source = pretrained.load("auto")
    assert server.asked == [f"/{WEIGHTS}"]
    assert source.kind == "imagenet" and len(source.notes) == 1
    assert source.images.shape == (25, 224, 224, 3) and source.labels.shape == (25,)
    names = [source.class_names[label] for label in source.labels[:5]]
    assert names == ["hay", "quail", "Tibetan mastiff", "Border terrier", "brown bear"]
    for path in (*source.content_images.values(), *source.style_images.values()):
        assert path.parent == COURSE_DATA
        with Image.open(path) as picture:
            picture.load()
    for name in ("style-transfer-checks.npz", "style-transfer-checks-cs231n.npz"):
        assert course_file(name).parent == COURSE_DATA
    assert course_file("starry_night.jpg", exactly=True).parent == COURSE_DATA


@needs_course_data
def test_the_pins_are_those_of_the_course():
    """Every file of the course is pinned with the SHA-256 that the course's list gives."""
    listed = dict(line.split()[::-1] for line in (COURSE_DATA / "SHA256SUMS").read_text().splitlines())
    assert {name: FILES[name].sha256 for name in listed} == listed


def test_the_weights_are_torchvisions():
    """Address and SHA-256 prefix are those of SqueezeNet1_1_Weights.IMAGENET1K_V1."""
    url = SqueezeNet1_1_Weights.IMAGENET1K_V1.url
    assert FILES[WEIGHTS].urls == (url,)
    assert torch.hub.HASH_REGEX.search(url)[1] == FILES[WEIGHTS].sha256


def test_the_label_map_is_never_unpickled(classic):
    """The names come from torchvision; the pickle beside the images stays shut (here it would end Python)."""
    images, labels, names = pretrained.imagenet_val()
    assert images.shape == (2, 224, 224, 3) and labels.dtype == np.int64
    assert len(names) == 1000 and names[134] == "crane bird"


def test_paintings_fall_back_one_by_one(classic, goods):
    """Where one painting cannot be had ours takes its place, with a line that says so; the others stay."""
    classic.pages["/the_scream.jpg"] = 404
    source = pretrained.load("imagenet")
    assert source.style_images["the_scream"].name == "waves.png"
    assert source.style_images["starry_night"].read_bytes() == goods["starry_night.jpg"]
    assert source.content_images["tubingen"].read_bytes() == goods["tubingen.jpg"]
    assert len(source.notes) == 2
    assert re.match(r"Picture: our waves instead of the_scream \(.+status 404", source.notes[1])


@pytest.mark.parametrize("missing", [WEIGHTS, IMAGES])
def test_weights_and_images_come_together_or_not_at_all(classic, missing):
    """Without weights, or without images, there is no ImageNet source: label spaces are never mixed."""
    classic.pages[f"/{missing}"] = 404
    assert pretrained.load("auto").kind == "embedded"
    with pytest.raises(SourceError, match=f"expected {missing}, got status 404"):
        pretrained.load("imagenet")


# --- which source: auto, or one's own weights ---


def test_auto_takes_imagenet_where_it_can_be_had(classic):
    """One line says which network it is, why, and how to get the other."""
    source = pretrained.load()
    assert source.kind == "imagenet"
    assert re.fullmatch(
        r"Network: .+ImageNet weights \(its files are here; --weights embedded .+\)\.", source.notes[0]
    )


def test_auto_takes_the_embedded_network_offline(offline):
    """One line says which network it is, why, and how to get the other."""
    source = pretrained.load("auto")
    assert source.kind == "embedded" and len(source.notes) == 1
    assert re.search(r"embedded weights \(.+no connection to 127.0.0.1.+make data.+\)\.$", source.notes[0])


def test_auto_uses_the_cache_offline(classic, offline, monkeypatch, goods):
    """What was fetched once is enough: no connection is needed then, not even for a look."""
    for name, content in goods.items():
        path = downloads.cache_folder(name) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.setattr(socket, "socket", None)
    source = pretrained.load("auto")
    assert source.kind == "imagenet" and len(source.notes) == 1


@pytest.mark.parametrize("kind", ["zip.pth", "legacy.pth", "half.pt", "own.safetensors"])
def test_weights_of_ones_own(tmp_path, kind):
    """A state dict for the embedded classes, in any usual format, is used with the embedded scenes."""
    state = random_weights(len(EMBEDDED_CLASSES))
    path = tmp_path / kind
    if path.suffix == ".safetensors":
        save_file(state, path)
    elif kind == "half.pt":
        state = {name: value.half() for name, value in state.items()}
        path.write_bytes(as_pth(state))
    else:
        path.write_bytes(as_pth(state, _use_new_zipfile_serialization=kind == "zip.pth"))
    source = pretrained.load(str(path))
    assert source.kind == "embedded" and source.name == f"SqueezeNet 1.1, {kind}" and kind in source.notes[0]
    assert source.class_names == EMBEDDED_CLASSES and source.masks is not None
    for name, value in source.model.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value.cpu(), state[name].float())


def test_own_weights_with_1000_classes_go_with_imagenet(classic, tmp_path):
    """1000 classes mean ImageNet's; only its images and pictures are fetched."""
    path = tmp_path / "mine.pth"
    path.write_bytes(as_pth(random_weights(1000)))
    source = pretrained.load(str(path))
    assert source.kind == "imagenet" and source.name == "SqueezeNet 1.1, mine.pth"
    assert len(source.class_names) == 1000 and len(source.images) == 2
    assert f"/{WEIGHTS}" not in classic.asked


def test_own_weights_with_1000_classes_need_the_images(offline, tmp_path):
    """What was asked for is used or is an error: no other network takes its place."""
    path = tmp_path / "mine.pth"
    path.write_bytes(as_pth(random_weights(1000)))
    with pytest.raises(SourceError, match=IMAGES):
        pretrained.load(str(path))


def changed(**changes):
    """A state dict for the embedded classes in which some weights are others, or are missing (None)."""
    state = random_weights(len(EMBEDDED_CLASSES)) | {k.replace("__", "."): v for k, v in changes.items()}
    return {name: value for name, value in state.items() if value is not None}


BAD_WEIGHTS = {
    "empty.pth": (lambda: b"", "damaged or holds something else"),
    "text.pth": (lambda: b"these are no weights", "damaged or holds something else"),
    "truncated.pth": (lambda: as_pth(changed())[:100_000], "damaged or holds something else"),
    "truncated_legacy.pth": (
        lambda: as_pth(changed(), _use_new_zipfile_serialization=False)[:100_000],
        "damaged or holds something else",
    ),
    "truncated.safetensors": (lambda: EMBEDDED.read_bytes()[:100_000], "damaged or holds something else"),
    "short.safetensors": (lambda: b"\x08", "damaged or holds something else"),
    "malicious.pth": (lambda: as_pth({"features.0.weight": Trap()}), "holds something else"),
    "malicious.pt": (lambda: pickle.dumps(Trap()), "holds something else"),
    "model.pth": (lambda: as_pth(torch.nn.ReLU()), "holds something else"),
    "tensor.pth": (lambda: as_pth(torch.zeros(3)), "got a Tensor: save model.state_dict"),
    "checkpoint.pth": (lambda: as_pth({"epoch": 3, "model": {}}), "'epoch' is no tensor: save model"),
    "nothing.pth": (lambda: as_pth({}), "got 0 tensors"),
    "resnet.pth": (lambda: as_pth({"fc.weight": torch.zeros(10, 512)}), "1 tensors without"),
    "seven.pth": (lambda: as_pth(random_weights(7)), "1000 .ImageNet. or 24 .embedded. classes .+got 7"),
    "less.pth": (lambda: as_pth(changed(features__3__squeeze__bias=None)), "in 1 names, such as features.3"),
    "more.pth": (lambda: as_pth(changed() | {7: torch.zeros(1)}), "in 1 names, such as 7"),
    "shape.pth": (
        lambda: as_pth(changed(features__0__weight=torch.zeros(96, 3, 7, 7))),
        r"shape \(96, 3, 7, 7\), not \(64, 3, 3, 3\)",
    ),
    "nan.pth": (lambda: as_pth(changed(features__0__bias=torch.full([64], torch.nan))), "NaN or infinity"),
    "huge.pth": (
        lambda: as_pth(changed(features__0__bias=torch.full([64], 1e300, dtype=torch.float64))),
        "NaN or infinity",
    ),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_bad_weights_are_told_in_one_sentence(tmp_path, name):
    """Whatever is wrong with a file of weights, a sentence names the file, and nothing in it is executed."""
    make, words = BAD_WEIGHTS[name]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(SourceError, match=words) as error:
        pretrained.load(str(tmp_path / name))
    assert_one_sentence(error.value)
    assert name in str(error.value)


def test_weights_that_name_other_classes_are_refused(tmp_path):
    """As many classes as the embedded network, but others: its labels would be wrong."""
    path = tmp_path / "others.safetensors"
    names = json.dumps(["something else", *EMBEDDED_CLASSES[1:]])
    save_file(random_weights(len(EMBEDDED_CLASSES)), path, metadata={"class_names": names})
    with pytest.raises(SourceError, match="expected the classes of the embedded network") as error:
        pretrained.load(str(path))
    assert_one_sentence(error.value)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("imagnet", "expected auto, imagenet, embedded or the path"),
        ("weights.h5", "expected auto, imagenet, embedded or the path"),
        ("", "expected auto, imagenet, embedded or the path"),
        ("none.pth", "found none: check the path"),
        ("folder.pth", "found none: check the path"),
    ],
)
def test_weights_that_do_not_exist(tmp_path, monkeypatch, weights, words):
    """A misspelt name, another kind of file, a missing file and a folder are each told as what they are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(SourceError, match=words) as error:
        pretrained.load(weights)
    assert_one_sentence(error.value)


# --- devices ---


@pytest.mark.parametrize("device", ["nonsense", "meta", "cuda:99", "", "cpu:x"])
def test_a_device_that_is_not_there(device):
    """An unknown or unavailable device is one sentence, not a traceback from the depths of torch."""
    with pytest.raises(SourceError, match="expected a device that this machine has") as error:
        pretrained.load("embedded", device=device)
    assert_one_sentence(error.value)


@pytest.mark.parametrize(("available", "device"), [(True, "cuda"), (False, "cpu")])
def test_the_device_auto(monkeypatch, available, device):
    """auto is CUDA where there is a GPU and the CPU elsewhere."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert find_device("auto") == torch.device(device)


# --- downloads: pinned, whole, or nothing ---


def test_the_largest_answer_is_well_above_the_largest_file():
    """The limit that stops an endless answer does not stop any of ours (at most 5 MB)."""
    assert downloads.MOST_BYTES > 2 * 5e6


MISBEHAVIOUR = {
    "missing": (404, "status 404 from 127.0.0.1"),
    "broken server": (500, "status 500 from 127.0.0.1"),
    "hanging": ("hang", "no answer from 127.0.0.1:[0-9]+ within 0.4 seconds"),
    "dripping": ("drip", "no answer from 127.0.0.1:[0-9]+ within 0.4 seconds"),
    "truncated": ("truncated", "a broken answer from 127.0.0.1"),
    "endless": ("endless", "an endless answer from 127.0.0.1"),
    "empty": (b"", "a file with another SHA-256 from 127.0.0.1"),
    "log-in page": (b"<html>Please log in</html>", "a file with another SHA-256 from 127.0.0.1"),
}


@pytest.mark.parametrize("name", ["tubingen.jpg", WEIGHTS])
@pytest.mark.parametrize("how", [*MISBEHAVIOUR, "tampered"])
def test_a_bad_server_leaves_nothing_behind(classic, goods, monkeypatch, tmp_path, name, how):
    """Missing, slow, truncated, endless or tampered: one sentence, and no file that a later run trusts."""
    monkeypatch.setattr(downloads, "MOST_BYTES", 2**23)
    if how in ("hanging", "dripping"):  # elsewhere a busy machine may take its time
        monkeypatch.setattr(downloads, "PATIENCE", 0.4)
    tampered = goods[name][:-1] + bytes([goods[name][-1] ^ 1])
    page, words = MISBEHAVIOUR.get(how) or (tampered, "a file with another SHA-256")
    classic.pages[f"/{name}"] = page
    started = time.monotonic()
    with pytest.raises(SourceError, match=words) as error:
        course_file(name)
    assert time.monotonic() - started < 5, "waited much longer than PATIENCE"
    assert_one_sentence(error.value)
    assert not files_below(tmp_path)

    monkeypatch.setattr(downloads, "PATIENCE", 5)
    downloads._unreachable.clear()
    classic.pages[f"/{name}"] = goods[name]
    assert course_file(name).read_bytes() == goods[name], "the next try, with a good server, must work"


def test_a_refused_connection(offline, tmp_path):
    """No server at the address."""
    with pytest.raises(SourceError, match=r"got no connection to 127.0.0.1.+connect and run") as error:
        course_file(IMAGES)
    assert_one_sentence(error.value)
    assert not files_below(tmp_path)


def test_a_name_that_cannot_be_looked_up(monkeypatch):
    """On a machine without a network the look-up fails at once: so do we."""
    with pytest.raises(SourceError, match=r"no connection to cs231n.stanford.edu: connect"):
        course_file(IMAGES)


def test_a_look_up_that_hangs(monkeypatch):
    """Where even the look-up of a name hangs, auto has the embedded network after PATIENCE, not minutes."""
    done = threading.Event()
    monkeypatch.setattr(downloads, "PATIENCE", 0.4)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: done.wait(20) or [])
    started = time.monotonic()
    source = pretrained.load("auto")
    waited = time.monotonic() - started
    done.set()
    assert source.kind == "embedded" and "no answer from cs231n.stanford.edu within 0.4" in source.notes[0]
    assert waited < 8


@pytest.mark.parametrize("how", ["hanging", "refusing"])
def test_a_dead_host_is_asked_once(classic, monkeypatch, capsys, how):
    """Many files from a host that does not answer cost one wait, not one each; later it is asked again."""
    monkeypatch.setattr(downloads, "PATIENCE", 0.2)
    for name in CLASSIC_PICTURES:
        classic.pages[f"/{name}"] = "hang"
    if how == "refusing":
        classic.socket.close()

    def fetches():
        for name in CLASSIC_PICTURES:
            with pytest.raises(SourceError, match=r"no answer from|no connection to"):
                course_file(name)
        return capsys.readouterr().err.count("fetching")

    assert fetches() == 1
    monkeypatch.setattr(downloads, "MEMORY", 0.0)
    assert fetches() == len(CLASSIC_PICTURES)


def test_a_missing_file_does_not_make_a_host_dead(classic, goods):
    """A host that says 404 for one file is asked for the next."""
    classic.pages["/tubingen.jpg"] = 404
    with pytest.raises(SourceError, match="404"):
        course_file("tubingen.jpg")
    assert course_file("the_scream.jpg").read_bytes() == goods["the_scream.jpg"]


def test_an_interrupted_download_leaves_nothing_behind(classic, monkeypatch, tmp_path):
    """Ctrl-C in the middle goes through, and removes the half file."""
    classic.pages[f"/{IMAGES}"] = "drip"

    def interrupt(thread, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupt)
    with pytest.raises(KeyboardInterrupt):
        course_file(IMAGES)
    monkeypatch.undo()
    assert not files_below(tmp_path)


@pytest.mark.parametrize("name", [IMAGES, WEIGHTS])
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-1] + b"?"])
def test_a_damaged_file_in_the_cache_is_never_trusted(classic, goods, monkeypatch, name, damage):
    """It is fetched again, also the weights, which torch.hub itself would load; offline that is an error."""
    cached = downloads.cache_folder(name) / name
    cached.parent.mkdir(parents=True)
    cached.write_bytes(damage(goods[name]))
    classic.pages[f"/{name}"] = 404
    with pytest.raises(SourceError, match=r"got a damaged file in .+; status 404") as error:
        course_file(name)
    assert_one_sentence(error.value)
    assert pretrained.load("auto").kind == "embedded"

    classic.pages[f"/{name}"] = goods[name]
    assert pretrained.load("imagenet").kind == "imagenet"
    assert cached.read_bytes() == goods[name]


@pytest.mark.parametrize(("name", "setting"), [(IMAGES, "COURSE_DATA_CACHE"), (WEIGHTS, "TORCH_HOME")])
def test_a_cache_folder_that_cannot_be_written(classic, monkeypatch, tmp_path, name, setting):
    """A file where the folder should be: the sentence names the setting that moves the cache."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(setting, str(tmp_path / "file"))
    with pytest.raises(SourceError, match=f"got (Not a directory|File exists): set {setting}") as error:
        course_file(name)
    assert_one_sentence(error.value)
    assert pretrained.load("auto").kind == "embedded"


def test_a_read_only_cache_folder(classic, goods, monkeypatch, tmp_path):
    """What is in it is used; what is not cannot be fetched, and the sentence says why."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "tubingen.jpg").write_bytes(goods["tubingen.jpg"])
    opened = Path.open

    def read_only(path, mode="r", *args, **kwargs):  # chmod does not stop root, who may run these tests
        if path.parent == folder and mode != "rb":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", read_only)
    assert course_file("tubingen.jpg").parent == folder
    with pytest.raises(SourceError, match="got Permission denied: set COURSE_DATA_CACHE to a folder"):
        course_file("the_scream.jpg")
    assert classic.asked == []


def test_a_full_disk(classic, monkeypatch, tmp_path):
    """The write fails in the middle: the sentence says so, nothing stays, and the host is not blamed."""

    def full(self, chunk):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads._Inbox, "write", full)
    with pytest.raises(SourceError, match="got No space left on device: set COURSE_DATA_CACHE"):
        course_file(IMAGES)
    assert not files_below(tmp_path) and not downloads._unreachable


def test_mirrors_are_asked_first(classic, goods, monkeypatch):
    """COURSE_DATA_MIRRORS lists folders; a bad one is passed over, and a good one saves the usual address."""
    classic.pages |= {"/bad/tubingen.jpg": b"tampered", "/good/tubingen.jpg": goods["tubingen.jpg"]}
    mirrors = [f"{classic.url}/none", f"{classic.url}/bad/", f"{classic.url}/good", "no address"]
    monkeypatch.setenv("COURSE_DATA_MIRRORS", " ".join(mirrors))
    assert course_file("tubingen.jpg").read_bytes() == goods["tubingen.jpg"]
    assert classic.asked == [f"/{folder}/tubingen.jpg" for folder in ("none", "bad", "good")]


def test_the_usual_address_is_asked_when_no_mirror_helps(classic, goods, monkeypatch):
    """Nonsense among the mirrors is passed over as well."""
    monkeypatch.setenv("COURSE_DATA_MIRRORS", f"nonsense ftp://x http://[ http://.x {classic.url}/none")
    assert course_file("tubingen.jpg").read_bytes() == goods["tubingen.jpg"]
    assert classic.asked == ["/none/tubingen.jpg", "/tubingen.jpg"]


def test_all_addresses_are_named_when_all_fail(classic, monkeypatch):
    """The sentence lists what came from each."""
    classic.pages["/tubingen.jpg"] = 410
    monkeypatch.setenv("COURSE_DATA_MIRRORS", f"{classic.url}/none")
    with pytest.raises(SourceError, match=r"got status 404 from .+; status 410 from .+: connect") as error:
        course_file("tubingen.jpg")
    assert_one_sentence(error.value)


def test_a_progress_bar_in_a_terminal_only(classic, monkeypatch, capsys):
    """A terminal shows the bar; a log file does not."""
    course_file("the_scream.jpg")
    assert capsys.readouterr().err == f"fetching the_scream.jpg from {classic.url[7:]}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    course_file("tubingen.jpg")
    assert "100%" in capsys.readouterr().err


# --- a folder of one's own, files with two copies, unknown files ---


def test_a_folder_of_ones_own_comes_first(classic, goods, monkeypatch, tmp_path):
    """COURSE_DATA is tried before cache and network; what it lacks is fetched as usual."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "tubingen.jpg").write_bytes(goods["tubingen.jpg"])
    monkeypatch.setenv("COURSE_DATA", str(own))
    assert course_file("tubingen.jpg") == own / "tubingen.jpg"
    assert classic.asked == []
    assert course_file("the_scream.jpg") == tmp_path / "cache" / "the_scream.jpg"


def test_a_wrong_file_in_ones_own_folder_is_an_error(classic, monkeypatch, tmp_path):
    """It is neither used nor silently passed over."""
    (tmp_path / IMAGES).write_bytes(b"my holidays")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(SourceError, match=r"another or a damaged file in COURSE_DATA .+: remove it") as error:
        course_file(IMAGES)
    assert_one_sentence(error.value)


def test_a_course_folder_that_does_not_exist(classic, monkeypatch, tmp_path):
    """An explicit source ends with the error; auto takes the embedded network and says why."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match=r"expected COURSE_DATA to name a folder, got '.+nowhere'") as error:
        pretrained.load("imagenet")
    assert_one_sentence(error.value)
    source = pretrained.load("auto")
    assert source.kind == "embedded" and "COURSE_DATA" in source.notes[0]
    assert classic.asked == []


def test_two_copies_of_starry_night(classic, monkeypatch, tmp_path):
    """The public copy does as a painting; where exactly the course's is asked for it does not."""
    ours, public = b"the course's crop", b"a wider crop"
    pins = [hashlib.sha256(content).hexdigest() for content in (ours, public)]
    url = f"{classic.url}/starry_night.jpg"
    monkeypatch.setitem(FILES, "starry_night.jpg", Pinned(pins[0], (url,), served_sha256=pins[1]))
    classic.pages["/starry_night.jpg"] = public
    assert course_file("starry_night.jpg").read_bytes() == public
    with pytest.raises(SourceError, match="got no public address: ask your course") as error:
        course_file("starry_night.jpg", exactly=True)
    assert_one_sentence(error.value)
    assert course_file("starry_night.jpg").read_bytes() == public, "and it stays in the cache"
    assert classic.asked == ["/starry_night.jpg"]

    own = tmp_path / "own"
    own.mkdir()
    (own / "starry_night.jpg").write_bytes(ours)
    monkeypatch.setenv("COURSE_DATA", str(own))
    assert course_file("starry_night.jpg", exactly=True).read_bytes() == ours
    assert course_file("starry_night.jpg").read_bytes() == ours


def test_both_copies_of_starry_night_are_pinned():
    """The course's, and the one that jcjohnson/neural-style serves."""
    file = FILES["starry_night.jpg"]
    assert file.sha256.startswith("c31741a0") and file.served_sha256.startswith("0592ab0f")
    assert all(len(pin) == 64 for pin in (file.sha256, file.served_sha256))


def test_a_file_without_a_public_address():
    """The stored checks come with the course: the sentence does not send anyone to `make data`."""
    with pytest.raises(SourceError, match="got no public address: ask your course") as error:
        course_file("style-transfer-checks.npz")
    assert_one_sentence(error.value)


def test_an_unknown_file():
    """The sentence lists the known ones."""
    with pytest.raises(SourceError, match=r"expected one of .+tubingen.jpg.+, got 'cat.jpg'"):
        course_file("cat.jpg")


# --- the command line ---


def arguments(*argv):
    parser = argparse.ArgumentParser()
    pretrained.add_arguments(parser)
    return parser.parse_args(argv)


def test_the_options_of_every_script():
    """Their defaults are those of the handout."""
    defaults = {"weights": "auto", "device": "auto", "out": "visualization", "seed": 0, "show": False}
    assert vars(arguments()) == defaults
    assert arguments("--seed", "7", "--show").seed == 7


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", str(2**32), ""])
def test_a_seed_that_is_none(seed, capsys):
    """numpy takes seeds from 0 to 2**32 - 1: others end with the usage, not in a traceback."""
    with pytest.raises(SystemExit, match="2"):
        arguments("--seed", seed)
    assert "expected a whole number between 0 and 2**32 - 1" in capsys.readouterr().err


def test_from_arguments_says_which_network_seeds_and_makes_the_folder(tmp_path, capsys):
    """One line on the network; the folder exists; equal seeds give equal numbers."""
    draws = []
    for seed in ("5", "5", "6"):
        args = arguments("--weights", "embedded", "--out", str(tmp_path / "a" / "b"), "--seed", seed)
        source = pretrained.from_arguments(args)
        draws.append((torch.rand(1).item(), np.random.rand()))  # noqa: NPY002 -- what students use
        assert capsys.readouterr().out == f"{source.notes[0]}\n"
    assert draws[0] == draws[1] and draws[0] != draws[2]
    assert (tmp_path / "a" / "b").is_dir()


def test_from_arguments_prints_each_replaced_picture(classic, capsys, tmp_path):
    """A line for the network and one for the painting that could not be had."""
    classic.pages["/the_scream.jpg"] = 404
    pretrained.from_arguments(arguments("--out", str(tmp_path / "out")))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "ImageNet weights" in lines[0] and "our waves instead of" in lines[1]


def test_a_folder_for_pictures_that_cannot_be(tmp_path):
    """A file in its place is told before any network is loaded."""
    (tmp_path / "out").touch()
    for out in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(SourceError, match=r"expected a folder for pictures, got .+ --out") as error:
            pretrained.from_arguments(arguments("--weights", "nonsense", "--out", str(out)))
        assert_one_sentence(error.value)


def test_a_folder_for_pictures_that_cannot_be_written(tmp_path, monkeypatch):
    """Told at the start, not after minutes of work."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(SourceError, match=r"expected a folder that can be written to, got .+ --out"):
        pretrained.from_arguments(arguments("--out", str(tmp_path)))


def test_make_data_fetches_everything_and_lists_it(classic, goods, capsys):
    """Each file with its size and place; the stored checks, which nobody serves, are no failure."""
    assert fetch_everything([]) == 0
    out = capsys.readouterr().out
    for name in goods:
        assert re.search(rf"^{re.escape(name)} +[0-9.]+ MB  .+$", out, re.MULTILINE)
    assert re.search(r"^style-transfer-checks.npz +missing +expected", out, re.MULTILINE)
    assert "The ImageNet network is here" in out
    asked = len(classic.asked)
    assert fetch_everything([]) == 0 and len(classic.asked) == asked, "fetched twice"


def test_make_data_goes_on_after_a_failure(classic, goods, capsys):
    """One missing file is told and makes the status 1; all others are fetched."""
    classic.pages[f"/{IMAGES}"] = 404
    assert fetch_everything([]) == 1
    out = capsys.readouterr().out
    assert re.search(rf"^{IMAGES} +missing +expected {IMAGES}, got status 404", out, re.MULTILINE)
    assert out.count(" MB  ") == len(goods) - 1
    assert "The ImageNet network is not complete" in out


def test_make_data_explains_its_settings(capsys):
    """--help names the folder of one's own, the cache and the mirrors."""
    with pytest.raises(SystemExit, match="0"):
        fetch_everything(["--help"])
    out = capsys.readouterr().out
    assert all(f"\n{name}=" in out for name in ("COURSE_DATA", "COURSE_DATA_CACHE", "COURSE_DATA_MIRRORS"))


def test_make_data_as_a_command(tmp_path):
    """python -m pretrained without any network or file: sentences and status 1, no traceback."""
    env = os.environ | {"COURSE_DATA": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, "-m", "pretrained"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.count("missing    expected COURSE_DATA to name a folder") == len(FILES)


def test_addresses_are_pinned_to_commits():
    """What GitHub serves is asked for by commit, so that it cannot change."""
    urls = [url for file in addresses.FILES.values() for url in file.urls]
    github = [url for url in urls if "github" in url]
    assert len(urls) == 6 and len(github) == 4
    assert all(re.search(r"/[0-9a-f]{40}/", url) for url in github)
