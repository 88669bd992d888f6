// Keeps the table of invariants, the page that argues for them, the code that asserts them and the tests that name
// them equal. Usage: node scripts/check-invariants.mjs [--root <folder>]

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, readSource, report, rootFromArguments, SOURCE_FOLDERS } from './source-files.mjs'
import { isMark, tokenize } from './tokens.mjs'

const TABLE = 'protocol/invariants.ts'
const PAGE = 'docs/INVARIANTS.md'

const root = rootFromArguments()
/** @type {{ path: string, line: number, what: string }[]} */
const offences = []

const table = readTable()
if (table !== null) {
  checkPage(table)
  checkAsserted(table)
  checkTested(table)
}
report({ name: 'invariants', checked: `${table?.size ?? 0} names`, offences })

/** Name -> statement and line, from the literal that the table is. */
function readTable() {
  if (!existsSync(join(root, TABLE)))
    return missing(TABLE, 'there is no such file; it exports the table INVARIANTS')
  const tokens = tokenize(readSource(root, TABLE))
  const start = tokens.findIndex((token, i) => token.text === 'INVARIANTS' && isMark(tokens[i + 1], '='))
  if (start === -1 || !isMark(tokens[start + 2], '{')) return missing(TABLE, 'found no `INVARIANTS = {`')
  const entries = new Map()
  let i = start + 3
  while (i < tokens.length && !isMark(tokens[i], '}')) {
    const name = tokens[i]
    if (!isMark(tokens[i + 1], ':') || tokens[i + 2]?.type !== 'string') {
      offend(TABLE, name.line, `after ${name.text} expected a colon and a plain string, the statement`)
      return null
    }
    let statement = tokens[i + 2].text
    for (i += 3; isMark(tokens[i], '+') && tokens[i + 1]?.type === 'string'; i += 2)
      statement += tokens[i + 1].text
    entries.set(name.text, { statement: statement.replace(/\\(['"`])/g, '$1'), line: name.line })
    if (isMark(tokens[i], ',')) i++
  }
  return entries
}

function checkPage(invariants) {
  if (!existsSync(join(root, PAGE))) {
    return missing(
      PAGE,
      `there is no such file; it needs a section "## Name" for each of: ${[...invariants.keys()].join(', ')}`,
    )
  }
  const sections = readSections(readSource(root, PAGE))
  for (const [name, { statement, line }] of invariants) {
    const section = sections.find((candidate) => candidate.name === name)
    if (section === undefined) {
      offend(TABLE, line, `${name} has no section in ${PAGE}; add "## ${name}" that opens with: ${statement}`)
    } else if (normalized(section.opening) !== normalized(statement)) {
      const shown = section.opening === '' ? 'nothing' : `"${section.opening}"`
      offend(PAGE, section.line, `${name} opens with ${shown}, but ${TABLE} says "${statement}"`)
    }
  }
  const seen = new Set()
  for (const section of sections) {
    if (!invariants.has(section.name))
      offend(PAGE, section.line, `"${section.name}" is not a name in ${TABLE}`)
    if (seen.has(section.name)) offend(PAGE, section.line, `${section.name} has a second section`)
    seen.add(section.name)
    for (const { path, line } of section.mentions) {
      if (!existsSync(join(root, path)))
        offend(PAGE, line, `${section.name} mentions ${path}, which does not exist`)
    }
  }
}

/** The page's `##` sections: name, first paragraph, and the repository's files that they mention in backticks. */
function readSections(markdown) {
  const sections = []
  const mention = new RegExp(`\`((?:${[...SOURCE_FOLDERS, 'test'].join('|')})/[\\w./-]+\\.\\w+)\``, 'g')
  let fenced = false
  markdown.split('\n').forEach((text, i) => {
    if (text.startsWith('```')) fenced = !fenced
    if (fenced) return
    const heading = /^##\s+(.*?)\s*$/.exec(text)
    if (heading !== null) {
      sections.push({ name: heading[1], line: i + 1, opening: '', opened: false, mentions: [] })
      return
    }
    const section = sections.at(-1)
    if (section === undefined) return
    if (text.trim() === '') section.opened ||= section.opening !== ''
    else if (!section.opened) section.opening = `${section.opening} ${text.trim()}`.trim()
    for (const [, path] of text.matchAll(mention)) section.mentions.push({ path, line: i + 1 })
  })
  return sections
}

/** A paragraph as the table would write it: no Markdown marks, no capital, no full stop, no label. */
function normalized(text) {
  const plain = text
    .replace(/^>\s*/, '')
    .replace(/ > /g, ' ')
    .replace(/[*_`]/g, '')
    .replace(/^Statement[:.]\s*/i, '')
  const oneLine = plain.replace(/\s+/g, ' ').trim().replace(/\.$/, '')
  return oneLine.charAt(0).toLowerCase() + oneLine.slice(1)
}

/** Somewhere the code itself must say the name, as `invariant('Name', ...)` does. A comment asserts nothing. */
function checkAsserted(invariants) {
  const said = new Set()
  for (const folder of SOURCE_FOLDERS) {
    for (const path of filesBelow({ root, folder, matches: /\.ts$/ })) {
      if (path === TABLE) continue
      for (const token of tokenize(readSource(root, path))) if (token.type === 'string') said.add(token.text)
    }
  }
  for (const [name, { line }] of invariants) {
    if (!said.has(name))
      offend(
        TABLE,
        line,
        `${name} is asserted nowhere; expected '${name}' in code of ${SOURCE_FOLDERS.join(', ')}`,
      )
  }
}

function checkTested(invariants) {
  const named = new Set()
  for (const path of filesBelow({ root, folder: 'test', matches: /\.(test\.ts|txt)$/ })) {
    for (const [word] of readSource(root, path).matchAll(/\b[A-Z]\w+/g)) named.add(word)
  }
  for (const [name, { line }] of invariants) {
    if (!named.has(name))
      offend(TABLE, line, `${name} is named by no test; expected it in a test/**/*.test.ts or a scenario`)
  }
}

function missing(path, what) {
  offend(path, 1, what)
  return null
}

function offend(path, line, what) {
  offences.push({ path, line, what })
}
