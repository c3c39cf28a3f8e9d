"""The objects of the rendered pictures: colour-emoji glyphs by class, and rays drawn by ourselves.

No emoji shows a stingray, which the classic fooling example asks for, so `_draw_ray` draws some.
"""

import functools
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT_PLACES = (
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",  # Debian, Ubuntu
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf",
)
FONT_SIZE = 109  # the only size of the font's bitmaps
SIDE = 256  # glyphs are kept at this many pixels, and at half and a quarter of it

# class -> (drawings to train on, drawings held out). Of three or more drawings at least a fifth is held out.
CLASSES: dict[str, tuple[list[str], list[str]]] = {
    "hay": (["🌾"], []),
    "bird": (["🐦", "🦆", "🐓", "🦃"], ["🦤"]),
    "dog": (["🐕", "🐶", "🦮", "🐩"], ["🐕‍🦺"]),
    "cat": (["🐈", "🐱", "😺"], ["🐈‍⬛"]),
    "bear": (["🐻", "🧸", "🐼"], ["🐻‍❄️"]),
    "gorilla": (["🦍"], []),
    "spider": (["🕷"], []),
    "guitar": (["🎸"], []),
    "ray": (["ray:0", "ray:1", "ray:2"], ["ray:3"]),
    "fish": (["🐟", "🐠"], ["🐡"]),
    "butterfly": (["🦋"], []),
    "strawberry": (["🍓"], []),
    "pineapple": (["🍍"], []),
    "clock": (
        ["🕐", "🕓", "🕗", "🕚", "🕒", "🕡", "🕥", "⏰", "🕰"],
        ["🕖", "🕝", "⏱"],
    ),
    "umbrella": (["☂", "⛱"], ["☔"]),
    "turtle": (["🐢"], []),
    "snail": (["🐌"], []),
    "elephant": (["🐘"], []),
    "mushroom": (["🍄"], []),
    "sunflower": (["🌻"], []),
    "bicycle": (["🚲"], []),
    "car": (["🚗", "🚙", "🚘"], ["🚕"]),
    "sailboat": (["⛵"], []),
    "teapot": (["🫖"], []),
}
CLASS_NAMES = list(CLASSES)
FOOLING_TARGET = "ray"
VISUALIZATION_TARGETS = ("gorilla", "dog", "spider", "guitar")

# Things that are none of the classes, strewn about so that "there is a glyph" is not an answer.
DISTRACTORS = list("🔑🎩👟👞🔔🪑🔨💡🧲👑👓🚀🍕🍔🧁🎈🏀🎁🧦🍌🍆🥕🌽🧀🍩⚓📚☕🎺🧊📷🪣")


@functools.cache
def glyph(drawing: str) -> tuple[np.ndarray, ...]:
    """The drawing as premultiplied RGBA, float32 in [0, 1], at SIDE, SIDE/2 and SIDE/4 pixels."""
    if drawing.startswith("ray:"):
        picture = _draw_ray(int(drawing[4:]))
    else:
        picture = _draw_emoji(drawing)
    rgba = np.asarray(_centre(picture), np.float32) / 255
    rgba[..., :3] *= rgba[..., 3:]
    half = cv2.resize(rgba, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    quarter = cv2.resize(rgba, (SIDE // 4, SIDE // 4), interpolation=cv2.INTER_AREA)
    return rgba, half, quarter


@functools.cache
def _font() -> ImageFont.FreeTypeFont:
    for place in FONT_PLACES:
        if Path(place).exists():
            return ImageFont.truetype(place, FONT_SIZE)
    raise SystemExit("expected the font Noto Color Emoji, found none: install fonts-noto-color-emoji and run again")


def _draw_emoji(drawing: str) -> Image.Image:
    canvas = Image.new("RGBA", (3 * FONT_SIZE, 2 * FONT_SIZE))
    ImageDraw.Draw(canvas).text((FONT_SIZE // 2, FONT_SIZE // 4), drawing, font=_font(), embedded_color=True)
    return canvas


def _centre(picture: Image.Image) -> Image.Image:
    """The picture's inked box, scaled to fill a square of SIDE pixels but for a thin margin."""
    picture = picture.crop(picture.getbbox())
    scale = (SIDE - 8) / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(picture.resize(size, Image.Resampling.LANCZOS), ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square


def _draw_ray(variant: int) -> Image.Image:
    """A stingray from above: a diamond with curved wings, eyes, spots and a long bent tail."""
    rng = np.random.default_rng(1000 + variant)
    skin, edge, spot = (
        ((178, 142, 96), (104, 76, 44), (64, 120, 196)),  # blue-spotted ribbontail
        ((112, 122, 138), (54, 60, 74), (84, 92, 108)),  # grey southern ray
        ((62, 70, 92), (24, 28, 42), (232, 236, 240)),  # spotted eagle ray
        ((150, 134, 120), (78, 62, 52), (214, 190, 150)),  # thornback
    )[variant]
    span = (1.0, 0.92, 1.12, 0.86)[variant]
    scale, centre = 400, np.array([560, 430])
    t = np.linspace(0, 1, 40)
    # One wing, nose to tip to tail root; the other is its mirror image.
    front = np.stack([span * t**0.8, -0.62 + 0.62 * t**2.1], 1)
    back = np.stack([span * (1 - t) ** 1.25, 0.62 * t**0.75], 1)
    wing = np.concatenate([front, back[1:]])
    outline = np.concatenate([wing, wing[::-1] * [-1, 1]]) * scale + centre
    canvas = Image.new("RGBA", (1120, 1220))
    draw = ImageDraw.Draw(canvas)
    s = np.linspace(0, 1, 60)
    bend = (0.35, -0.3, 0.2, -0.42)[variant]
    tail = np.stack([bend * np.sin(2.6 * s) * scale, (0.5 + 1.35 * s) * scale], 1) + centre
    for (x, y), w in zip(tail, np.linspace(26, 5, len(tail)), strict=True):
        draw.ellipse((x - w, y - w, x + w, y + w), fill=edge)
    draw.polygon([tuple(p) for p in outline], fill=skin, outline=edge, width=16)
    body = [(centre[0] - 0.2 * scale, centre[1] - 0.52 * scale), (centre[0] + 0.2 * scale, centre[1] + 0.6 * scale)]
    lighter = tuple(min(255, int(c * 1.16) + 8) for c in skin)
    draw.ellipse([*body[0], *body[1]], fill=lighter)
    for _ in range(60):
        x, y = rng.uniform(-0.72, 0.72) * span, rng.uniform(-0.4, 0.45)
        if abs(x) < span * (0.62 - abs(y)) and not (abs(x) < 0.24 and y < -0.2):
            r = rng.uniform(8, 20)
            px, py = centre + np.array([x, y]) * scale
            draw.ellipse((px - r, py - r, px + r, py + r), fill=spot)
    for side in (-1, 1):
        x, y = centre + np.array([0.13 * side, -0.36]) * scale
        draw.ellipse((x - 25, y - 25, x + 25, y + 25), fill=edge)
        draw.ellipse((x - 12, y - 15, x + 8, y + 5), fill=(250, 250, 245))
    return canvas
