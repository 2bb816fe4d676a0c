// The documents panel: files are chosen or dropped, sent one by one, and indexed by the server while
// asking goes on. As in page.js, text becomes textContent, and only the server makes HTML.
window.spanwise.documents = (() => {
  const { one, fetched, show, twice, refresh } = window.spanwise;
  const post = (path, parts) => fetched(`${path}?${new URLSearchParams(parts)}`, { method: "POST" });
  let collection = "";
  let refused = []; // why some of the last files were not taken

  function open(name) {
    refused = [];
    return reopen(name);
  }

  async function reopen(name) {
    collection = name;
    await ledger(true);
    follow();
  }

  async function ledger(anew) {
    await show(`/documents?${new URLSearchParams({ collection })}`, "Documents", anew);
    for (const textContent of refused) {
      one("#job")?.after(Object.assign(document.createElement("p"), { className: "trouble", textContent }));
    }
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
    if (act === "remove") twice(button, () => changed(post("/documents/remove", { collection, path })));
    if (act === "let-in") changed(post("/documents/remove", { collection, path, undo: 1 }));
    if (act === "again") changed(post("/documents/index", { collection, root }));
  }

  async function changed(answer) {
    const [ok, text] = await answer;
    if (!ok) return tell(text);
    await reopen(collection);
    refresh(collection);
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
    refused = [];
    for (const [n, file] of files.entries()) {
      tell(`Copying ${n + 1} of ${files.length}…`, "quiet");
      const place = file.place || file.webkitRelativePath || file.name;
      const parts = new URLSearchParams({ collection: name, name: place });
      const [ok, text] = await fetched(`/documents/file?${parts}`, { method: "PUT", body: file });
      if (!ok) refused.push(text);
    }
    if (refused.length < files.length) {
      const [ok, text] = await post("/documents/index", { collection: name });
      if (!ok) refused.push(text);
      collection = name;
      await ledger(false);
      follow(ok);
    } else tell(refused.join(" "));
  }

  return { open, listen };
})();
