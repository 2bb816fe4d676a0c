from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from tiny import WordEncoder

from index.chunk import CHARS_PER_TOKEN, ChunkPolicy, chunk, context_of
from index.clean import mark
from index.types import BOILERPLATE, HEADING, Document, Mark, document_id

COUNT = WordEncoder().count
SMALL = ChunkPolicy(max_tokens=10, overlap_tokens=4, context_tokens=3)


def document(text: str, *marks: Mark, pages: tuple[int, ...] = ()) -> Document:
    path = "root/a.txt"
    return Document(document_id(path), path, text, "0" * 64, "A Title", None, pages, marks)


def test_a_worked_example() -> None:
    text = "One two three four. Five six seven. Eight nine ten eleven twelve."
    passages = chunk(document(text), SMALL, COUNT)
    # 5 + 4 tokens fill the budget of 10; the second sentence, 4 tokens, is the overlap
    assert [p.text for p in passages] == [
        "One two three four. Five six seven.",
        "Five six seven. Eight nine ten eleven twelve.",
    ]


@given(
    st.text(alphabet=st.sampled_from("ab. \n\u00e9\U0001f600\u0000!?\u2028"), max_size=300),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_offsets_budget_and_nothing_lost(text: str, cuts: list[int]) -> None:
    cuts = sorted({cut for cut in cuts if cut <= len(text)})
    pages = tuple(cuts[::2])
    marks = [Mark(a, b, BOILERPLATE) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    passages = chunk(document(text, *marks, pages=pages), SMALL, COUNT)
    covered: set[int] = set()
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.text.strip()
        assert COUNT([passage.text])[0] <= SMALL.max_tokens
        assert len(passage.text) <= SMALL.max_tokens * CHARS_PER_TOKEN
        assert not any(passage.start < page < passage.end for page in pages)
        for m in marks:
            inside = m.start <= passage.start and passage.end <= m.end
            assert inside or passage.end <= m.start or m.end <= passage.start
            assert not inside or passage.boilerplate
        covered.update(range(passage.start, passage.end))
    assert {i for i, c in enumerate(text) if not c.isspace()} <= covered
    assert len({p.id for p in passages}) == len(passages)


def test_headings_open_a_passage_and_name_the_section() -> None:
    text = "Before it.\n# North\nIn the north.\n# South\nIn the south."
    heads = [Mark(m.start(1), m.end(1), HEADING) for m in re.finditer(r"# (\w+)", text)]
    passages = chunk(document(text, *heads), ChunkPolicy(50, 10, 8), COUNT)
    assert [(p.section, p.text) for p in passages] == [
        ("", "Before it."),
        ("North", "# North\nIn the north."),
        ("South", "# South\nIn the south."),
    ]
    about = context_of(document(text), passages[1], ChunkPolicy(50, 10, 8), COUNT)
    assert about == "A Title · North"


def test_a_bare_heading_goes_with_what_follows() -> None:
    text = "# Report\n## Part one\nThe words."
    heads = [Mark(2, 8, HEADING), Mark(12, 20, HEADING)]
    passages = chunk(document(text, *heads), ChunkPolicy(50, 10, 8), COUNT)
    assert [(p.section, p.text) for p in passages] == [("Part one", text)]


def test_boilerplate_is_marked_and_kept_apart() -> None:
    text = "skip to Main Content\n\nThe army advanced on the town.\n\nBack To Top"
    passages = chunk(document(text, *mark(text)), ChunkPolicy(50, 10, 0), COUNT)
    assert [(p.text, p.boilerplate) for p in passages] == [
        ("skip to Main Content", True),
        ("The army advanced on the town.", False),
        ("Back To Top", True),
    ]


def test_a_word_without_end_is_cut_and_fast() -> None:
    policy = ChunkPolicy(max_tokens=100, overlap_tokens=20)
    passages = chunk(document("x" * 1_000_000), policy, COUNT)
    assert "".join(p.text for p in passages) == "x" * 1_000_000
    assert max(len(p.text) for p in passages) <= 100 * CHARS_PER_TOKEN


def test_a_tokeniser_that_counts_the_whole_higher_than_its_parts() -> None:
    def superadditive(texts: Sequence[str]) -> list[int]:
        return [len(text.split()) ** 2 for text in texts]

    passages = chunk(document("one two three. four five six."), SMALL, superadditive)
    assert all(superadditive([p.text])[0] <= 10 for p in passages)
    assert "".join(p.text for p in passages).replace(" ", "") == "onetwothree.fourfivesix."


def test_the_policy_is_cut_down_to_the_encoder() -> None:
    small = ChunkPolicy(max_tokens=400, overlap_tokens=300, context_tokens=100).within(100)
    assert small == ChunkPolicy(max_tokens=75, overlap_tokens=37, context_tokens=25)


@given(st.text(alphabet=st.sampled_from("ab . "), max_size=200))
def test_no_passage_twice_with_any_tokeniser(text: str) -> None:
    def with_blanks(texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    passages = chunk(document(text), SMALL, with_blanks)
    assert len({p.id for p in passages}) == len(passages)
    assert [p.start for p in passages] == sorted(p.start for p in passages)
