"""`headct explain`: where in an image the network sees what speaks for a hemorrhage."""

from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import say
from services.context import open_migrated


def explain(
    file: Annotated[str, typer.Argument(help="id, or the first digits of the SHA-256")],
    output: Annotated[Path, typer.Option("--output", "-o", help="file to write: .png, .jpg or .tif")],
) -> None:
    """Draw an image, and beside it the same under a heat map by the model in use."""
    from cli.picture_format import picture_format
    from cli.printing import NOTICE
    from models.explain import heat_pair
    from services.explain import explain as look_again

    kind = picture_format(output)
    file_id, version, decision, image, heat = look_again(open_migrated(), file)
    label = decision.label + (f" ({decision.reason})" if decision.reason else "")
    title = (
        f"file {file_id}: {label}, probability {decision.probability:.3f}, "
        f"model {version}\n{NOTICE} The heat map does not outline a bleed."
    )
    try:
        output.write_bytes(heat_pair(image, heat, title, kind))
    except OSError as error:
        raise typer.BadParameter(f"cannot be written: {error.strerror}", param_hint="--output") from error
    typer.echo(f"{label}, probability {decision.probability:.3f}, model {version}")
    say(f"{output} written. {NOTICE}")
