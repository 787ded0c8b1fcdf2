"""What a folder of labelled images may look like, and what is said where it does not."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from core.errors import DatasetError, NotACtSlice
from core.image_files import Limits
from tests.labelled import class_folders, write_table
from training.labelled.folder import list_folder, read_folders
from training.labelled.label_table import Listed
from training.labelled.similarity import signature
from training.phantoms.levels import Level, generate_level


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode())
    return folder


def write_note(folder: Path) -> Path:
    (folder / "notes.txt").write_text("no image")
    return folder


def labels(folder: Path) -> dict[str, str]:
    return {one.path.relative_to(folder).as_posix(): one.label for one in list_folder(folder).listed}


@pytest.mark.parametrize("normal", ["Normal", "NORM", "no hemorrhage", "No-Haemorrhage", "negative"])
@pytest.mark.parametrize("hemorrhage", ["Hemorrhage", "haemorrhage", "ICH", "bleed", "Positive"])
def test_folders_are_labels_whatever_their_spelling(tmp_path: Path, normal: str, hemorrhage: str) -> None:
    touch(tmp_path, f"{normal}/a.png", f"{hemorrhage}/b.png")
    assert labels(tmp_path) == {f"{normal}/a.png": "normal", f"{hemorrhage}/b.png": "hemorrhage"}


def test_folders_may_be_nested_either_way(tmp_path: Path) -> None:
    touch(tmp_path, "2024/Normal/patient 1/a.dcm", "2024/Hemorrhage/b", "Normal/.hidden/c.png")
    assert labels(tmp_path) == {"2024/Normal/patient 1/a.dcm": "normal", "2024/Hemorrhage/b": "hemorrhage"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path / "outside", "a.png")
    touch(tmp_path / "set", "Normal/b.png")
    (tmp_path / "set" / "Normal" / "link.png").symlink_to(tmp_path / "outside" / "a.png")
    (tmp_path / "set" / "Hemorrhage").symlink_to(tmp_path / "outside")
    assert labels(tmp_path / "set") == {"Normal/b.png": "normal"}


@pytest.mark.parametrize("word", ["gesund", "Blutung", "Epidural", "0", "normales"])
def test_other_words_and_languages_are_refused_with_what_was_found(tmp_path: Path, word: str) -> None:
    touch(tmp_path, "Normal/a.png", f"{word}/b.png")
    with pytest.raises(DatasetError, match=rf"in the folders {word}: .*Rename them .*normal: normal, norm"):
        list_folder(tmp_path)
    write_table(tmp_path, [f"Normal/a.png,{word}"], "filename,label")
    with pytest.raises(DatasetError, match=rf"has the labels {word}: .*hemorrhage: hemorrhage"):
        list_folder(tmp_path)


@pytest.mark.parametrize("name", ["a.png", "Normal/Hemorrhage/a.png"])
def test_an_image_without_a_clear_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=r"1 images .* in no folder that is a label, or in two"):
        list_folder(touch(tmp_path, name))


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no image"):
        list_folder(write_note(tmp_path))
    with pytest.raises(DatasetError, match="is no folder"):
        list_folder(tmp_path / "gone")
    with pytest.raises(DatasetError, match=r"cannot be read \(File name too long\)"):
        list_folder(tmp_path / ("a" * 300))
    with pytest.raises(DatasetError, match=r"line 2, a\.png: no such file"):
        list_folder(write_table(tmp_path, ["a.png,normal"], "filename,label"))


def test_the_form_of_kaggle_is_read(tmp_path: Path) -> None:
    touch(tmp_path, "head_ct/000.png", "head_ct/001.png", "head_ct/010.png")
    write_table(tmp_path, ["0, 1", "1, 0", "10, 1"], "id, hemorrhage")
    assert list(labels(tmp_path).values()) == ["hemorrhage", "normal", "hemorrhage"]


@pytest.mark.parametrize("name", ["images/007.png", "007.png", "007", "7", "7.png"])
def test_a_table_may_name_a_file_in_several_ways(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "images/007.png", "images/17.png")
    write_table(tmp_path, [f"{name},ICH, P1"])
    (one,) = list_folder(tmp_path).listed
    assert (one.path, one.label, one.group) == (tmp_path / "images/007.png", "hemorrhage", "P1")


def test_an_exact_name_counts_before_a_number(tmp_path: Path) -> None:
    touch(tmp_path, "7.png", "007.png")
    write_table(tmp_path, ["7,normal,", "007,ich,"])
    assert labels(tmp_path) == {"7.png": "normal", "007.png": "hemorrhage"}


@pytest.mark.parametrize(
    ("lines", "header", "reason"),
    [
        ([], "filename,label", "lists no image"),
        (
            ["b.png,normal", "c.png,normal"],
            "filename,label",
            r"2 lines .*\n  line 2, b.png: no such file\n  line 3, c.png: no",
        ),
        (["../a.png,normal"], "filename,label", r"\.\./a\.png: no such file"),
        ([",normal"], "filename,label", r"\(empty\): no such file"),
        (["a,normal"], "filename,label", "2 files fit; write the path"),
        (["x/a.png,normal," + "g" * 129], "filename,label,group", "longer than 128"),
        (["x/a.png,"], "filename,label", r"has the labels \(empty\)"),
        (["x/a.png,1"], "filename,label", "has the labels 1: .* 0 and 1 only in a column hemorrhage"),
        (["x/a.png,maybe"], "id,hemorrhage", "has the labels maybe"),
        (["x/a.png,normal,ICH"], "filename,label,Label", "two columns label"),
        (['"x/a.png,normal'], "filename,label", r"no CSV table: line 2: unexpected end"),
        (["x/a.png,\x1b[2J\u202ex"], "filename,label", r"has the labels \\x1b\[2J\\u202ex"),
        (["\x1b[2J.png,normal"], "filename,label", r"line 2, \\x1b\[2J\.png: no such file$"),
        (["x/a.png,normal"], "id,hemorrhage", "has the labels normal"),
        (["x/a.png,normal"], "filename,diagnosis", "lacks the column label"),
        (["x/a.png,normal"], "file,label", "lacks the column filename"),
    ],
)
def test_an_unusable_table_says_what_is_wrong(
    tmp_path: Path, lines: list[str], header: str, reason: str
) -> None:
    touch(tmp_path, "x/a.png", "y/a.png")
    with pytest.raises(DatasetError, match=reason):
        list_folder(write_table(tmp_path, lines, header))


def test_lines_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.png", "b.png", "c.png")
    write_table(tmp_path, ["a.png,normal", "b.png,ICH,P1", "x/A.png,ICH", "b.png,ICH,P2", "c.png,ICH"])
    with pytest.raises(DatasetError) as refused:
        list_folder(tmp_path)
    assert str(refused.value).splitlines()[1:] == [
        "  a.png: normal in line 2, hemorrhage in line 4",
        "  b.png: hemorrhage P1 in line 3, hemorrhage P2 in line 5",
    ]


def test_a_line_that_stands_there_twice_counts_once(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.png", "b.png")
    write_table(tmp_path, ["x/a.png,ICH,", "b.png,normal,", "a,bleed,P1", "x/a.png,ICH,", ",,"])
    assert list_folder(tmp_path).listed == (
        Listed(tmp_path / "x/a.png", "hemorrhage", "P1"),
        Listed(tmp_path / "b.png", "normal"),
    )


COMPOSED, DECOMPOSED = "Sch\u00e4del", "Scha\u0308del"


@pytest.mark.parametrize(
    ("on_disk", "in_table"),
    [
        (f"{COMPOSED}/1.png", f"{DECOMPOSED}/1.png"),
        (f"{DECOMPOSED}.png", COMPOSED),
        ("IMG_1.PNG", "img_1.png"),
        ("img_1.png", "IMG_1.PNG"),
        ("img_1.dcm", "IMG_1"),
        ("007.PNG", "7.png"),
        ("study/series/a.png", r"study\series\a.png"),
        ("study/a.png", "./Study/A.PNG"),
        ("a b.png", "  a b.png\u200e "),
        (" a.png", "a.png"),
        ("a.png", "\u202aa.png"),
    ],
)
def test_names_are_compared_as_people_compare_them(tmp_path: Path, on_disk: str, in_table: str) -> None:
    touch(tmp_path, on_disk, "other.png")
    write_table(tmp_path, [f"{in_table},normal"], "filename,label")
    assert labels(tmp_path) == {on_disk: "normal"}


def test_an_exact_name_counts_before_one_that_looks_the_same(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a.PNG", f"{COMPOSED}.png", f"{DECOMPOSED}.png", r"x\b.png", "x/b.png")
    write_table(
        tmp_path,
        ["a.PNG,ICH", f"{DECOMPOSED}.png,ICH", r"x\b.png,ICH"],
        "filename,label",
    )
    assert labels(tmp_path) == dict.fromkeys(["a.PNG", f"{DECOMPOSED}.png", r"x\b.png"], "hemorrhage")
    write_table(tmp_path, ["A.png,ICH"], "filename,label")
    with pytest.raises(DatasetError, match="2 files fit"):
        list_folder(tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        b"\xef\xbb\xbfFileName;Label;Group\r\na.png; HEMORRHAGE ;M\xc3\xbcller\r\n;;\r\n",
        b'sep=;\r\nfile_name;LABEL;group\r\n"a.png";Hemorrhage;Mu\xcc\x88ller\r\n',
        b"File Name, label , GROUP\ra.png, ich, M\xc3\xbcller\r",
        "filename\tlabel\tgroup\r\na.png\thaemorrhage\tM\u00fcller\r\n".encode("utf-16"),
        b"\n\nID,Hemorrhage,group\n\n a.png ,1.0,M\xc3\xbcller",
        b"id,hemorrhage,group\na,True,M\xc3\xbcller",
    ],
)
@pytest.mark.parametrize("name", ["labels.csv", "Labels.CSV"])
def test_tables_of_spreadsheets_are_read(tmp_path: Path, table: bytes, name: str) -> None:
    touch(tmp_path, "a.png")
    (tmp_path / name).write_bytes(table)
    assert list_folder(tmp_path).listed == (Listed(tmp_path / "a.png", "hemorrhage", "M\u00fcller"),)


def test_what_is_no_image_by_its_content_is_passed_over_unless_the_table_names_it(tmp_path: Path) -> None:
    touch(tmp_path, "Normal/IM0001", "Hemorrhage/1.2.840.IMA", "Normal/Thumbs.db", "Normal/a.png.part")
    for name in ("notes.txt", "Normal/DICOMDIR", "Normal/IM0002.xml"):
        (tmp_path / name).write_text("no image")
    found = list_folder(tmp_path)
    assert [one.path.name for one in found.listed] == ["1.2.840.IMA", "IM0001"]
    assert [path.name for path in found.others] == ["DICOMDIR", "IM0002.xml", "notes.txt"]
    write_table(tmp_path, ["IM0001,normal", "dicomdir,ICH", "IM0002,ICH"], "filename,label")
    with pytest.raises(DatasetError, match=r"1 lines .*\n  line 4, IM0002: no such file$"):
        list_folder(tmp_path)
    write_table(tmp_path, ["IM0001,normal", "dicomdir,ICH"], "filename,label")
    found = list_folder(tmp_path)
    assert [one.path.name for one in found.listed] == ["IM0001", "DICOMDIR"]
    assert [path.name for path in found.others] == ["IM0002.xml", "notes.txt"]


def test_a_folder_or_table_that_cannot_be_read_is_told(tmp_path: Path, unprivileged: None) -> None:
    touch(tmp_path, "Normal/a.png")
    table = write_table(tmp_path, ["a,normal"]) / "labels.csv"
    table.chmod(0)
    with pytest.raises(DatasetError, match=r"labels\.csv cannot be read \(Permission denied\)"):
        list_folder(tmp_path)
    tmp_path.chmod(0o300)
    with pytest.raises(DatasetError, match=r"cannot be read \(Permission denied\)"):
        list_folder(tmp_path)


@pytest.mark.parametrize(
    "content", [b"filename,label\n\xff.png,normal\n", "filename,label".encode("utf-16-le")]
)
def test_a_table_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    touch(tmp_path, "a.png")
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(DatasetError, match="no CSV table in UTF-8"):
        list_folder(tmp_path)


def test_a_folder_becomes_records_in_the_order_of_its_table(synthetic_images: Path) -> None:
    records = read_folders([synthetic_images], Limits())
    assert len(records) == len({record.group for record in records}) == 24
    assert {record.split for record in records} == {None}
    assert [record.path.name for record in records] == sorted(record.path.name for record in records)


def test_each_folder_is_a_source_and_slices_without_a_head_are_left_out(
    tmp_path: Path, synthetic_images: Path
) -> None:
    one, other = (class_folders(synthetic_images, tmp_path / name, 1) for name in ("one", "other"))
    Image.new("L", (64, 64)).save(one / "Normal" / "above the head.png")
    records = read_folders([one, other], Limits())
    assert [record.source for record in records] == ["one", "one", "other", "other"]
    assert len({record.group for record in records}) == 2  # the same images, and so the same patients
    with pytest.raises(DatasetError, match="same name"):
        read_folders([one, one], Limits())


def test_a_slice_that_the_finder_of_look_alikes_refuses_is_trained_on(tmp_path: Path) -> None:
    face = generate_level(18, Level.FACE).image
    with pytest.raises(NotACtSlice):
        signature(face)
    (tmp_path / "Normal").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(face).save(tmp_path / "Normal" / name)
    one, same = read_folders([tmp_path], Limits())
    assert one.group == same.group  # by their pixels


def test_a_table_may_number_the_slices_of_a_head_and_leave_out_what_is_ambiguous(
    tmp_path: Path, synthetic_images: Path
) -> None:
    for number, path in enumerate(sorted(synthetic_images.rglob("*.png"))[:4]):
        shutil.copy(path, tmp_path / f"{number}.png")
    lines = ["0,normal,p,7", "1,ambiguous,p,8", "2,ICH,p,9", "3,normal,,1", "3,normal,,x"]
    records = read_folders([write_table(tmp_path, lines, "filename,label,group,slice")], Limits())
    assert [(one.path.name, one.study, one.position) for one in records] == [
        ("0.png", "p", 7.0),
        ("2.png", "p", 9.0),
        ("3.png", None, None),
    ]


def test_without_patients_the_same_slice_is_one_group(tmp_path: Path, synthetic_images: Path) -> None:
    folder = class_folders(synthetic_images, tmp_path / "set", 2)
    first = min((folder / "Normal").iterdir())
    shutil.copy(first, folder / "Normal" / "again.png")
    groups = {record.path.name: record.group for record in read_folders([folder], Limits())}
    assert groups["again.png"] == groups[first.name]
    assert len(set(groups.values())) == 4


def test_images_that_cannot_be_trained_on_are_all_named(tmp_path: Path, synthetic_images: Path) -> None:
    folder = class_folders(synthetic_images, tmp_path / "set", 1)
    touch(folder, "Normal/x.png", "Normal/y.png")
    with pytest.raises(DatasetError, match=r"2 images cannot be trained on(.|\n)*x\.png(.|\n)*y\.png"):
        read_folders([folder], Limits())
