/* A page of which a part did not arrive, or that was refused, is asked for again: three times, then by hand. */

(() => {
  const KEY = "retries", MOST = 3, SECONDS = 3;
  let failed = false;

  /** How often this page was asked for again; the most where nothing can be kept. */
  function tried() {
    try { return Number(sessionStorage.getItem(KEY) ?? 0); } catch { return MOST; }
  }

  function keep(/** @type {number} */ times) {
    try { if (times) sessionStorage.setItem(KEY, String(times)); else sessionStorage.removeItem(KEY); } catch { /* then by hand */ }
  }

  function ask() {
    const box = document.getElementById("retry");
    if (failed || !box) return;
    failed = true;
    box.classList.remove("late");
    box.setAttribute("role", "alert");
    const said = document.createElement("p");
    if (box.dataset.failed) box.prepend(box.dataset.failed);
    box.prepend(said);
    const times = tried();
    if (times >= MOST) { keep(0); return; }
    keep(times + 1);
    let left = SECONDS * 2 ** times;
    const count = () => { said.textContent = (box.dataset.counting ?? "").replace("{seconds}", String(left)); };
    count();
    const clock = setInterval(() => { left -= 1; count(); if (left <= 0) { clearInterval(clock); location.reload(); } }, 1000);
  }

  addEventListener("error", (error) => { if (error.target instanceof HTMLScriptElement) ask(); }, true);
  addEventListener("load", () => { if (document.body.dataset.busy !== undefined) ask(); else if (!failed) keep(0); });
})();
