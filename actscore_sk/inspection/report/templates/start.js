// What happens at the start, at a link into the rows, and while another process writes the page anew.
const tools = document.getElementById("tools");

function showRows(address) {
  const { verdicts, shown: kept } = state;
  readAddress(address);
  // a link chooses rows; what a reader has decided, and which columns they see, stays
  if (!address.includes("verdicts=")) state.verdicts = verdicts;
  if (!/(^|&)(show|hide)=/.test(address)) state.shown = kept;
  renew();
  remember();
  document.getElementById("desk").scrollIntoView();
}

function reloadLater() {
  setTimeout(() => {
    const isBusy = document.activeElement?.matches("input, select") || document.hidden;
    if (isBusy) reloadLater();
    else location.reload();
  }, 1000 * data.reload);
}

buildFilters();
buildColumns();
buildExports();
buildTable();
table.caption.firstElementChild.textContent = "Rows, those to look at first on top; click on the head of a column to sort";
tools.hidden = false;
tools.open = innerWidth >= 700;
if (document.getElementById("confusion")) rove(document.getElementById("confusion"), "a");
readAddress(location.hash.slice(1));
if (!state.filters.size && TARGET >= 0 && emptyFilter(TARGET).level === "") state.filters.set(TARGET, emptyFilter(TARGET));
renew();
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.view");
  if (!link || !link.hash.includes("=")) return;
  event.preventDefault();
  showRows(link.hash.slice(1));
});
addEventListener("hashchange", () => {
  if (location.hash.includes("=")) showRows(location.hash.slice(1)); // else it is the name of a section
});
if (location.hash.includes("=") && !data.reload) document.getElementById("desk").scrollIntoView();
if (data.reload) reloadLater();
