# STAFF
"""report.py: figures in their frames, text that stays, and every mistake told in one sentence."""

import copy
import errno
import json
import os
import shutil
import subprocess
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pptx import Presentation
from pptx.enum.shapes import MSO_CONNECTOR
from pptx.oxml.ns import qn
from pptx.shapes.picture import Picture

import report
from collect_submission import REPORT_FIGURES, digest_file
from figures.figure import MADE
from figures.slides import walk
from report import ANSWER, BEFORE, FRAME, LAB, OWN, PICTURE, REPORT, TEMPLATE, main

ROOT = Path(__file__).resolve().parent.parent
SLIDE = "ppt/slides/slide3.xml"
# What the report shows where the classic paintings are, and where ours are; a pair of one's own, and a lab.
CLASSIC, OURS = (
    [names.split(" | ")[which] for made in REPORT_FIGURES.values() for names in made]
    + ["style_transfer_mine", "style_transfer_mine_sources", "lab_one_backward"]
    for which in (0, -1)
)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A student's folder with the template, no figures, and no LibreOffice."""
    shutil.copy(ROOT / TEMPLATE, tmp_path)
    monkeypatch.setattr(report, "export_pdf", lambda path: "no PDF")
    return tmp_path


def draw(work, *names, size=(60, 20), code=None, **options):
    """Figures that say which options they were made with."""
    (work / "visualization").mkdir(exist_ok=True)
    for name in names:
        made = PngInfo()
        made.add_text(MADE, json.dumps({"figure": name, "options": options, "code": code or {}}))
        Image.new("RGB", size, "red").save(work / "visualization" / f"{name}.png", pnginfo=made)


def shapes(work, start):
    """{name: shape} of the shapes whose names begin so, on all slides."""
    slides = Presentation(str(work / REPORT)).slides
    return {s.name.removeprefix(start): s for slide in slides for s in slide.shapes if s.name.startswith(start)}


@contextmanager
def opened(work):
    """The slides of the report, which is saved again at the end."""
    presentation = Presentation(str(work / REPORT))
    yield presentation.slides
    presentation.save(str(work / REPORT))


def edit(work, text, name=ANSWER):
    """Write into the first shape with a name that begins so, as the student does; return its name."""
    with opened(work) as slides:
        shape = next(s for slide in slides for s in slide.shapes if s.name.startswith(name))
        shape.text_frame.text = text
    return shape.name


def rename_with_numbers(slide, number, keep=True):
    """Rename every shape as Google Slides does, which keeps the alt text."""
    for i, shape in enumerate(slide.shapes):
        shape.name = f"Google Shape;{i};p{number}"
        if not keep:
            for key in ("descr", "title"):
                shape._element._nvXxPr.cNvPr.attrib.pop(key, None)


def rename_around_names(slide, number):
    for shape in slide.shapes:
        shape.name = f"Google Shape;{shape.name};p{number}"


def rename_and_forget(slide, number):
    rename_with_numbers(slide, number, keep=False)


def group(slide, number):
    """Group all but the title, and make the group smaller, as one does with two fingers."""
    grouped = slide.shapes.add_group_shape([shape for shape in slide.shapes if not shape.is_placeholder])
    grouped.left, grouped.width, grouped.height = grouped.left + 9000, grouped.width * 9 // 10, grouped.height * 9 // 10


def rename_and_group(slide, number):
    rename_and_forget(slide, number)
    slide.shapes.add_group_shape([shape for shape in slide.shapes if not shape.is_placeholder])


def check(work, capsys):
    """{title of the slide: what `--check` says of it}"""
    before = (work / REPORT).read_bytes()
    capsys.readouterr()
    assert main(["--check"], work) == 0
    assert (work / REPORT).read_bytes() == before
    return {line.partition(", ")[2] for line in capsys.readouterr().out.splitlines()}


@pytest.mark.parametrize("names", [CLASSIC, OURS], ids=["classic", "ours"])
def test_every_figure_has_its_place(work, names, capsys):
    """The figures of the classic paintings or ours fill every frame; nothing is missing."""
    draw(work, *names)
    draw(work, "style_transfer_mine", "style_transfer_mine_sources", content="my.jpg")
    assert main([], work) == 0
    assert shapes(work, PICTURE).keys() == shapes(work, FRAME).keys()
    assert len(shapes(work, PICTURE)) == len(CLASSIC)
    assert capsys.readouterr().out == f"wrote {REPORT}, from {TEMPLATE}\nno PDF\n"


