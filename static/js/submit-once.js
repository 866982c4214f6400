// A second click on a slow line must not send a second order: the form goes once.
// The server refuses doubles too; this only spares people the message. After ten
// seconds, or when they come back with the Back button, they may send it again.
const again = (form) => {
  delete form.dataset.sent;
  form.querySelectorAll("[type=submit]").forEach((button) => button.removeAttribute("aria-disabled"));
};

addEventListener("submit", (event) => {
  const form = event.target;
  if ((event.submitter?.formMethod || form.method) !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-disabled", "true");
  setTimeout(again, 10000, form);
});

addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(again));
