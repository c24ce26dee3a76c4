// Arrow keys among many controls of one kind, of which the Tab key visits one only.
function rove(container, selector, { stride = 1 } = {}) {
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: stride, ArrowUp: -stride, Home: -Infinity, End: Infinity };
  const items = () => [...container.querySelectorAll(selector)];
  const settle = (current) => {
    const all = items();
    const chosen = all.includes(current) ? current : all.find((item) => item.tabIndex === 0) || all[0];
    for (const item of all) item.tabIndex = item === chosen ? 0 : -1;
  };
  container.addEventListener("focusin", (event) => { if (event.target.matches(selector)) settle(event.target); });
  container.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || !event.target.matches(selector)) return;
    const all = items();
    const place = Math.min(Math.max(all.indexOf(event.target) + steps[event.key], 0), all.length - 1);
    event.preventDefault();
    all[place].focus();
  });
  const refresh = () => items().forEach((item, i) => { item.tabIndex = i ? -1 : 0; });
  refresh();
  return refresh;
}
