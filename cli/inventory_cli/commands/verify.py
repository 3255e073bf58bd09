"""`inventory verify`: whether the history is what it says it is, without trusting who wrote it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from inventory_cli import render
from inventory_cli.aws import explained
from inventory_cli.errors import CliError, Discrepancies, NotFound, WrongUse
from inventory_cli.history.copying import copy_bucket, is_unfinished
from inventory_cli.session import Session, session_of

if TYPE_CHECKING:
    from inventory.proof.findings import Check, Finding
    from inventory.proof.manifest import Manifest, Opening
    from inventory.proof.verify import Begin, Proof

_SHOWN_MAX: Final = 20
_HEX_DIGITS: Final = 64


def verify(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Option(metavar="DIR", exists=True, file_okay=False, help="A copy of the bucket.", show_default=False),
    ] = None,
    bucket: Annotated[
        str | None, typer.Option(metavar="NAME", help="The bucket, if not the stack's.", show_default=False)
    ] = None,
    key_fingerprint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEX",
            help="SHA-256 of the DER of a public key that may have signed; may be repeated. Default: the keys of the "
            "stack, this one and earlier ones, asked for from KMS.",
            show_default=False,
        ),
    ] = None,
    snapshot: Annotated[
        str | None,
        typer.Option(
            metavar="ID|INSTANT",
            help="Which to rebuild, as snap_… or YYYYMMDDTHHMMSSZ. Default: the latest.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Rebuild every snapshot.")] = False,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            help="SHA-256 of the newest manifest when you last looked: the chain must still have it.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the copy of the bucket here.", show_default=False)
    ] = None,
) -> None:
    """Verify signatures, the chain of manifests and every file, then rebuild a snapshot from the archive and compare.

    It needs read access to the bucket and, where no --key-fingerprint is given, to the stack and its key in KMS. Exit
    code 6 where anything is wrong: each file and record is named. Any other code but 0 says that nothing was proved.

    For example:

        inventory verify

        inventory verify --directory copy-of-the-bucket --key-fingerprint 5f0c… --every
    """
    session = session_of(context)
    if directory is not None and (bucket or keep):
        raise WrongUse("--directory is a copy already: no --bucket or --keep beside it.")
    _see_what_lies_in(directory, keep)
    trusted = _trusted(session, key_fingerprint or [], directory)
    noted = None if head is None else _digest("The head to look for", head)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=session.output.notes, transient=True) as progress,
        _folder(session, directory, bucket, keep, progress) as (folder, left_out),
    ):
        proof = _prove(folder, trusted, left_out, _beginner(progress), snapshot=snapshot, every=every, head=noted)
    session.output.show(_data(proof), _view(proof))
    if proof.discrepancies:
        raise Discrepancies(f"{proof.discrepancies} discrepancies: this history is not what it says it is.")


def _see_what_lies_in(directory: Path | None, keep: Path | None) -> None:
    """What a copy lacks that was interrupted, or has from elsewhere, says nothing of the bucket.

    Raises:
        WrongUse: The copy that is there is not whole, or there is no room for one.
    """
    for folder in filter(None, (directory, keep)):
        if is_unfinished(folder):
            raise WrongUse(f"The copy in {folder} was not finished: delete it, and copy again.")
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise WrongUse(f"{keep} is not empty: what lies there could be mistaken for what is in the bucket.")


def _prove(
    folder: Path,
    trusted: set[str],
    left_out: list[str],
    begin: "Begin",
    *,
    snapshot: str | None,
    every: bool,
    head: str | None,
) -> "Proof":
    from inventory.proof.chain import CopyChanged
    from inventory.proof.signatures import RsaVerifier
    from inventory.proof.verify import NoSuchSnapshot
    from inventory.proof.verify import verify as prove

    try:
        verifier = RsaVerifier(trusted)
        return prove(folder, verifier, wanted=snapshot, every=every, head=head, left_out=left_out, begin=begin)
    except NoSuchSnapshot:
        raise NotFound(f"No manifest has the snapshot {snapshot}.") from None
    except CopyChanged as changed:
        raise CliError(f"{changed}. Nothing is proved: verify a copy that stands still.") from None


def _beginner(progress: Progress) -> "Begin":
    def begin(name: str, size: int) -> Callable[[int], None]:
        task = progress.add_task(name, total=size)
        return lambda done: progress.advance(task, done)

    return begin


@contextmanager
def copying_shown(progress: Progress) -> Iterator[Callable[[int], None]]:
    """How much is copied so far; how much there is nobody knows before all is listed."""
    task = progress.add_task("copying", total=None)
    count = size = 0

    def copied(more: int) -> None:
        nonlocal count, size
        count, size = count + 1, size + more
        progress.update(task, description=f"copying: {count:,} objects, {size / 1e9:,.1f} GB")

    yield copied
    progress.update(task, total=1, completed=1)


@contextmanager
def _folder(
    session: Session, directory: Path | None, bucket: str | None, keep: Path | None, progress: Progress
) -> Iterator[tuple[Path, list[str]]]:
    """The copy that is there, or one that is made, and which objects' names kept them out of it."""
    if directory is not None:
        yield directory, []
        return
    from inventory.proof.names import is_plain

    aws = session.aws
    name = bucket or session.stack.output("HistoryBucket")
    with tempfile.TemporaryDirectory(prefix="inventory-copy-") as scratch:
        folder = keep or Path(scratch)
        with explained(), copying_shown(progress) as copied:
            left_out = copy_bucket(aws.s3, name, folder, is_plain, copied)
        yield folder, left_out


