// Forward and reverse mode, step by step: what each has computed, stored and spent after `t` steps.

class Sweeps {
  constructor(data) {
    this.data = data;
    this.inputs = data.inputs;
    this.size = data.cells.length;
    this.length = Math.max(this.size - this.inputs, 1);
    this.outputs = data.outputs.map((o) => o.cell);
    this.incoming = data.cells.map(() => []);
    data.links.forEach(([, target], k) => this.incoming[target].push(k));
    this.lastRead = data.cells.map((_, c) => (this.outputs.includes(c) ? this.size : -1));
    for (const [source, target] of data.links) this.lastRead[source] = Math.max(this.lastRead[source], target);
    this.ends = { forward: this.length * this.inputs, reverse: this.length * (1 + this.outputs.length) };
    this.last = Math.max(this.ends.forward, this.ends.reverse);
    this.forwards = this.counted((t) => this.forwardCost(t), this.ends.forward);
    this.reverses = this.counted((t) => this.reverseCost(t), this.ends.reverse);
  }

  // For other inputs
  fill(trace) {
    this.trace = trace;
    this.tangents = [];
    for (let j = 0; j < this.inputs; j++) {
      const dv = new Array(this.size).fill(0);
      dv[j] = 1;
      for (let k = this.inputs; k < this.size; k++) {
        for (const l of this.incoming[k]) dv[k] = sum(dv[k], product(trace.partials[l], dv[this.data.links[l][0]]));
      }
      this.tangents.push(dv);
    }
  }

  // Adjoints for output `i` after `done` operations were swept; null for what no gradient has come to
  adjoints(i, done) {
    const found = new Array(this.size).fill(null);
    if (this.outputs[i] >= 0) found[this.outputs[i]] = 1;
    for (let k = this.size - 1; k >= Math.max(this.size - done, this.inputs); k--) {
      for (const l of this.incoming[k]) {
        const source = this.data.links[l][0];
        found[source] = sum(found[source], product(found[k], this.trace.partials[l]));
      }
    }
    return found;
  }

  // Which pass it is, counted from 0, and how many of its steps are done; a pass that is complete is still shown.
  forwardAt(t) {
    t = Math.min(t, this.ends.forward);
    const pass = t === 0 ? 0 : Math.ceil(t / this.length) - 1;
    return { pass, done: t - pass * this.length, columns: Math.floor(t / this.length) };
  }

  reverseAt(t) {
    t = Math.min(t, this.ends.reverse);
    if (t <= this.length) return { sweep: -1, done: t, rows: 0 };
    const after = t - this.length;
    const sweep = Math.ceil(after / this.length) - 1;
    return { sweep, done: after - sweep * this.length, rows: Math.floor(after / this.length) };
  }

  forwardCost(t) {
    const { done } = this.forwardAt(t);
    const k = this.inputs + done - 1;
    let stored = 0;
    for (let c = 0; c <= k && c < this.size; c++) stored += this.lastRead[c] > k ? 2 : 0;
    return { spent: t === 0 || k >= this.size ? 0 : 1 + this.incoming[k].length, stored };
  }

  reverseCost(t) {
    const { sweep, done } = this.reverseAt(t);
    if (sweep < 0) {
      const k = this.inputs + done - 1;
      return { spent: t === 0 || k >= this.size ? 0 : 1, stored: Math.min(this.inputs + done, this.size) };
    }
    const k = this.size - done;
    const reached = new Set(this.outputs[sweep] >= 0 && this.outputs[sweep] < k ? [this.outputs[sweep]] : []);
    for (let c = this.size - 1; c >= Math.max(k, this.inputs); c--) {
      for (const l of this.incoming[c]) if (this.data.links[l][0] < k) reached.add(this.data.links[l][0]);
    }
    return { spent: k < this.inputs ? 0 : this.incoming[k].length, stored: this.size + reached.size };
  }

  // Running sums of the operations, and what is stored, after each step
  counted(cost, last) {
    const found = [];
    let operations = 0;
    let most = 0;
    for (let t = 0; t <= last; t++) {
      const { spent, stored } = cost(t);
      operations += spent;
      most = Math.max(most, stored);
      found.push({ operations, stored, most });
    }
    return found;
  }
}

const times = (a, b) => `${shown(a ?? 0)} · ${shown(b ?? 0)}`;

// One of the two sides of the page
class Side {
  constructor(root, sweeps) {
    this.sweeps = sweeps;
    this.data = sweeps.data;
    this.root = root;
    this.status = root.querySelector(".status");
    this.box = root.querySelector(".trace");
    this.rows = this.data.cells.map((cell) => {
      const row = element("tr");
      const name = element("td");
      name.append(element("code", {}, `${cell.name} = ${cell.formula}`));
      row.append(name, element("td", { class: "number" }), element("td", { class: "number" }));
      root.querySelector(".trace tbody").append(row);
      return row;
    });
    this.entries = jacobianTable(root.querySelector(".jacobian table"), this.data);
  }

