"""Style transfer (Gatys et al. 2016): Adam on the pixels, 200 steps, learning rate 3 and from step 180 on 0.1."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import compare, inputs, networks, sentences
from tests.probes.style_transfer import BlurPull, ContentPull, StylePull
from tests.sentences import LOOKS

transfer = pytest.mark.style_transfer
READ = "style_transfer: each step, clear the gradients, add the three losses up, backward, optimizer.step()"
ROOT = Path(__file__).resolve().parents[1]
COURSE_DATA = Path(os.environ.get("COURSE_DATA") or ROOT.parent / "shared" / "course_data")
UNCHANGED = (
    "expected an image that moves in each of 200 steps, got it as it was"
    f"{LOOKS} the image is never changed. {{}}"
)
ENDED = "The loop ends after {} of 200 steps: let it go on, whatever the loss does."
ORDER = "In each step: optimizer.zero_grad(), backward(), optimizer.step(), in this order"
UNSEEN = (
    f"expected a gradient that comes back through the network in each of 200 steps, got fewer{LOOKS} {{}}"
)
# Limits, on a logarithmic scale about as far from the worst right way that is known as from the best wrong one.
EARLY = 0.25  # right ways move by 1.3, with a learning rate that drops too early 0.05
LATE = 0.03, 0.2  # right ways move by 0.09 to 0.12, with a learning rate of 0.01 as far as that, with one of 3 by 2
FALL = 0.65  # right ways come to 0.44 to 0.53 of the loss, wrong ones to 0.8


@pytest.fixture(scope="module")
def run(request):
    """One whole run of the small pair, shared by the tests: it takes a second or two."""
    answers = {}

    def once(probe):
        if "answer" not in answers:
            answers["answer"] = probe("style_transfer", **inputs.small_pair_arguments())
        return answers["answer"]

    return once


def steps_of(out, start=None):
    """The image at each of the 200 steps, which are those with a gradient pass. start: if not the content."""
    seen = out["inputs"]
    assert seen.ndim == 4 and seen.shape[1:] == (3, 32, 48), f"expected images of (3, 32, 48), got {seen.shape[1:]}"
    if len(seen) < 2 or not np.ptp(seen[:2], axis=0).any():
        start = inputs.normalise(inputs.small_pair()[0]) if start is None else start
        pytest.fail(f"{say_why_still(out, start)}\n    To read: {READ}")
    ended = f"{LOOKS} {ENDED.format(out['steps'])}" if 0 < out["steps"] < 200 else ""
    told = f"expected a step for each of 200 gradients of the image, got {len(seen)} different images{ended}"
    assert len(seen) == 200, told
    assert np.isfinite(seen).all(), "expected finite pixels, got NaN or infinity"
    return seen


def say_why_still(out, start):
    """Return why the first two steps show one image, or too few have a gradient; start: the image before any step."""
    start = np.clip(start, -1.5, 1.5)
    moved = out["image"].shape == start.shape and np.abs(out["image"] - start).max() > 1e-3
    own = moved and out["steps"] >= 200 and not out["of_another"]  # the optimizer's steps have moved it
    return say_why_unseen(out) if own else say_why_unchanged(out)


def say_why_unseen(out):
    """Return UNSEEN with what the answer's counts tell."""
    if gradients := len(out["inputs"]):
        told = "the first step alone has one: take it in each." if gradients == 1 else f"{sentences.STEP_FIRST}."
        return UNSEEN.format(f"{told} {ORDER}.")
    if out["looks"]:
        return UNSEEN.format(
            "neither the content loss nor the style loss has an effect: add the three losses up, each to those before "
            "it, and hand the features over without .detach()."
        )
    return UNSEEN.format(
        "the network's features do not depend on img: hand img itself to extract_features, without .detach() and not "
        "under torch.no_grad(), and take the gradient of their losses."
    )


