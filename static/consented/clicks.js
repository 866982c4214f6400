// Counts clicks on what templates mark with data-click. Only pages for people who agreed to
// statistics name this file. It sends the mark's name and nothing else, and stores nothing.
const to = document.currentScript.dataset.to.split("?")[0];

// A click from the keyboard is one too, and so is the Enter that sends a form. That on a
// label is left to the control that it goes on to.
addEventListener("click", ({ target }) => {
  const pressed = target instanceof Element && target.closest("a[href], button, summary, input, select");
  const marked = pressed && pressed.closest("[data-click]");
  if (!marked) return;
  const form = new FormData();
  form.set("click", marked.dataset.click);
  navigator.sendBeacon(to, form);
});
