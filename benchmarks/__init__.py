"""How fast every picture is made, beside Captum, pytorch-grad-cam, the classic way and the bare passes: make bench."""
