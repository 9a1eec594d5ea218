"""``chaos.*``: break a lab on purpose and judge what its failover cost."""

from __future__ import annotations

import shlex
from typing import Any

from cli import console, options
from cli.command import command


@command(name="list")
def list_scenarios(c: Any, format: str = "table") -> None:
    """List the scenarios: what each breaks and teaches."""
    from chaos.scenario import list_scenarios as known
    from cli.views.chaos import scenario_list

    scenario_list(known(), format)
    console.next_step("chaos.show vip-holder-poweroff")


@command(positional=["scenario"], scenario="a name of chaos.list, or a scenario file of your own")
def show(c: Any, scenario: str, name: str = "", format: str = "table") -> None:
    """Show one scenario: its story, target, fault and SLAs; on a lab also the live timers and the bounds."""
    from chaos.preview import preview
    from chaos.scenario import load_scenario
    from cli.views.chaos import scenario_view
    from lab.lab import Lab

    wanted = load_scenario(options.scenario(scenario))
    scenario_view(wanted, preview(Lab.open(name), wanted) if name else None, format)
    console.next_step(f"chaos.run {shlex.quote(scenario)}" + options.again({"name": name} if name else {}))


@command(
    root=True,
    polite=True,
    positional=["scenario"],
    scenario="a name of chaos.list, or a scenario file of your own",
)
def run(c: Any, scenario: str, name: str = "default", format: str = "table") -> int:
    """Run one scenario on a lab: exit code 0 PASS, 1 FAIL, 3 INVALID, 4 BROKEN."""
    from chaos.runner import run as run_scenario
    from chaos.scenario import load_scenario
    from cli.views.chaos import verdict_view
    from lab.lab import Lab

    wanted = load_scenario(options.scenario(scenario))
    lab = Lab.open(name)
    with console.progress() as listener:
        verdict = run_scenario(lab, wanted, listener)
    verdict_view(verdict, format)
    console.next_step("report.open" + options.again({"name": name}))
    return verdict.exit_code


@command(
    root=True,
    polite=True,
    positional=["suite"],
    suite="full, a tag such as smoke, or one scenario",
    repeat="run it so many times (default: 1)",
    seed="above 0: the order that this number decides (default: 0)",
    restore="when the lab is put back to its snapshot: failed (default), each or never",
    resume="go on with the newest suite of this name that was stopped: only its missing runs",
)
def suite(
    c: Any,
    suite: str,
    name: str = "default",
    repeat: str = "",
    seed: str = "",
    restore: str = "",
    resume: bool = False,
    format: str = "table",
) -> int:
    """Run many scenarios one after the other; the exit code is that of the worst verdict."""
    from chaos.suite import SuiteStopped, choose, run_suite
    from cli.views.suite import stopped_view, suite_line, suite_view
    from lab.lab import Lab

    if restore:
        options.choice("restore", restore, ("failed", "each", "never"))
    times = options.number("repeat", repeat) if repeat else None
    order = options.number("seed", seed) if seed else None
    choose(suite)
    lab = Lab.open(name)
    try:
        with console.progress() as listener:
            result = run_suite(lab, suite, repeat=times, seed=order, resume=resume, listener=listener,
                               restore=restore or None,  # type: ignore[arg-type]
                               tell=lambda verdict: suite_line(verdict, format))  # fmt: skip
    except SuiteStopped as stop:
        stopped_view(stop.result, format)
        raise
    suite_view(result, format)
    console.next_step("report.list" + options.again({"name": name}))
    return result.result.exit_code


@command(
    positional=["run"],
    run="a run of report.list, or last",
    sla="a YAML file with the key sla (default: judge again by the run's own)",
)
def rejudge(c: Any, run: str, name: str = "default", sla: str = "", format: str = "table") -> int:
    """Judge a recorded run again, with today's checks and perhaps another SLA; changes nothing."""
    from chaos.rejudge import rejudge as judge_again
    from cli.views.chaos import verdict_view

    verdict = judge_again(name, run, options.path(sla) if sla else None)
    verdict_view(verdict, format)
    console.next_step("report.list" + options.again({"name": name}))
    return verdict.exit_code


@command(root=True)
def lint(c: Any, name: str = "default", format: str = "table") -> int:
    """Read the lab's live timers and name those that contradict each other; exit code 1 if any do."""
    from chaos.lint import contradictions, lint_lab
    from cli.views.suite import lint_view
    from lab.lab import Lab

    remarks = lint_lab(Lab.open(name))
    lint_view(remarks, format)
    console.next_step("chaos.list")
    return 1 if contradictions(remarks) else 0


@command()
def status(c: Any, name: str = "default", format: str = "table") -> int:
    """Show the faults that are not healed yet; exit code 1 if there are any."""
    from chaos.journal import unhealed
    from cli.views.chaos import unhealed_list
    from lab.lab import Lab

    left = unhealed(Lab.open(name).paths)
    unhealed_list(left, format)
    console.next_step(
        ("chaos.heal" if left else "chaos.list") + options.again({"name": name} if left else {})
    )
    return 1 if left else 0


@command(root=True, polite=True)
def heal(c: Any, name: str = "default", format: str = "table") -> None:
    """Undo every fault that the journal still holds, and prove that the cluster converges."""
    from chaos.runner import heal as heal_lab
    from cli.views.chaos import heal_result
    from lab.lab import Lab

    lab = Lab.open(name)
    with console.progress() as listener:
        lab.events.subscribe(listener)
        healed = heal_lab(lab)
    heal_result(healed, format)
    console.next_step("lab.status" + options.again({"name": name}))


@command(root=True, polite=True, count="how many known outages of each length")
def bench(c: Any, name: str = "default", count: str = "20", format: str = "table") -> None:
    """Measure how exact the engine measures outages, and what its clients cost; the lab stays whole."""
    from chaos.bench import bench as measure
    from cli.views.precision import precision_view

    times = options.number("count", count)
    with console.progress() as listener:
        result = measure(name, times, listener)
    precision_view(result, format)
    console.next_step("chaos.list")


TASKS = (list_scenarios, show, run, suite, rejudge, lint, status, heal, bench)
