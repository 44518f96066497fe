"""How much work a picture gets, and which choices of it are good ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from atlas.schema import AtlasError

LARGEST = 2048


@dataclass(frozen=True, slots=True)
class Preset:
    """How much work a picture gets; sizes in pixels, box and centre in units of the picture's side, noise in input units."""

    size: int
    crop_input: int
    steps: int
    crops: int
    box: tuple[float, float]  # smallest and largest side of a crop
    centre_sd: float = 0.15
    noise: tuple[float, float] = (0.1, 0.1)  # standard deviation at the first and the last step
    learning_rate: float = 1.0
    contrast: float = 1.2  # before the sigmoid
    phase_sd: float = 2.0  # of MACO's phases, in radians
    parameterisation: str = "maco"
    patience: int = 0  # steps without progress after which a picture is finished; 0: never

    def __post_init__(self) -> None:
        low, high = self.box
        if not 0 < low <= high <= 1:
            raise AtlasError(f"A crop box must be (smallest, largest) with 0 < smallest ≤ largest ≤ 1; found {self.box}.")
        if min(self.crops, self.steps, self.size, self.crop_input) < 1:
            raise AtlasError(f"MACO needs at least one crop, one step and one pixel; found {self}.")
        if self.size > LARGEST or self.size % 2:
            raise AtlasError(f"A picture's side must be an even number of pixels up to {LARGEST}; found {self.size}.")

    def with_parameterisation(self, name: str) -> Preset:
        """Return the same work for another parameterisation, at the learning rate that suits it."""
        return replace(self, parameterisation=name, learning_rate=LEARNING_RATES[name])


LEARNING_RATES = {"maco": 1.0, "fourier": 0.1}  # of NAdam: phases in radians; coefficients of pictures of unit variance

PRESETS: dict[str, Preset] = {  # chosen by what another network says: tests/bench/maco_presets.py
    "quick": Preset(size=224, crop_input=160, steps=48, crops=4, box=(0.3, 0.9)),
    "fine": Preset(size=256, crop_input=160, steps=96, crops=4, box=(0.3, 0.9)),
    "full": Preset(size=384, crop_input=160, steps=256, crops=8, box=(0.3, 0.9), patience=64),
}
