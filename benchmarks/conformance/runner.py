"""Runs every contender with every seed, two at once or as many as there are cores, each a process on one thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

import torch

from .table import FORMS
from .task import Outcome, Task


@dataclass(frozen=True)
class Job:
    """One contender of one task with one seed. form: of the table. Processes find the task by its name."""

    form: str
    task: str
    contender: str
    seed: int

    def __call__(self) -> Outcome:
        """Run it."""
        (task,) = (task for task in FORMS[self.form]() if task.name == self.task)
        return task.run(self.contender, self.seed)


@dataclass(frozen=True)
class Line:
    """A task and all that came of it: for every contender an outcome for each seed."""

    task: Task
    outcomes: dict[str, list[Outcome]]


def run(form: str, tasks: Sequence[Task], seeds: int, progress: Callable[[str], None]) -> Iterator[Line]:
    """The lines in the order of the tasks, each as soon as it is there and those before it are.

    progress: told in words what is done.
    """
    jobs = {
        task.name: [Job(form, task.name, name, s) for name in task.contenders for s in range(seeds)] for task in tasks
    }
    count, done = sum(map(len, jobs.values())), 0
    found: dict[Job, Outcome] = {}
    waiting = list(tasks)
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        running = {pool.submit(job): job for task in tasks for job in jobs[task.name]}
        for future in as_completed(running):
            job = running[future]
            found[job] = future.result()
            done += 1
            progress(f"{done} of {count}: {job.task}, {job.contender}, seed {job.seed}")
            while waiting and all(job in found for job in jobs[waiting[0].name]):
                task = waiting.pop(0)
                yield Line(task, _by_contender(task, jobs[task.name], found))


def _by_contender(task: Task, jobs: Sequence[Job], found: dict[Job, Outcome]) -> dict[str, list[Outcome]]:
    return {name: [found[job] for job in jobs if job.contender == name] for name in task.contenders}
