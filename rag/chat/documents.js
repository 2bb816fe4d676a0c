// The documents panel: files are chosen or dropped, sent one by one, and indexed by the server while
// asking goes on. As in page.js, text becomes textContent, and only the server makes HTML.
window.spanwise.documents = (() => {
  const { one, fetched, twice, refresh } = window.spanwise;
  const { show } = window.spanwise.sheet;
  const post = (path, parts) => fetched(`${path}?${new URLSearchParams(parts)}`, { method: "POST" });
  let collection = "";
  let notes = []; // of the last files: why some were not taken, or are kept under another name
  let seen = true; // whether they have been shown

  function open(name) {
    if (seen) notes = [];
    return reopen(name);
  }

  async function reopen(name) {
    collection = name;
    await ledger(true);
    follow();
  }

  async function ledger(anew) {
    await show(`/documents?${new URLSearchParams({ collection })}`, "Documents", anew);
    if (!one("#job")) return;
    one("#job").after(...notes.map((each) => Object.assign(document.createElement("p"), each)));
    seen = true;
  }

  // What was refused is told though the panel was closed meanwhile, but not over a document that was
  // opened instead: then it is told when the panel is opened next.
  const shows = (trouble) => Boolean(one("#job") || (trouble && !one("#sheet[open]")));

  // What is true of many files is said once.
  function note(textContent, className = "trouble") {
    if (!notes.some((each) => each.textContent === textContent)) notes.push({ textContent, className });
    seen = false;
  }

  function listen(body) {
    body.addEventListener("click", pressed);
    body.addEventListener("change", (event) => {
      if (!event.target.files || !event.target.closest(".drop")) return;
      receive([...event.target.files]);
      event.target.value = ""; // so that the same files can be chosen again
    });
    body.addEventListener("dragover", (event) => one(".drop", body) && event.preventDefault());
    body.addEventListener("drop", dropped);
  }

  function pressed(event) {
    const button = event.target.closest("[data-act]");
    if (!button) return;
    const { act, path, root } = button.dataset;
    const change = (doing, address, parts) => {
      Object.assign(button, { textContent: `${doing}…`, disabled: true });
      tell(`${doing} ${path ?? root}…`, "quiet");
      changed(post(address, { collection, ...parts }));
    };
    if (act === "remove") twice(button, () => change("Removing", "/documents/remove", { path }));
    if (act === "let-in") change("Letting in", "/documents/remove", { path, undo: 1 });
    if (act === "again") change("Reading", "/documents/index", { root });
  }

  async function changed(answer) {
    const [ok, text] = await answer;
    notes = [];
    if (!ok) note(text);
    if (shows(!ok)) await reopen(collection);
    else follow(ok);
    if (ok) refresh(collection);
    else one("#job + .trouble")?.scrollIntoView({ block: "nearest" });
  }

  function tell(text, className = "trouble") {
    const line = Object.assign(document.createElement("p"), { className, textContent: text });
    one("#job")?.replaceChildren(line);
  }

  // Ask how far the indexing is for as long as it goes on, the dialog open or not; then show the
  // ledger anew.
  const followed = new Set();

  async function follow(begun = Boolean(one("#job [data-running]"))) {
    const name = collection;
    if (!begun || followed.has(name)) return;
    followed.add(name);
    for (let running = true; running; ) {
      await new Promise((done) => setTimeout(done, 700));
      const [ok, text] = await fetched(`/documents/job?${new URLSearchParams({ collection: name })}`);
      running = ok && text.includes("data-running");
      const line = running && name === collection && one("#job");
      if (line) line.innerHTML = text;
    }
    followed.delete(name);
    if (name === collection && one("#job")) await ledger(false);
    refresh(name);
  }

  async function dropped(event) {
    if (!one(".drop")) return;
    event.preventDefault();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    receive((await Promise.all(entries.map((entry) => inside(entry, "")))).flat());
  }

  // The files of a dropped file or folder; each knows its place below it.
  async function inside(entry, above) {
    const path = above ? `${above}/${entry.name}` : entry.name;
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed));
      file.place = path;
      return [file];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const part = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!part.length) break;
      found.push(...part);
    }
    return (await Promise.all(found.map((each) => inside(each, path)))).flat();
  }

  async function receive(files) {
    const field = one("#new-collection");
    const name = field ? field.value.trim() : collection;
    if (!name) {
      tell("Give the new collection a name first.");
      return field.focus();
    }
    notes = [];
    let lost = 0;
    for (const [n, file] of files.entries()) {
      tell(`Copying ${n + 1} of ${files.length}…`, "quiet");
      const place = file.place || file.webkitRelativePath || file.name;
      const parts = new URLSearchParams({ collection: name, name: place });
      const [ok, text] = await fetched(`/documents/file?${parts}`, { method: "PUT", body: file });
      if (!ok) lost += 1;
      if (text) note(text, ok ? "note" : "trouble");
    }
    if (lost < files.length) {
      const [ok, text] = await post("/documents/index", { collection: name });
      if (!ok) note(text);
      collection = name;
      if (shows(lost || !ok)) await ledger(!one("#job"));
      follow(ok);
    } else if (one("#job")) {
      tell(notes.map((each) => each.textContent).join(" "));
      seen = true;
    } else if (shows(true)) await reopen(collection);
  }

  return { open, listen };
})();
