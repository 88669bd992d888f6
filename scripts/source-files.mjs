import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

/** Folders that hold code, in the order of DESIGN's picture. */
export const SOURCE_FOLDERS = ['protocol', 'chain', 'coordinator', 'client', 'runtime', 'lab', 'cli']

/** Folders whose content is nobody's source. Those that start with a dot are skipped as well. */
const SKIPPED = new Set(['node_modules', 'dist', 'coverage'])

/** `--root <folder>`: the checkout to look at. Default: the one that holds these scripts. */
export function rootFromArguments() {
  const { values } = parseArgs({
    options: { root: { type: 'string', default: join(import.meta.dirname, '..') } },
  })
  return values.root
}

/**
 * Every file below `folder` that matches, as sorted paths relative to `root` with forward slashes.
 * @param {{ root: string, folder?: string, matches: RegExp }} options
 * @returns {string[]}
 */
export function filesBelow({ root, folder = '', matches }) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.') && !SKIPPED.has(entry.name))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) return filesBelow({ root, folder: path, matches })
      return matches.test(entry.name) ? [path] : []
    })
    .sort()
}

/** @param {string} root @param {string} path */
export function readSource(root, path) {
  return readFileSync(join(root, path), 'utf8')
}

/**
 * Prints one `file:line: what and why` per offence, then a summary, and sets the exit status.
 * @param {{ name: string, checked: string, offences: { path: string, line: number, what: string }[] }} outcome
 */
export function report({ name, checked, offences }) {
  const inOrder = [...offences].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line))
  for (const { path, line, what } of inOrder) console.error(`${path}:${line}: ${what}`)
  if (offences.length === 0) return console.log(`${name}: ${checked}, all well`)
  console.error(`${name}: ${checked}, ${offences.length} ${offences.length === 1 ? 'offence' : 'offences'}`)
  process.exitCode = 1
}
