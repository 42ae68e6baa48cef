// The page: inputs, tabs, and the clock that both sides share.

const data = JSON.parse(byId("data").textContent);
byId("title").textContent = data.title;

const sweeps = new Sweeps(data);
let inputs = data.cells.slice(0, data.inputs).map((c) => parsed(c.value));
sweeps.fill(traced(data, inputs));
const sides = { forward: new Side(byId("forward"), sweeps), reverse: new Side(byId("reverse"), sweeps) };
const order = new OrderView(data);
new ChainView(data);

// The code, with the lines that both sides are at
const lines = (data.source ?? []).map((line) => element("span", { class: "line" }, `${line}\n`));
byId("source").hidden = lines.length === 0;
byId("source").querySelector("pre").append(...lines);
if (window.matchMedia("(max-width: 700px)").matches) byId("source").open = false;

let now = 0;
let clock = null;
const scrub = byId("scrub");
scrub.max = String(sweeps.last);

function go(t) {
  now = Math.max(0, Math.min(t, sweeps.last));
  scrub.value = String(now);
  byId("step").textContent = `${now} of ${sweeps.last}`;
  const at = { forward: showForward(sides.forward, now), reverse: showReverse(sides.reverse, now) };
  lines.forEach((line) => line.classList.remove("forward", "reverse"));
  for (const [side, k] of Object.entries(at)) if (k >= 0) lines[data.cells[k].line]?.classList.add(side);
  byId("back").disabled = byId("start").disabled = now === 0;
  byId("next").disabled = byId("end").disabled = now === sweeps.last;
  if (now === sweeps.last) pause();
}

function pause() {
  clearInterval(clock);
  clock = null;
  byId("play").textContent = "Play";
}

function play() {
  if (clock !== null) return pause();
  if (now === sweeps.last) go(0);
  byId("play").textContent = "Pause";
  clock = setInterval(() => go(now + 1), Number(byId("speed").value));
}

// A press on a button that becomes disabled must not lose the keyboard.
function press(id, action) {
  byId(id).addEventListener("click", () => {
    action();
    if (byId(id).disabled) byId("play").focus();
  });
}

press("play", play);
press("start", () => go(0));
press("back", () => go(now - 1));
press("next", () => go(now + 1));
press("end", () => go(sweeps.last));
scrub.addEventListener("input", () => go(Number(scrub.value)));
byId("speed").addEventListener("change", () => {
  if (clock !== null) {
    pause();
    play();
  }
});

const KEYS = { ArrowRight: () => go(now + 1), ArrowLeft: () => go(now - 1), Home: () => go(0), End: () => go(sweeps.last), " ": play };
document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("input, select, summary, [role=tab], [role=button]");
  const pressed = event.target.closest("button") && event.key === " ";
  if (busy || pressed || byId("steps").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  const action = KEYS[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

// The inputs
const fields = inputs.map((x, k) => {
  const label = element("label", {}, "");
  const field = element("input", { inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-label": data.cells[k].formula });
  field.value = String(x);
  field.disabled = !data.code;
  field.addEventListener("input", change);
  label.append(element("code", {}, data.cells[k].formula), field);
  byId("inputs").append(label);
  return field;
});
byId("inputs").addEventListener("submit", (event) => event.preventDefault());
if (!data.code) byId("notice").textContent = `The inputs cannot be changed here: ${data.why}.`;

function change() {
  const given = fields.map((field) => (field.value.trim() === "" ? NaN : Number(field.value.trim().replace("−", "-"))));
  fields.forEach((field, k) => field.setAttribute("aria-invalid", String(Number.isNaN(given[k]))));
  if (given.some(Number.isNaN)) {
    byId("notice").textContent = "This is no number. The page shows the last inputs that were.";
    return;
  }
  const trace = traced(data, given);
  if (trace.left !== null) {
    byId("notice").textContent = `Here the code takes another branch than the one in this page (${trace.left}). The page shows the last inputs that took this one.`;
    return;
  }
  byId("notice").textContent = "";
  inputs = given;
  sweeps.fill(trace);
  order.fill(trace);
  go(now);
}

// The tabs
const tabs = [...document.querySelectorAll("[role=tab]")];
function select(tab) {
  for (const other of tabs) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
  if (byId("steps").hidden) pause();
}
tabs.forEach((tab, k) => {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", (event) => {
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!side) return;
    const next = tabs[(k + side + tabs.length) % tabs.length];
    select(next);
    next.focus();
    event.preventDefault();
  });
});

order.fill(sweeps.trace);
go(0);
