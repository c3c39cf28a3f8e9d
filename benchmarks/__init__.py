"""Times of every picture, beside other libraries and beside the least that the method needs."""
