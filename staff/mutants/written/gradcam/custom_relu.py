"""CustomReLU.backward: from x and dout to the gradient that is let through."""

FILE, FUNCTION, PART = "visualizers/gradcam.py", "backward", "guided_backprop"

WRITTEN = """
grad = dout.clone()
grad[dout < 0] = 0
grad[x <= 0] = 0
return grad
"""

WRONG = {
    "plain ReLU": ("this is the plain", {"grad[dout < 0] = 0": ""}),
    "deconvnet": ("this is the deconvnet's rule", {"grad[x <= 0] = 0": ""}),
    "no mask": ("dout comes back as it is", {"grad[dout < 0] = 0": "", "grad[x <= 0] = 0": ""}),
    "ones": ("nothing but zeros and one other number", {"return grad": "return (grad > 0).to(dout)"}),
    "the mask alone": ("nothing but zeros and one other number", "return (x > 0).to(dout)"),
    "the mask added": ("the mask is added", "return dout.clamp(min=0) + (x > 0)"),
    "multiplied by x": ("dout is multiplied by x", {"return grad": "return grad * x"}),
    "product cut at 0": ("the positive part of x * dout", "return (x * dout).clamp(min=0)"),
    "x alone": ("x comes back where it is positive", "return x.clamp(min=0)"),
    "mask turned": ("exchanged for x", {"grad[x <= 0]": "grad[x > 0]"}),
    "nothing given back": ("`return` its gradient", {"return grad": ""}),
    "x comes back": ("x comes back instead of dout", "return x.clamp(min=0) * (dout > 0)"),
    "absolute value": ("the absolute value of dout passes", {"grad[dout < 0] = 0": "grad = grad.abs()"}),
    "negative passes": ("it is the other way round", {"dout < 0": "dout > 0"}),
    "cut off at 1": ("dout is cut off at 1", {"return grad": "return grad.clamp(0, 1)"}),
    "or": ("both must be (& instead of |)", "return torch.where((x > 0) | (dout > 0), dout, torch.zeros_like(dout))"),
    "times the sign of x": ("multiplied by the sign of x", "return dout.clamp(min=0) * torch.sign(x)"),
    "product positive": ("so where both are negative, too", "return dout * (x * dout > 0)"),
    "x where it is not positive": ("x comes back where it is not", "return torch.where(x > 0, dout.clamp(min=0), x)"),
    "masks exchanged": ("it is the other way round", "return dout.clamp(max=0) * (x > 0)"),
    "branches exchanged": (
        "the branches of where are exchanged",
        "return torch.where((x > 0) & (dout > 0), torch.zeros_like(dout), dout)",
    ),
}

RIGHT = {
    "product of masks": "return dout * (x > 0).float().to(dout.dtype) * (dout > 0).to(dout.dtype)",
    "where": "return torch.where((x > 0) & (dout > 0), dout, torch.zeros_like(dout))",
    "clamp": "return torch.clamp(dout, min=0.0) * x.sign().clamp(min=0)",
    "relu of the gradient": "return F.relu(dout).mul((x > 0).type_as(dout))",
    "addcmul, as once seen on the web": """
        positive = (x > 0).type_as(dout)
        nothing = torch.zeros_like(x)
        return torch.addcmul(nothing, torch.addcmul(nothing, dout, positive), (dout > 0).type_as(dout))
    """,
    "in place": "dout[dout < 0] = 0\ndout[x <= 0] = 0\nreturn dout",
    # No network's numbers are 0 to the last bit, and public solutions write either.
    "x = 0 passes": {"x <= 0": "x < 0"},
    "x = 0 passes, by a product": "return dout * (x >= 0) * (dout >= 0)",
    "masked_fill": "return dout.masked_fill((x <= 0) | (dout <= 0), 0)",
}
