// The dialog over the page: a document at its mark, the documents panel, the Evaluate panel.
window.spanwise.sheet = (() => {
  const { one, fetched } = window.spanwise;

  function dialog() {
    let sheet = one("#sheet");
    if (!sheet) {
      sheet = document.createElement("dialog");
      sheet.id = "sheet";
      const close = Object.assign(document.createElement("button"), {
        type: "button", className: "close", textContent: "Close",
      });
      close.addEventListener("click", () => sheet.close());
      const body = Object.assign(document.createElement("div"), { className: "body", tabIndex: 0 });
      sheet.append(close, body);
      sheet.addEventListener("close", () => {
        body.replaceChildren();
        history.replaceState(null, "", location.pathname);
      });
      sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
      window.spanwise.documents.listen(body);
      window.spanwise.evaluate.listen(body);
      document.body.append(sheet);
    }
    return sheet;
  }

  async function show(address, label, anew = true) {
    const sheet = dialog();
    const body = one(".body", sheet);
    const [ok, text] = await fetched(address);
    if (!anew && !sheet.open) return body; // closed meanwhile
    if (ok) put(body, text);
    else body.textContent = text;
    sheet.setAttribute("aria-label", label);
    if (!sheet.open) sheet.showModal();
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
    if (picture) await picture.decode().then(() => bring(body, picture), () => unseen(picture));
    if (mark && !one("img", body)) mark.scrollIntoView({ block: "center" });
    mark?.focus({ preventScroll: true });
  }

  function unseen(picture) {
    const textContent = "This page cannot be shown as it looks; below is its text.";
    const line = Object.assign(document.createElement("p"), { className: "note", textContent });
    picture.closest("figure").replaceWith(line);
  }

  // Scroll until the box in the picture of a page stands in the middle.
  function bring(body, picture) {
    const box = picture.getBoundingClientRect();
    const at = box.top - body.getBoundingClientRect().top + boxed(picture) * box.height;
    body.scrollTop += at - body.clientHeight / 2;
  }

  // Where in a picture, from 0 to 1, the frame begins that paint.py has drawn; 0 if it has none.
  function boxed(picture) {
    const { naturalWidth: width, naturalHeight: height } = picture;
    const pen = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
    pen.drawImage(picture, 0, 0);
    const dots = new DataView(pen.getImageData(0, 0, width, height).data.buffer);
    const [FRAME, LENGTH] = [0xd69e2eff, 8]; // red, green, blue, alpha; dots in a row
    for (let at = 0, run = 0; at < width * height; at++) {
      run = dots.getUint32(4 * at) === FRAME ? run + 1 : 0;
      if (run === LENGTH) return Math.floor(at / width) / height;
    }
    return 0;
  }

  return { show, openDocument };
})();