@pytest.mark.parametrize("size", [(600, 20), (20, 600), (300, 200), (1, 1)])
def test_a_figure_keeps_its_aspect_and_stays_within_its_frame(work, size):
    """It is as large as fits, in the middle."""
    draw(work, "gradcam", size=size)
    main([], work)
    frame, picture = shapes(work, FRAME)["gradcam"], shapes(work, PICTURE)["gradcam"]
    assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=1e-3)
    assert picture.width <= frame.width and picture.height <= frame.height
    assert picture.width == frame.width or picture.height == frame.height
    assert abs(2 * picture.left + picture.width - 2 * frame.left - frame.width) <= 2
    assert abs(2 * picture.top + picture.height - 2 * frame.top - frame.height) <= 2


def test_a_missing_figure_is_named_with_the_command_that_makes_it(work, capsys):
    """On the slide and in the terminal; the report is written all the same."""
    draw(work, "saliency_map")
    assert main([], work) == 0
    said = capsys.readouterr().out
    assert "- gradcam_captum.png is missing: run python gradcam.py\n" in said
    pair = "style_transfer_the_scream.png or style_transfer_waves.png"  # which of them depends on the network
    assert f"- {pair} is missing: run python style_transfer.py\n" in said
    assert said.count("Your own pair is missing: run python style_transfer.py --content PICTURE --style PAINTING") == 1
    frames = shapes(work, FRAME)
    assert frames["gradcam_captum"].text_frame.text == "gradcam_captum.png is missing: run python gradcam.py"
    assert frames["saliency_map"].text_frame.text == ""


def test_what_is_written_stays_while_figures_are_renewed(work):
    """The second run works on the student's own report: text and notes stay, the old picture makes way."""
    draw(work, "gradcam")
    main([], work)
    answer = edit(work, "Because the images do not meet.")
    edit(work, "My caption.", "caption: gradcam")
    with opened(work) as slides:
        slides[3].shapes.add_textbox(0, 0, 100, 100).text_frame.text = "A box of mine."

    with opened(work) as slides:
        picture = next(s for slide in slides for s in slide.shapes if s.name == f"{PICTURE}gradcam")
        picture._element._nvXxPr.cNvPr.set("descr", "A dog, and red where it is.")
    draw(work, "gradcam", size=(20, 60))
    main([], work)
    assert shapes(work, PICTURE)["gradcam"]._element._nvXxPr.cNvPr.get("descr") == "A dog, and red where it is."
    assert shapes(work, answer)[""].text_frame.text == "Because the images do not meet."
    assert shapes(work, "caption: gradcam")[""].text_frame.text == "My caption."
    texts = [s.text_frame.text for slide in Presentation(str(work / REPORT)).slides for s in slide.shapes
             if s.has_text_frame]  # fmt: skip
    assert "A box of mine." in texts
    picture = shapes(work, PICTURE)["gradcam"]
    assert picture.height == pytest.approx(3 * picture.width, rel=1e-3)


def test_a_picture_of_ones_own_stays(work):
    """Only what report.py has put there makes way."""
    draw(work, "gradcam")
    main([], work)
    with opened(work) as slides:
        slides[0].shapes.add_picture(str(work / "visualization/gradcam.png"), 0, 0).name = "mine"
    main([], work)
    assert "" in shapes(work, "mine")


def test_of_several_own_pairs_the_newest_is_taken(work):
    """Sources and result belong together."""
    draw(work, "style_transfer_a", "style_transfer_a_sources", style="a.png")
    draw(work, "style_transfer_flow", "style_transfer_flow_sources")
    draw(work, "style_transfer_b", "style_transfer_b_sources", size=(20, 20), style="b.png")
    draw(work, "style_transfer_flow_20_iterations", "style_transfer_flow_20_iterations_sources", iterations=20)
    main([], work)
    pictures = shapes(work, PICTURE)
    own = [shape for name, shape in pictures.items() if "*" in name]
    assert len(own) == 2
    assert all(shape.width == pytest.approx(shape.height, rel=1e-3) for shape in own)


