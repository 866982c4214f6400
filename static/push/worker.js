// Shows what is pushed and opens its link. It keeps nothing, fetches nothing, and no page is its own.
self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data.json();
  } catch {
    // What can't be read is shown as no more than a sign that there is something.
  }
  const { title = location.hostname, text = "", url = "/", lang = "", tag = "notice" } = said;
  event.waitUntil(self.registration.showNotification(title, { body: text, lang, tag, data: url }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data || "/", location.origin);
  if (url.origin === location.origin) event.waitUntil(clients.openWindow(url.href));
});
