/** Writes a verdict as one HTML page that needs nothing else: styles, drawing and script are inside. */

import type { Judgement, PartVerdict, Verdict } from '../verdict.ts'
import { type PageData, type PartData, pageData, type ViewData } from './page-data.ts'
import { CHART } from './script-chart.ts'
import { CONTROLS } from './script-controls.ts'
import { GEOMETRY } from './script-geometry.ts'
import { STYLE } from './style.ts'
import { clip, escapeHtml, plural, scriptJson, visible } from './text.ts'
import type { TimeUnit } from './timeline.ts'

export interface PageOptions {
  readonly title: string
  /** Where the history came from: a file, or the command that makes it again. */
  readonly source?: string
  /** What one unit of the history's times is. Without it: `event` where times look like line numbers, else `ms`. */
  readonly timeUnit?: TimeUnit
}

/**
 * Draws a verdict: what was found and why, each part's operations on a time line, and the order that explains the most of them.
 *
 * The page loads nothing from anywhere, follows the reader's choice of light or dark, and prints. Nothing that a history holds can become markup or
 * script in it. Thousands of operations are fine: only what is in the window is drawn.
 *
 * @returns the whole text of an HTML file, in UTF-8 if it is written so.
 *
 * @example
 * writeFileSync('verdict.html', renderPage(check(history), { title: 'Run 42', source: 'catenary sim --seed 42' }))
 */
