import io
import sys

import pytest
import rich.console
import rich.progress

from curate.cli import progress_bars as module
from curate.cli.progress_bars import Bars, Lines, Stages, duration


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves: clock.now in seconds."""

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    moved = Clock()
    monkeypatch.setattr(module, "time", moved)
    return moved


def test_lines_tell_start_end_and_one_state_every_ten_seconds(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    for second in range(26):
        clock.now = float(second)
        lines("train", second, 25, "loss 0.5")
    assert stream.getvalue().splitlines() == [
        "train: started, loss 0.5",
        "train: 40 %, 10 s, 15 s left, loss 0.5",
        "train: 80 %, 20 s, 5 s left, loss 0.5",
        "train: done in 25 s, loss 0.5",
    ]


def test_a_stage_that_goes_on_counts_only_what_it_does_itself(clock):
    stages = Stages()
    stages.update("train", 60, 100, "")
    clock.now = 10.0
    stage, _ = stages.update("train", 80, 100, "")
    assert stage.seconds_left == 10.0


def test_a_finished_stage_is_told_once_however_often_it_is_reported(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    for done in (5, 5, 5):
        lines("read", done, 5)
    assert stream.getvalue() == "read: done\n"


def test_a_stage_that_starts_again_is_told_again(clock):
    stream = io.StringIO()
    lines = Lines(stream)
    for done in (0, 1, 0, 1):
        lines("fit", done, 1)
    assert stream.getvalue().splitlines() == ["fit: started", "fit: done in 0 s"] * 2


def test_a_stage_without_units_is_done(clock):
    stream = io.StringIO()
    Lines(stream)("nothing", 0, 0)
    assert stream.getvalue() == "nothing: done\n"


def test_until_the_first_stage_a_bar_says_that_the_command_is_starting():
    bars = rich.progress.Progress(console=rich.console.Console(file=io.StringIO()))
    drawn = Bars(bars)
    assert [task.description for task in bars.tasks] == ["starting"]
    drawn("read", 0, 10)
    drawn("read", 10, 10)
    assert [task.description for task in bars.tasks] == ["read"]


def test_a_command_without_stages_leaves_no_bar_behind(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stream)
    with module.drawn_progress() as drawn:
        pass
    assert drawn.bars.tasks == []


def test_a_long_note_leaves_bar_share_and_time_on_a_terminal_of_80_columns(clock):
    stream = io.StringIO()
    bars = module.bars_on(stream, width=80)
    drawn = Bars(bars)
    drawn("judge", 1, 1, "features of the pretrained efficientnet-lite0+efficientnet-lite2 (installed with curate): these are photographs")
    drawn("features of efficientnet-lite0", 0, 100)
    clock.now = 30.0
    drawn("features of efficientnet-lite0", 31, 100)
    bars.console.print(bars.get_renderable())
    judge, features = stream.getvalue().splitlines()
    assert judge.startswith("judge ") and "100 %" in judge and "…" in judge
    assert features.startswith("features of efficientnet-lite0 ") and " 31 % " in features and "1:07 min left" in features


def test_bars_draw_ten_times_a_second_at_most_and_always_the_end(clock):
    bars = rich.progress.Progress(console=rich.console.Console(file=io.StringIO()))
    drawn = Bars(bars)
    for step in range(1000):
        clock.now = step / 10_000
        drawn("train [fold 1/5]", step, 1000)
    assert bars.tasks[0].completed == 0
    clock.now = 0.15
    drawn("train [fold 1/5]", 999, 1000)
    assert bars.tasks[0].completed == 999
    drawn("train [fold 1/5]", 1000, 1000)
    assert bars.tasks[0].finished and len(bars.tasks) == 1


@pytest.mark.parametrize("seconds, text", [(0.4, "0 s"), (59.4, "59 s"), (65, "1:05 min"), (3599.6, "1:00 h"), (7380, "2:03 h")])
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
