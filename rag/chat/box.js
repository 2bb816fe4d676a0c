// The question box: what is asked is taken out of it at once, what is typed next stays in it, and a
// question that the full queue does not take, or no server, comes back. And what a page says of
// itself when it asks, and aloud when it is answered.
window.spanwise.box = (() => {
  const { one, say, UNREACHED } = window.spanwise;
  const WHY = {
    401: "The server asks for its token: load the page again.",
    503: "Too many questions are waiting just now. Ask again in a moment.",
  };
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
    const joins = String(asked[0]?.url ?? asked[0]).includes("/queue/join");
    try {
      const answer = await plainFetch(...asked);
      if (joins && !answer.ok) refused(questionIn(asked), WHY[answer.status] ?? UNREACHED);
      return answer;
    } catch (error) {
      if (joins) refused(questionIn(asked), UNREACHED);
      throw error;
    }
  };

  // What is asked by an event; "" if it is another one. No other has as many parts.
  function questionIn(asked) {
    const { data = [], event_data: sent } = JSON.parse(asked[1]?.body ?? "{}");
    return (data.length === 4 ? data[1] : sent?.act === "ask" && sent.text) || "";
  }

  function refused(question, why) {
    const kept = Boolean(question) && (!field().value || field().value === question);
    if (kept) fill(question);
    const line = one("#refused") ?? Object.assign(document.createElement("p"), { id: "refused", className: "trouble" });
    line.setAttribute("role", "alert");
    line.textContent = why + (kept || !question ? "" : ` Not asked: “${question}”`);
    one("#asking").append(line);
  }

  // What the page shows, for a server that does not know it: one that has been started anew.
  function here() {
    const { collection = "", talk, n } = one("#side-done")?.dataset ?? {};
    return JSON.stringify({ collection, conversation: Number(talk) || null, followed: Number(n) || 0 });
  }

  const telling = (given) => [...given.slice(0, -1), here()];

  // When the page is loaded again in this tab it shows the same, and what was typed stands in the
  // box: Gradio does so by itself once a server that was gone is back. A browser may forbid it.
  function stored(name, text) {
    try {
      if (text === undefined) return sessionStorage.getItem(`spanwise-${name}`);
      sessionStorage.setItem(`spanwise-${name}`, text);
    } catch {
      return null;
    }
  }

  addEventListener("pagehide", () => {
    stored("box", field()?.value ?? "");
    stored("unanswered", [...document.querySelectorAll("#thread .turn")].filter(waits).map(wording).pop() ?? "");
  });
  const kept = () => stored("box");
  const keep = () => one("#side-done") && stored("here", here());

  const wording = (turn) => one(".asked", turn).textContent;
  const waits = (turn) => !one(".said .answer, .trouble", turn);

  // The question that waited when the page was loaded again, if nothing came of it that is shown.
  let missed = stored("unanswered");
  stored("unanswered", ""); // a copy of the tab has not missed it

  function putBack(turns) {
    if (!missed || !one("#side-done")) return;
    if (![...turns].map(wording).includes(missed)) refused(missed, "The page was loaded again before the answer came.");
    missed = "";
  }

  let waiting = new Set(); // the turns without an answer

  // Those who do not see the page hear what a question was answered with.
  function tell(turns) {
    const before = waiting;
    waiting = new Set();
    for (const turn of turns) {
      const name = `${turn.dataset.turn} ${wording(turn)}`;
      const answer = one(".said .answer", turn);
      if (waits(turn)) waiting.add(name);
      else if (answer && before.has(name)) {
        say(answer.matches(".none") ? answer.textContent : `Answer: ${one("span", answer).textContent}`);
      }
    }
  }

  return { fill, taken, here, telling, kept, keep, putBack, tell };
})();