def say_why_unchanged(out):
    """Return UNCHANGED with what the answer's counts tell."""
    if not out["steps"]:
        return UNCHANGED.format(f"optimizer.step() is never called. {ORDER}.")
    if out["steps"] < 200:
        return UNCHANGED.format(ENDED.format(out["steps"]))
    if out["of_another"]:
        return UNCHANGED.format(
            "img is no longer the tensor that the optimizer was made with: leave out what makes another img, "
            "such as img = img.detach().requires_grad_()."
        )
    if out["empty"] and out["filled"]:
        return UNCHANGED.format(f"Its gradient is cleared before optimizer.step() has used it. {ORDER}.")
    if out["empty"]:
        return UNCHANGED.format(
            "img.grad is empty at optimizer.step(): backward() fills it, torch.autograd.grad alone does not, and "
            "nothing may cut the loss off from img."
        )
    return UNCHANGED.format(f"{ORDER}, and img stays the tensor that the optimizer was made with.")


@transfer
@pytest.mark.points(2)
@pytest.mark.parametrize("step", range(1, inputs.STEPS + 1), ids="step {}".format)
def test_the_first_steps_follow_all_three_losses(probe, run, step):
    """Adam with learning rate 3 down content + style + total variation, with gradients cleared before each step."""
    ways = dict(compare.references("style_transfer"))
    images = steps_of(run(probe))[1 : inputs.STEPS + 1].reshape(inputs.STEPS, -1)[:, ways.pop("pixels")]
    alike = {way: np.mean(np.abs(images - theirs) < inputs.ALIKE, axis=1) for way, theirs in ways.items()}
    likeness = alike.pop("right")[step - 1]
    mistake = max(alike, key=lambda way: alike[way].min())  # in all steps: after the first one many look alike
    mistake = mistake if alike[mistake].min() > 0.98 else say_who_moves(run(probe))
    seems = mistake and f"{LOOKS} {mistake}"
    assert likeness > 0.92, (
        f"expected the image of step {step} with at least 92 % of its pixels alike, got {likeness:.1%}{seems}\n"
        f"    To read: {READ}"
    )


@transfer
@pytest.mark.points(0.5)
def test_the_first_image_is_the_content(probe, run):
    """Style transfer starts from the content picture, with its pixels clamped to [-1.5, 1.5]."""
    content = np.clip(inputs.normalise(inputs.small_pair()[0]), -1.5, 1.5)
    compare.assert_close("the first image", steps_of(run(probe))[:1], content, 1e-5, read=READ)


@transfer
@pytest.mark.points(1.5)
def test_the_learning_rate_drops_for_the_last_steps(probe, run):
    """Adam's steps are about as long as its learning rate: 3 at first, 0.1 from step 180 on (or 181)."""
    out = run(probe)
    seen, steps = steps_of(out), out["steps"]
    assert not 0 < steps < 200, f"expected optimizer.step() in each of 200 steps, got {steps}: under no condition"
    check_lengths(seen, say_who_moves(out))


def say_who_moves(out):
    """Return a sentence where no optimizer moves the image."""
    return "" if out["steps"] else "optimizer.step() is never called: Adam moves the image, in each step."


def check_lengths(seen, otherwise=""):
    """By how much the pixels move most in steps before 180 and after: the limits are far from right and from wrong.

    otherwise: what is known already.
    """
    lengths = np.abs(np.diff(seen, axis=0)).max(axis=(1, 2, 3))  # of the steps 0 to 198
    early, late = np.median(lengths[100:178]), np.median(lengths[183:])
    before = f"expected steps of a learning rate of 3 before step 180, got pixels that move by {early:.2g}"
    after = f"expected steps of a learning rate of 0.1 after step 180, got pixels that move by {late:.2g}"
    assert early > EARLY, f"{before}: {otherwise or 'the learning rate is too small, or drops too early'}"
    still = "the image stands still, does the optimizer hold img, and a learning rate above 0?"
    assert late > 0, f"{after}: {otherwise or still}"
    assert late > LATE[0], f"{after}: {otherwise or 'the learning rate is too small'}"
    assert late < LATE[1], f"{after}: {otherwise or 'give Adam the decayed learning rate at step 180'}"


@transfer
@pytest.mark.points(0.5)
def test_the_loss_falls(probe, run):
    """All in all the losses become much smaller than the content picture's own."""
    image = np.asarray(run(probe)["image"])
    assert image.shape == (1, 3, 32, 48), f"expected the image (1, 3, 32, 48) when testing, got {image.shape}"
    assert_loss_falls(Losses(ContentPull(), StylePull(), BlurPull()), image)


