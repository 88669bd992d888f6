// Keeps the house in the shape that docs/ARCHITECTURE.md draws: imports point one way, cores are pure, files are small
// and named for one concept. Usage: node scripts/check-layers.mjs [--root <folder>]

import { posix } from 'node:path'
import { impureWords } from './purity.mjs'
import { filesBelow, readSource, report, rootFromArguments } from './source-files.mjs'
import { importsOf, tokenize } from './tokens.mjs'

/** Which folders a folder may import from, besides itself. */
const MAY_IMPORT = {
  protocol: [],
  chain: ['protocol'],
  coordinator: ['protocol'],
  client: ['protocol'],
  runtime: ['protocol', 'chain', 'coordinator', 'client'],
  lab: ['protocol', 'chain', 'coordinator', 'client', 'runtime'],
  cli: ['protocol', 'chain', 'coordinator', 'client', 'runtime', 'lab'],
  scripts: [],
}

/** Why an edge is forbidden, where the general rule would not tell. */
const WHY = {
  'runtime lab': 'what is deployed must not depend on what tests it',
  'chain coordinator': 'the two planes meet only in the runtime',
  'coordinator chain': 'the two planes meet only in the runtime',
}

/** Folders of pure code. What they import (and so run) must be pure, too, wherever it lives. */
const CORES = ['protocol', 'chain', 'coordinator', 'client/core', 'lab/checker']

/**
 * Folders of code that runs anywhere, in virtual time too: promises are allowed, clocks, dice, timers and Node are not. The same goes for what they
 * import: the parts of the runtime that the simulator runs take all that through ports.
 */
const PORTABLE = [
  'lab/simulator',
  'lab/page/board',
  'lab/page/chapters',
  'lab/page/raft-board',
  'lab/page/stage',
  'lab/page/znode-stage',
  'lab/explore',
  'lab/quorum',
  'lab/primary-backup',
  'lab/paper/cluster',
  'lab/paper/craq',
  'lab/paper/chain-replication',
]

/** Packages that compute and do nothing else, and the folder that may use them. */
const PURE_PACKAGES = { msgpackr: 'protocol', 'cluster-key-slot': 'protocol' }

const LINES_MAX = 700
const LINES_NOTICE = 400
const KEBAB_FOLDER = /^[a-z0-9]+(-[a-z0-9]+)*$/
const KEBAB_FILE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/
const CODE = /\.(ts|mts|cts|tsx|js|mjs|cjs)$/

const root = rootFromArguments()
/** @type {{ path: string, line: number, what: string }[]} */
const offences = []
const sources = readSources()

for (const source of sources.values()) {
  checkShape(source)
  for (const edge of source.edges) checkEdge(source, edge)
}
const pure = sourcesReachedFrom(CORES)
for (const [source, reachedFrom] of pure) checkPurity(source, reachedFrom, CORES)
for (const [source, reachedFrom] of sourcesReachedFrom(PORTABLE))
  if (!pure.has(source)) checkPurity(source, reachedFrom, PORTABLE)

report({ name: 'layers', checked: `${sources.size} files`, offences })

/**
 * Every file in the tree that holds code, lexed once. Files at the top, such as vitest.config.ts, belong to no
 * layer and `docs` holds examples, not code that runs.
 */
function readSources() {
  const paths = filesBelow({ root, matches: CODE }).filter(
    (path) => path.includes('/') && !path.startsWith('docs/'),
  )
  return new Map(
    paths.map((path) => {
      const text = readSource(root, path)
      const tokens = tokenize(text)
      const edges = importsOf(tokens).map((found) => ({ ...found, target: resolve(path, found.specifier) }))
      return [path, { path, folder: path.slice(0, path.indexOf('/')), text, tokens, edges }]
    }),
  )
}

/** The path that a relative specifier names, from the root; `null` for a package. */
function resolve(from, specifier) {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : null
}

function checkShape({ path, folder, text }) {
  if (folder !== 'test' && !Object.hasOwn(MAY_IMPORT, folder)) {
    offend(
      path,
      1,
      `${folder}/ is not a folder of the plan; if it should be one, say in scripts/check-layers.mjs what it may import`,
    )
  }
  const segments = path.split('/')
  const name = segments.pop()
  if (!KEBAB_FILE.test(name) || !segments.every((segment) => KEBAB_FOLDER.test(segment))) {
    offend(path, 1, 'names are kebab-case, such as version-store.ts')
  }
  if (/^utils?\./.test(name))
    offend(path, 1, 'a file is named for the one concept that it holds; "utils" is none')
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  if (lines > LINES_MAX)
    offend(path, LINES_MAX + 1, `${lines} lines; ${LINES_MAX} is the limit: split it by protocol phase`)
  else if (lines > LINES_NOTICE)
    console.log(`${path}: notice: ${lines} lines; above ${LINES_NOTICE} expect a question in review`)
}

function checkEdge({ path, folder }, { specifier, target, line }) {
  if (folder === 'test' || target === null) return
  const to = target.split('/')[0]
  if (to === folder || MAY_IMPORT[folder]?.includes(to)) return
  const allowed = MAY_IMPORT[folder] ?? []
  const general = `${folder}/ may import only ${['itself', ...allowed.map((name) => `${name}/`)].join(', ')}`
  const why = WHY[`${folder} ${to}`]
  offend(path, line, `imports '${specifier}', but ${general}${why ? `: ${why}` : ''}`)
}

/** The files of these folders and everything that runs because one of them imports it, each with the file that leads there. */
function sourcesReachedFrom(folders) {
  const reached = new Map()
  const queue = [...sources.values()]
    .filter(({ path }) => homeOf(path, folders) !== null)
    .map((source) => [source, source.path])
  for (const [source, from] of queue) {
    if (reached.has(source)) continue
    reached.set(source, from)
    for (const edge of source.edges) {
      const target = edge.target === null || edge.typeOnly ? undefined : sources.get(edge.target)
      if (target !== undefined) queue.push([target, from])
    }
  }
  return reached
}

function checkPurity(source, reachedFrom, folders) {
  const kind = folders === CORES ? 'a core' : 'portable code'
  const home = homeOf(source.path, folders)
  const place = home === null ? `code that ${kind} runs (reached from ${reachedFrom})` : `${kind} (${home}/)`
  const allowed = { promises: folders === PORTABLE, processes: source.folder === 'lab' }
  for (const { line, what } of impureWords(source.tokens, allowed))
    offend(source.path, line, `${what} inside ${place}`)
  for (const { specifier, target, line, typeOnly } of source.edges) {
    if (target !== null || typeOnly || mayUsePackage(source.path, specifier)) continue
    offend(source.path, line, `imports '${specifier}' inside ${place}: ${whyNotPackage(specifier)}`)
  }
}

function mayUsePackage(path, specifier) {
  return Object.hasOwn(PURE_PACKAGES, specifier) && path.startsWith(`${PURE_PACKAGES[specifier]}/`)
}

function whyNotPackage(specifier) {
  if (specifier.startsWith('node:'))
    return 'a core has no files, sockets or clock; it tells its runtime what to do'
  const home = PURE_PACKAGES[specifier]
  return home
    ? `only ${home}/ uses this package`
    : `packages allowed in cores: ${Object.keys(PURE_PACKAGES).join(', ')}`
}

function homeOf(path, folders) {
  return folders.find((folder) => path.startsWith(`${folder}/`)) ?? null
}

function offend(path, line, what) {
  offences.push({ path, line, what })
}
