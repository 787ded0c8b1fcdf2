"""What is found in a file beside its pixels."""

from dataclasses import dataclass, field

from core.place import Place


@dataclass
class Noted:
    """Filled while a file is decoded, also of one that is refused then.

    Attributes
    ----------
    warnings
        Sentences that a person should know who reads the result.
    is_ct
        Whether the file says that it is CT.
    place
        Where in a study it belongs, if it says so.
    """

    warnings: list[str] = field(default_factory=list)
    is_ct: bool = False
    place: Place | None = None
