"""Ways to write the blocks of the root scripts' Captum halves."""
