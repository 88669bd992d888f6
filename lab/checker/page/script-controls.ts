/** The page's script, third part: the list of steps, choosing, zooming, keys. */
export const CONTROLS = String.raw`
const steps = $('steps'), rows = $('rows');
const MARKS = { 'not-linearizable': ['bad', '✕'], linearizable: ['good', '✓'], unknown: ['unsure', '?'] };
function html(name, className, parent, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

function drawParts() {
  if (data.parts.length < 2) return;
  const list = $('part-list'), wanted = $('part-filter').value.toLowerCase();
  const rank = { 'not-linearizable': 0, unknown: 1, linearizable: 2 };
  const found = data.parts.map((p, i) => i).filter((i) => data.parts[i].name.toLowerCase().includes(wanted))
    .sort((a, b) => rank[data.parts[a].judgement] - rank[data.parts[b].judgement] || a - b);
  list.textContent = '';
  for (const i of found.slice(0, PARTS_MAX)) {
    const p = data.parts[i], [look, mark] = MARKS[p.judgement];
    const button = html('button', 'part ' + look, html('li', '', list));
    button.type = 'button';
    button.setAttribute('aria-pressed', i === state.part);
    html('i', '', button, mark).setAttribute('aria-hidden', true);
    html('span', '', button, p.name);
    html('small', '', button, p.operations.toLocaleString('en-US'));
    button.setAttribute('aria-label', p.name + ', ' + p.judgement.replace('-', ' ') + ', ' + p.operations + ' operations');
    button.title = p.name;
    button.onclick = () => { show(i, ''); document.querySelector('.part[aria-pressed=true]').focus(); };
  }
  $('part-more').textContent = found.length > PARTS_MAX ? 'and ' + (found.length - PARTS_MAX).toLocaleString('en-US') + ' more: type to find one' : found.length === 0 ? 'none of that name' : '';
}

function show(index, wanted) {
  state.part = index;
  const p = part();
  state.view = p.smallest !== null && wanted !== 'whole' ? 'smallest' : 'whole';
  const v = view();
  state.current = state.hover = -1;
  state.scale = data.unit === 'event' || v.operations.length <= 60 ? 'order' : 'clock';
  measure();
  state.zoom = goodZoom(v);
  size();
  hideTip();
  drawParts();
  controls();
  draw();
  chart.scrollTop = 0;
  if (v.wrong.length > 0) reveal(v.wrong[0]); else chart.scrollLeft = 0;
  drawStepsHead();
  drawSteps();
  steps.scrollTop = v.stuck.length > 0 && v.order.length > 4 ? Math.max(0, (v.order.length - 3) * STEP_H) : 0;
  draw();
  drawSteps();
  $('live').textContent = (state.view === 'smallest' ? 'Smallest failing history' : 'Whole history') + ' of ' + p.name + ': ' + v.operations.length + ' operations, ' + v.order.length + ' placed.';
}

function controls() {
  const press = (id, on) => $(id).setAttribute('aria-pressed', on);
  const p = part();
  $('histories').hidden = p.smallest === null;
  press('smallest', state.view === 'smallest');
  press('whole', state.view === 'whole');
  if (p.smallest !== null) $('smallest').textContent = 'Smallest failing history (' + p.smallest.operations.length + ')';
  $('whole').textContent = 'Whole history (' + p.operations.toLocaleString('en-US') + ')';
  $('scales').hidden = data.unit === 'event';
  press('order', state.scale === 'order');
  press('clock', state.scale === 'clock');
  $('stuck').parentNode.hidden = view().wrong.length === 0;
  $('part-title').textContent = data.parts.length > 1 ? p.name : '';
}

/** Heights that suit the window: the chart as tall as its lanes where there is room, the list as tall as the chart. */
function size() {
  const v = view(), limit = Math.max(300, Math.round(innerHeight * 0.62));
  const wanted = contentHeight(v) + (contentWidth(v) > chart.clientWidth + 1 ? 16 : 0);
  chart.style.height = Math.min(wanted, limit) + 'px';
  const beside = innerWidth > 1000;
  const head = $('steps-card').firstElementChild.offsetHeight + $('state').offsetHeight;
  steps.style.height = Math.min(v.list.length * STEP_H + 2, beside ? Math.max(330, $('chart-card').offsetHeight - head) : 380) + 'px';
}

function drawStepsHead() {
  const v = view(), stuck = v.stuck.length;
  $('steps-title').textContent = v.involved.length > 0 ? 'Together these cannot be explained' : v.order.length === 0 ? 'Nothing could be placed' : 'The order found: ' + v.order.length.toLocaleString('en-US') + (v.order.length === 1 ? ' step' : ' steps');
  const after = v.stateAfter ? 'State after the last step: ' + v.stateAfter + '. ' : '';
  $('state').textContent = v.involved.length > 0 ? 'What is wrong is not how far an order comes, but that no order holds all of them.' : after + (stuck === 0 ? '' : stuck === 1 ? 'The one operation that could come next cannot.' : 'None of the ' + stuck + ' operations that could come next can.');
  size();
}

function drawSteps() {
  const v = view();
  const first = Math.max(0, state.printing ? printedFrom(v) : Math.floor(steps.scrollTop / STEP_H) - 3);
  const last = Math.min(v.list.length, state.printing ? first + PRINTED_MAX : first + Math.ceil(steps.clientHeight / STEP_H) + 7);
  rows.style.height = v.list.length * STEP_H + 'px';
  rows.textContent = '';
  if (state.printing && first > 0) html('p', 'left-out', rows, first.toLocaleString('en-US') + ' steps before these are left out.');
  for (let i = first; i < last; i++) drawStep(v, i);
  if (state.printing && last < v.list.length) html('p', 'left-out', rows, (v.list.length - last).toLocaleString('en-US') + ' more are left out.');
  const active = state.current >= 0 ? 'row-' + v.rowOf[state.current] : '';
  if (active && $(active)) steps.setAttribute('aria-activedescendant', active); else steps.removeAttribute('aria-activedescendant');
}

/** Paper has no scroll bar: where not all fits, what is around the failure is worth the most. */
const PRINTED_MAX = 100;
const printedFrom = (v) => (v.list.length <= PRINTED_MAX || v.stuck.length === 0 ? 0 : v.order.length - 60);

function drawStep(v, i) {
  const index = v.list[i], op = v.operations[index], place = v.placeOf[index];
  const row = html('div', 'step ' + op.placement, rows);
  row.id = 'row-' + i;
  row.style.top = i * STEP_H + 'px';
  row.dataset.op = index;
  row.setAttribute('role', 'option');
  row.setAttribute('aria-selected', index === state.current);
  row.setAttribute('aria-setsize', v.list.length);
  row.setAttribute('aria-posinset', i + 1);
  html('b', '', row, place >= 0 ? String(place + 1) : op.placement === 'stuck' ? '✕' : op.placement === 'involved' ? '!' : '–');
  const what = html('div', 'what', row);
  html('span', '', what, v.lanes[op.lane].name);
  what.appendChild(document.createTextNode(op.label));
  const then = place >= 0 ? (v.states[place] !== null ? '⇒ ' + v.states[place] : place === v.order.length - 1 && v.stateAfter ? '⇒ ' + v.stateAfter : '')
    : op.placement === 'stuck' ? op.why || 'fits no state that can be reached here' : op.placement === 'involved' ? op.why : op.placement === 'beyond' ? op.why || 'not reached' : 'no answer: need not have happened';
  html('div', 'then', row, then);
  row.title = op.label + '\n' + facts(v, index).join('\n');
}

function reveal(i) {
  const v = view();
  const place = v.placeOf[i], from = opStart(v, i), middle = place >= 0 ? xOf(v, v.points[place]) : (from + Math.min(opEnd(v, i), from + 200)) / 2;
  const left = chart.scrollLeft, inner = chart.clientWidth - gutter(v);
  if (middle < left + gutter(v) + 24 || middle > left + chart.clientWidth - 40) chart.scrollLeft = middle - gutter(v) - inner * 0.6;
  const y = rowY(v, v.operations[i]);
  if (y < chart.scrollTop + AXIS) chart.scrollTop = y - AXIS;
  else if (y + v.rowHeight > chart.scrollTop + chart.clientHeight) chart.scrollTop = y + v.rowHeight + 20 - chart.clientHeight;
}

function choose(i, inChart) {
  const v = view();
  if (i === undefined || i < 0 || i >= v.operations.length) return;
  state.current = i;
  reveal(i);
  const y = v.rowOf[i] * STEP_H;
  if (y < steps.scrollTop) steps.scrollTop = y;
  else if (y + STEP_H > steps.scrollTop + steps.clientHeight) steps.scrollTop = y + STEP_H - steps.clientHeight;
  draw();
  drawSteps();
  if (inChart) tipAt(i); else hideTip();
}

function tipAt(i, clientX) {
  const v = view(), bar = $('op-' + i);
  if (!bar) return hideTip();
  tip.textContent = '';
  html('strong', '', tip, v.operations[i].label);
  facts(v, i).forEach((line, n) => html('div', n > 0 && v.operations[i].placement === 'stuck' ? 'why' : '', tip, line));
  tip.hidden = false;
  const box = bar.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const x = clientX === undefined ? Math.max(box.left, chart.getBoundingClientRect().left + gutter(v)) : clientX + 14;
  tip.style.left = Math.max(6, Math.min(x, innerWidth - size.width - 8)) + 'px';
  tip.style.top = (box.bottom + 16 + size.height > innerHeight ? box.top - size.height - 10 : box.bottom + 16) + 'px';
}
function hideTip() { tip.hidden = true; }

function zoomTo(zoom, at) {
  const v = view(), anchor = at === undefined ? (chart.clientWidth + gutter(v)) / 2 : at;
  const base = gutter(v) + PAD;
  const under = (chart.scrollLeft + anchor - base) / state.zoom;
  state.zoom = Math.min(ZOOM_MAX, Math.max(Math.min(fitZoom(v), ZOOM_MAX), zoom));
  room.style.width = Math.max(chartWidth(), contentWidth(v)) + 'px';
  chart.scrollLeft = under * state.zoom + base - anchor;
  hideTip();
  draw();
}

function rescale(scale) {
  const v = view();
  state.scale = scale;
  state.zoom = goodZoom(v);
  controls();
  draw();
  reveal(state.current >= 0 ? state.current : v.wrong.length > 0 ? v.wrong[0] : 0);
  draw();
}

function nearestInLane(v, lane, i) {
  const list = v.inLane[lane];
  if (!list) return undefined;
  const call = v.operations[i].call;
  const at = firstAtLeast(list.length, (n) => v.operations[list[n]].call, call);
  const candidates = [list[at - 1], list[at]].filter((n) => n !== undefined);
  return candidates.sort((a, b) => Math.abs(v.operations[a].call - call) - Math.abs(v.operations[b].call - call))[0];
}

function chartKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const v = view(), i = state.current, known = i >= 0;
  const lane = known ? v.operations[i].lane : 0, list = v.inLane[lane], at = known ? list.indexOf(i) : -1;
  const start = v.wrong.length > 0 ? v.wrong[0] : 0;
  const inOrder = (by) => (v.placeOf[i] >= 0 ? v.order[v.placeOf[i] + by] : v.order[v.order.length - 1]);
  const go = {
    ArrowRight: () => (known ? list[at + 1] : start), ArrowLeft: () => (known ? list[at - 1] : start),
    ArrowDown: () => (known ? nearestInLane(v, lane + 1, i) : start), ArrowUp: () => (known ? nearestInLane(v, lane - 1, i) : start),
    Home: () => 0, End: () => v.operations.length - 1, n: () => (known ? inOrder(1) : v.order[0]), p: () => (known ? inOrder(-1) : v.order[0]), f: () => start,
  }[event.key];
  if (go) choose(go(), true);
  else if (event.key === '+' || event.key === '=') zoomTo(state.zoom * 1.5);
  else if (event.key === '-') zoomTo(state.zoom / 1.5);
  else if (event.key === '0') zoomTo(0);
  else if (event.key === 'Escape') { state.current = -1; hideTip(); draw(); drawSteps(); }
  else return;
  event.preventDefault();
}

function stepsKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const v = view(), at = state.current >= 0 ? v.rowOf[state.current] : -1, end = v.list.length - 1;
  const page = Math.max(1, Math.floor(steps.clientHeight / STEP_H) - 1);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: end, PageDown: at + page, PageUp: at - page }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  choose(v.list[Math.min(end, Math.max(0, to))], false);
}

function print(on) {
  if (state.printing === on) return;
  const v = view();
  if (on) { state.before = [state.zoom, chart.scrollLeft, chart.scrollTop, steps.scrollTop]; state.printing = true; state.zoom = fitZoom(v); hideTip(); }
  else { state.printing = false; state.zoom = state.before[0]; }
  draw();
  drawSteps();
  if (!on) { chart.scrollLeft = state.before[1]; chart.scrollTop = state.before[2]; steps.scrollTop = state.before[3]; draw(); drawSteps(); }
}

const opUnder = (event) => { const found = event.target.closest('[data-op]'); return found ? Number(found.dataset.op) : -1; };
$('smallest').onclick = () => show(state.part, 'smallest');
$('whole').onclick = () => show(state.part, 'whole');
$('order').onclick = () => rescale('order');
$('clock').onclick = () => rescale('clock');
$('closer').onclick = () => zoomTo(state.zoom * 1.6);
$('farther').onclick = () => zoomTo(state.zoom / 1.6);
$('fit').onclick = () => zoomTo(0);
$('stuck').onclick = () => { art.focus({ preventScroll: true }); choose(view().wrong[0], true); };
if ($('part-filter')) $('part-filter').oninput = drawParts;
art.addEventListener('keydown', chartKey);
art.addEventListener('focus', () => { if (state.current >= 0 && art.matches(':focus-visible')) tipAt(state.current); });
art.addEventListener('blur', hideTip);
art.addEventListener('click', (event) => { const i = opUnder(event); if (i >= 0) choose(i, true); });
art.addEventListener('pointermove', (event) => {
  const i = opUnder(event);
  if (i !== state.hover) { state.hover = i; redraw(); }
  if (i >= 0) tipAt(i, event.clientX); else hideTip();
});
art.addEventListener('pointerleave', () => { state.hover = -1; hideTip(); redraw(); });
chart.addEventListener('scroll', () => { hideTip(); redraw(); }, { passive: true });
chart.addEventListener('wheel', (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoomTo(state.zoom * Math.exp(-event.deltaY / 240), event.clientX - chart.getBoundingClientRect().left);
}, { passive: false });
steps.addEventListener('keydown', stepsKey);
steps.addEventListener('scroll', drawSteps, { passive: true });
steps.addEventListener('click', (event) => { const i = opUnder(event); if (i >= 0) choose(i, false); });
steps.addEventListener('pointermove', (event) => { const i = opUnder(event); if (i !== state.hover) { state.hover = i; redraw(); } });
steps.addEventListener('pointerleave', () => { state.hover = -1; redraw(); });
addEventListener('resize', () => { measure(); size(); state.zoom = Math.max(state.zoom, Math.min(ZOOM_MAX, fitZoom(view()))); redraw(); drawSteps(); });
addEventListener('beforeprint', () => print(true));
addEventListener('afterprint', () => print(false));
matchMedia('print').addEventListener('change', (event) => print(event.matches));
if (data.parts.length > 0) show(state.part, '');
`