def test_an_own_pair_of_another_network_is_told(work, capsys):
    """Figures that are handed in are of ImageNet."""
    draw(work, "style_transfer_a", "style_transfer_a_sources", style="a.png", network="embedded weights")
    main([], work)
    told = "your own pair is of embedded weights: run python style_transfer.py without --weights and --model"
    assert any(told in line for line in check(work, capsys))


def test_sources_and_result_of_ones_own_pair_are_two_pictures(work):
    """Also where a picture of one's own is itself called something_sources."""
    draw(work, "style_transfer_town_sources_sources", size=(40, 20), content="town_sources.png")
    draw(work, "style_transfer_town_sources", size=(20, 20), content="town_sources.png")
    main([], work)
    own = {name: shape.width / shape.height for name, shape in shapes(work, PICTURE).items() if "*" in name}
    assert own == {OWN: pytest.approx(2, rel=1e-3), OWN.removesuffix("_sources"): pytest.approx(1, rel=1e-3)}


def test_of_several_labs_the_newest_figure_is_taken(work):
    """The lab that was run last is the one that is written about; its numbers beside it are no picture."""
    draw(work, "lab_regularizers", size=(40, 20))
    draw(work, "lab_deconvnet", size=(20, 20))
    os.utime(work / "visualization/lab_regularizers.png", (0, 0))
    (work / "visualization/lab_deconvnet.json").write_text("{}")
    main([], work)
    picture = shapes(work, PICTURE)[LAB]
    assert picture.width == pytest.approx(picture.height, rel=1e-3)


def test_a_figure_of_ones_own_run_is_not_the_reports(work, capsys):
    """The file has the report's name, and says that it shows something else."""
    draw(work, "saliency_map", target="hay")
    assert main([], work) == 0
    assert "- saliency_map.png is not as its script wrote it: run python saliency_map.py" in capsys.readouterr().out


@pytest.mark.parametrize("rest", [40, -9], ids=["its head", "all but its end"])
def test_a_file_that_is_no_whole_picture_counts_as_missing(work, capsys, rest):
    draw(work, "saliency_map")
    draw(work, "gradcam", size=(600, 200))
    data = (work / "visualization/gradcam.png").read_bytes()
    (work / "visualization/gradcam.png").write_bytes(data[:rest])
    assert main([], work) == 0
    assert "- gradcam.png is not as its script wrote it: run python gradcam.py" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["WEBP", "bomb"])
def test_a_picture_that_no_slide_takes_counts_as_missing(work, capsys, kind):
    """Another format behind the name, or a header that claims ten thousand megapixels."""
    draw(work, "lab_regularizers")
    path = work / "visualization/lab_regularizers.png"
    if kind == "WEBP":
        Image.new("RGB", (40, 20)).save(path, "WEBP")
    else:
        data = bytearray(path.read_bytes())
        data[16:24] = 2 * (100_000).to_bytes(4, "big")
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
        path.write_bytes(data)
    for options in ([], ["--check"]):
        assert main(options, work) == 0
        assert "figure is missing: run python -m labs" in capsys.readouterr().out or options


def test_a_folder_of_figures_that_is_not_there_is_told(work, capsys):
    """Nothing is written: otherwise all figures were taken out of the report."""
    assert main(["--figures", "visualisation"], work) == 1
    assert capsys.readouterr().err == "expected a folder in --figures, got 'visualisation': correct it\n"
    (work / "downloads").mkdir()
    assert main(["--figures", str(work / "downloads")], work) == 1
    assert capsys.readouterr().err.endswith("/downloads', found none: name their folder, or leave --figures out\n")
    assert not (work / REPORT).exists()


def test_a_figure_that_is_missing_in_another_folder_is_to_be_made_there(work, capsys):
    draw(work, "gradcam")
    (work / "visualization").rename(work / "elsewhere")
    assert main(["--figures", str(work / "elsewhere")], work) == 0
    assert f"run python saliency_map.py --out {work / 'elsewhere'}\n" in capsys.readouterr().out


def test_a_picture_stays_where_its_file_is_gone(work, capsys):
    """On another machine the report may hold the only one."""
    draw(work, "gradcam")
    main([], work)
    before = shapes(work, PICTURE)["gradcam"].image.sha1
    shutil.rmtree(work / "visualization")
    assert main([], work) == 0
    assert "gradcam.png is missing: run python gradcam.py" in capsys.readouterr().out
    assert shapes(work, PICTURE)["gradcam"].image.sha1 == before


