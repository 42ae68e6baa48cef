// Vertex elimination: the linearised graph, the orders, and what they cost.

class Linearised {
  constructor(data) {
    this.data = data;
    this.count = data.graph.places.length;
    this.results = data.graph.results;
    const kept = new Set(this.results);
    this.middle = [];
    for (let k = data.inputs; k < this.count; k++) if (!kept.has(k)) this.middle.push(k);
    this.reset();
  }

  reset(partials = this.partials) {
    this.partials = partials;
    this.after = Array.from({ length: this.count }, () => new Map());
    this.before = Array.from({ length: this.count }, () => new Set());
    this.done = [];
    this.multiplications = 0;
    if (!partials) return;
    this.data.links.forEach(([a, b], k) => this.join(a, b, partials[k]));
    this.data.outputs.forEach((o, i) => {
      if (this.results[i] >= 0 && this.results[i] !== o.cell) this.join(o.cell, this.results[i], 1);
    });
  }

  join(a, b, d) {
    this.after[a].set(b, sum(this.after[a].get(b) ?? null, d));
    this.before[b].add(a);
  }

  cost(k) {
    return this.before[k].size * this.after[k].size;
  }

  eliminate(k) {
    this.multiplications += this.cost(k);
    for (const a of this.before[k]) {
      const d = this.after[a].get(k);
      this.after[a].delete(k);
      for (const [b, e] of this.after[k]) this.join(a, b, product(d, e));
    }
    for (const b of this.after[k].keys()) this.before[b].delete(k);
    this.before[k].clear();
    this.after[k].clear();
    this.done.push(k);
  }

  left() {
    return this.middle.filter((k) => !this.done.includes(k));
  }

  cheapest() {
    return this.left().reduce((best, k) => (best < 0 || this.cost(k) < this.cost(best) ? k : best), -1);
  }

  // What an order costs from the start
  static price(data, partials, next) {
    const graph = new Linearised(data);
    graph.reset(partials);
    while (graph.done.length < graph.middle.length) graph.eliminate(next(graph));
    return graph.multiplications;
  }
}

const ORDERS = {
  forward: (graph) => graph.left()[0],
  reverse: (graph) => graph.left().at(-1),
  greedy: (graph) => graph.cheapest(),
};

// How far an edge is bent, up or down, to keep clear of the other vertices
function clearest([[x0, y0], [x1, y1]], others) {
  let best = [-1, 0];
  for (const bow of [0, -60, 60, -110, 110, -170, 170]) {
    let distance = 40;
    for (let t = 0.1; t < 0.95; t += 0.1) {
      const [px, py] = [x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + 2 * bow * t * (1 - t)];
      for (const [x, y] of others) distance = Math.min(distance, Math.hypot(px - x, py - y));
    }
    if (distance >= 34) return bow;
    if (distance > best[0]) best = [distance, bow];
  }
  return best[1];
}

class OrderView {
  constructor(data) {
    this.data = data;
    this.graph = new Linearised(data);
    this.entries = jacobianTable(byId("order-jacobian"), data);
    for (const name of Object.keys(ORDERS)) {
      byId(`order-${name}`).addEventListener("click", () => {
        this.graph.reset();
        while (this.graph.left().length) this.graph.eliminate(ORDERS[name](this.graph));
        this.show(`${byId(`order-${name}`).textContent}: ${this.graph.multiplications} multiplications.`);
      });
    }
    byId("order-reset").addEventListener("click", () => this.again([]));
    byId("order-undo").addEventListener("click", () => this.again(this.graph.done.slice(0, -1)));
  }

  // For other inputs, in the order that was chosen
  fill(trace) {
    const { done } = this.graph;
    this.graph.reset(trace.partials);
    done.forEach((k) => this.graph.eliminate(k));
    if (!this.counted) {
      for (const [name, next] of Object.entries(ORDERS)) {
        byId(`count-${name}`).textContent = String(Linearised.price(this.data, trace.partials, next));
      }
      this.counted = true;
    }
    this.show("");
  }

  again(order) {
    this.graph.reset();
    order.forEach((k) => this.graph.eliminate(k));
    this.show("");
  }

  choose(k) {
    const cost = this.graph.cost(k);
    this.graph.eliminate(k);
    const rest = this.graph.left();
    this.show(`${this.title(k)} is eliminated, at ${cost} ${cost === 1 ? "multiplication" : "multiplications"}.` +
      (rest.length ? "" : " The edges are the Jacobian."));
    const focus = byId("order-picture").querySelector("[role=button]");
    (focus ?? byId("order-reset")).focus();
  }

