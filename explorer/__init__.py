"""The explorer: one page in the browser that runs a student's own methods on a picture and shows at once what they say.

A view is a file: `where`, `fool`, `idea`, `paint`, `inside`. What a view computes is asked of a worker (`worker`), a
process of its own for each open page, since a student's function may never end.
"""
