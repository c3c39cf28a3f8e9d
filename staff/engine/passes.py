"""What shared passes stand on: ReLUs that go back in two ways, a layer with gradients, parameters without."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visualizers.network import relu_called, relu_replaced_by, submodule

IN_PLACE = {F.relu_, torch.relu_, Tensor.relu_}


class Relus(relu_replaced_by):
    """Inside the block every ReLU keeps what it needs for two kinds of backward pass; `guided` says which is next.

    Like `relu_replaced_by(CustomReLU.apply)`, but one forward pass serves both, and what was in place stays so.
    """

    guided = False

    def __init__(self) -> None:
        super().__init__(lambda x: _Relu.apply(x, self, False))

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        relu = relu_called(func, args, kwargs)
        if relu and not relu[0].requires_grad:
            return func(*args, **kwargs)
        if relu and (func in IN_PLACE or (func is F.relu and (args[1:] or [kwargs.get("inplace", False)])[0])):
            return _Relu.apply(relu[0], self, True)
        return super().__torch_function__(func, types, args, kwargs)


class _Relu(torch.autograd.Function):
    """A ReLU whose backward pass is plain or guided, as `relus.guided` says when it runs."""

    @staticmethod
    def forward(ctx, x: Tensor, relus: Relus, in_place: bool) -> Tensor:
        y = x.relu_() if in_place else x.relu()
        if in_place:
            ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        ctx.relus = relus
        return y

    @staticmethod
    def backward(ctx, dout: Tensor):
        (y,) = ctx.saved_tensors
        dx = torch.ops.aten.threshold_backward(dout, y, 0)  # dout * 1[x > 0], as every ReLU
        return dx.clamp_(min=0) if ctx.relus.guided else dx, None, None


class Tap:
    """Inside the block the output of a layer is taken as what gradients can be asked for.

    If the pixels require no gradient it becomes a leaf, so that no graph is kept below the layer.
    """

    def __init__(self, model: nn.Module, layer: str) -> None:
        self.model, self.layer = model, layer

    def __enter__(self) -> None:
        self.outputs: list[Tensor] = []
        self.handle = submodule(self.model, self.layer).register_forward_hook(self._take)

    def __exit__(self, *_) -> None:
        self.handle.remove()

    def _take(self, module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim != 4:
            got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(
                f"expected a layer whose output is a map (N, C, h, w), got {got} from {self.layer}: try one below it"
            )
        self.outputs.append(output if output.requires_grad else output.detach().requires_grad_())
        return self.outputs[-1].clone()  # the clone takes what an in-place function after the layer would overwrite

    def taken(self) -> Tensor:
        if len(self.outputs) != 1:
            got = f"{self.layer}, which ran {len(self.outputs)} times"
            raise ValueError(f"expected a layer that runs once, got {got}: try another")
        return self.outputs[0]


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Inside the block no parameter requires a gradient: less is kept, and the graph begins where it is needed."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        for parameter in trained:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
