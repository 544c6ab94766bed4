// What a page of the studio does by itself: shows work that goes on as the server draws it, refuses uploads that are too
// large before they are sent. All that it puts into a page the server has escaped.
"use strict";

const PERIOD = 500; // ms between two looks at the work that goes on

async function follow(place) {
  for (;;) {
    await new Promise((go) => setTimeout(go, PERIOD));
    let found;
    try {
      const answer = await fetch(place.dataset.from, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      found = await answer.json();
    } catch {
      place.dataset.running = "lost";
      place.append("The studio does not answer; it was ended in its terminal, or its key has changed.");
      return;
    }
    if (!found.running) return location.reload(); // the rest of the page knows of it, too
    if (!place.contains(document.activeElement)) place.innerHTML = found.html;
  }
}

for (const place of document.querySelectorAll("[data-from]")) if (place.dataset.running) follow(place);

// Of points that lie on each other the one whose middle is nearest is meant; one that is only tried is picked as its line
// of the table is.
addEventListener("click", (event) => {
  let point = event.target.closest("#front svg a");
  if (!point) return;
  if (event.detail) { // a click, and no key
    const away = (each) => {
      const { x, y, width, height } = each.querySelector("circle").getBoundingClientRect();
      return Math.hypot(x + width / 2 - event.clientX, y + height / 2 - event.clientY);
    };
    point = [...point.ownerSVGElement.querySelectorAll("a")].reduce((a, b) => (away(b) <= away(a) ? b : a));
  }
  event.preventDefault();
  if (point.dataset.trial) document.querySelector(`#pick button[value="${point.dataset.trial}"]`).click();
  else location = point.getAttribute("href");
});

// What is sent once is not sent again while the answer is being made.
addEventListener("submit", ({ target, defaultPrevented }) => {
  if (target.method !== "post" || defaultPrevented) return;
  setTimeout(() => target.querySelectorAll("button").forEach((button) => (button.disabled = true)));
});
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

for (const form of document.querySelectorAll("form.upload"))
  form.onsubmit = (event) => {
    const files = [...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]);
    const size = files.reduce((sum, file) => sum + file.size, 0), most = Number(document.body.dataset.most);
    const told = form.querySelector(".missing");
    told.hidden = files.length > 0 && size < most;
    if (told.hidden) return;
    told.textContent = files.length
      ? `That is ${Math.round(size / 2 ** 20)} MB; an upload has at most ${Math.round(most / 2 ** 20)} MB. Give its path on this computer instead.`
      : "Choose a folder, or files.";
    event.preventDefault();
  };
