import { isMark } from './tokens.mjs'

const CLOCK = 'time reaches a core only inside events'
const TIMER = 'a core is woken by ticks'
const ASYNC = 'a core is one synchronous step; it puts effects into its outbox'
const WORLD = 'a core knows nothing of the process that runs it'

const PROMISES = ['Promise', 'async', 'await']

/** What tells Node's `process` from a simulated one, or from the client of a history. */
const OF_NODE = new Set(
  'argv cpuUsage cwd emit env execPath exit exitCode hrtime kill memoryUsage nextTick off on once pid platform ppid stderr stdin stdout uptime version versions'.split(
    ' ',
  ),
)

/** Names that a core may not speak, and what to do instead. */
const IMPURE = new Map([
  ['Date', CLOCK],
  ['performance', CLOCK],
  ['setTimeout', TIMER],
  ['setInterval', TIMER],
  ['setImmediate', TIMER],
  ['clearTimeout', TIMER],
  ['clearInterval', TIMER],
  ['clearImmediate', TIMER],
  ['queueMicrotask', TIMER],
  ...PROMISES.map((name) => [name, ASYNC]),
  ['process', WORLD],
  ['globalThis', WORLD],
  ['console', WORLD],
  ['fetch', WORLD],
  ['crypto', 'a core draws from the Rng that it was given'],
  ['Buffer', 'Buffer is Node’s alone; use Uint8Array, DataView, TextEncoder'],
])

const RANDOM = 'a core draws from the Rng that it was given'

/**
 * Uses of the clock, dice, timers, promises or process. Comments and strings are not uses, and neither are
 * members (`stats.process`) and keys (`{ process: 1 }`) that happen to bear such a name.
 * @param {import('./tokens.mjs').Token[]} tokens
 * @param {{ promises: boolean, processes: boolean }} allowed - promises, where somebody settles them between events; own things that are called `process`
 * @returns {{ line: number, what: string }[]}
 */
export function impureWords(tokens, allowed) {
  const found = []
  tokens.forEach((token, i) => {
    if (token.type !== 'word') return
    if (token.text === 'Math' && isRandom(tokens, i))
      found.push({ line: token.line, what: `Math.random (${RANDOM})` })
    const why = IMPURE.get(token.text)
    if (why === undefined || isMember(tokens, i) || isKey(tokens, i)) return
    if (allowed.promises && PROMISES.includes(token.text)) return
    if (allowed.processes && token.text === 'process' && !isOfNode(tokens, i)) return
    found.push({ line: token.line, what: `${token.text} (${why})` })
  })
  return found
}

function isRandom(tokens, i) {
  const [first, second] = [tokens[i + 1], tokens[i + 2]]
  return (isMark(first, '.') || isMark(first, '[')) && second?.text === 'random'
}

function isOfNode(tokens, i) {
  return isMark(tokens[i + 1], '[') || (isMark(tokens[i + 1], '.') && OF_NODE.has(tokens[i + 2]?.text))
}

/** After a dot; but a spread's third dot makes no member. */
function isMember(tokens, i) {
  return isMark(tokens[i - 1], '.') && !(isMark(tokens[i - 2], '.') && isMark(tokens[i - 3], '.'))
}

/** Before a colon, where a key can stand. The branches of `a ? Date : b` and `case Date:` are uses. */
function isKey(tokens, i) {
  const optional = isMark(tokens[i + 1], '?')
  if (!isMark(tokens[i + (optional ? 2 : 1)], ':')) return false
  const [token, previous] = [tokens[i], tokens[i - 1]]
  if (isMark(previous, '?') || isMark(previous, ':')) return false
  return (
    token.startsLine ||
    previous?.text === 'readonly' ||
    ['{', ',', ';'].some((mark) => isMark(previous, mark))
  )
}
