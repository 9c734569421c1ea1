// Takes the link's secret out of the address before anything else, and sends it nowhere but to our own start of the walk.
"use strict";

const secret = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const button = document.getElementById("go");
const problem = document.getElementById("problem");

/** Say what went wrong, and let the person try again where that can help. */
function tell(text, canRetry) {
  problem.textContent = text;
  problem.hidden = false;
  button.disabled = !canRetry;
}

async function go() {
  button.disabled = true;
  problem.hidden = true;
  try {
    const answer = await fetch(button.dataset.start, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ secret }),
    });
    const said = await answer.json();
    if (answer.ok) location.assign(said.address);
    else tell(said.message, answer.status >= 500);
  } catch {
    tell("We could not be reached. Check your connection and try again.", true);
  }
}

if (secret) {
  button.disabled = false;
  button.addEventListener("click", go);
} else {
  tell("This link is incomplete. Open it as it was given to you.", false);
}
