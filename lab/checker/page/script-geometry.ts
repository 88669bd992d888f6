/** The page's script, first part: what is shown, and where on the time line. Plain JavaScript, run by the reader's browser. */
export const GEOMETRY = `
'use strict';
const $ = (id) => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const state = { part: data.first, view: '', scale: 'order', zoom: 40, current: -1, hover: -1, printing: false };
const PAD = 26, AXIS = 30, STEP_H = 46, BARS_MAX = 450, POINTS_MAX = 350, PARTS_MAX = 24, ZOOM_MAX = 240, CHAR = 7.25;
const chart = $('chart'), room = $('room'), art = $('art'), tip = $('tip');

const part = () => data.parts[state.part];
const view = () => prepared(state.view === 'smallest' ? part().smallest : part().whole);

/** Adds to a view what every drawing needs, once. */
function prepared(v) {
  if (v.ready) return v;
  v.ready = true;
  v.placeOf = new Int32Array(v.operations.length).fill(-1);
  v.order.forEach((op, i) => { v.placeOf[op] = i; });
  v.laneTop = [];
  v.rows = 0;
  for (const lane of v.lanes) { v.laneTop.push(v.rows); v.rows += lane.rows; }
  v.inLane = v.lanes.map(() => []);
  v.operations.forEach((op, i) => v.inLane[op.lane].push(i));
  const unplaced = (placement) => v.operations.flatMap((op, i) => (op.placement === placement ? [i] : []));
  v.stuck = unplaced('stuck');
  v.involved = unplaced('involved');
  v.wrong = v.stuck.concat(v.involved);
  v.list = v.order.concat(v.wrong, unplaced('beyond'), unplaced('open'));
  v.rowOf = new Int32Array(v.operations.length);
  v.list.forEach((op, i) => { v.rowOf[op] = i; });
  v.widths = v.operations.map((op) => textWidth(op.label));
  v.nextInRow = new Int32Array(v.operations.length).fill(-1);
  const latest = new Map();
  v.operations.forEach((op, i) => {
    const row = v.laneTop[op.lane] + op.row;
    if (latest.has(row)) v.nextInRow[latest.get(row)] = i;
    latest.set(row, i);
  });
  v.rowHeight = v.rows > 12 ? 40 : 50;
  v.firstEnd = v.stuck.length === 0 ? null : Math.min(...v.stuck.map((i) => v.operations[i].return));
  return v;
}

/** Of monospaced text, in pixels; most scripts of Asia are twice as wide. */
function textWidth(text) {
  let count = 0;
  for (const char of text) count += char.codePointAt(0) > 0x2e7f ? 2 : 1;
  return count * CHAR;
}

function unit(v, step) {
  const last = v.times.length - 1;
  const places = state.scale === 'clock' ? v.places : null;
  if (places === null) return step;
  if (step >= last) return places[last] + (step - last);
  const whole = Math.floor(step);
  return places[whole] + (places[whole + 1] - places[whole]) * (step - whole);
}
const endUnit = (v) => unit(v, v.times.length);
let measured = 0;
/** Asking the browser for a width in the middle of a drawing would make it lay the page out anew each time. */
function measure() { measured = chart.clientWidth; }
const chartWidth = () => (state.printing ? 1180 : measured);
function gutter(v) {
  if (v.gutterFor !== chartWidth()) {
    v.gutterFor = chartWidth();
    v.gutter = Math.min(Math.max(64, ...v.lanes.map((lane) => 26 + lane.name.length * 7.4)), v.gutterFor < 560 ? 84 : 150);
  }
  return v.gutter;
}
const xOf = (v, step) => gutter(v) + PAD + unit(v, step) * state.zoom;
const opStart = (v, i) => xOf(v, v.operations[i].call);
const opEnd = (v, i) => xOf(v, v.operations[i].return === null ? v.times.length : v.operations[i].return);
const rowY = (v, op) => AXIS + (v.laneTop[op.lane] + op.row) * v.rowHeight;
const barHeight = (v) => v.rowHeight - 23;
const pointXY = (v, place) => {
  const op = v.operations[v.order[place]];
  return [xOf(v, v.points[place]), rowY(v, op) + (v.rowHeight < 50 ? 10 : 7) + barHeight(v)];
};
const contentWidth = (v) => xOf(v, v.times.length) + PAD;
const contentHeight = (v) => AXIS + v.rows * v.rowHeight + 8;
const fitZoom = (v) => Math.max(0.002, (chartWidth() - gutter(v) - 2 * PAD - 2) / Math.max(1, endUnit(v)));

/** Wide enough for four labels of five, where that is not absurd; and never narrower than the window. */
function goodZoom(v) {
  const needs = v.operations.map((op, i) => {
    const end = v.nextInRow[i] < 0 ? v.times.length + 2 : v.operations[v.nextInRow[i]].call;
    return (v.widths[i] + (op.placement === 'stuck' ? 40 : 20)) / Math.max(0.2, unit(v, end) - unit(v, op.call));
  }).sort((a, b) => a - b);
  const need = needs[Math.floor(needs.length * 0.8)] || 40;
  return Math.min(ZOOM_MAX, Math.max(fitZoom(v), Math.min(Math.max(need, state.scale === 'order' ? 26 : 14), 72)));
}

/** The first index of a rising list whose value is at least what is wanted. */
function firstAtLeast(length, value, wanted) {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(middle) < wanted) low = middle + 1; else high = middle;
  }
  return low;
}

const UNITS = [['s', 1], ['ms', 1e-3], ['µs', 1e-6], ['ns', 1e-9]];
const SECONDS = { s: 1, ms: 1e-3, 'µs': 1e-6, ns: 1e-9 };

/** A time since the start, in the unit that suits "size", to a precision that tells "step" apart. */
function timeText(time, step, size) {
  if (data.unit === 'event') return '#' + time;
  const seconds = (time - data.start) * SECONDS[data.unit];
  const large = Math.abs(size === undefined ? seconds : (size - data.start) * SECONDS[data.unit]);
  const [name, worth] = UNITS.find((u) => large >= u[1]) || (large === 0 ? ['ms', 1e-3] : UNITS[3]);
  return number(seconds / worth, step === undefined ? undefined : (step * SECONDS[data.unit]) / worth) + ' ' + name;
}
function spanText(span) {
  return data.unit === 'event' ? span + (span === 1 ? ' event' : ' events') : timeText(data.start + span);
}
function number(value, step) {
  const decimals = step === undefined ? Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value) + 1e-12)) - 1) : Math.ceil(-Math.log10(step) - 1e-9);
  return String(Number(value.toFixed(Math.min(9, Math.max(0, decimals)))));
}

/** What is known of one operation, in sentences. */
function facts(v, i) {
  const op = v.operations[i];
  const called = v.times[op.call];
  const lines = ['process ' + v.lanes[op.lane].name + ', called ' + timeText(called) + (op.return === null
    ? ', no answer'
    : ', returned ' + timeText(v.times[op.return]) + (data.unit === 'event' ? '' : ' (took ' + spanText(v.times[op.return] - called) + ')'))];
  const place = v.placeOf[i];
  if (place >= 0) {
    lines.push('step ' + (place + 1) + ' of ' + v.order.length + ' in the order found');
    const after = v.states[place] !== null ? v.states[place] : place === v.order.length - 1 ? v.stateAfter : '';
    if (after) lines.push('state after it: ' + after);
  } else if (op.placement === 'stuck') {
    lines.push('cannot be placed: ' + (op.why || 'its answer fits no state that can be reached here'));
  } else if (op.placement === 'involved') lines.push(op.why);
  else if (op.placement === 'beyond') lines.push(op.why || 'not reached: it began after an operation that cannot be placed had ended');
  else lines.push('no answer came, so it need not have happened; the order found does without it');
  return lines;
}
`
