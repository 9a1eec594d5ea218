"""V4: the measuring side itself was not starved."""

from __future__ import annotations

from chaos.checks import found
from chaos.model import Finding
from chaos.recording import LoadSample, Recording

LATE = 0.05
ON_TIME = 0.99
WORST = 1.0
BUSY, BUSY_SHARE = 0.97, 0.5
WAITED = 0.5
STEP = 0.05  # s


class ScheduleKept:
    """Four things, each for a reason.

    * 99 % of each probe's slots started within 50 ms of their time: 50 ms is two and a half
      periods, well below the shortest outage that an SLA names, and 1 % leaves room for the
      moments when a host with two processors boots a node.
    * No slot started more than 1 s late and none is missing: a probe that stood still for a
      second cannot tell the cluster's pause from its own.  The probe's own count of its slots
      and the end of the run say whether the last ones are there.
    * From the fault to the heal, the host was saturated in less than half of the samples: timers
      of an overloaded cluster fire late, and the bounds assume that they do not.  Saturated is
      fully busy (97 %) while the lab itself had to wait for a processor half of the time: an emulated
      machine takes a whole one for all that it does, and other work may fill what the lab leaves.
      Where the kernel does not tell who waited, fully busy counts alone.  Later samples do not count
      (a booting node is busy by nature), nor does the fault that means to take the processors away (``res.cpu``).
    * Nobody set the host's clock by more than 50 ms: the clients keep the one that they began with, and the
      diary of power and faults follows it, so that one could not be laid beside the other.
    """

    id = "V4"
    title = "the probes kept their schedule, the host had room"
    kind = "validity"

    def in_time(self, run: Recording) -> bool:
        """Whether host and clients were, whatever became of the clock: corosync keeps one that nobody sets."""
        return all(_lateness(run, probe)[1] for probe in run.facts.probes) and _busy(run)[1]

    def judge(self, run: Recording) -> Finding:
        problems, words = [], []
        for probe in run.facts.probes:
            text, ok = _lateness(run, probe)
            words.append(text)
            if not ok:
                problems.append(text)
        for text, ok in (_busy(run), _clock(run)):
            words.append(text)
            if not ok:
                problems.append(text)
        return found(self, not problems, "; ".join(problems or words))


def _lateness(run: Recording, probe: str) -> tuple[str, bool]:
    samples = run.samples.get(probe, ())
    if not samples:
        return f"{probe} left no samples", False
    started = run.status.get(probe, {}).get("slots")
    if not isinstance(started, int):
        return f"{probe} left no count of its slots: it did not end in order", False
    late = sorted(sample.started - sample.intended for sample in samples)
    share = sum(value <= LATE for value in late) / len(late)
    missing = max(started, samples[-1].slot + 1) - len({sample.slot for sample in samples})
    early = (run.facts.ended_at or run.facts.converged_at or 0.0) - samples[-1].intended
    refused = sum(sample.detail.startswith("not started") for sample in samples)
    text = f"{probe} {100 * share:.2f} % of {len(samples)} slots on time, worst {1000 * late[-1]:.0f} ms late"
    if missing or refused:
        text += f", {missing} slots missing, {refused} not started"
    if early > WORST:
        text += f", ended {early:.1f} s before the run"
    return text, share >= ON_TIME and late[-1] <= WORST and early <= WORST and not missing and not refused


def _busy(run: Recording) -> tuple[str, bool]:
    facts = run.facts
    if any(one.fault == "res.cpu" for one in facts.injections):
        return "host load not judged: the fault is load", True
    begin, end = facts.inject_begin, facts.heal_begin or facts.ended_at
    inside = [sample for sample in run.host
              if begin is not None and end is not None and begin <= sample.at <= end]
    if not inside:
        return "the host's load was not recorded", False
    busy = sum(_saturated(sample) for sample in inside) / len(inside)
    mean = sum(sample.busy for sample in inside) / len(inside)
    known = [sample.waited for sample in inside if sample.waited is not None]
    waited = f", the lab waited for it {100 * sum(known) / len(known):.0f} % of the time" if known else ""
    return (f"host {100 * mean:.0f} % busy on average{waited}, saturated in {100 * busy:.0f} % of "
            f"{len(inside)} samples, load {max(sample.load1 for sample in inside):.1f}"), busy < BUSY_SHARE


def _clock(run: Recording) -> tuple[str, bool]:
    moved = max((abs(sample.clock) for sample in run.host), default=0.0)
    return f"the host's clock was set by {1000 * moved:.0f} ms", moved <= STEP


def _saturated(sample: LoadSample) -> bool:
    return sample.busy >= BUSY and (sample.waited is None or sample.waited >= WAITED)


CHECK = ScheduleKept()
