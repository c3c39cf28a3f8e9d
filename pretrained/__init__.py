"""The one door to networks, class names and sample pictures.

    import pretrained
    source = pretrained.load("embedded")
    source.model(...), source.images, source.class_names[source.labels[0]]
"""

import sys

from pretrained import ending  # first: what goes wrong while the rest is loaded is told in words

if words := ending.find_half():
    sys.exit(words)

# isort: split
from pretrained.command_line import add_arguments, from_arguments
from pretrained.downloads import course_file, offline
from pretrained.errors import SourceError
from pretrained.imagenet import imagenet_val
from pretrained.machine import give_name_and_home
from pretrained.source import Pretrained, load

__all__ = [
    "Pretrained",
    "SourceError",
    "add_arguments",
    "course_file",
    "from_arguments",
    "imagenet_val",
    "load",
    "offline",
]

give_name_and_home()  # before anybody imports torchvision
