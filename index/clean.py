r"""Marks the boilerplate of pasted web pages line by line; rewrites nothing.

A rule names what only a page's furniture says: precision before recall, since what is marked is
not found unless asked for. Teasers of other articles are text and stay unmarked.

>>> mark("skip to Main Content\n\nThe barge sank.\n\nBack To Top")
[Mark(start=0, end=20, kind='boilerplate'), Mark(start=39, end=50, kind='boilerplate')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.types import BOILERPLATE, Mark

SHORT_LINE = 8
LONG_LINE = 600
"""A longer line can only be a paragraph of fine print, known by how it begins."""
WRAPPED = range(50, 101)
"""Length of a line broken by hand, whose paragraph goes on in the next one."""
MAX_WRAPPED_LINES = 15
MAX_MENU = 12

_LINE = re.compile(r"[^\n\r\f\v\x85\u2028\u2029]+")

# Lines that say just this, apart from case and the signs around it.
_WHOLE = frozenset(
    " ".join(line.split())
    for line in """
    skip to main content | skip to content | skip to navigation | skip navigation
    jump to content | jump to navigation | back to top | return to top | go to top
    toggle navigation | close menu | open menu | print this page | print this article
    email this article | email this page | send to a friend | leave your comment | leave a comment
    leave a reply | leave your reply | post a comment | cancel reply | join the conversation
    join the discussion | view all comments | show comments | hide comments | load more comments
    latest news | breaking news | top stories | top news | latest stories | latest headlines
    trending now | trending stories | most read | most viewed | most commented | editor's picks
    editors' picks | read more | continue reading | read the full story | read full article
    read the full article | related articles | related posts | related stories | related news
    more from this author | more stories | more news | recommended for you | you may also like
    you might also like | you may also be interested in | sponsored content | advertisement
    advertisements | article continues below | story continues below
    article continues after advertisement | story continues below advertisement
    share this | share this article | share this story | share this page | share this post
    tweet this | follow us | follow us on | connect with us | stay connected
    subscribe now | subscribe today | sign up now | sign up today | newsletter signup
    newsletter sign up | log in to comment | login to comment | sign in to comment
    become a member | become a patron | become a subscriber
    donate now | donate today | please donate | support us | support our work
    cookie settings | cookie preferences | manage cookies | accept cookies | accept all cookies
    powered by wordpress | advertise with us
    """.replace("\n", "|").split("|")
    if line.strip()
)
_AROUND = " \t\xa0#*_•·|[]()<>«»›→↑^-–—=:.…!"

_NETWORK = (
    r"(?:facebook|twitter|x|instagram|linkedin|whatsapp|telegram|youtube|reddit|pinterest|tumblr"
    r"|mastodon|bluesky|tiktok|threads|flickr|vk|social\ media|e-?mail)"
)
_YEARS = r"(?:19|20)\d\d(?:\s?[-–]\s?(?:19|20)\d\d)?"

# Lines known by how they begin; each rule runs to the line's end or to words nobody else uses.
_START = re.compile(
    rf"""
    comment\ on\ [^.!?]{{1,80}}\ on\ our\ {_NETWORK}\b
    | become\ an?\ (?:member|patron|subscriber|supporter)\ of(?:\ [\w&'’-]+){{1,5}}$
    | articles\ by:\ *\S.{{0,80}}$
    | the\ original\ source\ of\ this\ (?:article|story|post|text)\ is\b
    | (?:share|follow|like|find|join|connect\ with)\ (?:(?:us|this|me)\ )?(?:on|via)\ {_NETWORK}
      (?:(?:,\ |,?\ (?:and|or|&)\ |\ ?[/|]\ ?){_NETWORK}){{0,8}}\W*$
    | (?:subscribe\ to|sign\ up\ (?:for|to)|join)\ (?:our|my|the\ free)\ (?:[\w-]+\ ){{0,3}}
      (?:newsletters?|mailing\ list|e-?mail\ list|e-?mails?|updates|channel|rss\ feed)\b
    | (?:subscribe|sign\ up)\ (?:now\ |today\ )?to\ (?:get|receive)\ (?:our|the\ latest)\b
    | get\ (?:our|the)\ (?:[\w-]+\ ){{0,3}}(?:newsletter|headlines|news|stories)
      \ (?:delivered\ )?(?:in|to)\ your\ inbox
    | (?:support|find)\ us\ on\ (?:patreon|paypal|ko-?fi|liberapay|gofundme)\b
    | for\ (?:media|press)\ (?:inquiries|enquiries)
      (?::|,?\ (?:please\ )?(?:contact|e-?mail)\b)
    | (?:click|tap)\ here\ to\ (?:subscribe|sign\ up|donate)\b
    | home(?:\ *[>»›|]\ *[\w&'’-][\w&'’ -]{{0,40}}){{1,6}}$
    | (?:©|&copy;)\ *(?-i:[A-Z0-9<])
    | copyright\ (?:©|\(c\)|&copy;)
    | copyright\ (?:by\ )?{_YEARS}(?:\W|\ by\ )*(?-i:[A-Z]|$)
    | copyright\ notice:
    | \(c\)\ {_YEARS}\b.*\ all\ rights\ reserved
    | all\ rights\ reserved\b
    """,
    re.VERBOSE | re.IGNORECASE,
)

# Paragraphs of fine print: how they begin ...
_OPENING = re.compile(
    r"""
    (?P<disclaimer>(?:legal\ )?disclaimer\s*[:.–—-])
    | (?P<views>the\ (?:views|opinions)(?:\ and\ (?:views|opinions))?\ (?:expressed|stated)\ (?:
        here\b|herein\b|are\b|(?:in|on|by)\ (?:this|the|our|these)\ (?:article|author|blog|column
        |comment|contribut|op-?ed|page|piece|post|publication|site|speaker|video|web|writer)))
    | (?P<copyrighted>(?:[\w.-]{1,60}\.[a-z]{2,6}|(?:this|our)\ (?:web\ ?)?(?:site|page|article
        |blog|video|newsletter|channel|post))\ (?:may\ )?contains?\ copyrighted\ material)
    | (?P<fair_use>(?:copyright\ )?fair\ use\ (?:notice|disclaimer|statement)\s*[:.–—-])
    | (?P<permission>if\ you\ wish\ to\ use\ (?:this\ )?copyrighted\ material)
    | (?P<cookies>(?:this|our)\ (?:web\ ?)?site\ uses\ cookies
        | we\ (?:and\ our\ partners\ )?use\ cookies
        | by\ (?:continuing\ to\ (?:use|browse|visit)|using|browsing|visiting|closing)
          \ (?:this|our|the)\b.{0,80}\bcookies
        | by\ clicking\b.{0,80}\bcookies)
    | (?P<appeal>if\ you\b|please\b|donate\ (?:to|now|here|today|via)\b|help\ (?:us|keep)\b
        | support\ (?:us|our|independent|the\ (?:project|site|channel))\b
        | our\ (?:work|site|project|journalism)\b|we\ (?:need|rely|depend)\b
        | your\ (?:support|donations?|help)\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# ... and what each must say besides, all of it, within its first `LONG_LINE` characters.
_EVIDENCE = {
    "disclaimer": (
        r"responsib|liab|not\s+necessarily|endors|warrant|does\s+not\s+constitute"
        r"|(?:views|opinions)\s+expressed|informational\s+purposes",
    ),
    "views": (
        r"not\s+necessarily|those\s+of\s+the\s+(?:\w+\s+)?(?:author|writer|speaker|contribut)"
        r"|author['’]?s['’]?\s+own"
        r"|not\s+(?:reflect|represent)\s+the\s+(?:\w+\s+)?(?:view|opinion|position|polic)",
    ),
    "copyrighted": (
        r"the\s+use\s+of\s+which\s+(?:has|may)|we\s+(?:are\s+making|believe\s+this)|section\s+107",
    ),
    "fair_use": (r"copyright|authori[sz]ed",),
    "permission": (r"permission",),
    "cookies": (
        r"your\s+(?:\w+\s+)?experience|best\s+(?:\w+\s+)?experience|consent\s+to|your\s+consent"
        r"|personali[sz]e\s+(?:content|ads)|(?:cookie|privacy)\s+policy"
        r"|you\s+(?:agree|accept|consent)|analy[sz]e\s+(?:our\s+)?traffic",
    ),
    "appeal": (
        r"\b(?:we|us|our)\b",
        r"\bsupport\b|\bdonat|\bcontribut|\bchip\s+in\b",
        r"\bpaypal\b|patreon\b|/donate\b|\bdonate\s+(?:now|here|today|via|through)\b|ko-?fi\b"
        r"|liberapay|gofundme|bitcoin\s*:|\biban\b"
        r"|\b(?:make|making|consider)\s+an?\s+(?:[\w-]+\s+)?(?:donation|contribution)\b",
    ),
}
_HAS_EVIDENCE = {
    name: [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
    for name, patterns in _EVIDENCE.items()
}

_NAV_BULLET = re.compile(r"[•·▪►»›]\s*([^\W\d_][\w&'’ /-]{0,30})")
_NAV_WORDS = frozenset(
    "home news world politics business economy sport sports opinion opinions editorial about "
    "contact video videos media culture science technology tech health entertainment lifestyle "
    "travel weather arts local national international".split()
)


def mark(text: str) -> list[Mark]:
    """The boilerplate of `text`, sorted, without overlap; each mark is whole lines, stripped.

    Takes time linear in the text, however long its lines are.
    """
    marks: list[Mark] = []
    navigation_end = _navigation_end(text)
    done = 0
    for start, end in _lines(text, 0):
        if start < done:
            continue
        if start < navigation_end or _is_boilerplate_line(text, start, end):
            done = end
        else:
            done = _fine_print_end(text, start, end) or start
        if done > start:
            marks.append(Mark(start, done, BOILERPLATE))
    return marks


def _lines(text: str, at: int) -> Iterator[tuple[int, int]]:
    """(start, end) of every line from `at` that is not blank, white space around it left out."""
    for match in _LINE.finditer(text, at):
        line = match[0].lstrip()
        if line:
            start = match.end() - len(line)
            yield start, start + len(line.rstrip())


def _is_boilerplate_line(text: str, start: int, end: int) -> bool:
    if not SHORT_LINE <= end - start <= LONG_LINE:
        return False
    line = text[start:end].replace("’", "'")
    if len(line) <= 60 and line.strip(_AROUND).casefold() in _WHOLE:
        return True
    return _START.match(line.lstrip("$*_#>•· ")) is not None


def _fine_print_end(text: str, start: int, end: int) -> int | None:
    """Where the paragraph that begins at `start` ends, if it is fine print."""
    opening = _OPENING.match(text, start, end)
    if not opening or not opening.lastgroup:
        return None
    end = _paragraph_end(text, start, end)
    head = text[start : min(end, start + LONG_LINE)]
    return end if all(rule.search(head) for rule in _HAS_EVIDENCE[opening.lastgroup]) else None


def _paragraph_end(text: str, start: int, end: int) -> int:
    """The end of the line, or of the hand-broken lines that go on from it."""
    for _ in range(MAX_WRAPPED_LINES):
        following = next(_lines(text, end), None)
        if end - start not in WRAPPED or following is None:
            break
        if len(text[end : following[0]].replace("\r\n", "\n").strip(" \t")) > 1:  # a blank line
            break
        start, end = following
    return end


def _navigation_end(text: str) -> int:
    """Where the bulleted menu that the page begins with ends; 0 if it does not begin with one."""
    items: list[str] = []
    below = 0
    for start, end in _lines(text, 0):
        bullet = _NAV_BULLET.fullmatch(text, start, end)
        if bullet and len(bullet[1].split()) <= 3 and len(items) < MAX_MENU:
            items.append(bullet[1].casefold())
            below = end
        elif bullet:
            return 0
        elif items or not _is_boilerplate_line(text, start, end):
            is_menu = any(_NAV_WORDS.issuperset(item.split()) for item in items)
            return below if is_menu else 0
    return 0