  // current: the cell being worked on, or -1; value and derivative: what stands in a row, null for nothing yet
  show(current, value, derivative, entry, counts, words) {
    this.rows.forEach((row, k) => {
      row.className = k === current ? "current" : k < this.data.inputs ? "input" : "";
      put(row.cells[1], value(k));
      put(row.cells[2], derivative(k));
    });
    this.entries.forEach((row, i) => row.forEach((cell, j) => put(cell, entry(i, j))));
    for (const name of ["operations", "stored", "most"]) {
      this.root.querySelector(`[data-count=${name}]`).textContent = String(counts[name]);
    }
    this.status.textContent = words;
    const row = this.rows[Math.max(current, 0)];
    const middle = row.offsetTop - this.box.clientHeight / 2;
    this.box.scrollTop = Math.max(0, middle);
  }
}

function jacobianTable(table, data) {
  const head = element("tr");
  head.append(element("td"));
  for (let j = 0; j < data.inputs; j++) head.append(element("th", { scope: "col" }, data.cells[j].formula));
  table.tHead.append(head);
  return data.outputs.map((output) => {
    const row = element("tr");
    row.append(element("th", { scope: "row" }, output.name));
    const cells = Array.from({ length: data.inputs }, () => element("td", { class: "number" }));
    row.append(...cells);
    table.tBodies[0].append(row);
    return cells;
  });
}

function showForward(side, t) {
  const { sweeps, data } = side;
  const { pass, done, columns } = sweeps.forwardAt(t);
  const seen = sweeps.inputs + done;
  const current = done > 0 && seen <= sweeps.size ? seen - 1 : -1;
  const dv = sweeps.tangents[pass];
  const entry = (i, j) => (j < columns ? (sweeps.outputs[i] < 0 ? 0 : sweeps.tangents[j][sweeps.outputs[i]]) : null);
  let words = `Pass ${pass + 1} of ${sweeps.inputs}, in the direction of ${data.cells[pass].formula}. `;
  if (t >= sweeps.ends.forward) words += "All columns are there.";
  else if (current >= 0) {
    const terms = sweeps.incoming[current].map((l) => times(sweeps.trace.partials[l], dv[data.links[l][0]])).join(" + ");
    words += `The tangent of ${data.cells[current].name} is ${terms} = ${shown(dv[current])}.`;
  } else words += `Its tangent is 1, those of the other inputs are 0.`;
  side.show(
    current,
    (k) => (k < seen ? sweeps.trace.values[k] : null),
    (k) => (k < seen ? dv[k] : null),
    entry,
    sweeps.forwards[Math.min(t, sweeps.ends.forward)],
    words,
  );
  return current;
}

function showReverse(side, t) {
  const { sweeps, data } = side;
  const { sweep, done, rows } = sweeps.reverseAt(t);
  const recording = sweep < 0;
  const seen = recording ? sweeps.inputs + done : sweeps.size;
  const current = recording ? (done > 0 && seen <= sweeps.size ? seen - 1 : -1) : Math.max(sweeps.size - done, sweeps.inputs);
  const adjoints = recording ? null : sweeps.adjoints(sweep, done);
  const entry = (i, j) => (i < rows ? sweeps.adjoints(i, sweeps.length)[j] ?? 0 : null);
  let words;
  if (recording) {
    words = current < 0 ? "First the function is run, and all values are kept." : `Recording: ${data.cells[current].name} is kept.`;
  } else {
    const sent = current >= sweeps.size ? "" : sweeps.incoming[current]
      .map((l) => `${times(adjoints[current], sweeps.trace.partials[l])} to ${data.cells[data.links[l][0]].name}`)
      .join(", ");
    words = `Sweep ${sweep + 1} of ${sweeps.outputs.length}, for ${data.outputs[sweep].name}. `;
    words += t >= sweeps.ends.reverse ? "All rows are there." : sent ? `${data.cells[current].name} sends ${sent}.` : "";
  }
  const reached = (k) => !recording && (k >= current || adjoints[k] !== null || done >= sweeps.length);
  side.show(
    current,
    (k) => (k < seen ? sweeps.trace.values[k] : null),
    (k) => (reached(k) ? adjoints[k] ?? 0 : null),
    entry,
    sweeps.reverses[Math.min(t, sweeps.ends.reverse)],
    words,
  );
  return current;
}
