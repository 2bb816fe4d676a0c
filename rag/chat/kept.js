// What the user has opened and typed stays so.
window.spanwise.kept = (() => {
  const { one } = window.spanwise;
  const [FOLDS, TITLES] = ["#thread details, #conversations details", "#conversations form input"];

  // Gradio makes a part of the page anew by changing its elements one by one in their order, so that
  // a fold closes, and what is typed in the row of one conversation may come to stand in another's.
  const opened = new Set(); // the folds that the user has opened
  let titled = null; // the conversation whose title has the focus
  let typed = {}; // a title that has not been taken: {id, text}, and once sent the one it `was`

  function known(fold) {
    const turn = fold.closest(".turn");
    const of = turn ? [turn.dataset.message, one(".asked", turn).textContent] : [one("form", fold)?.dataset.id];
    return JSON.stringify([fold.className, ...of]);
  }

  function watch() {
    document.addEventListener("click", (event) => {
      const fold = event.target.closest?.("summary")?.parentElement;
      if (fold?.matches(FOLDS)) opened[fold.open ? "delete" : "add"](known(fold));
    }, true);
    document.addEventListener("focusin", ({ target }) => (titled = target.matches(TITLES) ? target.form.dataset.id : null));
    document.addEventListener("input", ({ target }) => {
      if (target.matches(TITLES)) typed = { id: target.form.dataset.id, text: target.value };
    });
  }

  function putBack() {
    for (const fold of document.querySelectorAll(FOLDS)) {
      if (!fold.open && opened.has(known(fold))) fold.open = true;
    }
    const held = document.activeElement;
    const [astray, from, to] = [held.matches(TITLES) && held.form.dataset.id !== titled, held.selectionStart, held.selectionEnd];
    const wanted = titled;
    for (const title of document.querySelectorAll(TITLES)) {
      const { id } = title.form.dataset;
      if (id === typed.id && typed.was !== undefined && title.defaultValue !== typed.was) typed = {};
      const text = id === typed.id ? typed.text : title.defaultValue;
      if (title.value !== text) title.value = text;
      if (!astray || id !== wanted) continue;
      title.focus({ preventScroll: true });
      title.setSelectionRange(from, to);
    }
  }

  // A title has been sent: it is half typed until the server shows another one than before.
  function sent(form) {
    if (form.dataset.id === typed.id) typed.was = one("input", form).defaultValue;
  }

  return { watch, putBack, sent };
})();
