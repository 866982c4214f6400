// An answer about cookies counts at once, without loading the page anew. Whatever goes
// wrong, the form is sent as it would have been without this script.
const ask = (address, body) =>
  fetch(address, { method: body ? "POST" : "GET", body, headers: { Accept: "application/json" } })
    .then((answer) => answer.ok && answer.json())
    .catch(() => null);

const settle = (granted) => {
  document.querySelectorAll(".asking, .asked[role]").forEach((old) => old.remove());
  document.querySelector(".foot .withdraw").hidden = !granted.length;
};

addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  // A second click, while the first is on its way, is stopped by the next script.
  if (!form.matches("[data-answer]") || form.dataset.sent) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  body.set(submitter.name, submitter.value);
  const said = await ask(form.action, body);
  if (!said?.text) {
    const pressed = document.createElement("input");
    Object.assign(pressed, { type: "hidden", name: submitter.name, value: submitter.value });
    form.append(pressed);
    return form.submit();
  }
  if (!said.kept) return location.replace(said.next);
  const line = document.createElement("p");
  Object.assign(line, { className: "asked", tabIndex: -1 });
  line.setAttribute("role", "status");
  settle(said.granted);
  if (form.isConnected) form.after(line);
  else document.body.prepend(line);
  line.textContent = said.text;
  line.focus();
});

// A page that the Back button brings from the browser's memory doesn't know the answer yet.
addEventListener("pageshow", async (event) => {
  const form = document.querySelector(".foot [data-answer]");
  if (!event.persisted || !form) return;
  const said = await ask(form.action.replace("/cookies", "/cookies/answered"));
  if (said?.kept) settle(said.granted);
});
