"""Which runs the live tier kills: other ones each time, and always one of each kind."""

from __future__ import annotations

from tests.live.cases import GENTLE
from tests.live.killed import KINDS, STEPS, handful


def test_a_seed_names_one_fault_of_each_kind() -> None:
    for seed in range(200):
        pairs = handful(seed)
        assert pairs == handful(seed)
        for (name, _), names in zip(pairs, KINDS.values(), strict=True):
            assert name in names
        steps = [step for _, step in pairs]
        assert len(set(steps)) == len(steps) and {"acting", "healed"} <= set(steps) <= set(STEPS)


def test_in_time_every_fault_meets_every_step() -> None:
    seen = {pair for seed in range(5000) for pair in handful(seed)}
    cheap = {name for names in KINDS.values() for name in names}
    assert seen == {(name, step) for name in cheap for step in STEPS}
    assert cheap <= {name for name, _, _ in GENTLE}
