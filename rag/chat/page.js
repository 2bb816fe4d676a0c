// What the browser does by itself: it passes the page's buttons to the server, copies, keeps the focus
// and fills the box from ?q=. It makes no HTML of its own out of text: what it inserts was escaped by
// the server, what it says is textContent.
window.spanwise = (() => {
  const UNREACHED = "The server of Spanwise cannot be reached. Is it still running?";
  const LISTED = '#conversations [data-act="conversation"]';
  const triggers = {};
  let sent = 0; // presses on the left side; the server says in #side-done which it has followed
  let lost = 0; // the last press that was waited for in vain
  let wanted = null; // the source to scroll to once the sources of an earlier answer are back
  let pressedLast = null; // to give the focus back after a part of the page was made anew

  const one = (selector, within = document) => within.querySelector(selector);
  const narrow = () => matchMedia("(max-width: 760px)").matches;

  function wire(element, trigger) {
    triggers[element.closest(".block")?.id ?? ""] = trigger;
    document.documentElement.dataset.wired = Object.keys(triggers).join(" ");
    element.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-act]");
      if (pressed && element.contains(pressed) && pressed.tagName !== "FORM") {
        press(event, pressed, trigger);
        if (["collection", "conversation", "new"].includes(pressed.dataset.act)) foldAway();
      } else if (!event.target.closest("summary, a, button, input, details")) {
        const turn = event.target.closest(".turn");
        if (turn && !String(getSelection())) send(trigger, { act: "show", turn: turn.dataset.turn });
      }
    });
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      const form = event.target;
      send(trigger, { ...form.dataset, title: new FormData(form).get("title") });
      pressedLast = { ...form.dataset };
      window.spanwise.kept.sent(form);
      one("summary", form.closest("details")).click();
      one("summary", form.closest("details")).focus();
    });
  }

  // Gradio takes up events of different parts of the page in any order. A press on the left side may
  // begin another conversation, so that no question may overtake it. A button that asks waits among
  // the questions, the others do not.
  async function send(trigger, data) {
    if (trigger !== triggers.thread) return trigger("click", { ...data, n: ++sent, here: window.spanwise.box.here() });
    const { message } = one(`.turn[data-turn="${data.turn}"]`)?.dataset ?? {};
    await settled();
    const event = data.act === "ask" || data.act === "literal" ? "submit" : "click";
    trigger(event, { message, ...data, here: window.spanwise.box.here() });
  }

  async function settled(given) {
    const until = Date.now() + 5000; // a press that the server never got holds nothing up for long
    const followed = () => Math.max(lost, Number(one("#side-done")?.dataset.n ?? 0));
    while (followed() < sent && Date.now() < until) await new Promise((done) => setTimeout(done, 20));
    if (followed() < sent) lost = sent;
    return given;
  }

  function press(event, pressed, trigger) {
    const data = { ...pressed.dataset };
    const own = deeds[data.act];
    pressedLast = { ...data, at: document.querySelectorAll(LISTED).length };
    if (own) {
      event.preventDefault();
      own(pressed, data, trigger);
    } else {
      if (data.act === "show") wanted = narrow() ? "sources" : null;
      send(trigger, { ...data, narrowed: window.spanwise.narrow.fields() });
    }
  }

  const deeds = {
    open: (link) => window.spanwise.sheet.openDocument(new URL(link.href).search, true),
    copy: (button, data) => copy(button, data.text),
    "copy-link": (button, data) => copy(button, new URL(data.text, location.href).href),
    documents: (_, data) => window.spanwise.documents.open(data.collection),
    evaluate: (_, data) => window.spanwise.evaluate.open(data.collection, data.run),
    source(chip, _, trigger) {
      const turn = chip.closest(".turn");
      wanted = chip.getAttribute("href").slice(1);
      if (turn.getAttribute("aria-current")) reach();
      else send(trigger, { act: "show", turn: turn.dataset.turn });
    },
    menu: (button) => button.setAttribute("aria-expanded", one("#side").classList.toggle("open")),
    delete: (button, data, trigger) => twice(button, () => send(trigger, data)),
  };

  // On a narrow window what was picked on the left side shows below it.
  function foldAway() {
    const menu = one('[data-act="menu"]');
    if (!one("#side.open") || !menu.offsetParent) return;
    one("#side").classList.remove("open");
    menu.setAttribute("aria-expanded", "false");
    menu.focus({ preventScroll: true });
    pressedLast = null;
    one("#thread").scrollIntoView({ block: "start" });
  }

  // A deed that cannot be undone is asked for twice.
  function twice(button, deed) {
    if (button.dataset.sure) return deed();
    const label = button.textContent;
    button.dataset.sure = "1";
    button.textContent = "Really?";
    setTimeout(() => {
      delete button.dataset.sure;
      button.textContent = label;
    }, 4000);
  }

  async function copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text });
      button.after(area); // a page without https has no clipboard but this
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const label = button.textContent;
    button.textContent = "Copied";
    say("Copied");
    setTimeout(() => (button.textContent = label), 1500);
  }

  function say(text) {
    one("#said-aloud").textContent = text;
  }

  // Scroll to the source that was asked for, and put the focus there.
  function reach() {
    const target = wanted && one(`#${wanted}`);
    if (!target) return;
    wanted = null;
    target.scrollIntoView({ block: narrow() ? "start" : "nearest" });
    target.focus?.({ preventScroll: true });
  }

  async function fetched(address, options) {
    try {
      const answer = await fetch(address, options);
      return [answer.ok, await answer.text()];
    } catch {
      return [false, UNREACHED];
    }
  }

  // ---- as the page grows -----------------------------------------------------------------------

  function began() {
    const { box, kept, sheet } = window.spanwise;
    const aloud = Object.assign(document.createElement("div"), { id: "said-aloud", role: "status" });
    document.body.append(aloud);
    const asked = new URLSearchParams(location.search);
    if (asked.has("document")) sheet.openDocument(location.search, false);
    addEventListener("popstate", () => {
      if (new URLSearchParams(location.search).has("document")) sheet.openDocument(location.search, false);
      else one("#sheet")?.close();
    });
    document.addEventListener("pointerdown", () => (pressedLast = null));
    kept.watch();
    let question = asked.get("q") ?? box.kept();
    let before = "";
    new MutationObserver(() => {
      if (question && one("#box textarea")) {
        box.fill(question);
        question = "";
        forgotten(asked);
      }
      const turns = document.querySelectorAll("#thread .turn");
      const last = turns[turns.length - 1];
      const now = `${turns.length} ${Boolean(last && one(".said, .trouble", last))}`;
      kept.putBack();
      if (last && now !== before) last.scrollIntoView({ block: "start" });
      before = now;
      reach();
      focusAgain();
      box.tell(turns);
      box.putBack(turns);
      box.keep();
    }).observe(document.body, { childList: true, subtree: true, attributeFilter: ["open", "data-id"] });
  }

  // The question leaves the address: when the page is loaded again, what was typed since stands there.
  function forgotten(asked) {
    if (!asked.has("q")) return;
    asked.delete("q");
    history.replaceState(null, "", String(asked) ? `?${asked}` : location.pathname);
  }

  function focusAgain() {
    if (!pressedLast || document.activeElement !== document.body) return;
    const { act, at, ...known } = pressedLast;
    const again = [...document.querySelectorAll(`[data-act="${act}"]`)].find(({ dataset }) =>
      ["turn", "id", "name", "verdict"].every((key) => dataset[key] === known[key]),
    );
    const same = act === "earlier" ? document.querySelectorAll(LISTED)[at] : again;
    if (same) pressedLast = null;
    (same?.tagName === "FORM" ? one("summary", same.closest("details")) : same)?.focus({ preventScroll: true });
  }

  function refresh(name) {
    if (triggers.collections) send(triggers.collections, { act: "refresh", name });
  }

  // An answer has been judged beside the conversation, which shows it.
  function judged(turn, message) {
    send(triggers.thread, { act: "judged", turn, message });
  }

  // A question of a run is put among the sources.
  function replay(run, row) {
    send(triggers.sources, { act: "evaluated", run, row });
  }

  setTimeout(began); // once documents.js is there too
  return { wire, one, say, fetched, twice, settled, UNREACHED, refresh, judged, replay };
})();
