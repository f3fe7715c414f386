"use strict";
// The suspects: filter, sort, and links from the heat map into them.
(() => {
  const form = document.getElementById("controls");
  if (!form) return;
  const grid = document.getElementById("cards");
  const cards = [...grid.children];
  const shown = document.getElementById("shown");
  const nothing = document.getElementById("nothing");
  const byNumber = (key, sign = 1) => (a, b) => sign * (a.dataset[key] - b.dataset[key]);
  const orders = {
    rank: byNumber("rank"),
    position: byNumber("position"),
    confidence: byNumber("confidence", -1),
    given: (a, b) => a.dataset.given.localeCompare(b.dataset.given, undefined, { numeric: true }) || a.dataset.rank - b.dataset.rank,
  };
  const apply = () => {
    let count = 0;
    for (const card of cards) {
      card.hidden = ["given", "suggested", "split"].some((key) => form[key].value !== "" && card.dataset[key] !== form[key].value);
      count += !card.hidden;
    }
    grid.append(...cards.sort(orders[form.order.value]));
    shown.textContent = count === cards.length ? `${count} pictures` : `${count} of ${cards.length} pictures`;
    nothing.hidden = count > 0;
  };
  const choose = (select, value) => {
    const known = [...select.options].some((option) => option.value === value);
    if (!known) select.add(new Option(`${value} (0)`, value));
    select.value = value;
  };
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  for (const link of document.querySelectorAll("a[data-given]")) {
    link.addEventListener("click", () => {
      choose(form.given, link.dataset.given);
      choose(form.suggested, link.dataset.suggested);
      form.split.value = "";
      apply();
    });
  }
  form.hidden = false;
  apply();
})();

// The map: dots on a canvas, rings around the suspects, a picture where the pointer is on a ring.
(() => {
  const source = document.getElementById("map-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const bytes = Uint8Array.from(atob(data.points), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const value = (i) => view.getUint16(2 * i, true);
  const n = data.count;
  const canvas = document.getElementById("plane");
  const hover = document.getElementById("hover");
  const legend = document.getElementById("legend");
  const MAX_COLOURS = 10;
  const coloured = data.names.every((name) => name.class < MAX_COLOURS);
  let chosen = null; // the class number that stands out

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (k) => (coloured && k < MAX_COLOURS ? style(`--c${k}`) : style("--dot"));
  const pad = 14;
  let width, height, ratio;
  const px = (x) => pad + x * (width - 2 * pad);
  const py = (y) => pad + y * (height - 2 * pad);

  const draw = () => {
    ratio = window.devicePixelRatio || 1;
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    const side = n > 30000 ? 1.3 : n > 5000 ? 2 : 3;
    const palette = new Map();
    const paint = (wanted, fill, alpha) => {
      g.globalAlpha = alpha;
      for (let i = 0; i < n; i++) {
        const k = value(2 * n + i);
        if (!wanted(k)) continue;
        if (!fill && !palette.has(k)) palette.set(k, colour(k));
        g.fillStyle = fill || palette.get(k);
        g.fillRect(px(value(i) / 65535) - side / 2, py(value(n + i) / 65535) - side / 2, side, side);
      }
    };
    if (chosen === null) paint(() => true, null, 0.6);
    else {
      paint((k) => k !== chosen, style("--dot"), 0.25);
      paint((k) => k === chosen, coloured ? colour(chosen) : style("--blue"), 0.9);
    }
    g.globalAlpha = 1;
    for (const ring of data.rings) {
      if (chosen !== null && ring.class !== chosen) continue;
      g.beginPath();
      g.arc(px(ring.x), py(ring.y), 4, 0, 2 * Math.PI);
      g.fillStyle = coloured ? colour(ring.class) : style("--suspect");
      g.fill();
      g.lineWidth = 1.5;
      g.strokeStyle = style("--ink");
      g.stroke();
    }
    if (coloured || chosen !== null) {
      g.font = `650 15px ${getComputedStyle(document.body).fontFamily}`;
      g.textAlign = "center";
      g.textBaseline = "middle";
      g.lineJoin = "round";
      const placed = [];
      for (const name of [...data.names].sort((a, b) => a.y - b.y)) {
        if (chosen !== null && name.class !== chosen) continue;
        const half = g.measureText(name.name).width / 2 + 3;
        const x = Math.min(Math.max(px(name.x), half), width - half);
        let y = py(name.y);
        for (const other of placed) if (Math.abs(other.x - x) < other.half + half && Math.abs(other.y - y) < 17) y = other.y + 17; // below the one in the way
        placed.push({ x, y, half });
        g.lineWidth = 4;
        g.strokeStyle = style("--bg");
        g.strokeText(name.name, x, y);
        g.fillStyle = style("--ink");
        g.fillText(name.name, x, y);
      }
    }
  };

  const choose = (k) => {
    chosen = chosen === k ? null : k;
    for (const button of legend.children) button.setAttribute("aria-pressed", String(Number(button.dataset.class) === chosen));
    draw();
  };
  for (const name of data.names) {
    const button = document.createElement("button");
    const swatch = document.createElement("i");
    const count = document.createElement("span");
    if (coloured) swatch.style.background = `var(--c${name.class})`;
    count.textContent = name.num_samples.toLocaleString("en");
    button.dataset.class = name.class;
    button.title = name.name;
    button.append(swatch, name.name, count);
    button.addEventListener("click", () => choose(name.class));
    legend.append(button);
  }

  canvas.addEventListener("pointermove", (event) => {
    let best = null;
    let nearest = 100; // squared pixels
    for (const [i, ring] of data.rings.entries()) {
      if (chosen !== null && ring.class !== chosen) continue;
      const distance = (px(ring.x) - event.offsetX) ** 2 + (py(ring.y) - event.offsetY) ** 2;
      if (distance < nearest) [best, nearest] = [i, distance];
    }
    hover.hidden = best === null;
    if (best === null) return;
    const [w, h] = data.tile;
    const zoom = 96 / Math.max(w, h);
    const picture = hover.firstElementChild;
    const columns = Math.min(20, data.rings.length);
    picture.style.cssText = `width:${w * zoom}px;height:${h * zoom}px;background:url(${data.sheet}) -${(best % 20) * w * zoom}px -${Math.floor(best / 20) * h * zoom}px / ${columns * w * zoom}px auto`;
    hover.lastElementChild.textContent = `${data.rings[best].text}\n${data.rings[best].id}`;
    const x = px(data.rings[best].x);
    hover.style.left = `${x > width / 2 ? x - hover.offsetWidth - 12 : x + 12}px`;
    hover.style.top = `${Math.min(py(data.rings[best].y), height - hover.offsetHeight)}px`;
  });
  canvas.addEventListener("pointerleave", () => (hover.hidden = true));
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