def test_before_a_picture_that_may_be_a_student_s_own_is_replaced_the_report_is_kept(work, capsys):
    """PowerPoint's "Change Picture" keeps our name on a figure in which somebody has drawn."""
    draw(work, "gradcam")
    main([], work)
    Image.new("RGB", (60, 20), "blue").save(work / "drawn.png")
    with opened(work) as slides:
        slide, picture = next((s, p) for s in slides for p in s.shapes if p.name == f"{PICTURE}gradcam")
        picture._element.blipFill.blip.rEmbed = slide.part.get_or_add_image_part(str(work / "drawn.png"))[1]
    written = (work / REPORT).read_bytes()
    assert main([], work) == 0
    assert f"{BEFORE} is the report as it was: gradcam did not say how they were made" in capsys.readouterr().out
    assert (work / BEFORE).read_bytes() == written
    assert main([], work) == 0 and BEFORE not in capsys.readouterr().out


def test_a_pair_of_one_s_own_that_gives_way_to_a_newer_one_is_told(work, capsys):
    draw(work, "style_transfer_a", "style_transfer_a_sources", style="a.png")
    main([], work)
    os.utime(work / "visualization/style_transfer_a_sources.png", (1e9, 1e9))
    draw(work, "style_transfer_b", "style_transfer_b_sources", style="b.png")
    capsys.readouterr()
    assert main([], work) == 0
    assert "shows style_transfer_b now, the newest; it was style_transfer_a\n" in capsys.readouterr().out
    words = {shape._element._nvXxPr.cNvPr.get("descr") for shape in shapes(work, PICTURE).values()}
    assert words == {"style transfer b", "style transfer b sources"}


def test_an_answer_s_box_that_was_pasted_onto_another_slide_makes_it_no_second_one(work, capsys):
    main([], work)
    name = edit(work, "Three words here.")
    with opened(work) as slides:
        box = next(shape for slide in slides for shape in slide.shapes if shape.name == name)._element
        insights = f"{ANSWER}Fooling image: insights"
        other = next(slide for slide in slides if any(shape.name == insights for shape in slide.shapes))
        other.shapes._spTree.append(copy.deepcopy(box))
    said = check(work, capsys)
    assert sum(line.startswith("Implementation question 1: your answer") for line in said) == 1


def test_words_in_a_table_are_counted(work, capsys):
    main([], work)
    with opened(work) as slides:
        slide = next(slide for slide in slides if any(s.name.startswith(ANSWER) for s in slide.shapes))
        table = slide.shapes.add_table(1, 2, 0, 0, 9_000_000, 900_000).table
        table.cell(0, 0).text, table.cell(0, 1).text = "seven steps", "small"
    assert "Implementation question 1: your answer: answered, 3 of 350 words" in check(work, capsys)


@pytest.mark.parametrize(
    ("box", "beside", "judged"),
    [
        ("Three words here.", "And four words more.", "answered, 7 of 350 words"),
        ("Write here.", "Three words here.", "answered, 3 of 350 words"),
        ("", "", "not answered yet"),
        ("显著图是类别得分。", "", "answered, 8 of 350 words"),
        ("Right 👍 🎉 it is.", "", "answered, 3 of 350 words"),
    ],
)
def test_words_are_counted_wherever_they_stand(work, capsys, box, beside, judged):
    """An answer may be written in columns, in a box of one's own, in letters without spaces, and with little faces."""
    main([], work)
    name = edit(work, box)
    with opened(work) as slides:
        slide = next(slide for slide in slides if any(shape.name == name for shape in slide.shapes))
        slide.shapes.add_textbox(0, 0, 9_000_000, 900_000).text_frame.text = beside
    assert f"Implementation question 1: your answer: {judged}" in check(work, capsys)


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own")
def test_a_report_that_is_a_link_stays_one(work, tmp_path_factory):
    """It may lie in a folder that is shared."""
    shared = tmp_path_factory.mktemp("shared") / "ours.pptx"
    shutil.copy(work / TEMPLATE, shared)
    (work / REPORT).symlink_to(shared)
    draw(work, "gradcam")
    assert main([], work) == 0
    assert (work / REPORT).is_symlink() and "gradcam" in shapes(work, PICTURE)


def test_without_a_template_one_sentence_says_so(work, capsys):
    (work / TEMPLATE).unlink()
    assert main([], work) == 1
    assert capsys.readouterr().err.startswith(f"expected {TEMPLATE} in ")


