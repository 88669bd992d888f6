import { apply } from '../../../coordinator/znodes/apply.ts'
import type { Command } from '../../../coordinator/znodes/command.ts'
import { identitiesOfAddress } from '../../../coordinator/znodes/identities.ts'
import { type QueueEvent, type QueueOutbox, RequestQueue } from '../../../coordinator/znodes/request-queue.ts'
import { newTree } from '../../../coordinator/znodes/tree.ts'
import type { WatchTable } from '../../../coordinator/znodes/watches.ts'
import { zkErrorName } from '../../../protocol/zookeeper/errors.ts'
import type { Request, Response } from '../../../protocol/zookeeper/ops.ts'

const EVENTS = ['', 'created', 'deleted', 'data-changed', 'children-changed']

/** The ensemble's log as the tests write it: what is in it is committed. */
export type Log = Command[]

/** One member without sockets: its effects as text, what it forwards kept for the test to commit. */
export class MemberDriver {
  readonly tree = newTree()
  readonly queue: RequestQueue
  readonly #log: Log
  #effects: string[] = []
  /** Forwarded and not yet put into the log. */
  forwarded: Command[] = []
  readonly replies: { connection: number; xid: number; err: number; response: Response | null }[] = []

  constructor(log: Log, member = 1, watches?: WatchTable) {
    this.#log = log
    this.queue = new RequestQueue({
      member,
      tree: this.tree,
      out: this.#outbox(),
      ...(watches === undefined ? {} : { watches }),
    })
  }

  /** Feeds one event and returns what it made the member do. */
  do(event: QueueEvent): string[] {
    this.queue.step(event)
    return this.take()
  }

  take(): string[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  connect(
    connection: number,
    options: { session?: bigint; zxid?: number; password?: boolean } = {},
  ): string[] {
    return this.do({
      type: 'connect',
      connection,
      session: options.session ?? 0n,
      passwordMatches: options.password ?? true,
      timeoutMs: 10_000,
      lastZxidSeen: options.zxid ?? 0,
      identities: identitiesOfAddress('127.0.0.1'),
    })
  }

  request(connection: number, xid: number, request: Request, bytes = 50): string[] {
    return this.do({ type: 'request', connection, xid, request, bytes })
  }

  /** Puts all that was forwarded into the log. */
  commit(): void {
    this.#log.push(...this.forwarded.splice(0))
  }

  /** Applies the next entry of the log. */
  applyOne(): string[] {
    const zxid = this.tree.zxid + 1
    const command = this.#log[zxid - 1]
    if (command === undefined) return []
    const result = apply(this.tree, zxid, { ...command, timeWallMs: zxid })
    return this.do({ type: 'applied', command, result })
  }

  applyAll(): string[] {
    const effects: string[] = []
    while (this.tree.zxid < this.#log.length) effects.push(...this.applyOne())
    return effects
  }

  /** A new session on a connection, all the way. */
  open(connection: number): bigint {
    this.connect(connection)
    this.commit()
    this.applyAll()
    return [...this.tree.sessions.values()].find((s) => s.owner.connection === connection)?.id ?? 0n
  }

  #outbox(): QueueOutbox {
    const say = (text: string) => this.#effects.push(text)
    return {
      forward: (command) => {
        this.forwarded.push(command)
        say(`forward ${command.owner?.connection}#${command.order} ${command.op.type}`)
      },
      askReadIndex: (token) => say(`read-index ${token}`),
      connected: (connection, session) => say(`connected ${connection} ${session.toString(16)}`),
      refused: (connection) => say(`refused ${connection}`),
      reply: (connection, xid, zxid, err, response) => {
        this.replies.push({ connection, xid, err, response })
        const what = err === 0 ? describeResponse(response) : zkErrorName(err)
        say(`reply ${connection} xid=${xid} zxid=${zxid} ${what}`)
      },
      notify: (connection, event) => say(`notify ${connection} ${EVENTS[event.type]} ${event.path}`),
      pause: (connection) => say(`pause ${connection}`),
      resume: (connection) => say(`resume ${connection}`),
      close: (connection) => say(`close ${connection}`),
    }
  }
}

function describeResponse(response: Response | null): string {
  switch (response?.type) {
    case 'getData':
      return `getData ${response.data === null ? 'null' : new TextDecoder().decode(response.data)}`
    case 'exists':
    case 'setData':
      return `${response.type} version=${response.stat.version}`
    case 'getChildren':
      return `getChildren ${response.children.join(',')}`
    case 'create':
      return `create ${response.path}`
    default:
      return response?.type ?? 'nothing'
  }
}
