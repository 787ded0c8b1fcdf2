"""Whether the header of a DICOM file asks that it goes before the others."""

import fnmatch
import io
import logging
import warnings
from collections.abc import Callable

from core.dicom_start import begins_as_dicom

HEADER = 65_536
"""Bytes that are looked at."""

# What pydicom says of damage quotes values, such as names.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", module=r"pydicom\b")
_DEFLATED = b"1.2.840.10008.1.2.1.99"


def stat_rule(rule: str | None) -> Callable[[bytes], bool]:
    """Of a file's first bytes, whether one of its elements is as the rule says.

    Parameters
    ----------
    rule
        `KEYWORD=PATTERN`, such as `RequestedProcedurePriority=STAT` or `StationName=ER*`; letter case does
        not matter. None: no file's is.
    """
    if rule is None:
        return lambda _: False
    keyword, pattern = rule.split("=", 1)
    return lambda start: begins_as_dicom(start) and _matches(start, keyword, pattern.lower())


def _matches(start: bytes, keyword: str, pattern: str) -> bool:
    from pydicom import dcmread  # noqa: PLC0415 - only where there is such a rule

    if _DEFLATED in start[:4096]:  # it would unpack to any size
        return False
    try:
        dataset = dcmread(io.BytesIO(start), stop_before_pixels=True, force=True, specific_tags=[keyword])
        return fnmatch.fnmatchcase(str(dataset.get(keyword) or "").strip().lower(), pattern)
    except Exception:  # noqa: BLE001 - whatever it raises on damage, the file is no less to be taken
        return False
