"""What a cold start of the holds function costs beyond boto3's client."""

from bench.figures import Figure, Section

from support.import_cost import heaviest_modules, import_cost

_RUNS = 7


def figures() -> Section:
    """The least of processes in turns; the packages by what their own modules cost."""
    cost = import_cost("holds", runs=_RUNS)
    heaviest = ", ".join(f"{package} {ms:.0f}" for package, ms in heaviest_modules("holds", 6))
    return Section(
        "CPU of importing the holds function",
        f"The least of {_RUNS} processes each, in turns, all with bytecode, as it is deployed.",
        (
            Figure("Python, boto3 and a client", cost.client_ms, "ms", note="what AWS's runtime brings"),
            Figure("the function beyond that", cost.own_ms, "ms", 250, timed=True, note=f"ms: {heaviest}"),
            Figure("the function ÷ boto3's client", cost.ratio, "×", note="the budget under test: 1.2"),
        ),
    )