@pytest.mark.parametrize(
    "damage",
    [
        None,
        lambda files: files.update({SLIDE: files[SLIDE][:300]}),
        lambda files: files.pop(SLIDE),
        lambda files: files.update({SLIDE: files[SLIDE].replace(b"p:spTree>", b"p:tree>")}),
    ],
    ids=["no presentation", "half a slide", "no slide", "no shapes"],
)
def test_a_damaged_report_is_told_and_left_alone(work, capsys, damage):
    """The file may be none at all, or one of whose slides something is missing: pptx reads them when they are used."""
    damaged = b"no presentation"
    if damage:
        with ZipFile(ROOT / TEMPLATE) as template:
            damage(files := {name: template.read(name) for name in template.namelist()})
        with ZipFile(work / REPORT, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        damaged = (work / REPORT).read_bytes()
    (work / REPORT).write_bytes(damaged)
    assert main([], work) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"expected a presentation in {REPORT}, got another or a damaged file")
    assert said.endswith("Presentation (.pptx) again, or move it away\n") and "not found" not in said
    assert (work / REPORT).read_bytes() == damaged


def test_a_report_that_cannot_be_written_is_told_and_no_half_one_is_left(work, capsys, monkeypatch):
    """PowerPoint on Windows keeps an open file to itself."""

    def refuse(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    assert main([], work) == 1
    words = f"{REPORT} could not be written (Permission denied): close the program that shows it, make"
    assert words in capsys.readouterr().err
    assert sorted(path.name for path in work.iterdir()) == [TEMPLATE]


def test_without_libreoffice_the_way_to_a_pdf_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert report.export_pdf(tmp_path / REPORT).startswith("No PDF, as LibreOffice is not there: export report-a3.pptx")


def test_a_disk_that_is_full_leaves_the_pdf_as_it_was(tmp_path, monkeypatch):
    (pdf := tmp_path / "report-a3.pdf").write_bytes(b"%PDF")

    def fill(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(report, "shutil", SimpleNamespace(which=lambda name: sys.executable, copyfile=fill))
    assert report.export_pdf(tmp_path / REPORT).startswith("No PDF, as LibreOffice failed: ")
    assert list(tmp_path.iterdir()) == [pdf] and pdf.read_bytes() == b"%PDF"


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not here")
def test_libreoffice_writes_the_pdf(work, monkeypatch):
    """One page for each slide, beside the report."""
    monkeypatch.undo()
    draw(work, "gradcam")
    assert main([], work) == 0
    pdf = (work / REPORT).with_suffix(".pdf").read_bytes()
    assert pdf.startswith(b"%PDF")


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not here")
def test_a_report_that_another_program_has_saved_is_filled_again(work, tmp_path_factory):
    """LibreOffice writes the file in its own way; frames and answers are still found."""
    draw(work, "gradcam")
    main([], work)
    before = {name for start in (FRAME, ANSWER) for name in shapes(work, start)}
    profile, out = (tmp_path_factory.mktemp(name) for name in ("profile", "out"))
    order = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", "pptx"]
    subprocess.run([*order, "--outdir", str(out), str(work / REPORT)], check=True, capture_output=True, timeout=150)
    shutil.copy(out / REPORT, work)
    draw(work, "gradcam", "fooling_image", size=(20, 60))
    assert main([], work) == 0
    assert {name for start in (FRAME, ANSWER) for name in shapes(work, start)} == before
    assert shapes(work, PICTURE).keys() == {"gradcam", "fooling_image"}


@pytest.mark.parametrize("number", [0, 3])
def test_a_slide_that_was_deleted_leaves_no_file_twice(work, capsys, number):
    """python-pptx's users take it out of the list, not out of the file, where another one takes its name."""
    main([], work)
    with opened(work) as slides:
        listed = slides._sldIdLst
        listed.remove(list(listed)[number])
    assert main([], work) in (0, 1)
    with ZipFile(work / REPORT) as archive:
        assert len(set(archive.namelist())) == len(archive.namelist())


@pytest.mark.parametrize(
    "change",
    [rename_with_numbers, rename_and_group,
     *(pytest.param(each, marks=pytest.mark.proof) for each in (rename_around_names, rename_and_forget, group))],
)  # fmt: skip
def test_a_report_that_google_slides_has_saved_is_filled_again(work, capsys, change):
    """Figures are renewed in their places, none stays behind, words are counted, and names are there again."""
    draw(work, "gradcam", "fooling_image")
    main([], work)
    edit(work, "word " * 351)
    before = check(work, capsys)
    with opened(work) as slides:
        for number, slide in enumerate(slides, 1):
            change(slide, number)
    assert check(work, capsys) == before
    draw(work, "gradcam", "fooling_image", size=(20, 60))
    capsys.readouterr()
    assert main([], work) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"wrote {REPORT}, from your own\n")
    assert "has 351 words, and at most 350 are read: make it shorter" in said
    found = [shape for slide in Presentation(str(work / REPORT)).slides for shape in walk(slide.shapes)]
    pictures = [shape.box for shape in found if hasattr(shape.shape, "image")]
    assert [height / width for _, _, width, height in pictures] == [pytest.approx(3, rel=1e-3)] * 2
    slides = Presentation(str(ROOT / TEMPLATE)).slides
    marks = {shape.name for slide in slides for shape in slide.shapes if shape.name.startswith((FRAME, ANSWER))}
    assert marks <= {shape.shape.name for shape in found}
    frames = {shape.shape.name: shape.box for shape in found}
    for name in ("gradcam", "fooling_image"):
        left, top, _, height = frames[PICTURE + name]
        outer = frames[FRAME + name]
        assert left >= outer[0] - 2 and top >= outer[1] - 2 and height <= outer[3] + 2


def test_a_picture_that_is_a_link_is_no_figure(work, capsys):
    """PowerPoint can link to a picture, and a picture can be lost from the file: ours is put into the frame again."""
    draw(work, "gradcam", "fooling_image")
    main([], work)
    with opened(work) as slides:
        for name in ("gradcam", "fooling_image"):
            picture = next(s for slide in slides for s in slide.shapes if s.name == PICTURE + name)
            blip = picture._element.blipFill.find(qn("a:blip"))
            blip.set(qn("r:embed"), "rId99")
            if name == "gradcam":
                blip.set(qn("r:link"), blip.attrib.pop(qn("r:embed")))
    assert "gradcam.png is not in it yet: run python report.py" in " ".join(check(work, capsys))
    assert main([], work) == 0
    found = [shape for slide in Presentation(str(work / REPORT)).slides for shape in walk(slide.shapes)]
    pictures = [shape for shape in found if isinstance(shape.shape, Picture)]
    assert all(shape.image for shape in pictures)
    assert [shape.shape.name for shape in pictures] == [f"{PICTURE}gradcam", f"{PICTURE}fooling_image"]


def test_a_frame_that_is_not_found_is_named_and_the_report_is_not_called_written(work, capsys):
    """The other figures are renewed all the same."""
    main([], work)
    with opened(work) as slides:
        frame = next(s for slide in slides for s in slide.shapes if s.name == f"{FRAME}gradcam")
        frame._element.getparent().remove(frame._element)
    draw(work, "gradcam", "fooling_image")
    capsys.readouterr()
    assert main([], work) == 1
    said = capsys.readouterr().out
    assert "wrote" not in said and f"'figure: gradcam' is not found: copy the slide from {TEMPLATE} again" in said
    assert shapes(work, PICTURE).keys() == {"fooling_image"}


def test_check_says_of_each_slide_what_it_has(work, capsys):
    """Answers, words of 350, figures and whether the code that is here made them, the line of the tag."""
    (work / "saliency_map.py").write_text("x = 1\n")
    code = {"saliency_map.py": digest_file(work / "saliency_map.py")}
    draw(work, "saliency_map", code=code)
    draw(work, "saliency_map_captum", code={"saliency_map.py": "another"})
    draw(work, "fooling_image", target="hay")
    draw(work, "gradcam")
    main([], work)
    edit(work, "Three words here.")
    edit(work, "word " * 351, f"{ANSWER}Fooling image: insights")
    draw(work, "fooling_image")
    assert check(work, capsys) >= {
        "Implementation question 1: your answer: answered, 3 of 350 words",
        "Implementation question 2: your answer: not answered yet",
        "Fooling image: insights: answered, 351 of 350 words: make it shorter",
        "Saliency maps, your own: the figure is there, made by the code that is here",
        "Saliency with Captum: saliency_map_captum was made by another saliency_map.py: run python saliency_map.py, "
        "then python report.py",
        "Fooling image: fooling_image.png is not in it yet: run python report.py",
        "Layers and neurons with Captum: gradcam_layers.png is missing: run python gradcam.py",
    }


def test_check_says_where_the_line_of_the_tag_is_gone(work, capsys):
    main([], work)
    with opened(work) as slides:
        tag = next(f.shape for f in walk(slides[7].shapes) if f.text.startswith("Gradescope"))
        tag.text_frame.text = ""
    said = next(line for line in check(work, capsys) if line.startswith("Guided backprop, Grad-CAM"))
    assert said.endswith("its first line is gone: write 'Gradescope: 1.2 Grad-CAM' there again")


def test_check_knows_a_figure_whose_words_another_program_has_dropped(work, capsys):
    """The same pixels as the file in visualization/: it was made as that file."""
    draw(work, "gradcam")
    Image.new("RGB", (60, 20), "red").save(work / "plain.png")
    main([], work)
    with opened(work) as slides:
        picture = next(shape for shape in slides[7].shapes if shape.name.startswith(PICTURE))
        box = picture.left, picture.top, picture.width, picture.height
        picture._element.getparent().remove(picture._element)
        slides[7].shapes.add_picture(str(work / "plain.png"), *box)
    title = "Guided backprop, Grad-CAM and Guided Grad-CAM, your own: "
    assert f"{title}the figure is there" in check(work, capsys)
    Image.new("RGB", (60, 20), "blue").save(work / "visualization/gradcam.png")
    own = "your own picture lies in the frame of gradcam: move it out, then python report.py"
    assert f"{title}{own}" in check(work, capsys)


@pytest.mark.parametrize("kind", ["text", "picture"])
def test_what_a_student_has_put_into_a_frame_is_told_and_stays(work, capsys, kind):
    """It would be gone, or covered."""
    draw(work, "gradcam", "fooling_image")
    (work / "visualization/gradcam.png").rename(work / "gradcam.png")
    main([], work)
    with opened(work) as slides:
        slide, frame = next((s, f) for s in slides for f in s.shapes if f.name == f"{FRAME}gradcam")
        if kind == "text":
            frame.text_frame.text = "My words."
        else:
            Image.new("RGB", (60, 60), "blue").save(work / "mine.png")
            left, top, width, height = frame.left, frame.top, frame.width, frame.height
            slide.shapes.add_picture(str(work / "mine.png"), left + (width - height) // 2, top, height, height)
    own = f"your own {kind} lies in the frame of gradcam: move it out, then python report.py"
    assert any(line.endswith(own) for line in check(work, capsys))
    (work / "gradcam.png").rename(work / "visualization/gradcam.png")
    draw(work, "fooling_image", size=(20, 60))
    before = [shape._element.xml for shape in slide.shapes]
    assert main([], work) == 1 and own in capsys.readouterr().out
    slide = next(s for s in Presentation(str(work / REPORT)).slides for f in s.shapes if f.name == f"{FRAME}gradcam")
    assert [shape._element.xml for shape in slide.shapes] == before
    assert shapes(work, PICTURE)["fooling_image"].height > shapes(work, PICTURE)["fooling_image"].width


@pytest.mark.parametrize("grouped", [True, False])
def test_an_arrow_on_a_figure_stays_above_it(work, grouped):
    """The figure is renewed below it, also where both are grouped."""
    draw(work, *CLASSIC)
    assert main([], work) == 0
    with opened(work) as slides:
        slide = slides[7]
        slide.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, 0, 0, 9000, 9000).name = "arrow"
        if grouped:
            group(slide, 0)
    assert main([], work) == 0
    names = [found.shape.name for found in walk(Presentation(str(work / REPORT)).slides[7].shapes)]
    assert names.index("arrow") > names.index(f"{PICTURE}gradcam")


def test_how_a_student_has_placed_and_cropped_a_figure_stays(work):
    """It is renewed within that, where it has the same size."""
    draw(work, "gradcam", size=(90, 30))
    main([], work)
    with opened(work) as slides:
        picture = next(shape for shape in slides[7].shapes if shape.name == f"{PICTURE}gradcam")
        picture.crop_right, picture.width, picture.left = 0.4, picture.width // 2, picture.left + 90000
        placed = picture.left, picture.top, picture.width, picture.height
    draw(work, "gradcam", size=(90, 30), code={"gradcam.py": "another"})
    main([], work)
    picture = shapes(work, PICTURE)["gradcam"]
    assert picture.image.blob == (work / "visualization/gradcam.png").read_bytes()
    assert (picture.crop_right, picture.left, picture.top, picture.width, picture.height) == (0.4, *placed)
    with ZipFile(work / REPORT) as archive:
        assert len([name for name in archive.namelist() if name.startswith("ppt/media/")]) == 1


def test_a_report_under_another_name_is_told(work, capsys):
    """A browser names a second download so."""
    shutil.copy(work / TEMPLATE, work / "report-a3 (1).pptx")
    for options in (["--check"], []):
        assert main(options, work) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"{REPORT} is not there: rename report-a3 (1).pptx, if it is your report\n")
    assert main(["--check"], work) == 0
    assert capsys.readouterr().out.startswith(f"{REPORT} has:\n")


