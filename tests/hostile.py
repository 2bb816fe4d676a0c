"""Thirty texts that a page must show and neither run nor be broken by."""

from __future__ import annotations

HOSTILE = [
    "<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "${window.pwned=1}",
    "{{7*7}}", "{{value}}", "{{#each value}}x{{/each}}", "$x^2$", "$$\\frac{1}{2}$$", "\\(x\\)",
    "**bold**", "![x](http://evil.example/x.png)", "[x](javascript:window.pwned=1)", "# heading",
    "`code`", "<svg onload=window.pwned=1>", "<svg><script>window.pwned=1</script></svg>",
    "\"><script>window.pwned=1</script>", "' onmouseover='window.pwned=1", '" autofocus onfocus="x',
    "<iframe src=javascript:window.pwned=1>", "<a href=javascript:window.pwned=1>x</a>",
    "<style>*{display:none}</style>", "</article></div></body>", "<!-- ", "]]>", "&lt;b&gt;",
    "<details open ontoggle=window.pwned=1>", "<math><mtext><table><mglyph><style><img src=x>",
    "\u202eevil\u202c", "<input autofocus onfocus=window.pwned=1>",
]  # fmt: skip