  // What stands in a vertex: of inputs and results what the code calls them, of all others their name in the trace
  title(k) {
    const result = this.graph.results.indexOf(k);
    const { name, formula } = result >= 0 ? this.data.outputs[result] : this.data.cells[k];
    const words = result < 0 && k < this.data.inputs ? formula : name;
    return words.length > 20 ? `${words.slice(0, 19)}…` : words;
  }

  show(words) {
    const { graph, data } = this;
    byId("order-count").textContent = String(graph.multiplications);
    byId("order-status").textContent = words;
    byId("order-undo").disabled = graph.done.length === 0;
    const complete = graph.left().length === 0;
    this.entries.forEach((row, i) => row.forEach((cell, j) => {
      const k = graph.results[i];
      const d = k < 0 ? 0 : graph.after[j].get(k);
      put(cell, complete ? d ?? 0 : null);
    }));
    byId("order-picture").replaceChildren(this.picture(data, graph));
  }

  picture(data, graph) {
    const half = (k) => Math.max(24, 5 + 4.4 * this.title(k).length);
    const across = 76 + 2 * Math.max(...data.graph.places.map((_, k) => half(k)));
    const down = 84;
    const rows = data.graph.places.map(([, row]) => row);
    const least = Math.min(...rows);
    const x = (k) => across / 2 + across * data.graph.places[k][0];
    const y = (k) => 42 + down * (data.graph.places[k][1] - least);
    const width = across + across * Math.max(...data.graph.places.map(([layer]) => layer));
    const height = 94 + down * (Math.max(...rows) - least);
    const svg = drawn("svg", { role: "group" });
    const labels = [];
    let [top, bottom] = [0, height];
    const alive = data.graph.places.map((_, k) => k).filter((k) => !graph.done.includes(k));
    const few = graph.after.reduce((count, next) => count + next.size, 0) <= 40;
    graph.after.forEach((next, a) => {
      for (const [b, d] of next) {
        const ends = [[x(a), y(a)], [x(b), y(b)]];
        const others = alive.filter((k) => k !== a && k !== b).map((k) => [x(k), y(k)]);
        const bow = few ? clearest(ends, others) : 0;
        const [mx, my] = [(x(a) + x(b)) / 2, (y(a) + y(b)) / 2];
        [top, bottom] = [Math.min(top, my + bow / 2 - 22), Math.max(bottom, my + bow / 2 + 12)];
        svg.append(drawn("path", { class: "edge", d: `M${x(a)} ${y(a)}Q${mx} ${my + bow} ${x(b)} ${y(b)}` }));
        if (few) labels.push(drawn("text", { class: "partial", x: mx, y: my + bow / 2 - 5 }, shown(d ?? 0)));
      }
    });
    svg.append(...labels);
    for (const [key, value] of Object.entries({ width, height: bottom - top, viewBox: `0 ${top} ${width} ${bottom - top}` })) {
      svg.setAttribute(key, value);
    }
    const fixed = new Set(graph.results);
    for (const k of alive) {
      const end = k < data.inputs || fixed.has(k);
      const group = drawn("g", { class: end ? "end" : "vertex", "data-vertex": k });
      const title = this.title(k);
      group.append(end
        ? drawn("rect", { x: x(k) - half(k), y: y(k) - 17, width: 2 * half(k), height: 34, rx: 4 })
        : drawn("circle", { cx: x(k), cy: y(k), r: 20 }));
      group.append(drawn("text", { x: x(k), y: y(k) + 5 }, title));
      if (!end) {
        const cost = graph.cost(k);
        group.append(drawn("text", { class: "cost", x: x(k), y: y(k) + 36 }, `${graph.before[k].size} × ${graph.after[k].size}`));
        group.setAttribute("role", "button");
        group.setAttribute("tabindex", "0");
        group.setAttribute("aria-label", `eliminate ${title}, ${cost} multiplications`);
        group.append(drawn("title", {}, `${data.cells[k].name} = ${data.cells[k].formula}`));
        group.addEventListener("click", () => this.choose(k));
        group.addEventListener("keydown", (event) => {
          if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            event.stopPropagation();
            this.choose(k);
          }
        });
      }
      svg.append(group);
    }
    return svg;
  }
}