def test_slides_of_ones_own_with_a_given_title_are_left_alone(work, capsys):
    """An answer that goes on, its box where a frame would be, and a list of what there is."""
    draw(work, "fooling_image")
    main([], work)
    before = check(work, capsys)
    with opened(work) as slides:
        frame = next(f for s in slides for f in s.shapes if f.name == f"{FRAME}fooling_image")
        for words in ("I go on here.", "Fooling image"):
            slide = slides.add_slide(slides[0].slide_layout)
            slide.shapes.title.text_frame.text = "Fooling image" if words != "Fooling image" else "What there is"
            box = slide.shapes.add_textbox(frame.left, frame.top, frame.width, frame.height)
            box.text_frame.text = words
    assert check(work, capsys) == before
    assert main([], work) == 0
    with opened(work) as slides:
        texts = [shape.text_frame.text for slide in list(slides)[-2:] for shape in slide.shapes if shape.has_text_frame]
        assert texts == ["Fooling image", "I go on here.", "What there is", "Fooling image"]


def test_a_slide_that_was_split_in_two_misses_nothing(work, capsys):
    """A pair's two frames on a slide each."""
    main([], work)
    with opened(work) as slides:
        wanted = next(s for s in slides if sum(shape.name.startswith(FRAME) for shape in s.shapes) == 2)
        frames = [shape for shape in wanted.shapes if shape.name.startswith(FRAME)]
        slide = slides.add_slide(wanted.slide_layout)
        slide.shapes._spTree.append(frames[1]._element)
    assert not any("is not found" in line for line in check(work, capsys))
    assert main([], work) == 0


