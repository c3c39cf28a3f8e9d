"""Ways to write the blocks of style_modules/style_loss.py."""
