// Notices on this device: asks the browser, and hands over what it answers. Nothing is asked,
// registered or stored before the button is pressed. Without this script mails do the same.
const root = document.querySelector("[data-push]");
const WORKER = "/push.js";
const SCOPE = "/push/"; // where no page is: the worker has none to watch

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const digest = async (text) =>
  [...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");

const registered = () => navigator.serviceWorker.getRegistration(SCOPE);

const leave = async () => {
  const registration = await registered();
  const held = registration && (await registration.pushManager.getSubscription());
  if (held) await held.unsubscribe();
  if (registration) await registration.unregister();
};

const active = (registration) =>
  new Promise((resolve) => {
    const worker = registration.installing || registration.waiting;
    if (registration.active || !worker) return resolve();
    worker.addEventListener("statechange", () => worker.state === "activated" && resolve());
  });

const ask = async (key) => {
  const registration = await navigator.serviceWorker.register(WORKER, { scope: SCOPE });
  await active(registration);
  const options = { userVisibleOnly: true, applicationServerKey: toBytes(key) };
  try {
    return await registration.pushManager.subscribe(options);
  } catch (error) {
    if (error.name !== "InvalidStateError") throw error;
    // Of a time when the site had another key.
    const former = await registration.pushManager.getSubscription();
    if (former) await former.unsubscribe();
    return registration.pushManager.subscribe(options);
  }
};

const say = (name) =>
  root.querySelectorAll("[data-when]").forEach((words) => { words.hidden = words.dataset.when !== name; });

const begin = async () => {
  const form = root.querySelector("form");
  const button = form && form.querySelector("button");
  const registration = await registered();
  const held = registration && (await registration.pushManager.getSubscription());
  const mark = held && (await digest(held.endpoint));
  const rows = [...document.querySelectorAll("[data-device]")];
  const mine = rows.find((row) => row.dataset.device === mark);
  // Taken away elsewhere: the device forgets it too.
  if (registration && !mine) await leave();
  for (const row of mine ? [mine] : []) {
    row.querySelectorAll("[data-here]").forEach((words) => { words.hidden = false; });
    const off = row.querySelector("form");
    off.addEventListener("submit", async (event) => {
      event.preventDefault();
      await leave().catch(() => {});
      off.submit();
    });
  }
  if (!form || mine) return;
  form.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    say("");
    try {
      if ((await Notification.requestPermission()) !== "granted") {
        say("denied");
      } else {
        form.elements.subscription.value = JSON.stringify(await ask(root.dataset.push));
        form.submit();
        return;
      }
    } catch {
      await leave().catch(() => {});
      say("failed");
    }
    button.disabled = false;
  });
};

if (root && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  root.querySelectorAll("[data-no-push]").forEach((words) => { words.hidden = true; });
  begin().catch(() => say("failed"));
}
