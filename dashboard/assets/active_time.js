// See dashboard/active_time.py. One watcher a tab; the component's function runs again whenever its data changes.
const NAME = "touchstoneActiveTime";
const PRESSABLE = "button:focus-visible, a:focus-visible, summary:focus-visible, [role=button]:focus-visible";

function isTyping(event) {
  return event.composedPath().some((node) => node.matches?.("input, textarea, select, [contenteditable=true]"));
}

function begin(idle) {
  const stop = new AbortController();
  const watcher = { report: () => {}, asked: 0, stop: () => stop.abort() };
  let last = performance.now();
  let since = null;
  let paused = 0;

  function resume() {
    const now = performance.now();
    if (since === null && now - last > idle) since = last + idle;
    last = now;
    if (since === null) return;
    paused += now - since;
    since = null;
    watcher.report(Math.round(paused) / 1000);
  }

  function shownOrHidden() {
    if (!document.hidden) return resume();
    since ??= Math.min(performance.now(), last + idle);
  }

  function keyPressed(event) {
    resume();
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.repeat && (event.key.length === 1 || event.key === "Enter")) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (event.key === "Enter" && document.activeElement?.matches(PRESSABLE)) {
      event.stopImmediatePropagation(); // the button that the keyboard is on, not the page's Enter
    }
  }

  const options = { capture: true, passive: true, signal: stop.signal };
  for (const kind of ["pointerdown", "pointermove", "wheel", "touchstart"]) window.addEventListener(kind, resume, options);
  window.addEventListener("keydown", keyPressed, { capture: true, signal: stop.signal });
  document.addEventListener("visibilitychange", shownOrHidden, { signal: stop.signal });
  return watcher;
}

function putCursor(label, tries = 20) {
  const field = [...document.querySelectorAll("textarea, input")].find((node) => node.ariaLabel === label);
  if (field) field.focus();
  else if (tries > 0) setTimeout(() => putCursor(label, tries - 1), 25);
}

export default function ({ data, setStateValue }) {
  const watcher = (window[NAME] ??= begin(data.idle_seconds * 1000));
  watcher.report = (paused) => setStateValue("paused", paused);
  if (data.focus && data.ask !== watcher.asked) {
    watcher.asked = data.ask;
    putCursor(data.focus);
  }
  return () => {
    if (window[NAME] !== watcher) return;
    watcher.stop();
    delete window[NAME];
  };
}
