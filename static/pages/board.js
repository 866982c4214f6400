// The board by mouse or pen: drag a bar to another day or room, or its end to make it longer or
// shorter. It leads to the page that says what would change, and never changes anything itself.
// Fingers scroll; keyboards and screen readers use the links, which lead to the same page.
const table = document.querySelector("[data-board]");
const says = document.querySelector("[data-board-says]");
const EDGE = 8;
let drag = null;

const width = () => table.querySelector("thead tr:last-child th:nth-child(2)").getBoundingClientRect().width;
const rowAt = (x, y) =>
  document.elementsFromPoint(x, y).map((one) => one.closest?.("tr[data-unit]")).find(Boolean);
const isStay = (link) => link && !link.closest(".b-free, .b-block, .b-held, .b-left, .b-over");
const atEnd = (link, x) => link.getBoundingClientRect().right - x < EDGE && !link.closest(".b-after");

const letGo = () => {
  if (!drag) return;
  drag.link.classList.remove("is-dragged");
  drag.link.style.removeProperty("transform");
  drag.link.style.removeProperty("width");
  drag.row?.classList.remove("is-target");
  says.textContent = "";
  drag = null;
};

const move = (event) => {
  if (!drag) return;
  const by = event.clientX - drag.x, down = event.clientY - drag.y;
  if (!drag.moved && Math.hypot(by, down) < 6) return;
  drag.moved = true;
  drag.link.classList.add("is-dragged");
  drag.days = Math.round(by / width());
  drag.row?.classList.remove("is-target");
  if (drag.end) {
    drag.link.style.setProperty("width", `${Math.max(12, drag.width + by)}px`);
  } else {
    drag.row = rowAt(event.clientX, event.clientY) ?? drag.home;
    drag.row.classList.add("is-target");
    drag.link.style.setProperty("transform", `translate(${by}px, ${down}px)`);
  }
  const words = drag.end ? says.dataset.nights : says.dataset.days;
  says.textContent = words.replace("{n}", drag.days) + (drag.end ? "" : `, ${drag.row.cells[0].textContent}`);
};

const drop = (event) => {
  if (!drag) return;
  const { link, days, end, home, row, moved } = drag;
  letGo();
  if (!moved) return;
  // The click that follows is no wish to open the bar.
  const still = (click) => { click.preventDefault(); click.stopPropagation(); };
  addEventListener("click", still, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", still, true));
  const wish = new URLSearchParams(link.search), carried = wish.size;
  if (days) wish.set(end ? "longer" : "by", days);
  if (!end && row && row !== home) wish.set("unit", row.dataset.unit);
  if (event.type === "pointerup" && wish.size > carried) location.assign(`${link.pathname}/change?${wish}`);
};

if (table) {
  document.querySelector("[data-board-hint]").hidden = !matchMedia("(any-pointer: fine)").matches;
  table.addEventListener("dragstart", (event) => event.preventDefault());
  table.addEventListener("pointerdown", (event) => {
    const link = event.target.closest("td > a");
    if (event.button || event.pointerType === "touch" || !isStay(link)) return;
    const box = link.getBoundingClientRect();
    drag = {
      link, x: event.clientX, y: event.clientY, width: box.width, days: 0,
      end: atEnd(link, event.clientX), home: link.closest("tr"), row: null, moved: false,
    };
  });
  table.addEventListener("pointermove", (event) => {
    const link = event.target.closest?.("td > a");
    if (!drag && isStay(link)) link.classList.toggle("is-end", atEnd(link, event.clientX));
  });
  addEventListener("pointermove", move);
  addEventListener("pointerup", drop);
  addEventListener("pointercancel", letGo);
  addEventListener("blur", letGo);
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !drag) return;
    const still = (click) => { click.preventDefault(); click.stopPropagation(); };
    addEventListener("click", still, { capture: true, once: true });
    letGo();
  });
}

// Rooms and sessions have the same days: where one is scrolled to, the other goes along.
const areas = [...document.querySelectorAll(".board-scroll")];
let led = null;
for (const area of areas) {
  area.addEventListener("scroll", () => {
    const other = areas.find((one) => one !== area);
    if (led === area || !other || Math.abs(other.scrollLeft - area.scrollLeft) < 1) { led = null; return; }
    led = other;
    other.scrollLeft = area.scrollLeft;
  }, { passive: true });
}