def test_an_answer_with_an_equation_is_found(work, capsys):
    """PowerPoint writes such a box twice, for programs that know equations and for others."""
    main([], work)
    name = edit(work, "Because of this:")
    with opened(work) as slides:
        box = next(shape for slide in slides for shape in slide.shapes if shape.name == name)._element
        uri = "http://schemas.openxmlformats.org/markup-compatibility/2006"
        both = box.makeelement(f"{{{uri}}}AlternateContent", nsmap={"mc": uri})
        box.addprevious(both)
        for kind in ("Choice", "Fallback"):
            inside = both.makeelement(f"{{{uri}}}{kind}")
            inside.append(copy.deepcopy(box))
            both.append(inside)
        box.getparent().remove(box)
    assert any("answered, 3 of 350 words" in line for line in check(work, capsys))
    assert main([], work) == 0


def test_a_folder_in_the_reports_place_is_told(work, capsys):
    (work / REPORT).mkdir()
    assert main([], work) == 1
    assert capsys.readouterr().err.startswith(f"expected a presentation in {REPORT}, got another or a damaged file")


def test_a_report_with_a_password_is_told(work, capsys):
    (work / REPORT).write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(999))
    assert main([], work) == 1
    got = "one with a password, or of PowerPoint 2003: save it as PowerPoint Presentation (.pptx) again, or"
    assert capsys.readouterr().err == f"expected a presentation in {REPORT}, got {got} move it away\n"


def test_each_slide_says_whether_it_is_tagged_and_each_answer_its_limit():
    for slide in Presentation(str(ROOT / TEMPLATE)).slides:
        texts = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
        tagged = [text for text in texts if text.startswith("Gradescope: ")]
        assert len(tagged) + texts.count("Do not tag this slide on Gradescope") == 1
        if any(shape.name.startswith(ANSWER) for shape in slide.shapes):
            assert tagged and "At most 350 words" in texts
