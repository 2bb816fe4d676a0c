// The words that the user selects in a source or in an opened document can be kept as the right
// answer. Where they stand is told by counting the characters that are no blanks, for a browser
// changes blanks alone; the server looks whether they do stand there.
(() => {
  const { one, say, fetched, judged } = window.spanwise;
  const LABEL = "This is the answer";
  const BLANK = /[\s\u0000-\u001f\u007f-\u009f\ufeff]/g; // the same set is in selected.py
  const inked = (text) => [...text.replace(BLANK, "")].length; // code points, not UTF-16 units
  const holderOf = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest("[data-document]");
  let found = null;
  let kept = false;

  const offer = Object.assign(document.createElement("div"), { id: "offer", hidden: true });
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: LABEL });
  const trouble = Object.assign(document.createElement("span"), { role: "alert" });
  offer.append(button, trouble);

  // What is selected, as /feedback/selected wants it; null if it is nothing that can be judged.
  function selected() {
    const selection = getSelection();
    const turn = one(".turn[data-message][aria-current]");
    // Beside a question of a run stand its own sources, not the conversation's.
    if (!turn || one("#evaluated") || !selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    const holder = holderOf(range.startContainer) ?? holderOf(range.endContainer);
    if (!holder) return null;
    let [text, start, skipped] = ["", null, 0];
    for (const piece of holder.querySelectorAll("[data-start]")) {
      if (!range.intersectsNode(piece)) continue;
      const inside = document.createRange();
      inside.selectNodeContents(piece);
      const before = inside.cloneRange();
      if (range.compareBoundaryPoints(Range.START_TO_START, inside) > 0) {
        inside.setStart(range.startContainer, range.startOffset);
      }
      if (range.compareBoundaryPoints(Range.END_TO_END, inside) < 0) {
        inside.setEnd(range.endContainer, range.endOffset);
      }
      before.setEnd(inside.startContainer, inside.startOffset);
      if (start === null && inked(String(inside))) {
        [start, skipped] = [piece.dataset.start, inked(String(before))];
      }
      text += String(inside);
    }
    if (start === null) return null;
    const { document: id, collection } = holder.dataset;
    const asked = { message: turn.dataset.message, collection, document: id, start, skipped, text: [...text].slice(0, 1000).join("") };
    return { asked, holder, range, turn: turn.dataset.turn };
  }

  function look() {
    const now = selected();
    if (now) {
      found = now;
      kept = false;
      button.textContent = LABEL;
      trouble.textContent = "";
      if (offer.previousElementSibling !== found.holder) found.holder.after(offer);
      offer.hidden = false;
      place();
    } else if (!kept && document.activeElement !== button) offer.hidden = true;
  }

  // Below the end of the selection, beside its text and within the window.
  function place() {
    if (offer.hidden || !found) return;
    const lines = found.range.getClientRects();
    const last = lines[lines.length - 1];
    if (!last) return;
    const within = (value, least, most) => `${Math.max(least, Math.min(value, most))}px`;
    const { left, right } = found.holder.getBoundingClientRect();
    offer.style.left = within(last.right - offer.offsetWidth / 2, left, right - offer.offsetWidth);
    offer.style.top = within(last.bottom + 6, 8, innerHeight - offer.offsetHeight - 8);
  }

  async function keep() {
    const { asked, holder, turn } = found;
    const [ok, text] = await fetched(`/feedback/selected?${new URLSearchParams(asked)}`, { method: "POST" });
    if (!ok) {
      trouble.textContent = text;
      return place();
    }
    kept = true;
    button.textContent = text;
    say(text);
    getSelection().removeAllRanges();
    judged(turn, asked.message);
    setTimeout(() => {
      if (!kept) return; // other words have been selected meanwhile
      if (document.activeElement === button) holder.closest("[tabindex]")?.focus({ preventScroll: true });
      kept = false;
      offer.hidden = true;
    }, 1500);
  }

  offer.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays
  button.addEventListener("click", keep);
  button.addEventListener("blur", () => setTimeout(look));
  document.addEventListener("selectionchange", look);
  addEventListener("scroll", place, true);
})();
