// Passkeys. A form with data-passkey asks that address for a challenge, has the device answer it,
// and goes off like any other form. Without this script, or without passkeys, it stays hidden.
const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const read = (options) => {
  const { allowCredentials = [], excludeCredentials = [], user } = options;
  options.challenge = toBytes(options.challenge);
  if (user) user.id = toBytes(user.id);
  for (const known of [...allowCredentials, ...excludeCredentials]) known.id = toBytes(known.id);
  return options;
};

// By hand: what browsers have for it is young, and some stores of passwords break it.
const write = ({ id, rawId, type, response }) => {
  const said = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
    if (response[name]) said[name] = toText(response[name]);
  return JSON.stringify({ id, rawId: toText(rawId), type, response: said, clientExtensionResults: {} });
};

const use = async (form) => {
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.dataset.passkey, { method: "POST", body, headers: { Accept: "application/json" } });
  // Asked to say first who it is, or to sign in again.
  if (answer.redirected) return location.assign(answer.url);
  const { options, ticket } = await answer.json();
  const publicKey = read(options);
  const made = await navigator.credentials[publicKey.user ? "create" : "get"]({ publicKey });
  form.elements.credential.value = write(made);
  form.elements.ticket.value = ticket;
  form.submit();
};

const show = (form, name) =>
  form.querySelectorAll("[data-when]").forEach((words) => { words.hidden = words.dataset.when !== name; });

for (const form of window.PublicKeyCredential ? document.querySelectorAll("[data-passkey]") : []) {
  const button = form.querySelector("[type=button]");
  form.hidden = false;
  form.parentNode.querySelectorAll("[data-no-passkeys]").forEach((words) => { words.hidden = true; });
  button.addEventListener("click", async () => {
    button.disabled = true;
    show(form, "");
    try {
      await use(form);
    } catch (error) {
      show(form, error.name === "InvalidStateError" ? "known" : "failed");
    }
    button.disabled = false;
  });
}
