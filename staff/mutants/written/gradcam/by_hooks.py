"""Grad-CAM as earlier semesters wrote it: the whole file, by hooks that stay, and resized by Pillow."""

FILE, FUNCTION, PART = "visualizers/gradcam.py", "", "gradcam"

WRITTEN = """
import numpy as np
import torch
from PIL import Image


class CustomReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * (x > 0).type_as(x)

    @staticmethod
    def backward(ctx, dout):
        x, = ctx.saved_tensors
        grad = dout.clone()
        grad[(x <= 0) | (dout <= 0)] = 0
        return grad


class GradCam:
    def guided_backprop(self, X_tensor, y_tensor, gc_model):
        for name, module in gc_model.features._modules.items():
            if module.__class__.__name__ == "ReLU":
                gc_model.features._modules[name] = CustomReLU.apply
            elif module.__class__.__name__ == "Fire":
                for inner, child in module._modules.items():
                    if child.__class__.__name__ == "ReLU":
                        module._modules[inner] = CustomReLU.apply
        for name, module in gc_model.classifier._modules.items():
            if module.__class__.__name__ == "ReLU":
                gc_model.classifier._modules[name] = CustomReLU.apply
        X_tensor.requires_grad_()
        scores = gc_model(X_tensor).gather(1, y_tensor.view(-1, 1)).squeeze()
        scores.backward(torch.ones_like(scores))
        return X_tensor.grad.permute(0, 2, 3, 1).detach().numpy()

    def grad_cam(self, X_tensor, y_tensor, gc_model):
        conv_module = gc_model.features[12]
        self.activation_value = None
        self.gradient_value = None

        def keep_activation(module, inputs, output):
            self.activation_value = output.clone()
            output.register_hook(keep_gradient)

        def keep_gradient(gradient):
            self.gradient_value = gradient.clone()

        conv_module.register_forward_hook(keep_activation)
        for parameter in gc_model.parameters():
            parameter.requires_grad_()
        scores = gc_model(X_tensor)
        scores.gather(1, y_tensor.view(-1, 1)).sum().backward()
        weights = self.gradient_value.mean(dim=(2, 3), keepdim=True)
        cam = torch.relu((weights * self.activation_value).sum(dim=1)).detach().numpy()

        # Rescale to the image.
        H, W = X_tensor.shape[2:]
        cam = np.array([np.array(Image.fromarray(one).resize((W, H), Image.BICUBIC)) for one in cam])
        low, high = cam.min(axis=(1, 2), keepdims=True), cam.max(axis=(1, 2), keepdims=True)
        return (cam - low) / np.maximum(high - low, 1e-12)
"""

STRETCHED = """        low, high = cam.min(axis=(1, 2), keepdims=True), cam.max(axis=(1, 2), keepdims=True)
        return (cam - low) / np.maximum(high - low, 1e-12)
"""

WRONG = {
    "no ReLU": ("the last ReLU is missing", {"torch.relu((weights": "((weights"}),
    "layer 11": ("the layer is features[11]", {"features[12]": "features[11]"}),
    "layer 9": ("the layer is features[9]", {"features[12]": "features[9]"}),
    "rows and columns exchanged": ("the map is turned", {"resize((W, H)": "resize((H, W)"}),
    "turned before it is resized": ("the map is turned", {"Image.fromarray(one)": "Image.fromarray(one.T.copy())"}),
    "not resized": (
        "has the size of the layer",
        {"np.array(Image.fromarray(one).resize((W, H), Image.BICUBIC))": "one"},
    ),
    "not stretched": ("the map is not stretched", {STRETCHED: "        return cam\n"}),
    "divided by 0": ("NaN", {"np.maximum(high - low, 1e-12)": "(high - low)"}),
    "resized without interpolation": ("bicubic is asked for", {"Image.BICUBIC": "Image.NEAREST"}),
}
RIGHT = {
    "stretched by the batch": {
        STRETCHED: "        cam = cam - cam.min()\n        return cam / cam.max()\n",
    },
    "hooks on the module's gradient": {
        "            output.register_hook(keep_gradient)\n": "",
        "def keep_gradient(gradient):": "def keep_gradient(module, inputs, gradient):",
        "gradient.clone()": "gradient[0].clone()",
        "(keep_activation)\n": "(keep_activation)\n        conv_module.register_full_backward_hook(keep_gradient)\n",
        "conv_module = gc_model.features[12]": (
            "for m in gc_model.modules():\n            m.inplace = False\n        conv_module = gc_model.features[12]"
        ),
    },
    "ReLUs made not to write in place": {
        "conv_module = gc_model.features[12]": (
            "for module in gc_model.modules():\n"
            "            if isinstance(module, torch.nn.ReLU):\n"
            "                module.inplace = False\n"
            "        conv_module = gc_model.features[12]"
        ),
    },
    "pyplot imported with a backend": {
        "import numpy as np\n": "import matplotlib\nmatplotlib.use('Agg')\nimport numpy as np\n"
    },
}
