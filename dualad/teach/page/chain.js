// Checkpoints on a chain of steps: fewer states kept, more steps run again.

class ChainView {
  constructor(data) {
    this.chain = data.chain;
    const { own, steps, schedules } = this.chain;
    byId("chain-idea").textContent = own
      ? `This function is a chain of ${steps} steps. Reverse mode needs their values last to first.`
      : `This function is no chain of 4 to 64 steps, so here is one of ${steps}: reverse mode needs the values of its steps last to first.`;
    const slider = byId("snapshots");
    slider.max = String(schedules.length);
    slider.value = String(Math.min(3, schedules.length));
    slider.addEventListener("input", () => this.show());
    this.show();
  }

  show() {
    const c = Number(byId("snapshots").value);
    const { moves, evaluations, kept } = this.chain.schedules[c - 1];
    byId("snapshots-value").textContent = String(c);
    byId("chain-kept").textContent = String(kept);
    byId("chain-runs").textContent = String(evaluations);
    byId("chain-again").textContent = String(evaluations - this.chain.steps);
    byId("chain-picture").replaceChildren(this.schedule(moves));
    byId("chain-curve").replaceChildren(this.curve(c));
  }

  schedule(moves) {
    const wide = Math.max(9, Math.min(22, 700 / this.chain.steps));
    const down = Math.max(5, Math.min(14, 420 / moves.length));
    const width = 40 + wide * this.chain.steps;
    const height = 34 + down * moves.length;
    const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
    svg.append(drawn("title", {}, `${moves.length} moves`));
    svg.append(drawn("text", { x: 20, y: 14 }, "step 1"), drawn("text", { x: width - 30, y: 14 }, String(this.chain.steps)));
    moves.forEach(([a, b], k) => {
      const y = 28 + down * k;
      if (a < b) {
        svg.append(drawn("line", { class: "run", x1: 20 + wide * a, x2: 20 + wide * b, y1: y, y2: y }));
        svg.append(drawn("rect", { class: "kept", x: 17 + wide * a, y: y - 3, width: 6, height: 6 }));
      } else svg.append(drawn("circle", { class: "swept", cx: 20 + wide * (a + 0.5), cy: y, r: Math.min(4.5, down / 2) }));
    });
    return svg;
  }

  curve(c) {
    const { schedules, steps } = this.chain;
    const [width, height, left, bottom] = [420, 210, 56, 40];
    const most = schedules[0].evaluations;
    const x = (k) => left + ((width - left - 16) * (k - 1)) / Math.max(schedules.length - 1, 1);
    const y = (n) => 14 + (height - bottom - 14) * (1 - n / most);
    const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
    svg.append(drawn("title", {}, `from ${most} steps run with one state kept to ${schedules.at(-1).evaluations} with ${steps}`));
    svg.append(drawn("path", { class: "edge", d: `M${left} 14V${height - bottom}H${width - 10}` }));
    svg.append(drawn("polyline", { class: "curve", points: schedules.map((s, k) => `${x(k + 1)},${y(s.evaluations)}`).join(" ") }));
    svg.append(drawn("circle", { class: "swept", cx: x(c), cy: y(schedules[c - 1].evaluations), r: 6 }));
    svg.append(drawn("text", { x: left - 26, y: 20 }, String(most)), drawn("text", { x: left - 14, y: height - bottom + 4 }, "0"));
    svg.append(drawn("text", { x: x(1), y: height - bottom + 18 }, "1"));
    svg.append(drawn("text", { x: x(schedules.length) - 6, y: height - bottom + 18 }, String(schedules.length)));
    svg.append(drawn("text", { x: (left + width) / 2, y: height - 4 }, "states that may be kept"));
    svg.append(drawn("text", { x: left + 70, y: 20 }, "steps run in all"));
    return svg;
  }
}
