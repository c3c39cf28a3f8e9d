# STAFF
"""A second device in pure Python: what works on it does not mix devices, and so works on a graphics card.

    with counted() as counts:
        saliency = SaliencyMap().compute_saliency_maps(X.to("card"), y.to("card"), model)

`install()` registers the device "card" with PyTorch. Its tensors hold a tensor of the CPU and compute on it, but as
with CUDA an operation across devices raises, `.numpy()` without `.cpu()` raises, and a generator of the CPU cannot draw
on it. It shows where tensors lie, not how fast a card is, nor that its kernels agree with the CPU's to the last bit.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils import _pytree
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "card"
ATEN = torch.ops.aten
# Operations in which tensors of the CPU may stand beside those of the card, as with CUDA.
MIXED = {
    ATEN.copy_.default, ATEN._to_copy.default, ATEN.index.Tensor, ATEN.index_put_.default,
    ATEN._index_put_impl_.default,
}  # fmt: skip

_counts: Counter[str] = Counter()


class CardTensor(Tensor):
    """A tensor on the card: `inner` is the tensor of the CPU that holds its values."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "CardTensor":
        made = Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            device=torch.device(NAME, 0),
        )  # fmt: skip
        made.inner = inner
        return made

    @property
    def data(self) -> Tensor:
        return Tensor.data.__get__(self)

    @data.setter
    def data(self, value: Tensor) -> None:
        """Take the values of another tensor, as `Module.double` and weights that are drawn anew do."""
        Tensor.data.__set__(self, value)
        self.inner = value.inner

    def __repr__(self) -> str:
        return f"CardTensor({self.inner})"

    def tolist(self) -> list:
        """Values as numbers of Python, by way of the CPU, as with CUDA."""
        return self.detach().cpu().tolist()

    def __format__(self, spec: str) -> str:
        """The number as text, by way of the CPU, as with CUDA."""
        return format(self.item(), spec) if self.dim() == 0 else repr(self)

    @classmethod
    def __torch_dispatch__(cls, operation, types, arguments=(), keywords=None):
        return _compute(operation, arguments, keywords or {})


def install() -> None:
    """Register the device with PyTorch; once is enough, more is harmless."""
    if torch._C._get_privateuse1_backend_name() == NAME:
        return
    _setup_privateuseone_for_python_backend(NAME)
    library = torch.library.Library("aten", "IMPL")
    for name in ("empty.memory_format", "empty_strided"):
        library.impl(name, _make_empty(getattr(ATEN, name.partition(".")[0])), "PrivateUse1")
    library.impl("_copy_from", _copy_from, "PrivateUse1")  # torch.tensor(..., device=NAME)
    install.library = library


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count inside the block: copies "to the card" and "to the CPU", and "item": numbers that Python waits for."""
    _counts.clear()
    yield _counts


def _make_empty(operation):
    def empty(*arguments, device=None, pin_memory=None, **keywords):
        return CardTensor(operation(*arguments, **keywords, device="cpu"))

    return empty


def _copy_from(source, target, non_blocking=False):
    _counts["to the card"] += 1
    target.inner.copy_(source)
    return target


def _compute(operation, arguments, keywords):
    flat = [value for value in _pytree.tree_leaves((arguments, keywords)) if isinstance(value, Tensor)]
    there = [value for value in flat if isinstance(value, CardTensor)]
    if len(there) < len(flat) and operation not in MIXED:
        if any(value.dim() for value in flat if not isinstance(value, CardTensor)):
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 and cpu! "
                f"(when calling {operation})"
            )
    generator = keywords.get("generator")
    if generator is not None and generator.device.type != NAME:
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found '{generator.device.type}'")
    if operation is ATEN._local_scalar_dense.default:
        _counts["item"] += 1
    if operation is ATEN.copy_.default and len(there) < len(flat):
        _counts["to the card" if isinstance(arguments[0], CardTensor) else "to the CPU"] += 1
    target = keywords.get("device")
    leaves = target is not None and torch.device(target).type == "cpu"
    if leaves and operation is ATEN._to_copy.default:
        _counts["to the CPU"] += 1
    if target is not None:
        keywords = {**keywords, "device": "cpu"}
    if operation is ATEN.is_pinned.default:
        return False
    inner = _pytree.tree_map_only(CardTensor, lambda value: value.inner, (arguments, keywords))
    result = operation(*inner[0], **inner[1])
    if leaves:
        return result
    return _wrap(result, operation, arguments, there)


def _wrap(result, operation, arguments, there):
    """The result on the card; an operation in place gives back the very tensor that it was handed."""
    known = {id(value.inner): value for value in there}

    def wrap(value: Tensor) -> Tensor:
        return known.get(id(value)) if id(value) in known else CardTensor(value)

    if operation is ATEN.copy_.default and not isinstance(arguments[0], CardTensor):
        return result
    return _pytree.tree_map_only(Tensor, wrap, result)
