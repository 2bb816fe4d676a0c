// The question box: what is asked is taken out of it at once, what is typed next stays in it, and a
// question that the full queue does not take comes back.
window.spanwise.box = (() => {
  const { one } = window.spanwise;
  const FULL = "Too many questions are waiting just now. Ask again in a moment.";
  const field = () => one("#box textarea");

  function fill(text) {
    const box = field();
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Gradio reads the box a moment after Enter: what stood in it when it was pressed is asked, and
  // letters typed since then are not asked, nor lost.
  let pressed = []; // {text, at}
  const MOMENT = 2000;

  function press() {
    const text = field()?.value;
    if (text) pressed.push({ text, at: Date.now() });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && event.target === field()) press();
  }, true);
  document.addEventListener("click", (event) => event.target.closest?.("#box button") && press(), true);

  // What Gradio sends when it finds `found` in the box.
  function taken(found) {
    const now = field().value;
    pressed = pressed.filter(({ at }) => Date.now() - at < MOMENT);
    const [first] = pressed.splice(0, 1);
    const text = first && now.startsWith(first.text) ? first.text : found;
    if (now.startsWith(text)) fill(now.slice(text.length));
    for (const each of pressed) if (each.text.startsWith(text)) each.text = each.text.slice(text.length);
    one("#refused")?.remove();
    return [text, window.spanwise.narrow.fields()];
  }

  const plainFetch = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await plainFetch(...asked);
    if (answer.status === 503 && String(asked[0]?.url ?? asked[0]).includes("/queue/join")) {
      const { data = [], event_data: sent } = JSON.parse(asked[1]?.body ?? "{}");
      refused(data.find((part) => typeof part === "string") || sent?.text || "");
    }
    return answer;
  };

  function refused(question) {
    const kept = Boolean(question) && (!field().value || field().value === question);
    if (kept) fill(question);
    const line = one("#refused") ?? Object.assign(document.createElement("p"), { id: "refused", className: "trouble" });
    line.setAttribute("role", "alert");
    line.textContent = FULL + (kept || !question ? "" : ` Not asked: “${question}”`);
    one("#asking").append(line);
  }

  return { fill, taken };
})();