def assert_loss_falls(losses, image):
    parts = [losses(of) for of in (inputs.normalise(inputs.small_pair()[0]), image)]
    before, after = map(sum, parts)
    limit, seems, expected = FALL * before, "", f"expected the loss to fall from {before:.4g} to less than"
    falls = parts[1][1] <= 0.9 * parts[0][1]  # else the image may run away from both, as with gradients that add up
    if parts[1][0] > limit and falls:
        seems = f"{LOOKS} the content loss does not hold the image: let it count, with content_target as it is given."
    elif parts[1][0] <= limit and not falls:
        seems = f"{LOOKS} the style loss does not fall: let it count, with style_targets as they are given."
    assert after < limit, f"{expected} {limit:.4g}, got {after:.4g}{seems}"


class Losses:
    """The three losses of the small pair: of content, of style, of total variation."""

    def __init__(self, content_loss, style_loss, tv_loss, **changes):
        self.pair = inputs.SMALL_PAIR | changes
        self.content, self.style, self.tv = content_loss, style_loss, tv_loss
        self.cnn = networks.build("embedded").features
        content, style = (inputs.features(self.cnn, picture) for picture in inputs.small_pair())
        self.target = content[inputs.SMALL_PAIR["content_layer"]]
        self.grams = [self.style.gram_matrix(style[layer]) for layer in inputs.SMALL_PAIR["style_layers"]]

    def __call__(self, image):
        pair, x, feats = self.pair, torch.from_numpy(np.float32(image)), []
        for module in self.cnn:
            feats.append(module(feats[-1] if feats else x).clone())
        return (
            float(self.content(pair["content_weight"], feats[pair["content_layer"]], self.target)),
            float(self.style(feats, pair["style_layers"], self.grams, pair["style_weights"])),
            float(self.tv(x, pair["tv_weight"])),
        )


# --- the solution's own promises ---


@transfer
def test_pixels_are_clamped_until_step_190(probe, run):
    """Up to step 189 no pixel that the network sees is beyond 1.5; after it some may be."""
    seen = steps_of(run(probe))
    before, after = np.abs(seen[:190]).max(), np.abs(seen[190:]).max()
    assert before <= 1.5, f"expected pixels of at most 1.5 up to step 189, got {before:.4g}: leave the clamping in"
    assert after > 1.5, "expected pixels beyond 1.5 from step 190 on, got none: leave the clamping to what is given"


@transfer
def test_the_cut_network_is_left_as_it_was(probe, run):
    out = run(probe)
    assert not out["changed"], f"expected all as it was, got this changed: {out['changed']}: change nothing but img"
    assert not out["warnings"], f"expected no warning, got {out['warnings']!r}: read what it asks for"
    assert not out["printed"], f"expected nothing printed, got {out['printed'][:60]!r}: take the print out"
    assert out["calls"] == 202, (
        f"expected 202 calls of the network, one for the content, one for the style and one a step, got {out['calls']}:"
        " extract the features once in each step"
    )


@transfer
def test_weights_that_have_gradients_keep_them(tmp_path):
    """The network is left as it was: weights that need gradients still do."""
    cnn = networks.build("embedded").features.requires_grad_()
    transfer_in(tmp_path, cnn=cnn, testing=True, num_iterations=2)
    frozen = [name for name, weight in cnn.named_parameters() if not weight.requires_grad]
    assert not frozen, (
        f"expected the network as it was, got requires_grad turned off for its weights, such as {frozen[0]}: leave it, "
        "the optimizer holds img alone and moves nothing else"
    )


@transfer
def test_style_transfer_with_the_students_own_losses(probe, run):
    """They fall as well, and lead elsewhere."""
    from style_modules import ContentLoss, StyleLoss, TotalVariationLoss

    weights = {"style_weights": [3e5, 1e3, 15.0]}
    image = probe("style_transfer", **(inputs.small_pair_arguments() | weights), own_losses=True)["image"]
    assert_loss_falls(Losses(ContentLoss(), StyleLoss(), TotalVariationLoss(), **weights), image)
    assert np.abs(image - run(probe)["image"]).max() > 0.5


