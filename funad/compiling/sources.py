"""Source text that a notebook shows in colours."""

from __future__ import annotations

import html
import io
import keyword
import tokenize

__all__ = ["Source"]

_COLOURS = {"keyword": "#0033b3", "number": "#1750eb", "comment": "#8c8c8c", "string": "#067d17"}


class Source(str):
    """The text of a program; in a notebook it is shown in colours."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Return the text with its words coloured."""
        lines = self.splitlines(keepends=True)
        parts, at = [], (1, 0)
        for token in tokenize.generate_tokens(io.StringIO(self).readline):
            if token.type in (
                tokenize.INDENT,
                tokenize.DEDENT,
                tokenize.NEWLINE,
                tokenize.NL,
                tokenize.ENDMARKER,
            ):
                continue
            parts.append(_between(lines, at, token.start))
            parts.append(_coloured(token))
            at = token.end
        return f"<pre>{''.join(parts)}{_between(lines, at, (len(lines) + 1, 0))}</pre>"


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return the text between two places, escaped."""
    (row, column), (last, stop) = start, end
    if row == last:
        return html.escape(lines[row - 1][column:stop]) if row <= len(lines) else ""
    middle = [
        lines[row - 1][column:],
        *lines[row : last - 1],
        lines[last - 1][:stop] if last <= len(lines) else "",
    ]
    return html.escape("".join(middle))


def _coloured(token: tokenize.TokenInfo) -> str:
    text = html.escape(token.string)
    kind = {tokenize.NUMBER: "number", tokenize.COMMENT: "comment", tokenize.STRING: "string"}.get(token.type)
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        kind = "keyword"
    return f'<span style="color: {_COLOURS[kind]}">{text}</span>' if kind else text
