// The Evaluate panel: a set is chosen or sent, asked by the server while the page is used for other
// things, and its questions that went wrong are put among the sources. As in page.js, text becomes
// textContent, and only the server makes HTML.
window.spanwise.evaluate = (() => {
  const { one, fetched, twice, replay } = window.spanwise;
  const { show } = window.spanwise.sheet;
  const at = (path, parts) => `${path}?${new URLSearchParams(parts)}`;
  const post = (path, parts) => fetched(at(path, parts), { method: "POST" });
  let collection = "";

  async function open(name, run) {
    collection = name;
    await look(run, true);
    follow();
  }

  // The panel, or one run; `anew`: also where the dialog is not open.
  async function look(run, anew) {
    const address = run ? at("/evaluate/run", { run }) : at("/evaluate", { collection });
    const body = await show(address, "Evaluate", anew);
    if (run || anew) body.scrollTop = 0;
    const heading = one("h2", body);
    if (!heading || one("#sheet").contains(document.activeElement)) return;
    heading.tabIndex = -1;
    heading.focus();
  }

  function listen(body) {
    body.addEventListener("click", pressed);
    body.addEventListener("change", (event) => {
      if (event.target.id !== "set-file" || !event.target.files.length) return;
      receive(event.target.files[0]);
      event.target.value = ""; // so that the same file can be chosen again
    });
  }

  function pressed(event) {
    const button = event.target.closest("[data-act]");
    if (!button) return;
    const { act, set, run, row } = button.dataset;
    if (act === "run-set") changed(post("/evaluate/begin", { collection, set }));
    if (act === "resume-run") changed(post("/evaluate/resume", { collection, run }));
    if (act === "stop-run") changed(post("/evaluate/stop", { collection }));
    if (act === "delete-set") twice(button, () => changed(post("/evaluate/delete", { set })));
    if (act === "evaluate") open(button.dataset.collection, run);
    if (act === "evaluated") choose(run, row);
  }

  async function changed(answer) {
    const [ok, text] = await answer;
    if (!ok) return tell(text);
    await look(null, false);
    one("#trial")?.focus();
    follow();
  }

  function tell(textContent, className = "trouble") {
    const line = Object.assign(document.createElement("p"), { className, textContent, role: "alert" });
    one("#trial")?.replaceChildren(line);
    one("#trial")?.scrollIntoView({ block: "nearest" });
  }

  async function receive(file) {
    tell("Copying…", "quiet");
    const [ok, text] = await fetched(at("/evaluate/set", { name: file.name }), { method: "PUT", body: file });
    if (!ok) return tell(text);
    await look(null, false);
    const name = file.name.normalize("NFC");
    const made = [...document.querySelectorAll('#sheet [data-act="run-set"]')];
    made.find((button) => button.dataset.set === name)?.focus();
  }

  // Ask how far it is for as long as it goes on, the dialog open or not; then show its figures to
  // whoever has waited for them.
  const followed = new Set();

  async function follow() {
    const name = collection;
    if (!one("#trial [data-running]") || followed.has(name)) return;
    followed.add(name);
    for (let running = true; running; ) {
      await new Promise((done) => setTimeout(done, 700));
      const [ok, text] = await fetched(at("/evaluate/job", { collection: name }));
      running = ok && text.includes("data-running");
      const line = name === collection && one("#trial");
      if (!line) continue;
      const held = line.contains(document.activeElement);
      if (ok) line.innerHTML = text;
      else tell(text);
      if (held) (one("button", line) ?? line).focus();
    }
    followed.delete(name);
    const end = name === collection && one("#trial");
    if (end) await look(one("[data-finished]", end)?.dataset.finished, false);
  }

  // Put a question among the sources, and go there.
  async function choose(run, row) {
    replay(run, row);
    one("#sheet").close();
    for (const until = Date.now() + 10000; Date.now() < until; ) {
      await new Promise((done) => setTimeout(done, 50));
      const found = one("#evaluated");
      if (found?.dataset.run !== run || found.dataset.row !== row) continue;
      found.scrollIntoView({ block: "start" });
      return found.focus({ preventScroll: true });
    }
  }

  return { open, listen };
})();