@transfer
def test_random_noise_is_another_start(probe):
    """init_random starts from numbers in [0, 1) of the seed, and leaves the global random state alone."""
    out = probe("style_transfer", **inputs.small_pair_arguments(), init_random=True)
    noise = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0)).numpy()
    first = steps_of(out, noise)[0]
    assert 0 <= first.min() < 0.01 and 0.99 < first.max() < 1, (
        f"expected a start from numbers in [0, 1), got {first.min():.4g} to {first.max():.4g}: leave the start as given"
    )
    assert not out["changed"], f"expected all as it was, got this changed: {out['changed']}: change nothing but img"


def transfer_in(folder, **changes):
    from PIL import Image

    from style_utils import style_transfer

    paths = {}
    for name, pixels in zip(("content_image", "style_image"), inputs.small_pair()):
        paths[name] = folder / f"{name}.png"
        Image.fromarray(pixels).save(paths[name])
    settings = inputs.SMALL_PAIR | {"num_iterations": 20, "out": folder, "cnn": networks.build("embedded").features}
    losses = {"content_loss": ContentPull(), "style_loss": StylePull(), "tv_loss": BlurPull()}
    return style_transfer(name="pair", **(settings | losses | paths | changes))


@transfer
def test_both_figures_are_written(tmp_path):
    """The sources side by side, and the result, whose paths are returned."""
    assert transfer_in(tmp_path) == [tmp_path / "style_transfer_pair_sources.png", tmp_path / "style_transfer_pair.png"]
    assert all(path.stat().st_size > 1000 for path in tmp_path.glob("style_*.png"))


@transfer
@pytest.mark.parametrize("dtype", [None, torch.float32, torch.FloatTensor, "torch.FloatTensor"])
def test_dtype_may_be_a_dtype_a_tensor_type_or_left_out(tmp_path, dtype):
    image = transfer_in(tmp_path, dtype=dtype, testing=True, num_iterations=1)
    assert image.dtype == torch.float32 and image.shape == (1, 3, 32, 48) and not image.requires_grad


@transfer
def test_gradients_may_be_switched_off_around_a_transfer(tmp_path):
    """Within torch.no_grad() the picture is painted all the same."""
    with torch.no_grad():
        transfer_in(tmp_path, num_iterations=2)


@transfer
def test_each_step_is_told_with_its_number_and_the_image(tmp_path):
    """Expect numbers from 1 on; the last image is the result."""
    seen = []
    tell = lambda number, image: seen.append((number, image.clone(), image.requires_grad))  # noqa: E731
    result = transfer_in(tmp_path, testing=True, num_iterations=3, on_step=tell)
    assert [number for number, _, _ in seen] == [1, 2, 3] and not any(needs for _, _, needs in seen)
    assert torch.equal(seen[-1][1], result) and not torch.equal(seen[0][1], seen[1][1])


@transfer
def test_modules_after_the_deepest_layer_are_not_needed(tmp_path):
    """The network may be cut, and what is not needed is not run."""
    cnn = networks.build("embedded").features[:7]
    cnn.append(torch.nn.Linear(1, 1))  # would raise
    assert torch.isfinite(transfer_in(tmp_path, cnn=cnn, testing=True, num_iterations=1)).all()


@transfer
@pytest.mark.parametrize("changes", [{"content_layer": 13}, {"style_layers": [1, 4, -1]}])
def test_a_layer_that_is_not_there_is_refused(tmp_path, changes):
    with pytest.raises(ValueError, match=r"^expected layers between 0 and 12, got -?\d+ and \[1, 4, -?\d\]"):
        transfer_in(tmp_path, **changes)


@transfer
def test_no_style_layer_at_all_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"^expected at least one style layer, got none: for the content alone"):
        transfer_in(tmp_path, style_layers=[], style_weights=[])


def test_rel_error_is_the_largest_of_all():
    """|x - y| / (|x| + |y|), safe where both are 0."""
    from style_utils import rel_error

    assert rel_error(np.array([1.0, 0.0, 4.0]), np.array([1.0, 0.0, 12.0])) == 0.5


