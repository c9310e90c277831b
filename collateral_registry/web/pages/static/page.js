"use strict";
// Shows new events of breaches as they occur, and reads files into forms. Everything else works without a script.
const list = document.getElementById("events");
const notice = document.getElementById("news");
const SHOWN = 12;
let source = null;
let last = list ? list.dataset.after : "0";

function show(message) {
  const event = JSON.parse(message.data);
  const item = document.createElement("li");
  const link = document.createElement("a");
  const step = document.createElement("span");
  const what = document.createElement("span");
  item.className = "new";
  link.href = event.href;
  link.textContent = event.loan;
  step.className = "step";
  step.append(document.getElementById("level-" + event.level).content.cloneNode(true));
  what.className = "what";
  what.textContent = event.what;
  item.append(link, step, what);
  list.prepend(item);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  notice.hidden = false;
  last = message.lastEventId;
}

// Browsers open few connections to a host, so only a visible page keeps a stream open.
function follow() {
  if (document.hidden) {
    if (source) source.close();
    source = null;
  } else if (!source) {
    source = new EventSource("/events?after=" + last + "&commit=" + list.dataset.commit);
    source.onmessage = show;
  }
}

if (list && "commit" in list.dataset) {
  document.addEventListener("visibilitychange", follow);
  follow();
}

// A file chooser fills in a field of its form; without a script the field is filled in by hand.
for (const chooser of document.querySelectorAll("input[data-into]")) {
  chooser.closest("[data-reads]").hidden = false;
  chooser.addEventListener("change", async () => {
    if (chooser.files.length) document.getElementById(chooser.dataset.into).value = await chooser.files[0].text();
  });
}
