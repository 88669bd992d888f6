/** Writes a comparison as one HTML page that needs nothing else: styles, drawings and data are inside. */
import { escapeHtml, scriptJson } from '../../checker/page/text.ts'
import { type Finding, findings } from '../findings.ts'
import { latencyText } from '../number-text.ts'
import type { Results } from '../results.ts'
import { lookOf } from './palette.ts'
import { predictionSection } from './predicted.ts'
import { SCRIPT } from './script.ts'
import { type Section, sectionHtml } from './section.ts'
import {
  clientTable,
  contentionSection,
  costSection,
  failureSection,
  goalsSection,
  growthSection,
  headlineSection,
  latencySection,
  paperSection,
  ratioSection,
  scalingSection,
  sizeSection,
  ycsbSection,
} from './sections.ts'
import { STYLE } from './style.ts'

/**
 * Draws a comparison: what it found in words, then every experiment that it holds, then the conditions.
 *
 * The page loads nothing from anywhere, follows the reader's choice of light or dark, prints, and is whole without scripts.
 *
 * @returns the text of an HTML file, in UTF-8 if it is written so.
 *
 * @example
 * writeFileSync('report.html', renderReport(readResults('results.json')))
 */
export function renderReport(results: Results): string {
  const sections = [
    findingsSection(results),
    goalsSection(results),
    headlineSection(results),
    ratioSection(results),
    latencySection(results),
    scalingSection(results),
    costSection(results),
    contentionSection(results),
    failureSection(results),
    ycsbSection(results),
    sizeSection(results),
    growthSection(results),
    paperSection(results),
    predictionSection(results),
    conditionsSection(results),
  ].filter((section) => section !== null)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>Chain or quorum, measured</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">To the findings</a>
${header(results)}
<nav class="toc" aria-label="Sections"><ul>${sections.map(({ id, title }) => `<li><a href="#${id}">${escapeHtml(title)}</a></li>`).join('')}</ul></nav>
<main id="main">
${sections.map(sectionHtml).join('\n')}
</main>
<footer>Made by <code>catenary compare</code>, commit ${escapeHtml(results.commit)}. Again: <code>${escapeHtml(results.command)}</code></footer>
<script type="application/json" id="data">${scriptJson(inlineData(results))}</script>
<script>${SCRIPT}</script>
</body>
</html>
`
}

/** What the page draws, and enough to draw it again: distributions only where they are drawn, and no digit that no measurement knows. */
function inlineData(results: Results): unknown {
  const points = results.points.map((point) => {
    if (point.experiment === 'headline') return point
    return {
      ...point,
      runs: point.runs.map((run) => ({
        ...run,
        load: { ...run.load, byType: {}, all: { ...run.load.all, cdf: [] } },
      })),
    }
  })
  const rounded = (_: string, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
  return JSON.parse(JSON.stringify({ ...results, points, finished: [] }, rounded))
}

function header(results: Results): string {
  const { machine, began, ended, rounds } = results
  const day = began.slice(0, 10)
  const peers = results.systems.filter(({ kind }) => kind === 'peer').map(({ title }) => title)
  const against = [...new Set(peers)]
  const who = against.length === 0 ? 'Catenary alone' : `Catenary beside ${listText(against)}`
  const interrupted =
    ended === null
      ? '<p class="notice"><b>Interrupted.</b> This is what had been measured by then; not every point has all of its rounds.</p>'
      : ''
  return `<header class="top">
<div class="row"><div><p class="over">Catenary, compared · ${escapeHtml(day)}</p><h1>Chain or quorum, measured</h1></div>
<div class="buttons"><button type="button" id="theme" aria-label="Light or dark" hidden>◐ <span>Theme</span></button><button type="button" id="save" aria-label="Save the data" hidden>↓ <span>Data</span></button></div></div>
<p class="sub">${escapeHtml(who)}, one after the other on the same machine: ${machine.cores} × ${escapeHtml(machine.cpu)}, ${machine.memoryGiB} GiB, ${rounds === 1 ? 'one round' : `up to ${rounds} rounds`}. One disk sync takes ${latencyText(machine.fdatasyncUs)} here.</p>
${interrupted}
</header>`
}

const SIGNS: Record<Finding['sign'], string> = { ours: '▲', theirs: '▼', note: '·' }
const SIGN_WORDS: Record<Finding['sign'], string> = {
  ours: 'Catenary ahead',
  theirs: 'a peer ahead',
  note: 'note',
}

function findingsSection(results: Results): Section {
  const found = findings(results)
  const items = found.map(
    ({ sign, text }) =>
      `<li class="${sign}"><i role="img" aria-label="${SIGN_WORDS[sign]}">${SIGNS[sign]}</i><span>${escapeHtml(text)}</span></li>`,
  )
  const body =
    items.length === 0
      ? '<div class="card">Nothing was measured that could be compared.</div>'
      : `<p class="key"><span><b class="good">▲</b>Catenary ahead</span><span><b class="bad">▼</b>a peer ahead</span><span><b>·</b>neither</span></p><ul class="card findings">${items.join('')}</ul>`
  return {
    id: 'findings',
    title: 'What was found',
    lead: 'These sentences are computed from the numbers below.',
    body,
  }
}

function conditionsSection(results: Results): Section {
  const { machine } = results
  const facts: readonly (readonly [string, string])[] = [
    ['Processor', `${machine.cores} × ${machine.cpu}`],
    ['Memory', `${machine.memoryGiB} GiB`],
    ['Kernel', machine.kernel],
    ['Node.js', machine.node],
    [
      'File system',
      `${machine.fileSystem}; one fdatasync of 4 KiB takes ${latencyText(machine.fdatasyncUs)} (median)`,
    ],
    ['Began', results.began],
    ['Ended', results.ended ?? 'interrupted'],
    ['Command', results.command],
    ['Commit', results.commit],
  ]
  const list = facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('')
  const systems = results.systems.map(
    ({ id, title, version, replicas, durability, flags }) =>
      `<div class="system ${lookOf(id).className}"><h3><span class="dot" aria-hidden="true"></span>${escapeHtml(title)} <small>${escapeHtml(version)} · ${replicas === 1 ? 'one process' : `${replicas} replicas`} · <code>${escapeHtml(id)}</code></small></h3><p>${escapeHtml(durability)}</p>${flags.length === 0 ? '' : `<pre tabindex="0">${escapeHtml(flags.join('\n'))}</pre>`}</div>`,
  )
  const problems =
    results.problems.length === 0
      ? ''
      : `<div class="card"><h3>Not measured, and why</h3><ul class="problems">${results.problems.map(({ system, what }) => `<li><b>${escapeHtml(system)}</b>: ${escapeHtml(what)}</li>`).join('')}</ul></div>`
  return {
    id: 'conditions',
    title: 'Conditions',
    lead: 'Everything ran on one machine: servers and load generator share its processors, and no network lies between replicas. Systems ran one at a time, in turn, round after round.',
    body: `${problems}<div class="card"><dl class="facts">${list}</dl></div><div class="card"><h3>The load generator</h3><p class="remark">One process of its own, without a promise or an allocation for an operation where that can be helped. Where it uses nearly a whole core, the store may be faster than shown.</p>${clientTable(results)}</div><div class="card">${systems.join('')}</div>`,
  }
}

function listText(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