def test_preprocess_of_styles_defaults_to_512():
    from PIL import Image

    import style_utils

    assert style_utils.preprocess(Image.new("RGB", (40, 30))).shape == (1, 3, 512, 682)


def test_extract_features_gives_one_for_each_module():
    from style_utils import extract_features, features_from_img

    cnn = networks.build("embedded").features
    feats, image = features_from_img(inputs.path("town"), 48, cnn)
    assert image.shape == (1, 3, 48, 72) and len(feats) == len(cnn)
    assert torch.equal(feats[-1], cnn(image)) and torch.equal(extract_features(image, cnn)[3], feats[3])


# --- stored checks, as the script prints them ---

def checks(recipe, folder=ROOT):
    """The four values that are stored, and ours."""
    from pretrained.settings import STYLE_CHECKS
    from style_transfer import prepare_losses

    check = STYLE_CHECKS[recipe]
    cnn, stored = NETWORKS[recipe]().features, folder / check.stored
    paths = check.content, check.style
    content, style = (folder / path if recipe == "torchvision" else inputs.path(path) for path in paths)
    with torch.no_grad():
        ours = {key: loss() for key, loss in prepare_losses(check, cnn, content, style).values()}
    with np.load(stored, allow_pickle=False) as file:
        return {name: (value.numpy(), np.asarray(file[name])) for name, value in ours.items()}


def torchvisions():
    from pretrained.addresses import WEIGHTS
    from pretrained.downloads import cache_folder
    from pretrained.weights import build_network, read_weights

    places = [COURSE_DATA / WEIGHTS, cache_folder(WEIGHTS) / WEIGHTS]
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        pytest.skip("the ImageNet weights are not here: run `make data`")
    return build_network(read_weights(path), path, torch.device("cpu"))


def original():
    from pretrained.original import read_original
    from pretrained.packages import ORIGINAL, find_packaged
    from pretrained.weights import build_network

    return build_network(read_original(), find_packaged(ORIGINAL), torch.device("cpu"))


NETWORKS = {"torchvision": torchvisions, "original": original, "embedded": lambda: networks.build("embedded")}


def needs(*names):
    missing = [name for name in names if not (COURSE_DATA / name).is_file()]
    if missing:
        pytest.skip(f"{missing[0]} is not here: set COURSE_DATA to the folder of the course's own files")


@pytest.mark.parametrize("recipe", ["embedded", "original"])
@pytest.mark.parametrize("name", ["cl_out", "gm_out", "sl_out", "tv_out"])
def test_the_stored_checks(recipe, name):
    """style_transfer.py prints an error of 0.000 for each, with the embedded network and with the original weights."""
    got, expected = checks(recipe)[name]
    compare.assert_close(name, got.reshape(expected.shape), expected, 1e-5)


@pytest.mark.parametrize("name", ["cl_out", "gm_out", "sl_out"])
def test_the_courses_stored_checks(name):
    """The ImageNet weights; the course's values come from an older PyTorch and Pillow."""
    needs("style-transfer-checks.npz", "tubingen.jpg", "starry_night.jpg")
    got, expected = checks("torchvision", COURSE_DATA)[name]
    compare.assert_close(name, got.reshape(expected.shape), expected, 5e-3)


@pytest.mark.tv_loss
@pytest.mark.parametrize(
    "stored, tolerance", [("style-transfer-checks.npz", 5e-4), ("style-transfer-checks-cs231n.npz", 1e-6)]
)
def test_the_courses_stored_total_variation(stored, tolerance):
    """303.4700 for tubingen.jpg at 192 pixels. The first file was made with an older resizing: 4.06e-4 apart."""
    from style_modules import TotalVariationLoss
    from style_utils import open_image, preprocess, rel_error

    needs(stored, "tubingen.jpg")
    value = TotalVariationLoss()(preprocess(open_image(COURSE_DATA / "tubingen.jpg"), 192), 2e-2)
    with np.load(COURSE_DATA / stored, allow_pickle=False) as file:
        assert rel_error(value.numpy().reshape(-1), file["tv_out"].reshape(-1)) <= tolerance
    assert value.item() == pytest.approx(303.47, abs=5e-3)
