// The instructions of a program of scalars, and how the page writes numbers and elements.

const rint = (a) => {
  const r = Math.round(a);
  return Math.abs(a % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};

const PRIMITIVES = {
  fadd: (a, b) => a + b,
  fsub: (a, b) => a - b,
  fmul: (a, b) => a * b,
  fdiv: (a, b) => a / b,
  fneg: (a) => -a,
  fabs: Math.abs,
  fmod: (a, b) => a % b,
  // The C library's: 1 to whatever power is 1
  pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b)),
  exp2: (a) => Math.pow(2, a),
  copysign: (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)),
  rint,
  uitofp: Number,
  select: (c, a, b) => (c ? a : b),
  and: (a, b) => a && b,
  or: (a, b) => a || b,
  xor: (a, b) => a !== b,
  oeq: (a, b) => a === b,
  une: (a, b) => a !== b,
  olt: (a, b) => a < b,
  ole: (a, b) => a <= b,
  ogt: (a, b) => a > b,
  oge: (a, b) => a >= b,
  uno: (a, b) => Number.isNaN(a) || Number.isNaN(b),
};
for (const name of ["exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
  "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "atan2", "hypot", "sqrt", "floor", "ceil", "trunc"]) {
  PRIMITIVES[name] = Math[name];
}

const parsed = (x) => (typeof x === "string" ? Number(x) : x);

// All values of a program for such inputs.
function evaluate(code, inputs) {
  const found = [];
  for (const [op, ...args] of code) {
    if (op === "input") found.push(inputs[args[0]]);
    else if (op === "constant") found.push(parsed(args[0]));
    else found.push(PRIMITIVES[op](...args.map((k) => found[k])));
  }
  return found;
}

// A partial; null where the operation chose another argument, so that nothing passes, not even 0 times infinity.
const unlessPassed = (d, chosen) => (chosen && d === 0 ? null : d);
const product = (a, b) => (a === null || b === null ? null : a * b);
const sum = (a, b) => (a === null ? b : b === null ? a : a + b);

// Values, partials and results for such inputs; `left` is the line of a branch that they would leave.
function traced(data, inputs) {
  if (!data.code) {
    return {
      values: data.cells.map((c) => parsed(c.value)),
      partials: data.links.map(([, , d, , chosen]) => unlessPassed(parsed(d), chosen)),
      results: data.outputs.map((o) => parsed(o.value)),
      left: null,
    };
  }
  const found = evaluate(data.code, inputs);
  const other = data.guards.find(([k, expected]) => !Object.is(found[k], parsed(expected)) && found[k] !== parsed(expected));
  return {
    values: data.cells.map((c) => Number(found[c.at])),
    partials: data.links.map(([, , , at, chosen]) => unlessPassed(Number(found[at]), chosen)),
    results: data.outputs.map((o) => Number(found[o.at])),
    left: other ? other[2] || "a comparison" : null,
  };
}

function shown(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 1e6 || size < 1e-4 ? x.toExponential(4).replace(/\.?0+e/, "e") : String(Number(x.toPrecision(6)));
  return text.replaceAll("-", "−");
}

const byId = (id) => document.getElementById(id);

// An element with attributes and text; text is never markup.
function element(name, attributes = {}, text = "", space = null) {
  const made = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== "") made.textContent = text;
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
const drawn = (name, attributes, text = "") => element(name, attributes, text, SVG);

// A number in an element, all of it for those who look: tests, and pointers that rest there.
function put(cell, x) {
  cell.textContent = x === null ? "" : shown(x);
  if (x === null) cell.removeAttribute("data-value");
  else cell.setAttribute("data-value", String(x));
}
