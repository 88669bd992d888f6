/** What comes from outside (a link, a scenario, a form) is looked at here. What is wrong is said in words for the visitor; nothing is thrown. */
import type { Action, TimedAction } from './action.ts'
import { isMutant } from './mutants.ts'
import { type BoardOptions, DEFAULT_OPTIONS } from './options.ts'

export interface Wrong {
  readonly error: string
}

export const isWrong = (value: object): value is Wrong => 'error' in value && typeof value.error === 'string'

/** Actions of one run, and its length. */
export const ACTIONS_MAX = 2_000
export const RUN_MS_MAX = 3_600_000
const EVENTS_MAX = 1e9

type Check = (value: unknown) => string | null

const number =
  (from: number, to: number): Check =>
  (value) =>
    typeof value === 'number' && value >= from && value <= to
      ? null
      : `must be a number from ${from} to ${to}`

const whole =
  (from: number, to: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to
      ? null
      : `must be a whole number from ${from} to ${to}`

const oneOf =
  (...choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value) ? null : `must be one of ${choices.join(', ')}`

const flag: Check = (value) => (typeof value === 'boolean' ? null : 'must be true or false')

/** Printable, one byte a character: keys are byte strings. */
const text =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === 'string' && value.length >= min && value.length <= max && /^[\x20-\x7e]*$/.test(value)
      ? null
      : `must be a text of ${min} to ${max} plain characters`

const node: Check = (value) =>
  typeof value === 'string' && /^(n|coordinator-|client-)[1-9][0-9]?$/.test(value)
    ? null
    : 'must name a process, as n1, coordinator-1 or client-1'

const path: Check = (value) =>
  typeof value === 'string' && /^(\/[A-Za-z0-9._-]{1,40}){1,8}$/.test(value)
    ? null
    : 'must be a path, as /app/lock'

const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined ? null : check(value)

const nullable =
  (check: Check): Check =>
  (value) =>
    value === null ? null : check(value)

type Fields = Readonly<Record<string, Check>>

const OPTIONS: { readonly [Name in keyof BoardOptions]: Check } = {
  seed: whole(0, 2 ** 32 - 1),
  servers: whole(1, 7),
  coordinators: oneOf(1, 3, 5),
  clients: whole(1, 8),
  chains: whole(1, 3),
  replicationFactor: whole(1, 7),
  replication: oneOf('craq', 'chain'),
  sessionTimeoutMs: whole(500, 60_000),
  latencyMs: number(0.1, 200),
  fsyncMs: number(0.05, 500),
  durability: oneOf('sync', 'interval', 'memory'),
  workload: flag,
  exactlyOnce: flag,
  snapshotEntries: whole(20, 100_000),
  mutant: (name) => (name === null || isMutant(name) ? null : 'is no rule that can be left out'),
}

const KEY = text(1, 64)
const VALUE = text(0, 256)

const CLIENT_OPERATIONS: Readonly<Record<string, Fields>> = {
  put: { key: KEY, value: VALUE },
  append: { key: KEY, value: VALUE },
  increment: { key: KEY, by: whole(-1_000_000, 1_000_000) },
  cas: { key: KEY, expect: nullable(VALUE), value: VALUE },
  delete: { key: KEY },
  get: {
    key: KEY,
    at: maybe(node),
    consistency: maybe(oneOf('strong', 'eventual', 'bounded-age', 'bounded-versions')),
    bound: maybe(whole(0, 1_000_000)),
  },
}

const ZNODE_OPERATIONS: Readonly<Record<string, Fields>> = {
  create: { path, data: VALUE, ephemeral: maybe(flag), sequential: maybe(flag) },
  set: { path, data: VALUE },
  get: { path, watch: maybe(flag) },
  delete: { path },
  sync: { path },
}

const operation =
  (kinds: Readonly<Record<string, Fields>>): Check =>
  (value) =>
    wrongIn(kinds, value)

const LINK: Fields = { from: node, to: node }

const ACTIONS: { readonly [Type in Action['type']]: Fields } = {
  client: { client: node, op: operation(CLIENT_OPERATIONS) },
  znode: { op: operation(ZNODE_OPERATIONS) },
  crash: { node },
  restart: { node },
  pause: { node },
  resume: { node },
  'power-cut': { node },
  blackout: {},
  slow: { node, costMs: number(0, 5_000) },
  skew: { node, rate: number(0.2, 5) },
  cut: { ...LINK, both: flag },
  heal: { ...LINK, both: flag },
  isolate: { node },
  rejoin: { node },
  'heal-all': {},
  'slow-link': { ...LINK, factor: number(1, 1_000) },
  message: {
    id: whole(1, EVENTS_MAX),
    do: oneOf('drop', 'deliver', 'hold', 'delay'),
    byMs: maybe(number(0, 60_000)),
  },
  drain: { node },
  undrain: { node },
  'add-server': {},
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Of a record whose `type` says which fields it has: what is wrong, or null. */
function wrongIn(kinds: Readonly<Record<string, Fields>>, value: unknown): string | null {
  if (!isRecord(value)) return 'must be a record'
  const { type } = value
  const fields = typeof type === 'string' && Object.hasOwn(kinds, type) ? kinds[type] : undefined
  if (fields === undefined) return `type must be one of ${Object.keys(kinds).join(', ')}`
  for (const name of Object.keys(value))
    if (name !== 'type' && !Object.hasOwn(fields, name)) return `${name} is unknown`
  for (const [name, check] of Object.entries(fields)) {
    const wrong = check(value[name])
    if (wrong !== null) return `${name} ${wrong}`
  }
  return null
}

/** Whole options, with the defaults for what is not said. */
export function checkOptions(said: unknown): BoardOptions | Wrong {
  if (!isRecord(said)) return { error: 'the options must be a record' }
  for (const name of Object.keys(said))
    if (!Object.hasOwn(OPTIONS, name)) return { error: `there is no option ${name.slice(0, 40)}` }
  const options = { ...DEFAULT_OPTIONS, ...said } as BoardOptions
  for (const [name, check] of Object.entries(OPTIONS)) {
    const wrong = check(options[name as keyof BoardOptions])
    if (wrong !== null) return { error: `${name} ${wrong}` }
  }
  const { replicationFactor, servers, sessionTimeoutMs, latencyMs } = options
  if (replicationFactor > servers)
    return { error: `replicationFactor ${replicationFactor} is more than there are servers (${servers})` }
  if (sessionTimeoutMs < 30 * latencyMs)
    return {
      error: `sessionTimeoutMs ${sessionTimeoutMs} is too short for links of ${latencyMs} ms: at least ${30 * latencyMs}`,
    }
  return options
}

/** What is wrong with an action, or null. */
export const wrongAction = (action: unknown): string | null => wrongIn(ACTIONS, action)

export function checkActions(said: unknown): readonly TimedAction[] | Wrong {
  if (!Array.isArray(said)) return { error: 'the actions must be a list' }
  if (said.length > ACTIONS_MAX)
    return { error: `${said.length} actions are too many: at most ${ACTIONS_MAX}` }
  let [lastMs, lastAfter] = [0, 0]
  for (const [i, timed] of said.entries()) {
    const wrong = wrongTimed(timed, lastMs, lastAfter)
    if (wrong !== null) return { error: `action ${i + 1}: ${wrong}` }
    lastMs = (timed as TimedAction).atMs
    lastAfter = (timed as TimedAction).after ?? lastAfter
  }
  return said as readonly TimedAction[]
}

function wrongTimed(timed: unknown, lastMs: number, lastAfter: number): string | null {
  if (!isRecord(timed)) return 'must be a record'
  const { atMs, after, action } = timed
  const wrong = number(lastMs, RUN_MS_MAX)(atMs)
  if (wrong !== null) return `its time ${wrong}`
  const miscounted = maybe(whole(lastAfter, EVENTS_MAX))(after)
  return miscounted === null ? wrongAction(action) : `its count of events ${miscounted}`
}

export function checkUntil(untilMs: unknown): string | null {
  const wrong = number(0, RUN_MS_MAX)(untilMs)
  return wrong === null ? null : `the length of the run ${wrong}`
}
