"""A state machine as its definition has it, played state by state with the functions' own modules."""

import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from stack.invoke import folder_of
from support.functions import Functions
from support.machines import State, definition

Words = dict[str, Any]

_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "StringEquals": operator.eq,
    "BooleanEquals": operator.eq,
    "NumericEquals": operator.eq,
    "NumericLessThan": operator.lt,
    "NumericGreaterThan": operator.gt,
}


class Played(NamedTuple):
    """A task: its state, the function that did it, what that was told, and what it answered."""

    state: str
    function: str
    told: Words
    answer: Words


class Failed(Exception):
    """An execution came to a state that fails."""


@dataclass
class PlayedMachine:
    """Executions of a state machine. What a function raises ends them: nothing is tried again.

    Attributes:
        functions: Where the functions are.
        name: What the machine is called in the template.
        waits: Told the state of each wait, after its time has passed.
        entered: The states that were entered, in order; of maps and not what is in them.
        tasks: All that was done, in order.
    """

    functions: Functions
    name: str
    waits: Callable[[str], None] = lambda _state: None
    entered: list[str] = field(default_factory=list)
    tasks: list[Played] = field(default_factory=list)

    def run(self, words: Words) -> Words:
        """One execution, and what it ends with.

        Raises:
            Failed: It ended in a state that says so.
        """
        states = definition(self.name)
        return self._run(states, words, self.entered)

    def answers(self, told: Words) -> list[Words]:
        """What was answered to whoever was told exactly this."""
        return [each.answer for each in self.tasks if each.told == told]

    def _run(self, states: State, words: Words, entered: list[str]) -> Words:
        name = states["StartAt"]
        while True:
            entered.append(name)
            state = states["States"][name]
            if state["Type"] == "Fail":
                raise Failed(name)
            words = self._output(name, state, words)
            if state["Type"] == "Succeed" or state.get("End"):
                return words
            name = _chosen(state, words) if state["Type"] == "Choice" else state["Next"]

    def _output(self, name: str, state: State, words: Words) -> Words:
        if state["Type"] == "Wait":
            self.functions.pass_s(state.get("Seconds") or _at(state["SecondsPath"], words))
            self.waits(name)
        if state["Type"] not in ("Task", "Map", "Pass"):
            return words
        result: Any = state.get("Result") if state["Type"] == "Pass" else self._result(name, state, words)
        if "ResultSelector" in state:
            result = _filled(state["ResultSelector"], result)
        words = _placed(words, state.get("ResultPath", "$"), result)
        output: Words = _at(state.get("OutputPath", "$"), words)
        return output

    def _result(self, name: str, state: State, words: Words) -> Any:
        if state["Type"] == "Task":
            return {"Payload": self._invoked(name, _filled(state["Parameters"], words))}
        key = _filled(state["ItemReader"]["Parameters"], words)["Key"]
        for item in json.loads(self.functions.shelf.objects[key]):
            self._run(state["ItemProcessor"], item, [])
        return None

    def _invoked(self, state: str, parameters: Words) -> Words:
        function, told = _function(parameters), parameters["Payload"]
        answer: Words = json.loads(json.dumps(self.functions.invoke(function, told)))
        self.tasks.append(Played(state, function, told, answer))
        return answer


def called(task: State) -> tuple[str, Words, set[str]]:
    """The function that a task calls, what it always tells it, and the names of all that it tells."""
    payload: Words = task["Parameters"]["Payload"]
    always = {name: value for name, value in payload.items() if not name.endswith(".$")}
    return _function(task["Parameters"]), always, {name.removesuffix(".$") for name in payload}


def _function(parameters: Words) -> str:
    return folder_of(parameters["FunctionName"].strip("${}"))


def _filled(template: Any, words: Words) -> Any:
    """A template with the words in their places: `"run.$": "$.run"`."""
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): _at(value, words) if name.endswith(".$") else _filled(value, words)
        for name, value in template.items()
    }


def _at(path: str, words: Words) -> Any:
    found: Any = words
    for name in path.split(".")[1:]:
        found = found[name]
    return found


def _placed(words: Words, path: str | None, result: Any) -> Any:
    if path is None:
        return words
    return result if path == "$" else {**words, path.removeprefix("$."): result}


def _chosen(state: State, words: Words) -> str:
    for choice in state["Choices"]:
        if _holds(choice, words):
            return str(choice["Next"])
    return str(state["Default"])


def _holds(choice: Mapping[str, Any], words: Words) -> bool:
    if "And" in choice:
        return all(_holds(each, words) for each in choice["And"])
    if "Not" in choice:
        return not _holds(choice["Not"], words)
    (comparison,) = _COMPARED.keys() & choice.keys()
    return _COMPARED[comparison](_at(choice["Variable"], words), choice[comparison])
