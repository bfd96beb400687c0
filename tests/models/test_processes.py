"""Tasks are handed out to processes, and none is lost when one of these ends."""

from __future__ import annotations

from threading import Event

from gatewise.models.processes import Process, handed_out

WAITING = ("json.tool",)  # reads until its input ends


def test_every_task_has_its_answer() -> None:
    assert sorted(handed_out(WAITING, range(20), 2, lambda process, task: task * task)) == [
        (n, n * n) for n in range(20)
    ]


def test_when_a_process_ends_the_others_go_on() -> None:
    ended, first = Event(), list[int]()

    def ask(process: Process, task: int) -> int:
        first.append(process.pid)
        if process.pid == first[0]:
            ended.set()
            raise BrokenPipeError
        ended.wait(60)
        return task

    answers = dict(handed_out(WAITING, range(20), 2, ask))
    assert sorted(answers) == [*range(20)]
    assert sum(answer is None for answer in answers.values()) == 1


def test_when_no_process_is_left_what_is_left_is_told() -> None:
    def ask(process: Process, task: int) -> int:
        raise BrokenPipeError

    assert dict(handed_out(WAITING, range(20), 2, ask)) == dict.fromkeys(range(20))
