import type { CoordinatorClient, WatchCallback } from '../../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import type { ZnodeInput, ZnodeOutput } from '../../checker/operations.ts'
import type { HistoryRecorder } from '../client/history.ts'
import type { Rng } from '../kernel/rng.ts'
import type { Subtree } from './subtrees.ts'
import type { ZnodeSession } from './znode-session.ts'

/** What the checker's tree foretells (lab/checker/znodes/tree.ts). Whoever is refused for another reason learns nothing of the tree. */
const FORETOLD = ['NO_NODE', 'NODE_EXISTS', 'BAD_VERSION', 'NOT_EMPTY'] as const

/** What the client said, without the zxid. */
type Told = Omit<ZnodeOutput, 'zxid'>

/** One operation of a history, and how the client is asked for it. */
export interface JudgedOperation {
  readonly input: ZnodeInput
  readonly call: (client: CoordinatorClient) => Promise<Told>
}

const DONE = { error: null }
const TEXT = new TextDecoder()

const isRead = ({ f }: ZnodeInput) => f === 'read' || f === 'children' || f === 'sync'

/** `watch`: heard of by reads that draw one; `value`: no other write of the run has it. */
export function drawJudged(
  rng: Rng,
  subtree: Subtree,
  { value, watch }: { readonly value: string; readonly watch: WatchCallback },
): JudgedOperation {
  const path = subtree.pick(rng)
  const version = rng.chance(0.5) ? -1 : subtree.versionOf(path) + (rng.chance(0.1) ? 1 : 0)
  const watching = rng.chance(0.5) ? { watch } : {}
  const dice = rng.fraction()
  if (dice < 0.18) return create(path, value)
  if (dice < 0.26) return createSequential(`${path}/s-`, value)
  if (dice < 0.5) return set(path, value, version)
  if (dice < 0.56) return checkedSet(path, value, Math.max(0, version))
  if (dice < 0.66) return remove(path, version)
  if (dice < 0.8) return read(path, watching)
  if (dice < 0.87) return exists(path, watching)
  if (dice < 0.94) return children(path, watching)
  return sync()
}

/** Before a read it makes up for what the member lacks. */
export const sync = (): JudgedOperation => ({
  input: { f: 'sync' },
  call: (client) => client.sync('/').then(() => DONE),
})

export function drawRead(rng: Rng, subtree: Subtree): JudgedOperation {
  const path = subtree.pick(rng)
  return rng.pick([read, exists, children])(path, {})
}

const create = (path: string, data: string): JudgedOperation => ({
  input: { f: 'create', path, data },
  call: (client) => client.create(path, data).then((made) => ({ ...DONE, path: made })),
})

const createSequential = (path: string, data: string): JudgedOperation => ({
  input: { f: 'create', path, data, sequential: true },
  call: (client) => client.create(path, data, { sequential: true }).then((made) => ({ ...DONE, path: made })),
})

const set = (path: string, data: string, version: number): JudgedOperation => ({
  input: { f: 'set', path, data, version },
  call: (client) => client.setData(path, data, version).then((stat) => ({ ...DONE, version: stat.version })),
})

/** Two steps that come to one of the model's. */
const checkedSet = (path: string, data: string, version: number): JudgedOperation => ({
  input: { f: 'set', path, data, version },
  call: (client) =>
    client
      .multi([
        { type: 'check', path, version },
        { type: 'setData', path, data },
      ])
      .then(([, written]) =>
        written !== null && written !== undefined && 'stat' in written
          ? { ...DONE, version: written.stat.version }
          : DONE,
      ),
})

const remove = (path: string, version: number): JudgedOperation => ({
  input: { f: 'remove', path, version },
  call: (client) => client.delete(path, version).then(() => DONE),
})

type Watching = { readonly watch?: WatchCallback }

const read = (path: string, watching: Watching): JudgedOperation => ({
  input: { f: 'read', path },
  call: (client) =>
    client
      .getData(path, watching)
      .then(({ data, stat }) => ({ ...DONE, data: TEXT.decode(data), version: stat.version })),
})

const exists = (path: string, watching: Watching): JudgedOperation => ({
  input: { f: 'read', path },
  call: (client) =>
    client
      .exists(path, watching)
      .then((stat) => (stat === null ? { error: 'NO_NODE' } : { ...DONE, version: stat.version })),
})

const children = (path: string, watching: Watching): JudgedOperation => ({
  input: { f: 'children', path },
  call: (client) => client.getChildren(path, watching).then((names) => ({ ...DONE, children: names })),
})

/** Operations that have begun and not ended, to be given up when their client crashes. */
export interface OpenOperation {
  readonly op: number
  readonly input: ZnodeInput
  readonly subtree: Subtree
}

/**
 * Has the client do it, and writes down what it was told.
 *
 * @param stillOpen - whether the client lives that asked; takes the operation off the list of those that wait.
 */
export async function perform(
  { input, call }: JudgedOperation,
  at: {
    readonly session: ZnodeSession
    readonly subtree: Subtree
    readonly history: HistoryRecorder
    readonly begins: (open: OpenOperation) => void
    readonly ends: (open: OpenOperation) => boolean
  },
): Promise<void> {
  const { session, subtree, history } = at
  const open = { op: history.invoke(session.process, input), input, subtree }
  at.begins(open)
  subtree.count++
  const { xid, result } = session.ask(call)
  let told: Told
  try {
    told = await result
  } catch (error) {
    if (!isCoordinatorError(error)) throw error
    const zxid = session.tap.takeZxid(xid)
    if (!at.ends(open)) return
    if (zxid !== null && isCoordinatorError(error, ...FORETOLD)) {
      history.ok(open.op, { zxid, error: error.code })
      return
    }
    if (isRead(input) || error.outcome === 'definite') history.fail(open.op, error.code)
    else endUnknown(open, history, error.code)
    return
  }
  const zxid = session.tap.takeZxid(xid)
  if (!at.ends(open)) return
  if (zxid === null) throw new Error(`${session.name}: request ${xid} has a result, and no reply came`)
  history.ok(open.op, { ...told, zxid })
  subtree.learn(input, told)
}

/** It may have happened, or may yet. */
export function endUnknown(
  { op, input, subtree }: OpenOperation,
  history: HistoryRecorder,
  why: string,
): void {
  if (isRead(input)) return history.fail(op, why)
  history.info(op, why)
  subtree.unknown++
}
