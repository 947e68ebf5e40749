// A form of HTML knows GET and POST; one that names another method is sent here.
"use strict";
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const method = form.dataset.method;
  if (!method) return;
  event.preventDefault();
  const body = JSON.stringify(Object.fromEntries(new FormData(form, event.submitter)));
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  try {
    const answer = await fetch(form.action, { method, headers, body });
    if (answer.ok) location.reload();
    else form.querySelector("output").textContent = (await answer.json()).error.message;
  } catch (fault) {
    form.querySelector("output").textContent = String(fault);
  }
});
