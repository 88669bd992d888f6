import { ALL_KINDS, type FaultKind } from './kinds.ts'
import type { FaultAction, FaultPlan } from './plan.ts'

/** A plan as text: the command that repeats a run, the teaching page and regressions keep it so. */
export const planToJson = (plan: FaultPlan): string => {
  const { actions, ...rest } = plan
  const lines = actions.map((action) => `    ${JSON.stringify(action)}`).join(',\n')
  const head = JSON.stringify(rest, null, 2).slice(0, -2)
  return `${head},\n  "actions": [${lines === '' ? '' : `\n${lines}\n  `}]\n}\n`
}

const DEEDS: Readonly<Record<string, readonly string[]>> = {
  crash: ['targets', 'downMs'],
  'power-cut': ['downMs', 'spreadMs'],
  pause: ['target', 'forMs'],
  partition: ['shape', 'forMs'],
  'one-way': ['target', 'mute', 'share', 'forMs'],
  'link-break': ['a', 'b'],
  'slow-link': ['from', 'to', 'factor', 'forMs'],
  'slow-process': ['target', 'costUs', 'forMs'],
  'slow-disk': ['target', 'factor', 'forMs'],
  'full-disk': ['target', 'forMs', 'downMs'],
  'bit-rot': ['target', 'downMs'],
  'clock-rate': ['target', 'rate'],
  'wall-jump': ['target', 'ms'],
  'coordinator-outage': ['downMs'],
  'harsh-raft': ['model', 'forMs'],
  'old-leader': ['meanwhile', 'tail', 'downMs'],
  'add-server': [],
  drain: ['target', 'forMs'],
  override: ['chain'],
  'client-crash': ['client', 'downMs'],
  'client-burst': ['client', 'requests'],
}
const ROLES = [
  'process',
  'head',
  'middle',
  'tail',
  'joiner',
  'asker',
  'leader',
  'follower',
  'manager',
  'client',
]
const TARGETS = ['target', 'a', 'b', 'from', 'to', 'over']

/**
 * Reads what `planToJson` wrote, or what a person has written by hand.
 *
 * @throws {RangeError} it is no plan; the message names the field and what it should be.
 */
