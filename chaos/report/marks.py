"""The moments that have a line through the whole timeline: each fault, the heal, the phases of the recovery."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.facts import Injection
from chaos.measure import Phase
from chaos.recording import Recording
from chaos.report.scale import Axis

WIDTH = 1080.0  # of the picture
LANE = 13.0  # height of one line of labels
_LETTER = 6.8  # pixels of one letter of a label; a wide one, because the reader's font is not known and some are bold
_BETWEEN = 6.0  # pixels between two labels of a lane
_LABEL_OFF = 4.0  # pixels between a line and its label
_NAMED = 2  # targets that a label names; more are counted


@dataclass(frozen=True)
class Mark:
    """A moment worth a vertical line; ``kind`` (fault, heal or phase) is its CSS class, ``lane`` keeps neighbouring
    labels apart, and ``left`` says that the label is on the left of the line, because the picture ends on its right."""

    x: float
    label: str
    lane: int
    left: bool = False
    kind: str = "phase"

    @property
    def label_x(self) -> float:
        return self.x + (-_LABEL_OFF if self.left else _LABEL_OFF)

    @property
    def label_y(self) -> float:
        return 12 + LANE * self.lane


def marks(run: Recording, phases: tuple[Phase, ...], axis: Axis, zero: float) -> tuple[Mark, ...]:
    """By time; no two labels of one lane overlap."""
    moments = [(one.begin, "fault", broken(one)) for one in run.facts.injections if one.begin is not None]
    if run.facts.heal_begin is not None:
        moments.append((run.facts.heal_begin, "heal", "heal"))
    moments += [(phase.at, "phase", phase.name) for phase in phases if phase.at is not None]
    found: list[Mark] = []
    free: list[float] = []  # the x up to which each lane is taken
    for at, kind, name in sorted(moments, key=lambda one: one[0]):
        x = axis.x(at - zero)
        label = f"{name} {at - zero:+.2f}"
        length = _LETTER * len(label) + 2 * _LABEL_OFF + _BETWEEN
        left = leaves(x, label)
        begin = x - length if left else x
        lane = next((at for at, taken in enumerate(free) if taken <= begin), len(free))
        free[lane:lane + 1] = [begin + length]
        found.append(Mark(x, label, lane, left, kind))
    return tuple(found)


def broken(injection: Injection) -> str:
    """The fault and whom it hit, short enough for a label."""
    nodes = injection.target
    return f"{injection.fault} {' '.join(nodes) if len(nodes) <= _NAMED else f'{len(nodes)} nodes'}".strip()


def leaves(x: float, label: str) -> bool:
    """Whether a label on the right of ``x`` would leave the picture."""
    return x + _LABEL_OFF + _LETTER * len(label) > WIDTH
