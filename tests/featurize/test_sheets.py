"""CSV files as pandas, Excel and R save them."""
import pytest
from made_images import column, folder

from featurize.errors import UserError
from featurize.index.build import build_index
from featurize.index.labels import label_text
from featurize.index.sheets import read_sheet


@pytest.fixture
def images(tmp_path):
    return folder(tmp_path / "in", "a/1.png", "b/2.png", "b/3.png")


def written(root, text, encoding="utf-8"):
    (root / "l.csv").write_bytes(text.encode(encoding))
    return root / "l.csv"


def refused(images, path, **named):
    with pytest.raises(UserError) as caught:
        build_index(images, labels=path, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("header", ["", "Unnamed: 0"])
@pytest.mark.parametrize("start", [0, 1])
def test_a_column_that_counts_the_rows_offers_the_one_with_the_paths(tmp_path, images, header, start):
    text = f"{header},file name,label\n" + "".join(f"{k + start},{k + 1}.png,c{k}\n" for k in range(3))
    path = written(tmp_path, text)
    assert refused(images, path) == (f"{path}: its first column only counts the rows, and 'file name' holds paths of "
                                     "images: give --path-column 'file name', or take the first column out")
    index = build_index(images, labels=path, path_column="file name")
    assert list(index.frame["label"]) == ["c0", "c1", "c2"] and not index.warnings


@pytest.mark.parametrize("text", [
    ",label\n1,x\n2,y\n3,z\n",  # images 1.png to 3.png: the numbers are their names
    "id,file,label\n1,9.png,x\n2,8.png,y\n3,7.png,z\n",  # a named column is meant
    ",file,label\n1,9.png,x\n3,8.png,y\n2,7.png,z\n"])  # no count
def test_a_first_column_that_may_be_meant_is_taken(tmp_path, images, text):
    assert list(build_index(images, labels=written(tmp_path, text), label_columns=["label"]).frame["label"].dropna())


def test_where_no_row_fits_the_column_that_would_is_offered(tmp_path, images):
    path = written(tmp_path, "patient,image,label\nP1,1.png,x\nP1,2,y\nP2,b\\3.png,z\n")
    said = refused(images, path, label_columns=["label"])
    assert said.endswith("its column 'image' does fit: give --path-column image")
    index = build_index(images, labels=path, path_column="image", group_column="patient")
    assert list(index.frame["group"]) == ["P1", "P1", "P2"] and list(index.frame["label"]) == ["x", "y", "z"]
    path = written(tmp_path, "patient,label\nP1,x\nP2,z\n")
    assert refused(images, path).endswith("or name their column with --path-column")


def test_a_path_column_that_is_not_there_is_named(tmp_path, images):
    path = written(tmp_path, "image,label\n1.png,x\n")
    assert "no column 'file' for --path-column, it has: image, label" in refused(images, path, path_column="file")
    with pytest.raises(UserError, match="--path-column names a column of a labels file: give the file with --labels"):
        build_index(images, path_column="file")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_letters_of_common_encodings_are_read(tmp_path, images, encoding):
    path = written(tmp_path, "image;label\n1.png;Größe µ\n2.png;é\n3.png;x\n", encoding)
    index = build_index(images, labels=path)
    assert list(index.frame["label"]) == ["Größe µ", "é", "x"]
    said = ("the letters of l.csv are not in UTF-8 (line 2) and were read as Windows-1252 (Latin-1): if they come out "
            "wrong, save it as CSV UTF-8")
    assert index.warnings == ((said,) if encoding in ("cp1252", "latin-1") else ())


@pytest.mark.parametrize("content,said", [
    (b"PK\x03\x04\x14\0\x06\0", "is an Excel workbook or another zip archive: open it and save it as CSV UTF-8"),
    (b"image,label\n1.png,\x81\n", "is not text in UTF-8 (line 2): save it as CSV UTF-8"),
    (b"image,label\n1.png,\xff\0\n", "is not text in UTF-8 (line 2): save it as CSV UTF-8"),
    (b"\xff\xfei\0m", "cannot be read as a table")])
def test_what_is_no_text_is_refused_with_what_to_do(tmp_path, images, content, said):
    (tmp_path / "l.csv").write_bytes(content)
    assert said in refused(images, tmp_path / "l.csv")


def test_labels_with_and_without_a_decimal_point_are_the_same_class(tmp_path, images):
    path = written(tmp_path, "image,label\n1.png,0.0\n2.png,1.0\n3.png,1\n")
    assert column(build_index(images, labels=path), "label") == {"a/1.png": "0", "b/2.png": "1", "b/3.png": "1"}
    path = written(tmp_path, "image,label,site,patient\n1.png,1.5,2.0,7.0\n2.png,02,2,7\n3.png,,,\n")
    frame = build_index(images, labels=path, site_column="site", group_column="patient").frame
    assert list(frame["label"]) == ["1.5", "02", None]
    assert list(frame["group"]) == ["7.0", "7", None]  # names, and not numbers


def test_texts_of_labels():
    assert [label_text(text) for text in ("10.000", "-0.0", "1e0", ".0", "1.0.0", "0", "")] == [
        "10", "-0", "1e0", ".0", "1.0.0", "0", ""]


def test_the_first_column_is_the_one_with_the_paths(tmp_path):
    sheet = read_sheet(written(tmp_path, ",x,path\n0,A,./a\\1.png\n"), "path")
    assert list(sheet.cells.columns) == ["path", "x"] and sheet.keys == ("a/1.png",)


@pytest.mark.parametrize("text", ["name,label,\n1.png,x,\n2.png,y, \n3.png,z,\n",  # every line ends in a comma
                                  "name;label;;\n1.png;x;;\n2.png;y;;\n3.png;z;;\n",
                                  ",name,label\n,1.png,x\n,2.png,y\n,3.png,z\n",
                                  "name,label,\n1.png,x\n2.png,y\n3.png,z\n"])
def test_columns_without_name_and_value_are_no_columns(tmp_path, images, text):
    assert list(read_sheet(written(tmp_path, text)).cells.columns) == ["name", "label"]
    assert list(build_index(images, labels=tmp_path / "l.csv").frame["label"]) == ["x", "y", "z"]


def test_a_column_without_a_name_that_holds_values_stays(tmp_path):
    assert len(read_sheet(written(tmp_path, "name,label,\n1.png,x,\n2.png,y,note\n")).cells.columns) == 3
