// Fetches the picture anew every five seconds. What is too old, or comes no more, is forgotten:
// it turns to unknown here, also where the server is not there to say so.
"use strict";
(() => {
  const EVERY = 5000, PATIENCE = 4000;
  const lasts = Number(document.body.dataset.lasts);
  const picture = () => document.querySelector("#picture");
  let heard = performance.now();
  let age = Number(picture().dataset.age);

  async function refresh() {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: stop.signal });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector("#picture");
      const nextAge = Number(next?.dataset.age ?? NaN);
      if (!(nextAge <= lasts)) return;
      const at = document.activeElement?.getAttribute("href");
      picture().replaceWith(document.adoptNode(next));
      if (at) document.querySelector(`#picture a[href="${CSS.escape(at)}"]`)?.focus();
      [heard, age] = [performance.now(), nextAge];
      document.body.classList.remove("lost");
    } catch {
      // No answer is told by the age below.
    } finally {
      clearTimeout(timer);
    }
  }

  function forget() {
    document.body.classList.add("lost");
    for (const each of picture().querySelectorAll("[data-standing]")) {
      if (each.closest("footer")) continue; // the legend
      each.dataset.standing = "unknown";
      each.querySelector("use")?.setAttribute("href", "#unknown");
    }
    for (const each of picture().querySelectorAll(".word")) each.textContent = document.body.dataset.unknown;
    for (const each of picture().querySelectorAll(".number")) each.textContent = "?";
  }

  function tick() {
    const old = age + (performance.now() - heard) / 1000;
    const shown = String(Math.floor(old));
    for (const each of document.querySelectorAll(".age, #lost-for")) each.textContent = shown;
    const isLost = !(old <= lasts);
    document.querySelector("#lost").hidden = !isLost;
    if (isLost && !document.body.classList.contains("lost")) forget();
  }

  setInterval(refresh, EVERY);
  setInterval(tick, 1000);
  tick();
})();
