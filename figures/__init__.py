"""How pictures are drawn, how scripts are run, and the page that shows every picture: `python -m figures`."""