export function planFromJson(text: string): FaultPlan {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    throw new RangeError(`plan: not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const plan = recordAt(data, 'plan')
  count(plan, 'seed', 'plan')
  count(plan, 'durationMs', 'plan')
  count(plan, 'clients', 'plan')
  checkEnvironment(recordAt(plan['environment'], 'plan.environment'))
  for (const kind of listAt(plan['kinds'], 'plan.kinds')) checkKind(kind, 'plan.kinds')
  const actions = listAt(plan['actions'], 'plan.actions')
  actions.forEach((action, i) => {
    checkAction(action, `plan.actions[${i}]`)
  })
  const sorted = (actions as FaultAction[]).toSorted((a, b) => a.atMs - b.atMs)
  return { ...(data as FaultPlan), actions: sorted }
}

function checkEnvironment(environment: Record<string, unknown>): void {
  for (const name of ['latencyUs', 'breakAfterUs', 'fsyncUs']) {
    const where = `plan.environment.${name}`
    const range = listAt(environment[name], where)
    const fits = range.length === 2 && range.every(isAmount) && Number(range[0]) <= Number(range[1])
    if (!fits) fail(where, 'two numbers, the smaller one first', environment[name])
  }
  for (const name of ['slowMessageShare', 'slowSyncShare']) share(environment, name, 'plan.environment')
  const rates = recordAt(environment['clockRates'], 'plan.environment.clockRates')
  for (const name of Object.keys(rates)) positive(rates, name, 'plan.environment.clockRates')
}

function checkAction(data: unknown, where: string): void {
  const action = recordAt(data, where)
  amount(action, 'atMs', where)
  checkKind(action['kind'], `${where}.kind`)
  const deed = recordAt(action['deed'], `${where}.deed`)
  const fields = DEEDS[String(deed['type'])]
  if (fields === undefined)
    fail(`${where}.deed.type`, `one of ${Object.keys(DEEDS).join(', ')}`, deed['type'])
  for (const field of fields) checkField(deed, field, `${where}.deed`)
  if (deed['type'] !== 'crash') return
  const [targets, down] = [listAt(deed['targets'], where), listAt(deed['downMs'], where)]
  if (targets.length !== down.length) fail(`${where}.deed.downMs`, 'one time for each target', deed['downMs'])
}

function checkField(deed: Record<string, unknown>, field: string, where: string): void {
  const value = deed[field]
  if (TARGETS.includes(field)) return checkTarget(value, `${where}.${field}`)
  if (field === 'targets') {
    for (const target of listAt(value, `${where}.targets`)) checkTarget(target, `${where}.targets`)
  } else if (field === 'shape') checkShape(recordAt(value, `${where}.shape`), `${where}.shape`)
  else if (field === 'model') {
    const model = recordAt(value, `${where}.model`)
    for (const name of ['duplicate', 'late', 'lose']) share(model, name, `${where}.model`)
    amount(model, 'lateUs', `${where}.model`)
  } else if (field === 'chain') {
    if (typeof value !== 'string') fail(`${where}.chain`, 'the name of a chain', value)
  } else if (field === 'mute') {
    if (value !== 'in' && value !== 'out') fail(`${where}.mute`, '"in" or "out"', value)
  } else if (field === 'meanwhile') {
    if (value !== 'commits' && value !== 'nothing')
      fail(`${where}.meanwhile`, '"commits" or "nothing"', value)
  } else if (field === 'share') share(deed, field, where)
  else if (field === 'ms') {
    if (typeof value !== 'number' || !Number.isFinite(value)) fail(`${where}.ms`, 'a number', value)
  } else if (field === 'rate' || field === 'factor') positive(deed, field, where)
  else if (field === 'downMs' && Array.isArray(value)) {
    if (!value.every(isAmount)) fail(`${where}.downMs`, 'numbers from 0 on', value)
  } else amount(deed, field, where)
}

function checkShape(shape: Record<string, unknown>, where: string): void {
  if (shape['type'] === 'alone' || shape['type'] === 'control')
    checkTarget(shape['target'], `${where}.target`)
  else if (shape['type'] === 'bridge') checkTarget(shape['over'], `${where}.over`)
  else if (shape['type'] !== 'halves')
    fail(`${where}.type`, 'halves, alone, control or bridge', shape['type'])
  if (shape['type'] === 'alone' || shape['type'] === 'control') return
  share(shape, 'share', where)
  count(shape, 'order', where)
}

function checkTarget(data: unknown, where: string): void {
  const target = recordAt(data, where)
  const role = String(target['role'])
  if (!ROLES.includes(role)) fail(`${where}.role`, `one of ${ROLES.join(', ')}`, target['role'])
  const needs = role === 'process' ? 'name' : ROLES.indexOf(role) < 5 ? 'chain' : null
  if (role === 'client') count(target, 'index', where)
  if (needs !== null && typeof target[needs] !== 'string') fail(`${where}.${needs}`, 'a name', target[needs])
}

function checkKind(kind: unknown, where: string): void {
  if (!ALL_KINDS.includes(kind as FaultKind)) fail(where, `one of ${ALL_KINDS.join(', ')}`, kind)
}

function recordAt(data: unknown, where: string): Record<string, unknown> {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) fail(where, 'an object', data)
  return data as Record<string, unknown>
}

function listAt(data: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(data)) fail(where, 'a list', data)
  return data
}

const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0

function amount(record: Record<string, unknown>, name: string, where: string): void {
  if (!isAmount(record[name])) fail(`${where}.${name}`, 'a number from 0 on', record[name])
}
function count(record: Record<string, unknown>, name: string, where: string): void {
  const value = record[name]
  if (!Number.isSafeInteger(value) || !isAmount(value))
    fail(`${where}.${name}`, 'a whole number from 0 on', value)
}
function positive(record: Record<string, unknown>, name: string, where: string): void {
  const value = record[name]
  if (!isAmount(value) || value === 0) fail(`${where}.${name}`, 'a number above 0', value)
}
function share(record: Record<string, unknown>, name: string, where: string): void {
  const value = record[name]
  if (!isAmount(value) || value > 1) fail(`${where}.${name}`, 'a number from 0 to 1', value)
}

function fail(where: string, expected: string, value: unknown): never {
  throw new RangeError(`${where}: expected ${expected}, not ${JSON.stringify(value) ?? 'nothing'}`)
}
