"""The drawing of pictures, the running of scripts, and the page that shows every picture: `python -m figures`."""