def _trusted(session: Session, given: list[str], directory: Path | None) -> set[str]:
    """Fingerprints, from anywhere but the bucket."""
    if given:
        return {_digest("A key's fingerprint", each) for each in given}
    if directory is not None:
        raise WrongUse("Say by --key-fingerprint whose signature counts: the copy cannot be asked about itself.")
    import hashlib

    earlier = session.stack.outputs.get("EarlierManifestKeys", "")
    keys = [session.stack.output("ManifestKey"), *filter(None, earlier.split(","))]
    with explained():
        ders = [session.aws.kms.get_public_key(KeyId=key)["PublicKey"] for key in keys]
    return {hashlib.sha256(der).hexdigest() for der in ders}


def _digest(what: str, given: str) -> str:
    """A SHA-256 as it is compared; a slip of the pen must not look like a break-in."""
    digest = given.strip().lower()
    if len(digest) != _HEX_DIGITS or set(digest) - set("0123456789abcdef"):
        raise WrongUse(f"{what} is {_HEX_DIGITS} hex digits, unlike {given!r}.")
    return digest


def _data(proof: "Proof") -> dict[str, Any]:
    head = proof.head
    return {
        "object": "verification",
        "sound": proof.discrepancies == 0,
        "discrepancies": proof.discrepancies,
        "head": {"number": head.number, "sha256": head.sha256} if head else None,
        "openings": [
            {"manifest": each.number, "since_ms": each.hole.since_ms, "as_of_ms": each.as_of_ms}
            | each.opening.model_dump()
            for each in proof.openings
            if each.opening is not None and each.hole is not None
        ],
        "sealed_until_ms": max((each.as_of_ms for each in proof.manifests), default=None),
        "rebuilt": [{"snapshot": each.snapshot, "as_of": each.as_of} for each in proof.rebuilt],
        "checks": [
            {"name": check.name, "looked_at": check.looked_at, "discrepancies": check.discrepancies}
            | {"findings": [finding._asdict() for finding in check.findings]}
            for check in proof.checks
        ],
    }


def _view(proof: "Proof") -> RenderableType:
    table = render.grid("check", "looked at>", "discrepancies>")
    for check in proof.checks:
        style = "bold red" if check.discrepancies else "green"
        table.add_row(check.name, f"{check.looked_at:,}", Text(f"{check.discrepancies:,}", style=style))
    parts: list[RenderableType] = [table, *(_findings(check) for check in proof.checks if check.findings)]
    parts += [_opening(each, each.opening) for each in proof.openings if each.opening is not None]
    if head := proof.head:
        rebuilt = ", ".join(each.as_of for each in proof.rebuilt)
        parts.append(Text(f"Rebuilt: {rebuilt}. Newest manifest: {head.number}, to note for --head:\n{head.sha256}"))
    if not proof.discrepancies:
        parts.append(Text("Nothing is wrong.", style="bold green"))
    if proof.manifests:
        parts.append(Text(_bounds(proof)))
    return Group(*parts)


def _bounds(proof: "Proof") -> str:
    """Up to where the checks looked: of what came later nothing is said."""
    sealed, rebuilt = (max(each.as_of for each in manifests) for manifests in (proof.manifests, proof.rebuilt))
    less = "" if rebuilt == sealed else f", and rows and rules only up to {rebuilt}"
    return (
        f"Looked at up to {sealed}, the newest sealed instant{less}. Of later events only whether they can be read, "
        "and whether two of one id differ: the next snapshot proves them."
    )


def _opening(manifest: "Manifest", opening: "Opening") -> Text:
    since = f"manifest {opening.after.number}" if opening.after else "the first event"
    return Text(
        f"\nManifest {manifest.number} opened the history anew, as of {manifest.as_of}: {opening.reason} "
        f"({opening.actor}). Between {since} and it nothing is proved: {opening.lost_revisions:,} revisions of "
        f"{opening.lost_records:,} records are lost or were given out twice, and {manifest.path} names the files that "
        "tell which.",
        style="yellow",
    )


def _findings(check: "Check") -> RenderableType:
    lines: list[RenderableType] = [Text(f"\n{check.name}", style="bold red")]
    lines += [Padding(_finding(finding), (0, 0, 0, 2)) for finding in check.findings[:_SHOWN_MAX]]
    if check.discrepancies > _SHOWN_MAX:
        lines.append(Text(f"  and {check.discrepancies - _SHOWN_MAX:,} more: see --json", style="dim"))
    return Group(*lines)


def _finding(finding: "Finding") -> Text:
    where = " · ".join(part for part in (finding.record, finding.path) if part)
    text = Text.assemble((where, "bold"), "\n  ", finding.what)
    for name, value in finding.evidence.items():
        text.append(f"\n  {name}: {value}", style="dim")
    return text
