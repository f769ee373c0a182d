"""tests/system/faults/matrix.py and shop_compose.py: which cells there are, and what they are told."""

from __future__ import annotations

import itertools
from pathlib import Path

import further
import matrix
import pytest
import shop_compose
import strikes
import yaml
from matrix import AWAITING, COMMITTED, ROLLED_BACK, Cell

ROOT = Path(__file__).resolve().parents[3]


def test_there_are_at_least_120_cells_and_each_is_there_once():
    names = [cell.name for cell in matrix.cells()]
    assert len(names) >= 120
    assert len(set(names)) == len(names)


def test_every_phase_and_every_fault_has_cells():
    assert {cell.phase for cell in matrix.cells()} == set(matrix.PHASES)
    assert {cell.fault for cell in matrix.cells()} == set(matrix.FAULTS)


def test_every_cell_says_how_it_may_end():
    for cell in matrix.cells():
        ends = matrix.may_end(cell)
        assert ends and ends <= {ROLLED_BACK, COMMITTED, AWAITING}, cell


def test_every_step_that_is_waited_for_is_one_of_the_journal():
    journal = (ROOT / "docs/journal.md").read_text(encoding="utf-8")
    for phase in matrix.PHASES.values():
        assert f"`{phase.moment['step']}`" in journal


def test_only_an_app_with_init_services_that_run_before_the_stop_comes_to_that():
    with_init = {fault.name for fault in matrix.FAULTS.values() if fault.shape == "init-before-stop"}
    assert with_init and {cell.fault for cell in matrix.cells() if cell.phase == "before_stop"} == with_init


def test_before_the_cutover_a_controller_that_is_gone_leaves_the_old_release():
    for phase in matrix.ORDER[: matrix.ORDER.index("cutover")]:
        assert matrix.may_end(Cell("kill", phase)) == {ROLLED_BACK}


@pytest.mark.parametrize("fault", matrix.FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_strikes_and_what_it_breaks_is_mended(fault):
    assert fault.strike or fault.on_host or fault.variables
    assert not fault.strike or callable(getattr(strikes.Strikes, fault.strike))
    for command in (fault.on_host, fault.before, fault.undo, fault.after):
        assert "{live}" not in (text := command.format(live="blue", candidate="green")) and "{candidate}" not in text
    if "conf.d" in fault.on_host or "full" in fault.on_host:
        assert fault.undo


def test_the_representative_cells_are_cells_of_different_faults():
    assert len(matrix.REPRESENTATIVE) >= 12
    assert set(matrix.REPRESENTATIVE) <= set(matrix.cells())
    assert len({cell.fault for cell in matrix.REPRESENTATIVE}) >= 10


def test_cells_that_need_a_host_of_one_kind_are_neighbors_and_the_usual_kind_is_last():
    kinds = [kind for kind, _cells in itertools.groupby(matrix.cells(), key=lambda cell: cell.kind)]
    assert len(kinds) == len(set(kinds)) and kinds[-1] == matrix.Kind()


def test_what_is_promised_within_seconds_is_asserted():
    """30 s from the last sign of life, where workers are stopped and the deadline is 20 s; 60 s from a power cut."""
    assert matrix.FAULTS["kill"].within == {"stopped": 30.0, "healthy": 30.0} and matrix.REVERT_AFTER == 20
    assert matrix.FAULTS["power"].within == dict.fromkeys(matrix.FAULTS["power"].phases, 60.0)
    for fault in matrix.FAULTS.values():
        assert set(fault.within) <= set(fault.phases)


def test_visitors_may_miss_a_web_that_a_fault_takes_away_only_once_it_is_live():
    assert not matrix.takes_down(Cell("web-exits", "health"))
    assert matrix.takes_down(Cell("web-exits", "switched"))
    assert matrix.takes_down(Cell("power", "open"))
    assert not matrix.takes_down(Cell("kill", "switched"))


def test_nobody_approves_where_a_fault_strikes_a_release_that_waits_for_it():
    assert matrix.variables(Cell("web-500", "awaiting"))["bluegreen_approval"] == "manual"
    assert matrix.variables(Cell("web-500", "switched"))["bluegreen_approval"] == "automatic"
    assert matrix.variables(Cell("worker-crash", "start_workers"))["bluegreen_env"] == {"DEMO_WORKER": "crash"}


def test_the_recovery_is_killed_at_20_instants_that_are_the_same_in_each_run():
    delays = [delay for _phase, delays in further.kills() for delay in delays]
    assert len(delays) == 20
    assert len(set(delays)) > 10
    assert further.kills() == further.kills()


def test_the_app_is_the_demos_with_a_redis_that_keeps_its_queues():
    demo = yaml.safe_load((ROOT / "demo/app/compose.yml").read_text(encoding="utf-8"))
    image = demo["services"]["worker"]["image"]
    made = shop_compose.for_faults(demo, image)
    assert "yes" in made["services"]["redis"]["command"]
    assert made["services"]["web"]["command"][-1] == "shop_faults:app"
    assert made["services"]["worker"] == demo["services"]["worker"]
    assert demo["services"]["web"]["command"][-1] == "shop.web:app"


def test_the_app_in_another_shape_has_the_image_of_the_shapes_and_the_services_that_a_shape_changes():
    demo = yaml.safe_load((ROOT / "demo/app/compose.yml").read_text(encoding="utf-8"))
    made = shop_compose.for_faults(demo, "bluegreen-field:newest-1")
    assert {service["image"] for service in made["services"].values()} == {"bluegreen-field:newest-1"}
    for name in filter(None, {fault.shape for fault in matrix.FAULTS.values()}):
        folder = ROOT / "tests/system/field/shapes" / name
        laid_over, shape = (yaml.safe_load((folder / f"{each}.yml").read_text(encoding="utf-8")) for each in ("compose", "shape"))
        of_its_own = shape.get("roles", {}).get("init", ())
        assert set(laid_over["services"]) <= {*made["services"], *of_its_own}
