// The fold beside the question box: what is set in it is shown as chips, and goes along with every
// question until it is taken away.
window.spanwise.narrow = (() => {
  const { one, fetched, say } = window.spanwise;
  const WORDS = { after: "from", before: "to", path: "path", type: "type" };
  const inputs = () => [...document.querySelectorAll("#narrow [name]")];

  // What is set, as JSON.
  function fields() {
    const set = inputs().filter((input) => input.value.trim());
    return JSON.stringify(Object.fromEntries(set.map((input) => [input.name, input.value.trim()])));
  }

  function worded({ name, type, value }) {
    if (type !== "date") return `${WORDS[name]} ${value.trim()}`;
    const day = new Date(`${value}T00:00`);
    const said = { day: "numeric", month: "short", year: "numeric" };
    return `${WORDS[name]} ${day.toLocaleDateString("en-GB", said)}`;
  }

  function chips() {
    const made = inputs()
      .filter((input) => input.value.trim())
      .map((input) => {
        const textContent = worded(input);
        const button = Object.assign(document.createElement("button"), { type: "button", textContent });
        button.setAttribute("aria-label", `${textContent}: take away`);
        button.addEventListener("click", () => {
          input.value = "";
          chips();
          say(`${textContent} is taken away`);
          (one("#narrow .chips button") ?? one("#narrow summary")).focus();
        });
        const item = document.createElement("li");
        item.append(button);
        return item;
      });
    one("#narrow .chips").replaceChildren(...made);
  }

  // The types of the present collection; one that is chosen stays.
  async function types() {
    const collection = one("#collections [aria-pressed=true]")?.dataset.name ?? "";
    const [ok, text] = await fetched(`/documents/types?${new URLSearchParams({ collection })}`);
    const select = one("#narrow select");
    const chosen = select.value;
    const known = new Set([...(ok ? JSON.parse(text) : []), chosen].filter(Boolean));
    select.replaceChildren(new Option("any", ""), ...[...known].sort().map((type) => new Option(type, type)));
    select.value = chosen;
    one("#asking").scrollIntoView({ block: "nearest" }); // on a phone it does not stick while open
  }

  document.addEventListener("change", (event) => event.target.closest?.("#narrow") && chips());
  document.addEventListener(
    "toggle", // does not bubble
    (event) => event.target.closest?.("#narrow") && event.target.open && types(),
    true,
  );
  return { fields };
})();
