"""`headct explain`: where in a scan the network sees what speaks for a hemorrhage."""

from pathlib import Path
from typing import Annotated

import typer

from cli.context import open_migrated
from cli.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(explain)


def explain(
    scan: Annotated[str, typer.Argument(help="id, or the first digits of the SHA-256")],
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write: .png, .jpg or .tif")],
) -> None:
    """Draw a scan, and beside it the same under a heat map by the model in use."""
    import numpy as np

    from cli.model_in_use import model_in_use
    from cli.picture_format import picture_format
    from cli.printing import NOTICE
    from core.errors import NotACtSlice, NothingToExplain
    from core.image_files import read_stored
    from db.engine import reading
    from db.queries import find_scan
    from images.decoding import decode
    from models.classifier import Classifier
    from models.explain import heat_map, heat_pair, in_image

    kind = picture_format(output)
    context = open_migrated()
    with reading(context.engine) as session:
        found = find_scan(session, scan)
        scan_id, sha256, state, reason = found.id, found.sha256, found.state, found.reason
    if reason is not None:
        raise NothingToExplain(f"Scan {scan_id} is {state}, so there is nothing to explain: {reason}")
    limits = context.settings
    image = decode(read_stored(context.home, sha256, limits.max_file_mb), limits.max_pixels)
    stored = model_in_use(context)
    classifier, constants = Classifier.load(stored), stored.card.preprocessing
    try:
        prepared = classifier.prepare_image(image)
    except NotACtSlice as error:
        raise NothingToExplain(
            f"No network has looked at scan {scan_id}, so there is nothing to explain. {error}"
        ) from error
    said = classifier.score(prepared[np.newaxis])
    decision = classifier.decide(float(said.logits[0]), float(said.distances[0]))
    heat = in_image(heat_map(said.heat[0], constants.size), image, constants)
    label = decision.label + (f" ({decision.reason})" if decision.reason else "")
    title = (
        f"scan {scan_id}: {label}, probability {decision.probability:.3f}, "
        f"model {stored.card.version}\n{NOTICE} The heat map does not outline a bleed."
    )
    try:
        output.write_bytes(heat_pair(image, heat, title, kind))
    except OSError as error:
        raise typer.BadParameter(f"cannot be written: {error.strerror}", param_hint="--output") from error
    typer.echo(f"{label}, probability {decision.probability:.3f}, model {stored.card.version}")
    say(f"{output} written. {NOTICE}")
