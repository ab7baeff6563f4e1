"""Object graphs: references by path and by id, and the bounds."""

from pathlib import Path

import pytest

from steelyard.statements import xstream
from steelyard.statements.port import StatementError
from steelyard.statements.recognition import open_source
from steelyard.statements.xstream import BrokenReferenceError, Graph, read_graph


def graph_of(folder: Path, text: str) -> Graph:
    path = folder / "some.xml"
    path.write_text(text, encoding="utf-8")
    with open_source(path) as source:
        return read_graph(source, leave_out=frozenset({"prices"}))


def test_a_path_counts_among_those_of_its_name(tmp_path: Path) -> None:
    text = '<a><b>1</b><c>x</c><b>2</b><d><e reference="../../b[2]"/><e reference="../../b"/></d></a>'
    graph = graph_of(tmp_path, text)

    first, second = graph.listed("d", "e")
    assert (first.text, second.text) == ("2", "1")


@pytest.mark.parametrize(
    "reference", ["../b[0]", "../b[3]", "../b[x]", "../b[²]", "", "../../..", "../e", "../b[-1]", "7"]
)
def test_a_reference_that_leads_nowhere(tmp_path: Path, reference: str) -> None:
    graph = graph_of(tmp_path, f'<a>\n<b/><b/><d reference="{reference}"/><e reference="../d"/></a>')

    with pytest.raises(BrokenReferenceError, match="line 2: the reference of <d> leads nowhere"):
        list(graph.listed("d"))


def test_references_that_chase_each_other_end(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, '<a><b reference="../c"/><c reference="../b"/></a>')

    with pytest.raises(BrokenReferenceError):
        list(graph.listed("b"))


def test_ids_count_only_where_the_outermost_element_has_one(tmp_path: Path) -> None:
    with_ids = graph_of(tmp_path, '<a id="1"><b id="2">x</b><c reference="2"/></a>')
    without = graph_of(tmp_path, '<a><b id="2">x</b><c reference="../b"/></a>')

    assert [graph.text(graph.root, "c") for graph in (with_ids, without)] == ["x", "x"]


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, "<a><prices><p><q>1</q></p><p/></prices><b> x </b></a>")

    prices = graph.root.named("prices")[0]
    assert (prices.left_out, prices.children, graph.text(graph.root, "b")) == (2, None, "x")


@pytest.mark.parametrize(
    ("bound", "text", "why"),
    [
        ("MAX_DEPTH", "<a><b><c><d/></c></b></a>", "more than 3 deep"),
        ("MAX_NODES", "<a><b/><b/><b/></a>", "more than 3 elements"),
        ("MAX_BYTES", "<a/>", "larger than 3 bytes"),
    ],
)
def test_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, text: str, why: str) -> None:
    graph_of(tmp_path, text)
    monkeypatch.setattr(xstream, bound, 3)

    with pytest.raises(StatementError, match=why):
        graph_of(tmp_path, text)


def test_what_is_left_out_is_bounded_in_depth_and_not_in_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xstream, "MAX_NODES", 2)
    assert graph_of(tmp_path, "<a><prices><p/><p/><p/></prices></a>").root.named("prices")[0].left_out == 3

    monkeypatch.setattr(xstream, "MAX_DEPTH", 3)
    with pytest.raises(StatementError, match="more than 3 deep"):
        graph_of(tmp_path, "<a><prices><p><q/></p></prices></a>")


def test_a_nul_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(StatementError, match="line 2: is no well-formed XML"):
        graph_of(tmp_path, "<a>\n<b>\0</b></a>")
