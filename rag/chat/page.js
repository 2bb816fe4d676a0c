// What the browser does by itself: it passes the page's buttons to the server, opens documents and
// the documents panel in a dialog, copies, and fills the box from ?q=. It makes no HTML of its own
// out of text: what it inserts was escaped by the server, what it says is textContent.
window.spanwise = (() => {
  const triggers = {};
  let sent = 0; // presses on the left side; the server says in #side-done which it has followed
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
      } else if (!event.target.closest("summary, a, button, input, details")) {
        const turn = event.target.closest(".turn");
        if (turn && !String(getSelection())) send(trigger, { act: "show", turn: turn.dataset.turn });
      }
    });
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      const form = event.target;
      send(trigger, { ...form.dataset, title: new FormData(form).get("title") });
    });
  }

  // Gradio takes up events of different parts of the page in any order. A press on the left side may
  // begin another conversation, so that no question may overtake it.
  async function send(trigger, data) {
    if (trigger === triggers.thread) await settled();
    trigger("click", trigger === triggers.thread ? data : { ...data, n: ++sent });
  }

  async function settled(given) {
    const until = Date.now() + 5000; // a press that the server never got holds nothing up for long
    while (Number(one("#side-done")?.dataset.n ?? 0) < sent && Date.now() < until) {
      await new Promise((done) => setTimeout(done, 20));
    }
    return given;
  }

  function press(event, pressed, trigger) {
    const data = { ...pressed.dataset };
    const own = deeds[data.act];
    pressedLast = data;
    if (own) {
      event.preventDefault();
      own(pressed, data, trigger);
    } else {
      if (data.act === "show") wanted = narrow() ? "sources" : null;
      send(trigger, { ...data, narrowed: window.spanwise.narrow.fields() });
    }
  }

  const deeds = {
    open: (link) => openDocument(new URL(link.href).search, true),
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

  // ---- the dialog ----------------------------------------------------------------------------

  function sheet() {
    let dialog = one("#sheet");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.id = "sheet";
      const close = Object.assign(document.createElement("button"), {
        type: "button", className: "close", textContent: "Close",
      });
      close.addEventListener("click", () => dialog.close());
      const body = Object.assign(document.createElement("div"), { className: "body", tabIndex: 0 });
      dialog.append(close, body);
      dialog.addEventListener("close", () => {
        body.replaceChildren();
        history.replaceState(null, "", location.pathname);
      });
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
      window.spanwise.documents.listen(body);
      window.spanwise.evaluate.listen(body);
      document.body.append(dialog);
    }
    return dialog;
  }

  async function fetched(address, options) {
    try {
      const answer = await fetch(address, options);
      return [answer.ok, await answer.text()];
    } catch {
      return [false, "The server of Spanwise cannot be reached. Is it still running?"];
    }
  }

  async function show(address, label, anew = true) {
    const dialog = sheet();
    const body = one(".body", dialog);
    const [ok, text] = await fetched(address);
    if (!anew && !dialog.open) return body; // closed meanwhile
    if (ok) put(body, text);
    else body.textContent = text;
    dialog.setAttribute("aria-label", label);
    if (!dialog.open) dialog.showModal();
    return body;
  }

  // The place where files are chosen stays the same one: the user may be choosing just now.
  function put(body, html) {
    const made = Object.assign(document.createElement("template"), { innerHTML: html }).content;
    const [old, zone] = [one(".drop", body), one(".drop", made)];
    if (old && old.dataset.collection === zone?.dataset.collection) zone.replaceWith(old);
    body.replaceChildren(made);
  }

  async function openDocument(search, remember) {
    const body = await show(`/view${search}`, "Document");
    if (remember) history.pushState(null, "", search);
    const mark = one("#mark", body);
    body.scrollTop = 0;
    const picture = one("img", body);
    if (picture) await picture.decode().catch(() => picture.closest("figure").remove());
    if (mark && !one("img", body)) mark.scrollIntoView({ block: "center" });
    mark?.focus({ preventScroll: true });
  }

  // ---- as the page grows -----------------------------------------------------------------------

  function began() {
    const aloud = Object.assign(document.createElement("div"), { id: "said-aloud", role: "status" });
    document.body.append(aloud);
    const asked = new URLSearchParams(location.search);
    if (asked.has("document")) openDocument(location.search, false);
    addEventListener("popstate", () => {
      if (new URLSearchParams(location.search).has("document")) openDocument(location.search, false);
      else one("#sheet")?.close();
    });
    document.addEventListener("pointerdown", () => (pressedLast = null));
    let filled = !asked.get("q");
    let before = "";
    new MutationObserver(() => {
      const box = one("#box textarea");
      if (box && !filled) {
        filled = true;
        window.spanwise.box.fill(asked.get("q"));
      }
      const turns = document.querySelectorAll("#thread .turn");
      const last = turns[turns.length - 1];
      const now = `${turns.length} ${Boolean(last && one(".said, .trouble", last))}`;
      if (last && now !== before) last.scrollIntoView({ block: "start" });
      before = now;
      reach();
      if (pressedLast && document.activeElement === document.body) {
        const { act, ...known } = pressedLast;
        const same = [...document.querySelectorAll(`[data-act="${act}"]`)].find(({ dataset }) =>
          ["turn", "id", "name", "verdict"].every((key) => dataset[key] === known[key]),
        );
        if (same) pressedLast = null;
        same?.focus({ preventScroll: true });
      }
    }).observe(document.body, { childList: true, subtree: true });
  }

  function refresh(name) {
    if (triggers.collections) send(triggers.collections, { act: "refresh", name });
  }

  // An answer has been judged beside the conversation, which shows it.
  function judged(turn) {
    send(triggers.thread, { act: "judged", turn });
  }

  // A question of a run is put among the sources.
  function replay(run, row) {
    send(triggers.sources, { act: "evaluated", run, row });
  }

  setTimeout(began); // once documents.js is there too
  return { wire, one, say, fetched, show, twice, settled, refresh, judged, replay };
})();