export function renderPage(verdict: Verdict, options: PageOptions): string {
  const data = pageData(verdict, options.timeUnit)
  const title = escapeHtml(visible(options.title))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${title}: ${WORDS[verdict.judgement]}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${headline(verdict, data, options)}
${parts(verdict)}
${verdict.parts.length === 0 ? '' : `${toolbar()}\n${board(data)}\n${KEYS}`}
${withoutScript(data)}
</main>
<div class="tip" id="tip" aria-hidden="true" hidden></div>
<div class="unseen" id="live" role="status"></div>
${verdict.parts.length === 0 ? '' : `<script type="application/json" id="data">${scriptJson(data)}</script>\n<script>(() => {${GEOMETRY}${CHART}${CONTROLS}})()</script>`}
</body>
</html>
`
}

const WORDS: Record<Judgement, string> = {
  linearizable: 'linearizable',
  'not-linearizable': 'not linearizable',
  unknown: 'not decided',
}
const LOOKS: Record<Judgement, string> = {
  linearizable: 'good',
  'not-linearizable': 'bad',
  unknown: 'unsure',
}
/** A tick in a circle, a cross in an octagon, a question in a diamond: told apart by shape alone. */
const ICONS: Record<Judgement, string> = {
  linearizable: '<circle cx="24" cy="24" r="21"/><path d="M14 25l7 7 13-15"/>',
  'not-linearizable':
    '<path d="M15.5 4h17L44 15.5v17L32.5 44h-17L4 32.5v-17z"/><path d="M16 16l16 16M32 16L16 32"/>',
  unknown:
    '<path d="M24 3l21 21-21 21L3 24z"/><path d="M18.5 19.5c0-7 11-7 11 0 0 5-5.500 4.500-5.500 9M24 33.500v.5"/>',
}

function headline(verdict: Verdict, data: PageData, options: PageOptions): string {
  const chosen = verdict.parts[data.first]
  const visited = verdict.parts.reduce((sum, part) => sum + part.configurationsVisited, 0)
  const facts = [
    plural(verdict.operations, 'operation'),
    verdict.parts.length === 1 ? '' : plural(verdict.parts.length, 'part'),
    `model: ${verdict.model}`,
    `${plural(visited, 'configuration')} visited`,
  ]
  const source = options.source === undefined ? '' : `<span>${escapeHtml(visible(options.source))}</span>`
  return `<p class="over"><b>${escapeHtml(visible(options.title))}</b>${source}</p>
<header class="card verdict ${LOOKS[verdict.judgement]}">
<svg viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${ICONS[verdict.judgement]}</svg>
<h1>${capital(WORDS[verdict.judgement])}</h1>
<p id="reason">${escapeHtml(sentence(verdict, chosen))}</p>${longest(data)}
<p class="facts">${facts.filter((fact) => fact !== '').join(' · ')}</p>
</header>`
}

function sentence(verdict: Verdict, chosen: PartVerdict | undefined): string {
  const others = verdict.parts.filter(({ judgement }) => judgement === verdict.judgement).length - 1
  const where =
    verdict.parts.length > 1 && chosen !== undefined ? `Key ${clip(visible(chosen.name), 80)}: ` : ''
  const fate = verdict.judgement === 'unknown' ? 'undecided' : 'not linearizable'
  const more = others > 0 ? ` ${plural(others, 'other part is', 'other parts are')} ${fate}, too.` : ''
  switch (verdict.judgement) {
    case 'linearizable':
      if (verdict.operations === 0) return 'The history is empty, and nothing contradicts it.'
      return 'Every answer is explained by one order of the operations in which each takes effect at one moment between its call and its return.'
    case 'not-linearizable':
      return `${where}${full(where, chosen?.reason ?? 'no order of the operations explains all answers')}${more}`
    case 'unknown':
      return `${where}${full(where, chosen?.reason ?? 'a limit ended the search')}${more} What follows is as far as the search came; it proves nothing either way.`
  }
}

/** What the reader is about to see: how far the longest order came, and what stopped it. */
function longest(data: PageData): string {
  const part = data.parts[data.first]
  if (part === undefined || part.judgement !== 'not-linearizable') return ''
  const view = part.smallest ?? part.whole
  const index = view.operations.findIndex(({ placement, why }) => placement === 'stuck' && why !== null)
  const stuck = view.operations[index]
  if (stuck === undefined) return ''
  const these = part.smallest === null ? 'the' : 'the smallest history’s'
  const who = clip(view.lanes[stuck.lane]?.name ?? '', 40)
  return `\n<p id="longest">The longest order found explains ${view.order.length} of ${these} ${plural(view.operations.length, 'operation')}, and then meets <code>${escapeHtml(clip(stuck.label, 80))}</code> of ${escapeHtml(who)} (${escapeHtml(stuck.why ?? '')}).</p>`
}

function parts(verdict: Verdict): string {
  if (verdict.parts.length < 2) return ''
  const filter =
    verdict.parts.length > 12
      ? '<input id="part-filter" type="search" placeholder="find a key" aria-label="Find a key">'
      : '<input id="part-filter" type="hidden">'
  return `<nav class="parts" aria-label="Parts that were judged on their own"><h2>Keys</h2>${filter}<ul id="part-list"></ul><small id="part-more"></small></nav>`
}

function toolbar(): string {
  const button = (id: string, text: string, label?: string, pressed = false) =>
    `<button type="button" id="${id}"${label === undefined ? '' : ` aria-label="${label}" title="${label}"`}${pressed ? ' aria-pressed="false"' : ''}>${text}</button>`
  return `<div class="bar" role="toolbar" aria-label="What is shown">
<div class="group" id="histories" role="group" aria-label="History">${button('smallest', 'Smallest failing history', undefined, true)}${button('whole', 'Whole history', undefined, true)}</div>
<div class="group" id="scales" role="group" aria-label="Time scale">${button('order', 'Even steps', undefined, true)}${button('clock', 'By the clock', undefined, true)}</div>
<div class="spring"></div>
<div class="group">${button('stuck', 'To the failure')}</div>
<div class="group" role="group" aria-label="Zoom">${button('farther', '−', 'Zoom out')}${button('fit', 'Fit', 'Fit into the window')}${button('closer', '+', 'Zoom in')}</div>
</div>`
}

function board(data: PageData): string {
  return `<div class="board">
<section class="card chart-card" id="chart-card" aria-label="Time line">
<div class="chart" id="chart" tabindex="-1"><div id="room"><svg id="art" tabindex="0" role="listbox" aria-label="Operations on a time line, one lane for each process" aria-describedby="keys-short">${PATTERNS}</svg></div></div>
<p class="note" id="note"></p>
${legend(data)}
</section>
<section class="card steps-card" id="steps-card" aria-labelledby="steps-title">
<h2 id="steps-title">The order found</h2>
<p id="state"></p>
<div class="steps" id="steps" tabindex="0" role="listbox" aria-labelledby="steps-title"><div id="rows" role="presentation"></div></div>
</section>
</div>
<p class="unseen" id="keys-short">Arrow keys go from operation to operation; n and p follow the order found.</p>
<p class="unseen" id="part-title"></p>`
}

function legend(data: PageData): string {
  const marked = data.parts.some(({ smallest }) =>
    smallest?.operations.some(({ placement }) => placement === 'involved'),
  )
  return `<ul class="legend" aria-label="Legend">\n${LEGEND}${marked ? INVOLVED : ''}\n</ul>`
}

/** Hatching for what cannot be placed, and fading for what has no end. */
const PATTERNS = `<defs>
<pattern id="hatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="9" height="9" style="fill:var(--bad-soft)"/><path d="M0 0V9" style="stroke:var(--bad);stroke-width:2.600;opacity:.38"/></pattern>
${['read', 'write', 'conditional']
  .flatMap((kind) =>
    ['', '-edge'].map(
      (part) =>
        `<linearGradient id="fade-${kind}${part}"><stop offset="0" style="stop-color:var(--${kind}${part})"/><stop offset=".3" style="stop-color:var(--${kind}${part})"/><stop offset="1" style="stop-color:var(--${kind}${part});stop-opacity:0"/></linearGradient>`,
    ),
  )
  .join('\n')}
<style>${['read', 'write', 'conditional'].map((kind) => `.pending.${kind} .body{fill:url(#fade-${kind});stroke:url(#fade-${kind}-edge)}`).join('')}.pending.open .body{stroke-dasharray:4 4}</style>
</defs>`

const SAMPLE = '<rect x="1" y="1" width="32" height="16" rx="4"'
const LEGEND = `<li><svg viewBox="0 0 34 18" aria-hidden="true">${SAMPLE} class="read"/><path class="edge" style="stroke:var(--read-edge)" d="M3 3v12"/></svg>read</li>
<li><svg viewBox="0 0 34 18" aria-hidden="true">${SAMPLE} class="write"/><path class="edge" style="stroke:var(--write-edge)" d="M3 3v12m4 0V3"/></svg>write</li>
<li><svg viewBox="0 0 34 18" aria-hidden="true">${SAMPLE} class="conditional"/><path class="edge" style="stroke:var(--conditional-edge)" d="M3 3l4 6-4 6"/></svg>conditional (✓ held, ✗ did not)</li>
<li><svg viewBox="0 0 34 18" aria-hidden="true"><path d="M2 4L24 14" class="thread"/><g class="point"><rect x="12" y="1" width="17" height="16" rx="8"/><text x="20.500" y="12.800">3</text></g></svg>where it takes effect, in the order found</li>
<li><svg viewBox="0 0 34 18" aria-hidden="true"><g class="pending write"><path class="body" d="M33 1H5q-4 0-4 4v8q0 4 4 4h28"/></g></svg>no answer came</li>
<li><svg viewBox="0 0 34 18" aria-hidden="true">${SAMPLE} class="stuck"/><g class="op stuck"><circle class="cross" cx="17" cy="9" r="6.500"/><path class="cross-line" d="M14.500 6.500l5 5m0-5l-5 5"/></g></svg>cannot come next</li>
<li><svg viewBox="0 0 34 18" aria-hidden="true">${SAMPLE} class="beyond"/></svg>after that, not reached</li>`

const INVOLVED = `
<li><svg viewBox="0 0 34 18" aria-hidden="true"><g class="involved">${SAMPLE} class="body" fill="none"/></g></svg>contradict each other</li>`

const KEYS = `<details class="keys"><summary>Keyboard</summary><dl>
<dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>the process’s operation before or after</dd>
<dt><kbd>↑</kbd> <kbd>↓</kbd></dt><dd>the operation nearest in time of the process above or below</dd>
<dt><kbd>n</kbd> <kbd>p</kbd></dt><dd>the next or previous step of the order found</dd>
<dt><kbd>f</kbd></dt><dd>the first operation that cannot be placed</dd>
<dt><kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd></dt><dd>zoom in, zoom out, fit; also Ctrl and the wheel</dd>
<dt><kbd>Esc</kbd></dt><dd>choose nothing</dd>
</dl></details>`

const LISTED_MAX = 200

/** For readers without scripts: the order, and what cannot come next, as text. */
function withoutScript(data: PageData): string {
  const part = data.parts[data.first]
  if (part === undefined) return ''
  const view = part.smallest ?? part.whole
  const rest = view.order.length - LISTED_MAX
  const steps = view.order.slice(0, LISTED_MAX).map((index, i) => {
    const state = view.states[i]
    return `<li><code>${lineText(view, index)}</code>${state ? ` ⇒ ${escapeHtml(state)}` : ''}</li>`
  })
  const stuck = view.operations.flatMap((operation, index) =>
    operation.placement === 'stuck'
      ? [
          `<li><code>${lineText(view, index)}</code>${operation.why === null ? '' : `: ${escapeHtml(operation.why)}`}</li>`,
        ]
      : [],
  )
  return `<noscript><section class="card"><h2>${heading(part)}</h2><p>The time line needs JavaScript; this is the order found.</p><ol>${steps.join('')}</ol>${rest > 0 ? `<p>and ${rest} more</p>` : ''}${
    stuck.length === 0 ? '' : `<h3>Cannot come next</h3><ul>${stuck.slice(0, LISTED_MAX).join('')}</ul>`
  }</section></noscript>`
}

function heading(part: PartData): string {
  return `${escapeHtml(clip(part.name, 80))}: ${WORDS[part.judgement]}`
}

function lineText(view: ViewData, index: number): string {
  const operation = view.operations[index]
  return escapeHtml(`${view.lanes[operation?.lane ?? 0]?.name ?? ''}: ${operation?.label ?? ''}`)
}

/** A reason as a sentence, or as the end of one. */
function full(before: string, text: string): string {
  const trimmed = before === '' ? capital(visible(text).trim()) : visible(text).trim()
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
