"""Names of files and folders that are nobody's images: hidden, still written, or the system's own."""

UNFINISHED = (
    *(".part", ".partial", ".filepart", ".tmp", ".temp", ".download", ".downloading", ".crdownload"),
    *(".opdownload", ".uploading", ".upload", ".incomplete", ".unfinished", ".aria2", ".!ut", ".!qb"),
    *(".!sync", ".bc!", ".cyberducktmp", ".swp", "~"),
)
"""In lower case, how names end that programs give to what they still write; docs/operations.md says which."""
_OF_THE_SYSTEM = {
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    *("@eadir", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "__macosx"),
    *("lost+found", "network trash folder", "temporary items"),
}
"""Names, in lower case, of what file managers and file servers put beside a person's files by themselves."""


def is_ignored(name: str) -> bool:
    """Whether what has that name is left alone: hidden, unfinished by its name, or the system's."""
    return name.startswith(".") or is_unfinished(name) or name.lower() in _OF_THE_SYSTEM


def is_unfinished(name: str) -> bool:
    """Whether a program still writes what has that name, or has it open, and renames or removes it then."""
    return name.lower().endswith(UNFINISHED) or name.startswith("~$")
