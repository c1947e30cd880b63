"""A document as headings, paragraphs and tables, written as Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the title."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; a notice is set apart."""

    text: str
    notice: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts; columns named in `numeric` stand right."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()


Block = Heading | Paragraph | Bullets | Grid


def to_markdown(blocks: Iterable[Block]) -> str:
    """Write blocks as Markdown with pipe tables; no text of the data is read as markup."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_plain(block.text)}"
    if isinstance(block, Paragraph):
        return f"> {_plain(block.text)}" if block.notice else _plain(block.text)
    if isinstance(block, Bullets):
        return "\n".join(f"- {_plain(item)}" for item in block.items)
    marks = ["---:" if index in block.numeric else "---" for index in range(len(block.heads))]
    lines = [block.heads, tuple(marks), *block.rows]
    return "\n".join(
        "| " + " | ".join(cell if line is lines[1] else _plain(cell) for cell in line) + " |"
        for line in lines
    )


_SPECIAL = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "&": "&amp;", "*": "\\*", "_": "\\_",
     "`": "\\`", "[": "\\[", "]": "\\]", "\n": " ", "\r": " "}
)  # fmt: skip


def _plain(text: str) -> str:
    return text.translate(_SPECIAL)


def to_html(blocks: Iterable[Block]) -> str:
    """Write blocks as an HTML fragment; every text is escaped."""
    return "\n".join(_html(block) for block in blocks)


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        mark = ' class="notice" role="note"' if block.notice else ""
        return f"<p{mark}>{escape(block.text)}</p>"
    if isinstance(block, Bullets):
        return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block.items)}</ul>"
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in block.heads)
    body = "".join(f"<tr>{_cells(row, block.numeric)}</tr>" for row in block.rows)
    return (
        f'<div class="table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(row: Sequence[str], numeric: frozenset[int]) -> str:
    return "".join(
        f'<td class="n">{escape(cell)}</td>' if index in numeric else f"<td>{escape(cell)}</td>"
        for index, cell in enumerate(row)
    )
