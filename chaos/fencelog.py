"""What the lab's diary says about fencing: one definition for those who wait, heal and judge."""

from __future__ import annotations

from collections.abc import Iterable

from lab.state.events import Event


def fences(command: str) -> bool:
    """Whether a BMC command belongs to a fence operation; a monitor asks for the status alone.

    "on" counts: the agent does not switch a node off that answers "off" to its status request,
    so the second half of the reboot is all that is seen of fencing a node without power.
    """
    return command in ("on", "off", "cycle", "reset", "shutdown")


def fence_requests(events: Iterable[Event], node: str, since: float) -> list[Event]:
    """The requests to fence ``node`` from ``since`` on, by time."""
    return sorted((event for event in events
                   if event.kind == "bmc.request" and event.node == node and event.at >= since
                   and fences(str(event.data.get("command", "")))), key=lambda event: event.at)


def was_off(events: Iterable[Event], node: str, begin: float, end: float, *, witnessed: bool = False) -> Event | None:
    """The power-off by which ``node`` was without power at ``begin`` or later, up to ``end``; else None.

    ``witnessed`` is for a lab whose power somebody watches (``power.seen``): then his word alone
    counts, and not that of whoever moved the switch.  What a BMC claims never does.
    That it was powered on again since does not matter: whatever ran on it had ended.
    """
    power = sorted((event for event in events
                    if event.kind.startswith("power.") and (event.kind == "power.seen") is witnessed
                    and event.node == node and event.at <= end), key=lambda event: event.at)
    before = [event for event in power if event.at <= begin]
    if before and _went_off(before[-1]):
        return before[-1]
    return next((event for event in power if event.at > begin and _went_off(event)), None)


def power_after(event: Event) -> str | None:
    """``on``, ``off`` or ``suspended``: the power of the event's node since then; None if it is about something else.

    Whoever moved the switch says so, and so does a witness: he alone sees a machine end by itself.
    """
    return str(event.data.get("state")) if event.kind == "power.seen" else _SWITCHED.get(event.kind)


def lives(events: Iterable[Event], node: str) -> list[float]:
    """When ``node`` had power again after it had none, by time."""
    found, on = [], True
    for event in sorted((event for event in events if event.node == node), key=lambda event: event.at):
        state = power_after(event)
        if state == "on" and not on:
            found.append(event.at)
        on = state != "off" if state else on
    return found


_SWITCHED = {"power.on": "on", "power.resume": "on", "power.off": "off", "power.suspend": "suspended"}


def _went_off(event: Event) -> bool:
    return power_after(event) == "off"
