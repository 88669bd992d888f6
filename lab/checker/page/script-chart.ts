/** The page's script, second part: draws what is in the window, and no more than a bounded number of shapes. */
export const CHART = `
const SVG = 'http://www.w3.org/2000/svg';
function shape(name, attributes, parent, text) {
  const element = document.createElementNS(SVG, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

let drawPending = false;
function redraw() {
  if (drawPending) return;
  drawPending = true;
  requestAnimationFrame(() => { drawPending = false; draw(); });
}

function draw() {
  const v = view();
  measure();
  const width = chartWidth();
  const full = contentHeight(v);
  const height = state.printing ? Math.min(full, 1400) : Math.min(full, chart.clientHeight || full);
  room.style.width = Math.max(width, contentWidth(v)) + 'px';
  room.style.height = full + 'px';
  art.setAttribute('width', width);
  art.setAttribute('height', height);
  art.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
  const left = state.printing ? 0 : chart.scrollLeft, top = state.printing ? 0 : chart.scrollTop;
  const box = { v, width, height, left, top, gutter: gutter(v), x: (step) => xOf(v, step) - left, y: (op) => rowY(v, op) - top };
  while (art.childNodes.length > 1) art.lastChild.remove(); // the first is the patterns
  drawLanes(box);
  const ticks = drawTicks(box);
  const shown = drawBars(box);
  drawThread(box);
  drawLabels(box, shown.single);
  const points = drawPoints(box);
  drawFrame(box, ticks);
  $('note').textContent = noteText(v, shown, points);
  const active = state.current >= 0 ? 'op-' + state.current : '';
  if (active && $(active)) art.setAttribute('aria-activedescendant', active); else art.removeAttribute('aria-activedescendant');
}

function drawLanes(box) {
  const { v, width, height, top } = box;
  const layer = shape('g', { role: 'presentation' }, art);
  v.lanes.forEach((lane, i) => {
    const y = AXIS + v.laneTop[i] * v.rowHeight - top, h = lane.rows * v.rowHeight;
    if (y > height || y + h < 0) return;
    shape('rect', { x: 0, y, width, height: h, class: i % 2 ? 'lane-b' : 'lane-a' }, layer);
  });
}

/** Lines down the chart at times worth naming; where empty time is cut, a band. Their texts come last, over everything. */
function drawTicks(box) {
  const { v, width, height } = box;
  const layer = shape('g', { role: 'presentation' }, art);
  const ticks = [];
  const add = (x, text, cut) => {
    const last = ticks[ticks.length - 1];
    if (x < box.gutter + 4 || x > width - 10 || (last && x - last.x < 12 + (text.length + last.text.length) * 3.4)) return;
    ticks.push({ x, text, cut });
    if (!cut) shape('line', { x1: x, x2: x, y1: AXIS, y2: height, class: 'tick' }, layer);
  };
  const first = firstAtLeast(v.times.length, box.x, box.gutter - 60), last = firstAtLeast(v.times.length, box.x, width + 60);
  if (state.scale === 'clock') {
    const cuts = v.cuts.filter((step) => step >= first - 1 && step <= last);
    for (const step of cuts.slice(0, 60)) {
      const from = box.x(step), to = box.x(step + 1), middle = (from + to) / 2;
      if (to - from < 24) continue;
      shape('rect', { x: from + 4, y: AXIS, width: Math.max(0, to - from - 8), height, class: 'cut' }, layer);
      for (const dx of [-3, 3]) shape('path', { d: 'M' + (middle + dx - 3) + ' ' + (AXIS + 19) + 'l5 -5l-3 -3l5 -5', class: 'cut-mark' }, layer);
    }
    clockTicks(box, first, last, add);
  } else for (let step = first; step < last; step = Math.max(step + 1, firstAtLeast(v.times.length, box.x, box.x(step) + 78))) add(box.x(step), timeText(v.times[step]));
  return ticks;
}

function clockTicks(box, first, last, add) {
  const { v } = box;
  const from = v.times[Math.max(0, first - 1)], to = v.times[Math.min(last, v.times.length - 1)];
  const cut = new Set(v.cuts);
  let kept = 0;
  for (let i = Math.max(1, first); i <= Math.min(last, v.times.length - 1); i++) if (!cut.has(i - 1)) kept += v.times[i] - v.times[i - 1];
  const rough = Math.max(kept, 1e-9) / Math.max(1, box.width / 105);
  const ten = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = data.unit === 'event' ? Math.max(1, Math.round(rough)) : [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= rough);
  const round = [];
  let time = data.start + Math.ceil((from - data.start) / step) * step;
  for (let count = 0; time <= to && count < 300; count++) {
    const after = firstAtLeast(v.times.length, (i) => v.times[i], time);
    if (after > 0 && v.times[after] !== time && cut.has(after - 1)) {
      const edge = Math.ceil((v.times[after] - data.start) / step) * step + data.start;
      time = edge > time ? edge : time + step;
      continue;
    }
    const before = Math.max(0, after - 1), gap = v.times[after] - v.times[before];
    round.push([box.x(gap > 0 ? before + (time - v.times[before]) / gap : after), timeText(time, step, to)]);
    time += step;
  }
  // After a cut a reader needs to know what time it is, however unround.
  const after = v.cuts.filter((k) => k >= first - 1 && k < last).slice(0, 60).map((k) => [box.x(k + 1), timeText(v.times[k + 1], step / 10, to)]);
  const clear = round.filter(([x]) => after.every(([y]) => Math.abs(x - y) > 55));
  for (const [x, text] of after.concat(clear).sort((a, b) => a[0] - b[0])) add(x, text);
}

/** @returns how many operations are in the window, and how many of them are only parts of blocks. */
function drawBars(box) {
  const { v, width, height } = box;
  const inside = [];
  v.operations.forEach((op, i) => {
    const y = box.y(op);
    if (y > height || y + v.rowHeight < AXIS) return;
    if (opStart(v, i) - box.left <= width && opEnd(v, i) - box.left >= box.gutter) inside.push(i);
  });
  const layer = shape('g', { role: 'presentation' }, art);
  let merged = 0;
  let single = inside;
  if (inside.length > BARS_MAX) {
    const narrow = (i) => opEnd(v, i) - opStart(v, i) < 30;
    const always = (i) => i === state.current || ['stuck', 'involved'].includes(v.operations[i].placement);
    single = inside.filter((i) => always(i) || !narrow(i)).slice(0, BARS_MAX);
    const alone = new Set(single);
    const rest = inside.filter((i) => !alone.has(i));
    merged = rest.length;
    drawBlocks(box, rest, layer);
  }
  if (state.current >= 0 && !single.includes(state.current)) single.push(state.current);
  for (const i of single) drawBar(box, i, layer);
  return { inside: inside.length, merged, single };
}

/** One path for each row and colour, however many operations are in it. */
function drawBlocks(box, list, layer) {
  const { v } = box;
  const paths = new Map();
  for (const i of list) {
    const op = v.operations[i];
    const look = op.placement === 'beyond' ? 'beyond' : op.placement === 'stuck' ? 'stuck' : op.kind;
    const key = look + ' ' + (v.laneTop[op.lane] + op.row);
    if (!paths.has(key)) paths.set(key, { look, y: box.y(op) + 7, d: [], end: -Infinity });
    const path = paths.get(key);
    const from = Math.max(0, Math.round((opStart(v, i) - box.left) * 2) / 2), to = Math.min(box.width, Math.max(from + 1, Math.round((opEnd(v, i) - box.left) * 2) / 2));
    if (to <= path.end) continue;
    const begin = Math.max(from, path.end);
    path.d.push('M' + begin + ' ' + path.y + 'h' + (to - begin) + 'v' + barHeight(v) + 'h' + (begin - to) + 'z');
    path.end = to;
  }
  for (const path of paths.values()) shape('path', { d: path.d.join(''), class: 'block ' + path.look }, layer);
}

function drawBar(box, i, layer) {
  const { v } = box;
  const op = v.operations[i];
  const open = op.return === null;
  const from = Math.max(opStart(v, i) - box.left, -40), to = Math.min(opEnd(v, i) - box.left, box.width + 40);
  const y = box.y(op) + 7, h = barHeight(v), w = Math.max(2, to - from);
  const g = shape('g', {
    id: 'op-' + i, 'data-op': i, role: 'option', 'aria-selected': i === state.current, 'aria-setsize': v.operations.length, 'aria-posinset': i + 1,
    'aria-label': op.label + '; ' + facts(v, i).join('; '),
    class: 'op ' + op.kind + ' ' + op.placement + (open ? ' pending' : '') + (i === state.current ? ' current' : ''),
  }, layer);
  if (i === state.current) shape('rect', { x: from - 4, y: y - 4, width: w + 8, height: h + 8, rx: 8, class: 'ring' }, g);
  if (open) {
    shape('path', { d: 'M' + to + ' ' + y + 'H' + (from + 4) + 'q-4 0 -4 4v' + (h - 8) + 'q0 4 4 4H' + to, class: 'body' }, g);
  } else shape('rect', { x: from, y, width: w, height: h, rx: Math.min(5, w / 2), class: 'body' }, g);
  if (w > 12) shape('path', { d: edgePath(op.kind, from, y, h), class: 'edge' }, g);
}

/** Over the thread, so that no line strikes a label out. A label may run past the end of its bar where nothing follows in the row. */
function drawLabels(box, list) {
  const { v } = box;
  const layer = shape('g', { 'aria-hidden': true, role: 'presentation' }, art);
  for (const i of list) {
    const op = v.operations[i];
    const from = Math.max(opStart(v, i) - box.left, box.gutter), end = opEnd(v, i) - box.left;
    const next = v.nextInRow[i] < 0 ? box.width : opStart(v, v.nextInRow[i]) - box.left - 4;
    const y = box.y(op) + 7 + barHeight(v) / 2;
    const g = shape('g', { class: 'label ' + (op.placement === 'placed' || op.placement === 'involved' ? op.kind : op.placement) + (end - from < v.widths[i] + 14 ? ' past' : '') }, layer);
    let textLeft = from + 10;
    if (op.placement === 'stuck' && next - from > 22) {
      shape('circle', { cx: from + 14, cy: y, r: 7.5, class: 'cross' }, g);
      shape('path', { d: 'M' + (from + 11) + ' ' + (y - 3) + 'l6 6m0 -6l-6 6', class: 'cross-line' }, g);
      textLeft += 17;
    }
    if (end < textLeft + 12) continue;
    const text = fitting(op.label, v.widths[i], Math.min(next, box.width) - textLeft - 4);
    if (text) shape('text', { x: textLeft, y: y + (v.placeOf[i] >= 0 ? 2 : 4.2) }, g, text);
  }
}

/** The left edge tells kinds apart without colour: one line reads, a double line writes, a wedge is conditional. */
function edgePath(kind, x, y, h) {
  if (kind === 'read') return 'M' + (x + 2) + ' ' + (y + 3) + 'v' + (h - 6);
  if (kind === 'write') return 'M' + (x + 2) + ' ' + (y + 2) + 'v' + (h - 4) + 'm4 0v' + (4 - h);
  return 'M' + (x + 2) + ' ' + (y + 3) + 'l4 ' + (h / 2 - 3) + 'l-4 ' + (h / 2 - 3);
}

function fitting(label, width, space) {
  if (width <= space) return label;
  const count = Math.floor((space / width) * [...label].length) - 1;
  return count < 3 ? '' : [...label].slice(0, count).join('') + '…';
}

/** Which places of the order have their points in the window: from the first to before the second. */
function pointsInside({ v, x, gutter, width }) {
  const at = (wanted) => firstAtLeast(v.order.length, (i) => x(v.points[i]), wanted);
  return [at(gutter - 12), at(width + 12)];
}

/** The order found, as a thread from point to point, and the line that it does not cross. */
function drawThread(box) {
  const { v, width, height, left, top } = box;
  const [first, last] = pointsInside(box);
  const layer = shape('g', { role: 'presentation' }, art);
  const down = (x, look) => { if (x > box.gutter && x < width) shape('line', { x1: x, x2: x, y1: AXIS, y2: height, class: look }, layer); };
  if (v.firstEnd !== null) down(box.x(v.firstEnd), 'end-line');
  if (last - first <= POINTS_MAX) {
    const line = [];
    for (let i = Math.max(0, first - 1); i < Math.min(v.order.length, last + 1); i++) {
      const [x, y] = pointXY(v, i);
      line.push((x - left).toFixed(1) + ',' + (y - top).toFixed(1));
    }
    if (line.length > 1) shape('polyline', { points: line.join(' '), class: 'thread' }, layer);
  }
  const current = state.hover >= 0 ? state.hover : state.current;
  if (current >= 0 && v.placeOf[current] >= 0) down(box.x(v.points[v.placeOf[current]]), 'guide');
}

/** @returns how many points are in the window but not drawn. */
function drawPoints(box) {
  const { v } = box;
  const [first, last] = pointsInside(box);
  if (last - first > POINTS_MAX) return last - first;
  const layer = shape('g', { role: 'presentation', 'aria-hidden': true }, art);
  const current = state.hover >= 0 ? state.hover : state.current;
  for (let i = first; i < last; i++) {
    const [px, py] = pointXY(v, i);
    const label = String(i + 1), w = 11 + label.length * 6.4, x = px - box.left, y = py - box.top;
    if (y < AXIS - 10 || y > box.height + 10) continue;
    const g = shape('g', { class: 'point' + (v.order[i] === current ? ' current' : ''), 'data-place': i + 1 }, layer);
    const h = v.rowHeight < 50 ? 14 : 17;
    shape('rect', { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: h / 2 }, g);
    shape('text', { x, y: y + 3.7 }, g, label);
  }
  return 0;
}

/** Axis and names of processes stay in sight. */
function drawFrame(box, ticks) {
  const { v, width, height, top } = box;
  const layer = shape('g', { role: 'presentation', 'aria-hidden': true }, art);
  shape('rect', { x: 0, y: 0, width: box.gutter, height, class: 'gutter' }, layer);
  v.lanes.forEach((lane, i) => {
    const y = AXIS + v.laneTop[i] * v.rowHeight - top;
    if (y > height || y + lane.rows * v.rowHeight < 0) return;
    if (i % 2) shape('rect', { x: 0, y, width: box.gutter, height: lane.rows * v.rowHeight, class: 'lane-b' }, layer);
    const text = shape('text', { x: 14, y: y + 7 + barHeight(v) / 2 + 4.5, class: 'lane-text' }, layer, fitting(lane.name, lane.name.length * 7.4, box.gutter - 20));
    shape('title', {}, text, lane.name);
  });
  shape('rect', { x: 0, y: 0, width, height: AXIS, class: 'axis-back' }, layer);
  shape('line', { x1: 0, x2: width, y1: AXIS, y2: AXIS, class: 'rule' }, layer);
  shape('line', { x1: box.gutter, x2: box.gutter, y1: 0, y2: height, class: 'rule' }, layer);
  shape('text', { x: 14, y: 19, class: 'axis-text' }, layer, 'process');
  const end = v.firstEnd === null ? -1 : box.x(v.firstEnd);
  const told = end > box.gutter && end < width;
  const words = 'this order gets no further', reach = 188;
  const onLeft = end + reach > width;
  for (const { x, text } of ticks) {
    if (told && x > end - (onLeft ? reach + 40 : 40) && x < end + (onLeft ? 40 : reach + 40)) continue;
    shape('text', { x, y: 19, 'text-anchor': 'middle', class: 'axis-text' }, layer, text);
  }
  if (told) shape('text', { x: end + (onLeft ? -6 : 0), y: 19, 'text-anchor': onLeft ? 'end' : 'start', class: 'end-text' }, layer, words);
}

function noteText(v, shown, hiddenPoints) {
  const all = v.operations.length;
  const say = (n) => n.toLocaleString('en-US');
  const words = [shown.inside === all ? (all === 1 ? 'The one operation is in view.' : 'All ' + say(all) + ' operations are in view.') : say(shown.inside) + ' of ' + say(all) + ' operations are in view; scroll for the others.'];
  if (shown.merged > 0) words.push(say(shown.merged) + ' are too narrow here to be drawn one by one and appear as blocks; zoom in for their labels.');
  if (hiddenPoints > 0) words.push('The ' + say(hiddenPoints) + ' points of the order in view are left out.');
  if (state.scale === 'clock' && v.cuts.length > 0) words.push('Empty time is cut short ' + (v.cuts.length === 1 ? 'once' : 'in ' + say(v.cuts.length) + ' places') + '.');
  if (state.scale === 'order' && data.unit !== 'event') words.push('Every call and return is one step apart: widths are no durations.');
  return words.join(' ');
}
`
